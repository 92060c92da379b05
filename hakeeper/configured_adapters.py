"""The adapters that the configuration describes, and how a reload exchanges them.

A reload comes in two steps: `prepare` makes all that may fail and changes nothing, `adopt` cannot
fail. The FIFO and the watch over keepalived move to other paths and stay the same objects, so that
whoever holds them holds the right ones.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hakeeper.adapters.fifo import NotifyFifo
from hakeeper.adapters.hetzner import HetznerPool
from hakeeper.adapters.hetzner.pools import Pools
from hakeeper.adapters.inbox import Delivery
from hakeeper.adapters.keepalived.bus import KeepalivedBus
from hakeeper.adapters.keepalived.liveness import Liveness
from hakeeper.adapters.last_check import LastCheck
from hakeeper.adapters.local_addresses import VrrpAddresses
from hakeeper.adapters.track_file import TrackFile
from hakeeper.config import Config, StateSource
from hakeeper.core.model import IpAddress
from hakeeper.loading import LOAD_ERRORS, Loader, warm_connections


class ReloadRefused(Exception):  # noqa: N818  # not an error of ours: the old configuration stays
    """The new configuration cannot be used; `reasons` has a line for each fault, secrets hidden."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a reload needs that may fail, made before anything changes."""

    config: Config
    bus: KeepalivedBus | None
    pools: Mapping[str, HetznerPool] = field(default_factory=dict)
    """Of APIs that are new, or reached in another way; the others stay."""

    @property
    def apis_changed(self) -> tuple[str, ...]:
        """Return the APIs whose endpoint, secret or server is another one."""
        return tuple(self.pools)


class ConfiguredAdapters:
    """The FIFO, keepalived, the VRRP addresses and the APIs of the configuration in force."""

    def __init__(self, config: Config, loader: Loader, deliver: Callable[[Delivery], None]) -> None:
        """Make them, and start the threads of the APIs and of D-Bus.

        `deliver` takes what they bring. Raises LOAD_ERRORS for an unusable secret, and OSError.
        """
        self.config = config
        self._loader = loader
        self._deliver = deliver
        self.fifo = NotifyFifo(str(config.keepalived.fifo))
        self.keepalived = Liveness(str(config.keepalived.pid_file))
        self.addresses = VrrpAddresses(_vrrp_addresses(config))
        self.last_check = LastCheck(self.fifo)
        self.track_file = TrackFile(config.keepalived.track_file)
        self.bus = self._make_bus(config)
        self.apis = Pools({})
        with contextlib.ExitStack() as undo:
            undo.callback(self.apis.close)
            for api in config.apis:
                self.apis.by_api[api] = self._make_pool(config, api)
            undo.pop_all()

    def query_roles(self, query_id: int) -> None:
        """Ask keepalived over D-Bus, where that is configured; the answer is delivered."""
        if self.bus is not None:
            self.bus.query(query_id)

    def prepare(self) -> Prepared:
        """Load the configuration again; raises ReloadRefused, and then nothing has changed."""
        try:
            return self._prepare()
        except (*LOAD_ERRORS, OSError) as error:
            lines = [self._loader.redact(line) for line in str(error).splitlines()]
            raise ReloadRefused(lines or ["no reason given"]) from error

    def _prepare(self) -> Prepared:
        with contextlib.ExitStack() as undo:
            config = self._loader.load()
            bus, pools = self.bus, dict[str, HetznerPool]()
            if config.keepalived.state != self.config.keepalived.state:
                bus = self._make_bus(config)
                if bus is not None:
                    undo.callback(bus.close)
            for api in config.apis:
                if not self._stays(api, config):
                    pools[api] = self._make_pool(config, api)
                    undo.callback(pools[api].close)
            for api in config.apis:
                before = self.apis.by_api.get(api)
                if before is not None and api in pools:
                    pools[api].succeed(before)
                elif before is not None:
                    before.reload()
            undo.pop_all()
        return Prepared(config, bus, pools)

    def _stays(self, api: str, config: Config) -> bool:
        """Say whether an API is reached as before."""
        return api in self.apis.by_api and config.identity(api) == self.config.identity(api)

    def adopt(self, prepared: Prepared) -> None:
        """Exchange what is another one now.

        The VRRP addresses of before are looked for as well, until `forget_old`: none may seem to be
        missing while the core still has the old settings, or has the new ones already. The APIs of
        before can be called until then, too.
        """
        before, config = self.config.keepalived, prepared.config
        self.config = config
        for api, pool in prepared.pools.items():
            _close_soon(self.apis.by_api.get(api))
            self.apis.by_api[api] = pool
        for api in config.apis:
            self.apis.by_api[api].keep_warm(warm_connections(config, api))
        if config.keepalived.fifo != before.fifo:
            self.fifo.move_to(str(config.keepalived.fifo))
        if config.keepalived.pid_file != before.pid_file:
            self.keepalived.move_to(str(config.keepalived.pid_file))
        if config.keepalived.track_file != before.track_file:
            self.track_file.move_to(config.keepalived.track_file)
        if prepared.bus is not self.bus and self.bus is not None:
            self.bus.close()
        self.bus = prepared.bus
        self.addresses.want((*self.addresses.wanted, *_vrrp_addresses(config)))

    def forget_old(self) -> None:
        """Look only for the VRRP addresses of the configuration in force, and use only its APIs."""
        self.addresses.want(_vrrp_addresses(self.config))
        for api in self.apis.by_api.keys() - set(self.config.apis):
            _close_soon(self.apis.by_api.pop(api))

    def close(self) -> None:
        """Let go of all of them; nothing more is sent to any API."""
        self.apis.close()
        if self.bus is not None:
            self.bus.close()
        self.fifo.close()
        self.keepalived.close()

    def _make_pool(self, config: Config, api: str) -> HetznerPool:
        return self._loader.make_pool(config, api, self._deliver, self.last_check.objection)

    def _make_bus(self, config: Config) -> KeepalivedBus | None:
        if config.keepalived.state is StateSource.NONE:
            return None
        return KeepalivedBus(self._deliver)


def _close_soon(pool: HetznerPool | None) -> None:
    """Close a pool, which waits for threads; its last results are still delivered."""
    if pool is not None:
        threading.Thread(target=pool.close, daemon=True).start()


def _vrrp_addresses(config: Config) -> tuple[IpAddress, ...]:
    return tuple(itertools.chain.from_iterable(config.vrrp_addresses.values()))
