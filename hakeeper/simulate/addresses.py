"""The private address of one machine, from which its keepalived speaks."""

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from hakeeper.core.events import VrrpAddressesSeen
from hakeeper.core.model import IpAddress

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node


class WorldAddresses:
    """The port through which hakeeper sees this machine's private address."""

    def __init__(self, node: "Node") -> None:
        """Look at this machine; nothing was said yet."""
        self._node = node
        self._said: tuple[IpAddress, ...] | None = None

    def look(self) -> VrrpAddressesSeen | None:
        """Say whether it is here, if that is news."""
        node = self._node
        if not node.settings.vrrp_addresses:
            return None
        here = () if node.unplugged else (private_address(node.index),)
        if here == self._said:
            return None
        self._said = here
        return VrrpAddressesSeen(here)


def private_address(index: int) -> IpAddress:
    """Return the address that keepalived on this node speaks from."""
    return IPv4Address(0x0AC80000 + index)
