"""A lab with its simulated cloud, as the scenario tests use it."""

from collections.abc import Callable
from dataclasses import dataclass

from hakeeper.demo.cloud import LoggedRequest, SimCloud
from hakeeper.demo.lab import Lab, LabSettings, Node, settle


@dataclass(frozen=True)
class Scene:
    """A lab and its cloud; `a` has the higher priority."""

    lab: Lab
    cloud: SimCloud

    @property
    def a(self) -> Node:
        return self.lab.node("a")

    @property
    def b(self) -> Node:
        return self.lab.node("b")

    def go(self) -> None:
        """Start everything and wait until `a` is MASTER and has its addresses."""
        self.lab.start_hakeeper()
        self.lab.start_keepalived()
        self.lab.wait_for_master(self.a, self.lab.settings.vrrp.instances[0].name)
        settle(self.lab)

    def holders(self) -> dict[str, str | None]:
        """Which node has which floating IP."""
        nodes = {node.server_id: node.name for node in self.lab.nodes}
        return {
            name: nodes.get(self.cloud.holder(floating_ip) or 0)
            for name, floating_ip in self.lab.floating_ips.items()
        }

    def last_seq(self) -> int:
        """The number of the newest request."""
        return max((request.seq for request in self.cloud.requests()), default=0)

    def assigns_after(self, seq: int) -> list[LoggedRequest]:
        return [assign for assign in self.cloud.assigns() if assign.seq > seq]


MakeScene = Callable[[LabSettings], Scene]
