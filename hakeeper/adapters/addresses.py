"""Which of the addresses asked for this machine has now. Needs no privilege, and never waits.

IPv4: a socket is bound to the address and connected; nothing is sent. To bind alone would not tell,
where net.ipv4.ip_nonlocal_bind is set, as it often is beside keepalived; but connecting looks for a
route *from* the address, and there is none from an address that is not ours. To ask the kernel for
the whole list (rtnetlink) would wait for whoever changes a network interface at that moment.

IPv6: the kernel's list in /proc. An address whose uniqueness is still being checked (tentative), or
that another machine has (dadfailed), cannot be used and does not count.

The state of the link is not looked at: keepalived sees that itself and says FAULT, unless it was
told not to (`dont_track_primary`), and then by somebody who wants a MASTER without a link.
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
"""Where the socket is connected to; nothing is ever sent."""


class VrrpAddresses:
    """Looks for these addresses; where a look fails, what was seen before holds on."""

    def __init__(self, wanted: Iterable[IpAddress]) -> None:
        """Look for nothing yet. Each address is looked for once, in this order."""
        self._wanted = tuple(dict.fromkeys(wanted))
        self._told: tuple[IpAddress, ...] | None = None

    @property
    def wanted(self) -> tuple[IpAddress, ...]:
        """Return what is looked for."""
        return self._wanted

    def want(self, wanted: Iterable[IpAddress]) -> None:
        """Look for these addresses from now on."""
        self._wanted = tuple(dict.fromkeys(wanted))

    def look(self) -> VrrpAddressesSeen | None:
        """Return those that are here if that is news; None if not, or if none is wanted."""
        if not self._wanted:
            return None
        here = self.here()
        if here == self._told:
            return None
        self._told = here
        return VrrpAddressesSeen(here)

    def here(self) -> tuple[IpAddress, ...]:
        """Return those that are here now."""
        return tuple(address for address in self._wanted if self._is_here(address))

    def _is_here(self, address: IpAddress) -> bool:
        try:
            if isinstance(address, ipaddress.IPv4Address):
                return _is_ours(str(address))
            return _is_listed(address)
        except OSError:  # no descriptor for the look: that says nothing of the address
            return address in (self._told or ())


def has_one_of(networks: Iterable[IpNetwork]) -> bool:
    """Say whether this machine has an address in one of them: a host's in IPv4, any in IPv6.

    Raises OSError where the kernel can't be asked.
    """
    return any(
        _is_ours(str(network.network_address))
        if isinstance(network, ipaddress.IPv4Network)
        else any(address in network for address, _ in _listed())
        for network in networks
    )


def _is_ours(address: str) -> bool:
    """Say whether the kernel would send from this IPv4 address."""
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
