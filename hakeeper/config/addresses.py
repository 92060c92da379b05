"""The items of `floating_ips`: an id, an address or network, or a name."""

import ipaddress
import re
from typing import Final

from hakeeper.config.nodes import Node, Scalar, Table
from hakeeper.config.table import Items
from hakeeper.config.text import shown
from hakeeper.config.values import NAME_LIMIT, Refused, listed, name, object_id, raw_of, text_of
from hakeeper.core.model import AddressRef, ById, ByName, ByNetwork

IPV6_PREFIX: Final = 64
"""Hetzner assigns IPv6 floating IPs as /64 networks."""
_EXPECTED: Final = "the name, id or address of a floating IP"
_LIKE_AN_ADDRESS: Final = re.compile(
    r"[0-9.]*\.[0-9.]*(/.*)?|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*([/%].*)?|.*:.*:.*"
)
"""Text that was meant as an address; names have no two colons."""


def _floating_ip(node: Node) -> AddressRef:
    """Return the floating IP of an item of `floating_ips`.

    Digits are an id, quoted or not. A name at Hetzner may consist of digits, too, but its owner can
    use the id; quotes must not change the meaning of a number.
    """
    refuse_unquoted_colon(node)
    raw = raw_of(node, _EXPECTED)
    if (number := object_id(raw)) is not None:
        return ById(number)
    text = text_of(node, _EXPECTED)
    if len(text) > NAME_LIMIT:
        raise Refused(f"{shown(text)} is too long; expected {_EXPECTED}")
    host, slash, prefix = text.partition("/")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        if _LIKE_AN_ADDRESS.fullmatch(text):
            raise Refused(f"{shown(text)} is not a valid address; expected {_EXPECTED}") from None
        return ByName(name(text, _EXPECTED))
    _refuse_special_address(ip, text)
    if isinstance(ip, ipaddress.IPv4Address):
        return _ipv4(ip, prefix if slash else "32", text)
    return _ipv6(ip, prefix if slash else str(IPV6_PREFIX), text)


def refuse_unquoted_colon(node: Node) -> None:
    """Refuse `- 2001:db8::` with an explanation: to YAML it is a mapping."""
    if not isinstance(node, Table) or len(node.entries) != 1:
        return
    key = node.entries[0].key.text
    if ":" in key and isinstance(node.entries[0].value, Scalar):
        raise Refused(f"YAML reads {shown(key + ':')} as a mapping; put the address in quotes")


def _refuse_special_address(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str) -> None:
    if ip.is_loopback or ip.is_multicast or ip.is_unspecified or ip.is_link_local:
        raise Refused(f"{shown(text)} can never be a floating IP (loopback, link-local, multicast)")


def _ipv4(ip: ipaddress.IPv4Address, prefix: str, text: str) -> ByNetwork:
    if prefix != "32":
        raise Refused(
            f"{shown(text)}: an IPv4 floating IP is one address; write `{ip}` without a prefix"
        )
    return ByNetwork(ipaddress.IPv4Network((ip, 32)))


def _ipv6(ip: ipaddress.IPv6Address, prefix: str, text: str) -> ByNetwork:
    if ip.scope_id is not None or ip.ipv4_mapped is not None:
        raise Refused(f"{shown(text)} is not the address of a floating IP; expected {_EXPECTED}")
    network = ipaddress.IPv6Network((ip, IPV6_PREFIX), strict=False)
    if prefix != str(IPV6_PREFIX):
        raise Refused(
            f"{shown(text)}: Hetzner moves IPv6 floating IPs as /64 networks; write `{network}`"
        )
    return ByNetwork(network)


FLOATING_IPS: Final = Items(
    listed, _floating_ip, _EXPECTED, "a list of names, ids and addresses", noun="floating IP"
)
