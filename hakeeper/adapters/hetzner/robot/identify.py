"""Which server this machine is at Robot: its main addresses say it, and nobody is asked.

With `auto` they are the addresses that the kernel sends from: the IPv4 address itself, and the /64
that the IPv6 address is in. One that is a failover IP is none: it moves.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from hakeeper.adapters.hetzner.errors import LocalFailureError
from hakeeper.adapters.local_addresses import has_one_of
from hakeeper.core.calls import NO_IDENTITY, FailureKind, Identified
from hakeeper.core.model import IpAddress, Server
from hakeeper.core.observation import IpNetwork
from hakeeper.kinds.failover_ip import keys_of

SourceAddress: TypeAlias = Callable[[int], IpAddress | None]
"""Returns the address that this machine sends from, by IP version; None: it has no way out."""

HINT: Final = "set `robot.server` in hakeeper.yaml to the main address of this server"
_PREFIX: Final = {4: 32, 6: 64}
_FAR_AWAY: Final = {4: "198.41.0.4", 6: "2001:503:ba3e::2:30"}
"""A root name server (https://www.iana.org/domains/root/servers); nothing is sent to it."""
_ANY_PORT: Final = 9
_NOT_PUBLIC: Final = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    )
)


def source_address(version: int) -> IpAddress | None:
    """Ask the kernel by connecting a UDP socket, which sends nothing."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004  # IP's
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_FAR_AWAY[version], _ANY_PORT))
            return ipaddress.ip_address(probe.getsockname()[0])
    except OSError:  # no route, or no such family at all
        return None


class MainAddresses:
    """What the configuration says of this server, and where to look when it says `auto`."""

    def __init__(
        self,
        given: Iterable[IpNetwork],
        failover_ips: Iterable[IpNetwork],
        *,
        is_here: Callable[[Iterable[IpNetwork]], bool] = has_one_of,
        source: SourceAddress = source_address,
    ) -> None:
        """Take the main addresses, none for `auto`, and the failover IPs of the configuration."""
        self._given = tuple(given)
        self._failover_ips = tuple(failover_ips)
        self._is_here = is_here
        self._source = source

    def identify(self) -> Identified:
        """Return this server; LocalFailureError: nothing says which one it is."""
        if not self._given:
            return Identified(_server(self._found()), "the address that this machine sends from")
        try:
            is_here = self._is_here(self._given)
        except OSError as error:
            message = f"cannot tell which addresses this machine has: {error}"
            raise LocalFailureError(FailureKind.TRANSIENT, NO_IDENTITY, message) from error
        return Identified(_server(self._given), "configuration", is_here=is_here)

    def _found(self) -> tuple[IpNetwork, ...]:
        """Return a main address of each family in which there are failover IPs, as far as seen.

        One is enough: what cannot be moved without the other one, its kind says.
        """
        found: list[IpNetwork] = []
        misses: list[str] = []
        for version in self._versions():
            address = self._source(version)
            reason = self._why_not(version, address)
            if address is None or reason is not None:
                misses.append(f"IPv{version}: {reason}")
            else:
                found.append(_network(address))
        if not found:
            message = (
                f"cannot tell which server this machine is at Robot; {HINT} ({'; '.join(misses)})"
            )
            raise LocalFailureError(FailureKind.TRANSIENT, NO_IDENTITY, message)
        return tuple(found)

    def _versions(self) -> Iterator[int]:
        moved = {each.version for each in self._failover_ips}
        return (version for version in _PREFIX if version in moved)

    def _why_not(self, version: int, address: IpAddress | None) -> str | None:
        """Say why this is no main address; None: it is one."""
        if address is None:
            return "this machine has no way to the internet"
        if address.is_loopback or address.is_link_local or address.is_unspecified:
            return f"it sends from {address}, which is no global address"
        if any(address in each for each in _NOT_PUBLIC):
            return f"it sends from {address}, which is private"
        if any(address in each for each in self._failover_ips if each.version == version):
            return f"it sends from {address}, which is a failover IP and so may move"
        return None


def _network(address: IpAddress) -> IpNetwork:
    return ipaddress.ip_network(f"{address}/{_PREFIX[address.version]}", strict=False)


def _server(own: tuple[IpNetwork, ...]) -> Server:
    """Return the server with these main addresses; Robot tells no name of it, and no state."""
    first, *others = keys_of(own)
    return Server(id=first, name=str(first), status="running", own=own, also=tuple(others))
