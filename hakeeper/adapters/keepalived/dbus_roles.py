"""Reads the role of every VRRP instance from keepalived's D-Bus objects.

keepalived (`enable_dbus`) has one object per instance. Its path consists of interface, VRID and
family, below the network namespace and instance name if they are set. So instances are found by
walking the tree and reading each object's `Name`. `State` is a number and a word, `(us)`. `Name` is
declared `s` by 2.2 and `(s)` by 2.4, but 2.2.7 sends `(s)` as well. Sync groups have no objects.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hakeeper.adapters.keepalived.bus_connection import BusConnection, Call, CallError, Reply
from hakeeper.core.model import Role

ROOT_PATH = "/org/keepalived/Vrrp1"
"""Does not depend on `dbus_service_name`."""
INSTANCE_INTERFACE = "org.keepalived.Vrrp1.Instance"
ROLES: Mapping[int, Role] = {
    0: Role.UNKNOWN,
    1: Role.BACKUP,
    2: Role.MASTER,
    3: Role.FAULT,
    97: Role.STOPPED,
    98: Role.STOPPED,
}
"""vrrp_dbus.h: Init, Backup, Master, Fault, Deleted, Stop; any other number is UNKNOWN."""
_DEPTH_LIMIT = 8
"""Deeper than keepalived's tree, which has six levels with a namespace and an instance name."""
_OBJECTS_LIMIT = 4096
_ATTEMPTS = 3
_MOVING = ("UnknownObject", "UnknownMethod", "UnknownInterface", "InvalidArgs")
"""Errors for an object that disappeared after it was listed: keepalived is reloading."""

# By the specification an element of an object path is [A-Za-z0-9_]+, so these two attributes
# contain no escapes, and a pattern is as safe as an XML parser.
_CHILD = re.compile(r"<node\s+name=[\"']([A-Za-z0-9_]+)[\"']")
_INTERFACE = re.compile(rf"<interface\s+name=[\"']{re.escape(INSTANCE_INTERFACE)}[\"']")


class QueryError(Exception):
    """keepalived answered, but not with the state of its instances; the message says why."""


@dataclass(frozen=True, slots=True)
class _Node:
    """The description of one object."""

    is_instance: bool
    children: tuple[str, ...]
    """Their paths."""


@dataclass(slots=True)
class RoleReader:
    """Reads the roles, and remembers the tree of objects.

    While the tree stays the same, one exchange asks for everything: the description of each object,
    to notice a change of the tree, and the state of each instance. One exchange per level of the
    tree would wake keepalived six times every ten seconds.
    """

    _known: dict[str, _Node] = field(default_factory=dict)

    def read(self, link: BusConnection, deadline_s: float) -> dict[str, Role]:
        """Return the role of every instance, by name; raises QueryError, CallError or BusError."""
        if not link.owner:
            raise QueryError(
                f"{link.service} is not on the bus: does keepalived run, "
                "with `enable_dbus` in its global_defs?"
            )
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._read_once(link, deadline_s)
            except CallError as error:
                self._known = {}
                if not error.name.endswith(_MOVING):
                    raise
        return self._read_once(link, deadline_s)

    def _read_once(self, link: BusConnection, deadline_s: float) -> dict[str, Role]:
        owner = link.owner
        known = self._known
        replies = _ask(link, owner, [*map(_describe, known), *_states(known)], deadline_s)
        described = [_node(path, reply) for path, reply in zip(known, replies, strict=False)]
        if not known or described != [*known.values()]:
            known = self._known = {}
            known = _walk(link, owner, deadline_s)
            replies = _ask(link, owner, _states(known), deadline_s)
            self._known = known
        else:
            replies = replies[len(known) :]
        roles: dict[str, Role] = {}
        for reply in replies:
            name, role = _name_and_role(reply)
            # Unexpected: two objects with the same name. Accept them if they agree.
            roles[name] = role if roles.get(name, role) is role else Role.UNKNOWN
        return roles


def _describe(path: str) -> Call:
    return Call(path=path, interface="org.freedesktop.DBus.Introspectable", method="Introspect")


def _states(known: Mapping[str, _Node]) -> list[Call]:
    interface = "org.freedesktop.DBus.Properties"
    return [
        Call(path=path, interface=interface, method="GetAll", arguments=(INSTANCE_INTERFACE,))
        for path, node in known.items()
        if node.is_instance
    ]


def _ask(link: BusConnection, owner: str, calls: list[Call], deadline_s: float) -> list[Reply]:
    replies: list[Reply] = []
    for answer in link.call_all(calls, deadline_s):
        if isinstance(answer, CallError):
            raise answer
        if answer.sender != owner:
            raise QueryError("keepalived was replaced during the query")
        replies.append(answer)
    return replies


def _walk(link: BusConnection, owner: str, deadline_s: float) -> dict[str, _Node]:
    """Read the tree of objects, level by level."""
    found: dict[str, _Node] = {}
    level = [ROOT_PATH]
    for _ in range(_DEPTH_LIMIT):
        replies = _ask(link, owner, [_describe(path) for path in level], deadline_s)
        nodes = {path: _node(path, reply) for path, reply in zip(level, replies, strict=True)}
        found |= nodes
        level = [child for node in nodes.values() for child in node.children]
        if len(found) + len(level) > _OBJECTS_LIMIT:
            raise QueryError(f"keepalived lists more than {_OBJECTS_LIMIT} objects")
    return found


def _node(path: str, reply: Reply) -> _Node:
    match reply.body:
        case (str(xml),):
            children = tuple(f"{path}/{name}" for name in _CHILD.findall(xml))
            return _Node(_INTERFACE.search(xml) is not None, children)
        case _:
            raise QueryError(f"{path} gave no description")


def _name_and_role(reply: Reply) -> tuple[str, Role]:
    match reply.body:
        case ({"Name": (_, str(name)), "State": (_, (int(state), str()))},):
            return name, ROLES.get(state, Role.UNKNOWN)
        case ({"Name": (_, (str(name),)), "State": (_, (int(state), str()))},):
            return name, ROLES.get(state, Role.UNKNOWN)
        case _:
            raise QueryError("an instance did not give its name and state")
