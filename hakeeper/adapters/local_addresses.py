"""Which of the given addresses are on this machine now. Needs no privileges, and never blocks.

IPv4: bind a socket to the address and connect it; nothing is sent. A successful bind proves nothing
where net.ipv4.ip_nonlocal_bind is set, as is common with keepalived. Connecting needs a route
*from* the address, which exists only if the address is ours. Listing all addresses (rtnetlink)
would block while somebody changes a network interface.

IPv6: read the kernel's list in /proc. An address that is still tentative, or that another machine
has (dadfailed), cannot be used and does not count.

The state of the link does not matter here: keepalived watches it and goes to FAULT, unless
`dont_track_primary` asks for a MASTER without a link.
"""

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from hakeeper.core.events import VrrpAddressesSeen
from hakeeper.core.model import IpAddress
from hakeeper.core.observation import IpNetwork

_IF_INET6: Final = Path("/proc/thread-self/net/if_inet6")
_UNUSABLE: Final = 0x40 | 0x08
"""IFA_F_TENTATIVE and IFA_F_DADFAILED of linux/if_addr.h."""
_ANY_PORT: Final = 9
"""The port to connect to; nothing is ever sent."""


class VrrpAddresses:
    """Watches addresses; if a check fails, the previous result stays."""

    def __init__(self, wanted: Iterable[IpAddress]) -> None:
        """Set the addresses to watch, without checking them yet; duplicates are dropped."""
        self._wanted = tuple(dict.fromkeys(wanted))
        self._reported: tuple[IpAddress, ...] | None = None

    @property
    def wanted(self) -> tuple[IpAddress, ...]:
        """Return the watched addresses."""
        return self._wanted

    def want(self, wanted: Iterable[IpAddress]) -> None:
        """Watch these addresses from now on."""
        self._wanted = tuple(dict.fromkeys(wanted))

    def look(self) -> VrrpAddressesSeen | None:
        """Return the addresses that are here if that has changed, else None."""
        if not self._wanted:
            return None
        here = self.here()
        if here == self._reported:
            return None
        self._reported = here
        return VrrpAddressesSeen(here)

    def here(self) -> tuple[IpAddress, ...]:
        """Return the watched addresses that are here now."""
        return tuple(address for address in self._wanted if self._is_here(address))

    def _is_here(self, address: IpAddress) -> bool:
        try:
            if isinstance(address, ipaddress.IPv4Address):
                return _is_ours(str(address))
            return _is_listed(address)
        except OSError:  # no descriptor for the check, which says nothing about the address
            return address in (self._reported or ())


def has_one_of(networks: Iterable[IpNetwork]) -> bool:
    """Say whether this machine has one of these IPv4 addresses or an address in an IPv6 network.

    Raises OSError if the kernel can't be asked.
    """
    return any(
        _is_ours(str(network.network_address))
        if isinstance(network, ipaddress.IPv4Network)
        else any(address in network for address, _ in _listed())
        for network in networks
    )


def _is_ours(address: str) -> bool:
    """Say whether the kernel can send from this IPv4 address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
            probe.connect((address, _ANY_PORT))
        except OSError:
            return False
    return True


def _is_listed(address: ipaddress.IPv6Address) -> bool:
    """Say whether the kernel has this IPv6 address on an interface, ready for use."""
    return any(found == address and not flags & _UNUSABLE for found, flags in _listed())


def _listed() -> Iterator[tuple[ipaddress.IPv6Address, int]]:
    """Yield the IPv6 addresses of this machine, each with its flags."""
    try:
        listed = _IF_INET6.read_text()
    except FileNotFoundError:  # IPv6 is off
        return
    for line in listed.splitlines():
        found, _, _, _, flags, *_ = line.split()
        yield ipaddress.IPv6Address(bytes.fromhex(found)), int(flags, 16)
