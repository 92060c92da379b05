"""Decoded JSON to values, strictly, and only the fields that are used.

hcloud's own domain classes are left out on purpose: they parse the whole object and raise
TypeError when a field that we never look at is missing, they send hidden requests when an empty
attribute of a partial object is read, and older ones drop a server's `location`.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final, TypeGuard

from hakeeper.core.kind import UnreadableAnswer
from hakeeper.core.observation import IpNetwork

NAME_LIMIT: Final = 256
"""Characters; names are host names, or not much longer."""


def field(value: object, name: str) -> object:
    """Return a member of a JSON object that must be there."""
    members = mapping(value, f"what holds {name}")
    if name not in members:
        raise UnreadableAnswer(f"{name} is missing")
    return members[name]


def mapping(value: object, name: str) -> Mapping[str, object]:
    """Accept a JSON object."""
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"{name} is no object")
    return value


def sequence(value: object, name: str) -> Sequence[object]:
    """Accept a JSON array."""
    if not isinstance(value, list):
        raise UnreadableAnswer(f"{name} is no array")
    return value


def is_integer(value: object) -> TypeGuard[int]:
    """Say whether it is a JSON number without a fraction; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def integer(value: object, name: str) -> int:
    """Accept a JSON number without a fraction."""
    if not is_integer(value):
        raise UnreadableAnswer(f"{name} is no integer")
    return value


def text(value: object, name: str) -> str:
    """Accept a JSON string."""
    if not isinstance(value, str):
        raise UnreadableAnswer(f"{name} is no string")
    return value


def network(address: str) -> IpNetwork:
    """Read `203.0.113.10` or `2001:db8:1:2::/64`; IPv6 without a prefix is a /64."""
    try:
        if ":" in address and "/" not in address:
            address = f"{address}/64"
        return ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise UnreadableAnswer("ip is no address") from None


def zone(location: object) -> str:
    """Return the network zone of a location; nothing where it is not said."""
    found = location.get("network_zone") if isinstance(location, dict) else None
    return found[:NAME_LIMIT] if isinstance(found, str) else ""
