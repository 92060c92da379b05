"""What an address of the configuration can be, by its range."""

import ipaddress
from typing import Final

from hakeeper.core.model import IpAddress

_PRIVATE: Final = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
)
"""RFC 1918: Hetzner's private networks have no other addresses, and nothing else has these."""
NEVER: Final = "loopback, link-local, multicast or reserved"


def is_never_ours(ip: IpAddress) -> bool:
    """Say whether no server can have the address."""
    is_reserved = ip.version == 4 and ip.is_reserved  # noqa: PLR2004  # 240.0.0.0/4
    return bool(
        ip.is_loopback or ip.is_multicast or ip.is_unspecified or ip.is_link_local or is_reserved
    )


def is_private(ip: IpAddress) -> bool:
    """Say whether the address is one of a private network."""
    return isinstance(ip, ipaddress.IPv4Address) and any(ip in one for one in _PRIVATE)
