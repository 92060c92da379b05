"""The other servers that hold an address of ours, as the API last showed them."""

from dataclasses import dataclass
from typing import Final

NOT_RUNNING: Final = frozenset({"off", "stopping", "deleting"})
"""States of a server that cannot be using an address."""
DELETED: Final = "deleted"
"""The status of a server that the API no longer knows."""


@dataclass(frozen=True, slots=True)
class SeenServer:
    """Another server as the API showed it at `at_s`. `status`: Hetzner's, or `DELETED`."""

    name: str
    status: str
    at_s: float

    @property
    def is_dead(self) -> bool:
        """Say whether it cannot be using an address."""
        return self.status == DELETED or self.status in NOT_RUNNING
