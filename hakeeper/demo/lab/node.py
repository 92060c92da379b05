"""One server of the lab: its namespace, D-Bus, keepalived, hakeeper and access to the API."""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hakeeper.demo.lab.bus import Bus
from hakeeper.demo.lab.daemon import HakeeperProcess
from hakeeper.demo.lab.keepalived import Keepalived
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.network import Cable, Station, Switch
from hakeeper.demo.lab.relay import ApiRelay, Way
from hakeeper.demo.lab.vrrp_conf import NodePaths, VrrpSettings, keepalived_conf

FIFO_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one node reaches the cloud."""

    address: tuple[str, int]
    """Where the simulated cloud listens, as seen from the lab's process."""
    server_id: int
    token: str = field(repr=False)


class Node:
    """One server. `name` is unique in the lab: a, b, ..."""

    def __init__(
        self, name: str, folder: Path, switch: Switch, stack: contextlib.ExitStack
    ) -> None:
        """Create what needs no other node; whatever has to be undone goes on `stack`."""
        self.name = name
        self.folder = folder
        folder.mkdir()
        self.paths = NodePaths(
            fifo=folder / "notify.fifo",
            witness_fifo=folder / "witness.fifo",
            health_file=folder / "healthy",
            track_file=folder / "step-down",
        )
        self.paths.health_file.touch()
        self.paths.track_file.write_text("0\n")
        self.make_fifo()
        os.mkfifo(self.paths.witness_fifo, FIFO_MODE)
        self._switch = switch
        self.namespace = stack.enter_context(Namespace(name))
        self.station: Station = switch.plug_in(self.namespace)
        self._bus: Bus | None = None
        self._keepalived: Keepalived | None = None
        self._hakeeper: HakeeperProcess | None = None
        self._relay: ApiRelay | None = None
        self.server_id = 0

    # --- building --------------------------------------------------------------------------

    def add_bus(self, stack: contextlib.ExitStack) -> None:
        """Start the private D-Bus."""
        self._bus = Bus(self.folder, self.name)
        stack.callback(self._bus.close)

    def add_keepalived(
        self,
        settings: VrrpSettings,
        *,
        number: int,
        ips: tuple[str, ...],
        on_death: Callable[[], None],
        stack: contextlib.ExitStack,
    ) -> None:
        """Prepare keepalived without starting it."""
        self._keepalived = Keepalived(
            self.name,
            self.folder,
            namespace=self.namespace,
            conf=keepalived_conf(settings, self.paths, name=self.name, number=number, ips=ips),
            environment={} if self._bus is None else self._bus.environment,
            on_death=on_death,
        )
        stack.callback(self._keepalived.close)

    def add_hakeeper(
        self, access: Access, config: Mapping[str, object], stack: contextlib.ExitStack
    ) -> None:
        """Open the way to the cloud and prepare hakeeper without starting it."""
        self._relay = ApiRelay(self.namespace, access.address)
        stack.callback(self._relay.close)
        self.server_id = access.server_id
        token_path = self.folder / "token"
        token_path.touch(mode=0o600)
        token_path.write_text(access.token + "\n")
        whole = {
            "server": access.server_id,
            **config,
            "keepalived": {
                "fifo": str(self.paths.fifo),
                "pid_file": str(self.keepalived.pid_path),
                "track_file": str(self.paths.track_file),
            },
            "hetzner": {
                "endpoint": self.endpoint,
                "token_file": str(token_path),
            },
        }
        self._hakeeper = HakeeperProcess(
            self.name,
            self.folder,
            namespace=self.namespace,
            config=whole,
            # Without its own bus, the node must not find the host's.
            environment=self._bus.environment
            if self._bus
            else {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/no-bus"},
        )
        stack.callback(self._hakeeper.close)

    # --- parts -----------------------------------------------------------------------------

    @property
    def keepalived(self) -> Keepalived:
        """Its keepalived."""
        assert self._keepalived is not None, "the lab adds it"  # noqa: S101  # order of building
        return self._keepalived

    @property
    def hakeeper(self) -> HakeeperProcess:
        """Its hakeeper; a lab without a cloud has none."""
        assert self._hakeeper is not None, "a lab without a cloud"  # noqa: S101  # likewise
        return self._hakeeper

    @property
    def endpoint(self) -> str:
        """The API's URL on this node."""
        assert self._relay is not None, "a lab without a cloud"  # noqa: S101  # likewise
        return f"http://127.0.0.1:{self._relay.port}/v1"

    # --- the FIFO --------------------------------------------------------------------------

    def make_fifo(self) -> None:
        """Create hakeeper's FIFO as tmpfiles.d does."""
        os.mkfifo(self.paths.fifo, FIFO_MODE)

    def remove_fifo(self) -> None:
        """Delete the file at the FIFO's path."""
        self.paths.fifo.unlink()

    # --- faults ----------------------------------------------------------------------------

    def set_cable(self, cable: Cable) -> None:
        """Cut or repair the private network at this node."""
        self._switch.set_cable(self.station, cable)

    def link_down(self) -> None:
        """Take the private interface down."""
        self._switch.link_down(self.station)

    def link_up(self) -> None:
        """Bring the private interface up again."""
        self._switch.link_up(self.station)

    def remove_address(self) -> None:
        """Take the private address away."""
        self._switch.remove_address(self.station)

    def restore_address(self) -> None:
        """Give the private address back."""
        self._switch.restore_address(self.station)

    def set_healthy(self, *, healthy: bool) -> None:
        """Make the tracked script succeed or fail from its next run on."""
        if healthy:
            self.paths.health_file.touch()
        else:
            self.paths.health_file.unlink(missing_ok=True)

    def set_api(self, way: Way) -> None:
        """Cut or repair this node's way to the cloud."""
        assert self._relay is not None, "a lab without a cloud"  # noqa: S101  # order of building
        self._relay.set_way(way)

    # --- seeing ----------------------------------------------------------------------------

    def has_vip(self, vip: str) -> bool:
        """Whether `vip` (with prefix length) is on the interface; it stays there after a kill."""
        return f"inet {vip} " in self.namespace.run("ip", "-4", "address", "show")

    def report(self) -> str:
        """The last lines of its logs, for a failure report."""
        parts = []
        for path in sorted(self.folder.glob("*.log")):
            text = path.read_text(errors="replace")
            parts.append(f"--- {self.name}: {path.name} ---\n{text[-6000:]}")
        return "\n".join(parts)
