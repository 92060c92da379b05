"""`robot.server`: the main addresses of this server, by which Robot knows it."""

import ipaddress
from collections.abc import Iterable
from typing import Final, TypeAlias

from hakeeper.config.nodes import Node, Sequence
from hakeeper.config.resources import refuse_unquoted_colon
from hakeeper.config.table import Value
from hakeeper.config.text import shown
from hakeeper.config.values import Refused, text_of
from hakeeper.core.observation import IpNetwork, ResourceRef

AUTO: Final = "auto"
MainAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Network
RobotServer: TypeAlias = str | tuple[MainAddress, ...]
"""`auto`, or one main address of each family."""

_EXPECTED: Final = (
    "auto, the main IPv4 address of this server, or a list of that and its main IPv6 network"
)
_IPV6_PREFIX: Final = 64


def networks_of(server: RobotServer) -> tuple[IpNetwork, ...]:
    """Return the main addresses that are given; none for `auto`."""
    return () if isinstance(server, str) else tuple(map(ipaddress.ip_network, server))


def moving(server: RobotServer, refs: Iterable[ResourceRef]) -> MainAddress | None:
    """Return the main address that is said to be moved, which it can't be; None: there is none."""
    moved = {ref.network for ref in refs}
    given = () if isinstance(server, str) else server
    return next((each for each in given if ipaddress.ip_network(each) in moved), None)


def _server(node: Node) -> RobotServer:
    """Return `auto` or the main addresses, which follow in any order."""
    if not isinstance(node, Sequence):
        refuse_unquoted_colon(node)
        text = text_of(node, _EXPECTED)
        return AUTO if text == AUTO else (_main_address(text),)
    found: list[MainAddress] = []
    for item in node.items:
        refuse_unquoted_colon(item)
        address = _main_address(text_of(item, _EXPECTED))
        if any(each.version == address.version for each in found):
            raise Refused(
                f"lists several IPv{address.version} addresses; Robot knows a server by one main"
                f" address of each family; expected {_EXPECTED}"
            )
        found.append(address)
    if not found:
        raise Refused(f"lists no address; expected {_EXPECTED}")
    return tuple(sorted(found, key=lambda each: each.version))


def _main_address(text: str) -> MainAddress:
    host, slash, prefix = text.partition("/")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        meant = "; did you mean `auto`?" if text.lower() == AUTO else f"; expected {_EXPECTED}"
        raise Refused(f"{shown(text)} is not a valid address{meant}") from None
    # A loopback address is good enough for a Robot on this machine, as in demonstrations.
    if ip.is_multicast or ip.is_unspecified or ip.is_link_local:
        raise Refused(f"{shown(text)} can be no server's main address; expected {_EXPECTED}")
    if isinstance(ip, ipaddress.IPv4Address):
        if slash and prefix != str(ip.max_prefixlen):
            raise Refused(f"{shown(text)} has a prefix: write only the address, `{ip}`")
        return ip
    if ip.scope_id is not None or ip.ipv4_mapped is not None:
        raise Refused(f"{shown(text)} can be no server's main address; expected {_EXPECTED}")
    network = ipaddress.IPv6Network((ip, _IPV6_PREFIX), strict=False)
    if slash and prefix != str(_IPV6_PREFIX):
        raise Refused(f"{shown(text)} is no /64, as main IPv6 networks are; write `{network}`")
    return network


ROBOT_SERVER: Final = Value(_server, _EXPECTED)
