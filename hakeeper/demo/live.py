"""The stage with real keepalived: a lab of network namespaces."""

import contextlib
import shutil
from types import TracebackType
from typing import Self

from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.history import ADDRESS, ALIAS, INSTANCE
from hakeeper.demo.lab import Lab, LabSettings, VrrpInstance, VrrpSettings
from hakeeper.demo.lab.witness import RoleChange
from hakeeper.demo.stage import ADDRESS_NAME, FOREIGN, INTERVAL, PRIORITIES, Server

ADVERT_S = 0.2


class LiveStage:
    """Two servers with real keepalived and real hakeeper; see `Stage`."""

    voice = "keepalived"
    power_cut = "kill -9 of keepalived and hakeeper"

    def __init__(self, cloud: CloudFront) -> None:
        self.cloud = cloud
        instance = VrrpInstance(
            name=INSTANCE,
            priorities=tuple(PRIORITIES.values()),
            vips=(f"{ADDRESS}/32", f"{ALIAS}/32"),
        )
        settings = LabSettings(
            vrrp=VrrpSettings(
                instances=(instance,),
                advert_int_s=ADVERT_S,
                dbus=shutil.which("dbus-daemon") is not None,
            ),
            floating_ips={INSTANCE: (ADDRESS_NAME,)},
            alias_ips={INSTANCE: (ALIAS,)},
            interval=INTERVAL,
            standby_interval=INTERVAL,
        )
        self._lab = Lab(settings, cloud)

    def __enter__(self) -> Self:
        self._lab.__enter__()
        for server in self.servers:
            self.cloud.set_alias_ips(server.server_id, self.network, [FOREIGN[server.node]])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lab.__exit__(kind, value, trace)

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers, a first."""
        return tuple(Server(each.name, each.server_id, each.hakeeper) for each in self._lab.nodes)

    @property
    def floating_ip(self) -> int:
        """The id of the one floating IP."""
        return self._lab.floating_ips[ADDRESS_NAME]

    @property
    def network(self) -> int:
        """The id of the private network."""
        return self._lab.network

    def server(self, node: str) -> Server:
        """Return one of the servers."""
        return next(each for each in self.servers if each.node == node)

    def start_keepalived(self) -> None:
        """Start it on both."""
        self._lab.start_keepalived()

    def cut_power(self, node: str) -> None:
        """Kill -9 keepalived, parent and children, and hakeeper."""
        # hakeeper first, or it would have time to log that keepalived has ended.
        self._lab.node(node).hakeeper.kill()
        self._lab.node(node).keepalived.kill_all()

    def power_up(self, node: str) -> None:
        """Start keepalived again."""
        self._lab.node(node).keepalived.start()

    def roles(self) -> tuple[RoleChange, ...]:
        """Return the lab's record, which is read from a separate FIFO."""
        return self._lab.witness.changes()

    def masters(self) -> tuple[str, ...]:
        """Ask keepalived for its state dump, which involves neither the FIFO nor D-Bus."""
        return tuple(node.name for node in self._lab.masters(INSTANCE))

    def turn(self) -> None:
        """Do nothing: keepalived runs by itself."""


def probe() -> str | None:
    """Return why real keepalived cannot run here, or None if it can."""
    with contextlib.suppress(OSError):
        return Lab.available()
    return "the system does not allow it"
