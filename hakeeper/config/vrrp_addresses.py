"""`vrrp_address`: the private addresses that keepalived sends from."""

import ipaddress
from typing import Final

from hakeeper.config.nodes import Node, Sequence
from hakeeper.config.resources import refuse_unquoted_colon
from hakeeper.config.table import Items
from hakeeper.config.text import shown
from hakeeper.config.values import Refused, is_nothing, text_of
from hakeeper.core.model import IpAddress

_EXPECTED: Final = "the private address that keepalived sends from, its unicast_src_ip"


def _one_or_many(node: Node) -> list[tuple[str, Node]]:
    """Return the addresses, each with the suffix of its path; null is an empty list."""
    if is_nothing(node):
        return []
    if not isinstance(node, Sequence):
        return [("", node)]
    if not node.items:
        raise Refused("lists no address; add at least one, or remove the key")
    return [(f"[{index}]", item) for index, item in enumerate(node.items)]


def _vrrp_address(node: Node) -> IpAddress:
    """Return an address, which must have no prefix length and no interface."""
    refuse_unquoted_colon(node)
    text = text_of(node, _EXPECTED)
    host, slash, _ = text.partition("/")
    host, percent, _ = host.partition("%")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise Refused(f"{shown(text)} is not a valid address; expected {_EXPECTED}") from None
    if slash or percent:
        raise Refused(f"{shown(text)}: write only the address, `{ip}`")
    mapped = isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None
    if mapped or ip.is_loopback or ip.is_multicast or ip.is_unspecified:
        raise Refused(f"keepalived cannot use {shown(text)}; expected {_EXPECTED}")
    return ip


VRRP_ADDRESSES: Final = Items(
    _one_or_many, _vrrp_address, _EXPECTED, "an address, a list of addresses, or null"
)
