"""`vrrp_address`: the private addresses that keepalived speaks from."""

import ipaddress
from collections.abc import Collection
from typing import Final

from hakeeper.config.addresses import refuse_unquoted_colon
from hakeeper.config.nodes import Node, Scalar, Sequence
from hakeeper.config.surprises import is_null
from hakeeper.config.text import shown
from hakeeper.config.values import Refused, text_of
from hakeeper.core.model import AddressRef, ByNetwork, IpAddress

_EXPECTED: Final = "the private address that keepalived speaks from, its unicast_src_ip"


def one_or_many(node: Node) -> list[tuple[str, Node]]:
    """Return each address with what its path gets at the end; null is none."""
    match node:
        case Sequence(items=items):
            if not items:
                raise Refused("lists no address; give at least one, or leave the key out")
            return [(f"[{index}]", item) for index, item in enumerate(items)]
        case Scalar(text=text, plain=True) if is_null(text):
            return []
        case _:
            return [("", node)]


def vrrp_address(
    node: Node, refs: Collection[AddressRef], before: Collection[IpAddress]
) -> IpAddress:
    """Return an address as it stands on an interface, without prefix length and interface.

    `refs` are the floating IPs that go with it, `before` the addresses that were listed already.
    """
    refuse_unquoted_colon(node)
    text = text_of(node, _EXPECTED)
    host, slash, _ = text.partition("/")
    host, percent, _ = host.partition("%")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise Refused(f"{shown(text)} is not a valid address; expected {_EXPECTED}") from None
    if slash or percent:
        raise Refused(f"{shown(text)}: write the address alone, `{ip}`")
    mapped = isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None
    if mapped or ip.is_loopback or ip.is_multicast or ip.is_unspecified:
        raise Refused(f"nobody is heard at {shown(text)}; expected {_EXPECTED}")
    if any(isinstance(ref, ByNetwork) and ip in ref.network for ref in refs):
        raise Refused(f"{shown(text)} is the floating IP itself; expected {_EXPECTED}")
    if ip in before:
        raise Refused(f"{shown(text)} is listed already")
    return ip
