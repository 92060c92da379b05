"""Decoded JSON to our values, strictly, and only the fields that we use.

hcloud's own domain classes are left out on purpose: they parse the whole object and raise
TypeError when a field that we never look at is missing, they send hidden requests when an empty
attribute of a partial object is read, and older ones drop a server's `location`.
"""

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hakeeper.adapters.hetzner.errors import UnreadableAnswerError
from hakeeper.core.model import Action, ActionStatus, FloatingIp, IpNetwork, Server

NAME_LIMIT: Final = 256
"""Characters; Hetzner's names are host names, or not much longer."""
_VERSIONS: Final = {"ipv4": 4, "ipv6": 6}
_PRIVATE_LIMIT: Final = 16
"""Hetzner allows three private networks a server."""


def field(value: object, name: str) -> object:
    """Return a member of a JSON object that must be there."""
    members = mapping(value, f"what holds {name}")
    if name not in members:
        raise UnreadableAnswerError(f"{name} is missing")
    return members[name]


def mapping(value: object, name: str) -> Mapping[str, object]:
    """Accept a JSON object."""
    if not isinstance(value, dict):
        raise UnreadableAnswerError(f"{name} is no object")
    return value


def sequence(value: object, name: str) -> Sequence[object]:
    """Accept a JSON array."""
    if not isinstance(value, list):
        raise UnreadableAnswerError(f"{name} is no array")
    return value


def integer(value: object, name: str) -> int:
    """Accept a JSON number without a fraction; true and false are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableAnswerError(f"{name} is no integer")
    return value


def text(value: object, name: str) -> str:
    """Accept a JSON string."""
    if not isinstance(value, str):
        raise UnreadableAnswerError(f"{name} is no string")
    return value


def floating_ip(value: object) -> FloatingIp:
    """Read a `floating_ip` object; `server` is an id or null."""
    server = field(value, "server")
    return FloatingIp(
        id=integer(field(value, "id"), "id"),
        name=_name(value),
        network=_network(text(field(value, "ip"), "ip")),
        server_id=None if server is None else integer(server, "server"),
        blocked=field(value, "blocked") is True,
        network_zone=_zone_of(mapping(value, "floating_ip").get("home_location")),
    )


def server(value: object) -> Server:
    """Read a `server` object.

    The location stood inside `datacenter` until 2026-07-01, and beside it since.
    """
    members = mapping(value, "server")
    datacenter = members.get("datacenter")
    inner = datacenter.get("location") if isinstance(datacenter, dict) else None
    return Server(
        id=integer(field(value, "id"), "id"),
        name=_name(value),
        status=text(field(value, "status"), "status"),
        network_zone=_zone_of(members.get("location")) or _zone_of(inner),
        own=_own(members.get("public_net"), members.get("private_net")),
        without=_without(members.get("public_net")),
    )


def _name(value: object) -> str:
    """Return a name; a part of one that is longer than names can be."""
    return text(field(value, "name"), "name")[:NAME_LIMIT]


def _own(public: object, private: object) -> tuple[IpNetwork, ...] | None:
    """Return its addresses; none where it surely has none, None where nothing is told of them."""
    found = (*_public(public), *_private(private))
    surely_none = _without(public) == tuple(_VERSIONS.values()) and private == []
    return found if found or surely_none else None


def _public(net: object) -> Iterator[IpNetwork]:
    """Return the Primary IPs, as far as they can be read: no claim hangs on them."""
    for version in _VERSIONS:
        yield from _lenient(net.get(version) if isinstance(net, dict) else None)


def _private(nets: object) -> Iterator[IpNetwork]:
    """Return the server's own address in each private network; alias IPs are not its own."""
    for net in nets[:_PRIVATE_LIMIT] if isinstance(nets, list) else ():
        yield from _lenient(net)


def _lenient(holder: object) -> Iterator[IpNetwork]:
    address = holder.get("ip") if isinstance(holder, dict) else None
    if isinstance(address, str):
        with contextlib.suppress(UnreadableAnswerError):
            yield _network(address)


def _without(net: object) -> tuple[int, ...]:
    """Return the versions whose Primary IP is told to be null; where nothing is told, none."""
    if not isinstance(net, dict):
        return ()
    return tuple(
        number for version, number in _VERSIONS.items() if version in net and net[version] is None
    )


def action(value: object) -> Action:
    """Read an `action` object. Its `error` counts only when its status is `error`."""
    status_text = text(field(value, "status"), "status")
    try:
        status = ActionStatus(status_text)
    except ValueError:
        raise UnreadableAnswerError("status is none of an action's") from None
    error = mapping(value, "action").get("error")
    code, message = "", ""
    if status is ActionStatus.ERROR and isinstance(error, dict):
        code, message = str(error.get("code", "")), str(error.get("message", ""))
    return Action(
        id=integer(field(value, "id"), "id"),
        status=status,
        error_code=code,
        error_message=message,
    )


def next_page(value: object, page: int, *, is_full: bool) -> int | None:
    """Return the number of the page after `page`; None when that was the last.

    A list that was cut short would look like addresses that do not exist, so a full page must
    say that it is the last one. Numbers that do not grow would never end.
    """
    meta = mapping(value, "answer").get("meta")
    pagination = meta.get("pagination") if isinstance(meta, dict) else None
    if not isinstance(pagination, dict):
        if is_full:
            raise UnreadableAnswerError("meta.pagination is missing")
        return None
    following = pagination.get("next_page")
    if following is None:
        return None
    if integer(following, "next_page") <= page:
        raise UnreadableAnswerError("the pages do not advance")
    return integer(following, "next_page")


def _network(address: str) -> IpNetwork:
    """Read `203.0.113.10` or `2001:db8:1:2::/64`: IPv6 floating IPs are /64 networks."""
    try:
        if ":" in address and "/" not in address:
            address = f"{address}/64"
        return ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise UnreadableAnswerError("ip is no address") from None


def _zone_of(location: object) -> str:
    zone = location.get("network_zone") if isinstance(location, dict) else None
    return zone if isinstance(zone, str) else ""
