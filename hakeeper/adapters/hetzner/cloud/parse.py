"""Decoded JSON of Hetzner Cloud to our values: servers, actions and pages. Kinds read their own.

hcloud's own domain classes are left out on purpose: see `kinds/json_fields.py`.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

from hakeeper.core.kind import UnreadableAnswer
from hakeeper.core.model import Action, ActionStatus, Server
from hakeeper.core.observation import IpNetwork
from hakeeper.kinds.json_fields import (
    NAME_LIMIT,
    field,
    integer,
    is_integer,
    mapping,
    network,
    text,
    zone,
)

_VERSIONS: Final = {"ipv4": 4, "ipv6": 6}
_PRIVATE_LIMIT: Final = 16
"""Hetzner allows three private networks a server."""


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
        status=text(field(value, "status"), "status")[:NAME_LIMIT],
        zone=zone(members.get("location")) or zone(inner),
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
        with contextlib.suppress(UnreadableAnswer):
            yield network(address)


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
        raise UnreadableAnswer("status is none of an action's") from None
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


def entry_count(value: object) -> int:
    """Return how many entries a page has, whatever they are called."""
    arrays = (each for each in mapping(value, "answer").values() if isinstance(each, list))
    return max(map(len, arrays), default=0)


def next_page(value: object, page: int, *, is_full: bool) -> int | None:
    """Return the number of the page after `page`; None when that was the last.

    A list that was cut short would look like addresses that do not exist, so a full page must
    say that it is the last one. Numbers that do not grow would never end.
    """
    pagination = _pagination(value)
    if pagination is None:
        if is_full:
            raise UnreadableAnswer("meta.pagination is missing")
        return None
    following = pagination.get("next_page")
    if following is None:
        return None
    if integer(following, "next_page") <= page:
        raise UnreadableAnswer("the pages do not advance")
    return integer(following, "next_page")


def last_page(value: object) -> int | None:
    """Return the number of the last page; None where it is not said, which is allowed."""
    number = (_pagination(value) or {}).get("last_page")
    return number if is_integer(number) else None


def _pagination(value: object) -> Mapping[str, object] | None:
    meta = mapping(value, "answer").get("meta")
    pagination = meta.get("pagination") if isinstance(meta, dict) else None
    return pagination if isinstance(pagination, dict) else None
