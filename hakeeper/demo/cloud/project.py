"""The contents of a project: servers, floating IPs, actions."""

import ipaddress
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from hakeeper import cloud_register
from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.values import JsonObject


@dataclass(slots=True, kw_only=True)
class Server:
    """A server; `status` is Hetzner's value (`running`, `off`, ...)."""

    id: int
    name: str
    location: str
    created_s: float
    status: str = "running"
    labels: dict[str, str] = field(default_factory=dict)
    ipv4: str | None = None
    """Its Primary IPv4; None: it has none."""
    ipv6: str | None = None
    """Its Primary IPv6, a /64 network; None: it has none."""


ON_LOOPBACK = ("127.0.0.1",)
"""The private addresses of a server whose daemon runs on this machine without a namespace."""


def default_ipv4(server_id: int) -> str:
    """Return an address of the documentation range for a server id."""
    return str(ipaddress.IPv4Address("198.51.100.0") + server_id % 256)


def default_ipv6(server_id: int) -> str:
    """Return a network of the documentation range for a server id."""
    return f"2001:db8:{server_id % 0xFFFF:x}::/64"


@dataclass(slots=True, kw_only=True)
class FloatingIp:
    """A floating IP; who has it stands in the register."""

    id: int
    name: str
    ip: str
    location: str
    created_s: float
    labels: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    blocked: bool = False

    @property
    def type(self) -> str:
        """Hetzner's name of the address family."""
        return "ipv6" if ":" in self.ip else "ipv4"


@dataclass(slots=True, kw_only=True)
class Action(cloud_register.Action):
    """An accepted command; on a floating IP unless it is of a class of its own."""

    command: str
    fault: int | None = None

    @property
    def resources(self) -> list[JsonObject]:
        """What it concerns, in the API's form."""
        server = [] if self.server is None else [{"id": self.server, "type": "server"}]
        return [*server, {"id": self.resource, "type": "floating_ip"}]

    def concerns(self, kind: str, number: int | None = None) -> bool:
        """Say whether it concerns this resource, or any of this kind."""
        return any(each["type"] == kind and number in {None, each["id"]} for each in self.resources)


@dataclass(slots=True, kw_only=True)
class AliasAction(Action):
    """An accepted list of alias IPs. Its resource is the list of its server in its network."""

    network: int
    member: int
    """The server."""
    alias_ips: tuple[str, ...]

    @property
    def resources(self) -> list[JsonObject]:
        """What it concerns, in the API's form."""
        return [{"id": self.member, "type": "server"}, {"id": self.network, "type": "network"}]


def list_key(server: int, network: int) -> str:
    """Return the register's key of a server's alias IPs in a network."""
    return f"{server}/{network}"


class Course(TypedDict):
    """How an action goes, by the fields of `Action`."""

    started_s: float
    ends_s: float
    moves_at_s: float
    late: bool
    error: tuple[str, str] | None
    locks: bool
    fault: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """How a fault changes one accepted request. Times in seconds; None: as the rules say."""

    fault: int | None = None
    action_s: float | None = None
    action_error: tuple[str, str] | None = None
    locks: bool = True
    late_commit_s: float | None = None
    """The holder changes this long after acceptance, whatever the action reports meanwhile."""

    def course(self, usual_s: float, now: float, *, at_accept: bool = False) -> Course:
        """Return how an action goes that is accepted now and usually takes so long.

        `at_accept`: the holder changes with its acceptance instead of when it ends.
        """
        ends_s = now + (usual_s if self.action_s is None else self.action_s)
        moves_at_s = now if at_accept else ends_s
        if self.action_error is not None:
            moves_at_s = math.inf
        if self.late_commit_s is not None:
            moves_at_s = now + self.late_commit_s
        return {
            "started_s": now,
            "ends_s": ends_s,
            "moves_at_s": moves_at_s,
            "late": self.late_commit_s is not None,
            "error": self.action_error,
            "locks": self.locks,
            "fault": self.fault,
        }


NO_QUIRK = Quirk()


def refuse_used_name(name: str, used: Iterable[str], noun: str) -> None:
    """Raise the API's error if the name is used: names are unique in a project."""
    if name in used:
        raise ApiError("uniqueness_error", f"{noun} name '{name}' is already used", {})


def free_id(wanted: int | None, ids: "itertools.count[int]", used: Mapping[int, object]) -> int:
    """Return the wanted id, or else the next one; raises the API's error if it is used."""
    if wanted is None:
        return next(each for each in ids if each not in used)
    if wanted in used:
        raise ApiError("uniqueness_error", f"ID {wanted} is already used", {})
    return wanted
