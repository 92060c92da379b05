"""The stage that the story is played on: two servers that can be started and lose their power."""

from dataclasses import dataclass
from typing import Protocol

from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.lab import HakeeperProcess
from hakeeper.demo.lab.witness import RoleChange

PRIORITIES = {"a": 150, "b": 100}
"""The VRRP priorities; the higher one is master while it lives."""
ADDRESS_NAME = "web"
FOREIGN = {"a": "10.99.0.201", "b": "10.99.0.202"}
"""By node: an alias IP that it has for something else, and that must stay there."""
INTERVAL = "5s"
"""How often hakeeper reads the holder in the demo; its defaults are 10 s and 60 s."""


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two servers: `node` is a or b."""

    node: str
    server_id: int
    hakeeper: HakeeperProcess


class Stage(Protocol):
    """Real keepalived, or a replay of one; a context manager."""

    @property
    def voice(self) -> str:
        """The source of the roles, for the timeline."""

    @property
    def power_cut(self) -> str:
        """What a power cut does, for the timeline."""

    @property
    def cloud(self) -> CloudFront:
        """The simulated cloud."""

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers, a first."""

    @property
    def floating_ip(self) -> int:
        """The id of the one floating IP."""

    @property
    def network(self) -> int:
        """The id of the private network."""

    def server(self, node: str) -> Server:
        """Return one of the servers."""

    def start_keepalived(self) -> None:
        """Start keepalived on every server that has power."""

    def cut_power(self, node: str) -> None:
        """Kill everything on a server, without warning."""

    def power_up(self, node: str) -> None:
        """Start keepalived again on a dead server; its hakeeper runs already."""

    def roles(self) -> tuple[RoleChange, ...]:
        """Return every role that keepalived took so far, oldest first."""

    def masters(self) -> tuple[str, ...]:
        """Return the nodes whose keepalived reports MASTER when asked now."""

    def turn(self) -> None:
        """Do what is due now; the story calls it repeatedly while it waits."""
