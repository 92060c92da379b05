"""The state of a floating-IP API that can be slow, wrong, forgetful or away; front.py serves it.

The paths and bodies are those of https://docs.hetzner.cloud/, as far as a client of floating IPs
needs them. Everything that was received is kept, with its time (time.monotonic()).
"""

import enum
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

_ASSIGN: Final = re.compile(r"/v1/floating_ips/(\d+)/actions/assign")
_IP: Final = re.compile(r"/v1/floating_ips/(\d+)")
_SERVER: Final = re.compile(r"/v1/servers/(\d+)")
QUOTA_PER_HOUR: Final = 3600
CREATED: Final = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Received:
    """One request."""

    at_s: float
    node: str
    method: str
    path: str
    server: int | None
    """Whom an assign makes the holder."""


class Sickness(enum.Enum):
    """What one of several addresses may have; one that is swallowed is the room's affair."""

    TLS_HANGS = "takes connections, and no handshake comes"
    NO_ANSWER = "takes requests, and answers none"


@dataclass
class Ills:
    """What is wrong with the API just now; all of it at once, if need be."""

    status: int = 0
    """Answered to everything, with nothing done; 0: no."""
    assign_status: int = 0
    """The same, for assigns alone."""
    assign_code: str = "server_error"
    delay_s: float = 0.0
    hang: bool = False
    """Requests are taken, and never answered."""
    mute: bool = False
    """What is asked is done, and the connection closed without an answer."""
    lost: bool = False
    """Assigns are accepted, and nothing comes of them."""
    half_lost: bool = False
    """The same for every other one."""
    lag_s: dict[str, float] = field(default_factory=dict)
    """By node: its reads show what was true so long ago."""
    action_s: float = 0.0
    action_fails: bool = False
    away: bool = False
    """Connections are reset before anything is read."""
    strangers: bool = False
    """Servers are shown with private addresses that are somebody else's."""
    sick: dict[str, Sickness] = field(default_factory=dict)
    """By address of the API: what is wrong with it alone."""
    metadata: dict[str, str | None] = field(default_factory=dict)
    """By node: what its metadata service says in place of its server's id; None: nothing."""


@dataclass
class FloatingIp:
    """Who has it, and who had it when."""

    id: int
    name: str
    ip: str
    holders: list[tuple[float, int | None]] = field(default_factory=list)

    def holder(self, at_s: float = float("inf")) -> int | None:
        """Return the holder at a time."""
        found = [who for since_s, who in self.holders if since_s <= at_s]
        return found[-1] if found else self.holders[0][1]


class Api:
    """The state, behind one lock, and the server in front of it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.ills = Ills()
        self.received: list[Received] = []
        self.nodes: dict[str, str] = {}
        """Name of the node, by token."""
        self.servers: dict[int, str] = {}
        self.private: dict[int, str] = {}
        """The private address of each server."""
        self.ips: dict[int, FloatingIp] = {}
        self._actions: dict[int, tuple[float, bool, Callable[[], None]]] = {}
        """When each ends, whether it fails, and what it does at its end."""
        self.left = float(QUOTA_PER_HOUR)
        self._filled_at_s = time.monotonic()
        self._released = threading.Event()

    def heal(self) -> None:
        """Be well again; who hangs is let go."""
        with self.lock:
            self.ills = Ills()
            released, self._released = self._released, threading.Event()
        released.set()

    def move(self, number: int, server: int | None) -> None:
        """Give it to a server, as an operator does in the console."""
        with self.lock:
            self.ips[number].holders.append((time.monotonic(), server))

    def holder(self, number: int) -> int | None:
        """Return who has it now."""
        with self.lock:
            self._settle()
            return self.ips[number].holder()

    def spend(self, calls: float) -> None:
        """Let somebody else of the project make calls."""
        with self.lock:
            self._refill()
            self.left = max(0.0, self.left - calls)

    def refill(self) -> None:
        """Let the hour be over."""
        with self.lock:
            self.left = float(QUOTA_PER_HOUR)

    # --- answering ----------------------------------------------------------------------------

    def _refill(self) -> None:
        now = time.monotonic()
        grown = (now - self._filled_at_s) * QUOTA_PER_HOUR / 3600
        self.left, self._filled_at_s = min(QUOTA_PER_HOUR, self.left + grown), now

    def _settle(self) -> None:
        now = time.monotonic()
        for number, (ends_s, fails, act) in list(self._actions.items()):
            if ends_s <= now:
                self._actions[number] = (ends_s, fails, lambda: None)
                if not fails:
                    act()

    def take(self, node: str, method: str, path: str, body: dict[str, Any]) -> Received:
        """Write down what came."""
        server = body.get("server") if _ASSIGN.fullmatch(path) else None
        one = Received(time.monotonic(), node, method, path, server)
        with self.lock:
            self.received.append(one)
        return one

    def hang(self) -> None:
        """Wait until it is well again."""
        with self.lock:
            released = self._released
        released.wait(60)

    def wait(self) -> Ills:
        """Be as slow as it must be; return what is wrong after that."""
        with self.lock:
            ills, released = self.ills, self._released
        if ills.hang:
            released.wait(60)
        elif ills.delay_s:
            released.wait(ills.delay_s)
        with self.lock:
            return self.ills

    def answer(self, ills: Ills, one: Received) -> tuple[int, dict[str, Any]]:
        """Do what is asked; return status and body."""
        with self.lock:
            self._refill()
            self._settle()
            if self.left < 1:
                return 429, _error("rate_limit_exceeded")
            self.left -= 1
            status = ills.status
            is_assign = bool(_ASSIGN.fullmatch(one.path))
            code = "server_error"
            if is_assign and ills.assign_status:
                status, code = ills.assign_status, ills.assign_code
            if status:
                return status, _error(code)
            if is_assign:
                return self._assign(ills, one)
            return self._read(ills.lag_s.get(one.node, 0.0), one.path)

    def _assign(self, ills: Ills, one: Received) -> tuple[int, dict[str, Any]]:
        found = _ASSIGN.fullmatch(one.path)
        ip = self.ips.get(int(found[1])) if found else None
        if ip is None or one.server not in self.servers:
            return 404, _error("not_found")
        number = len(self._actions) + 1
        server = one.server

        is_lost = ills.lost or (ills.half_lost and number % 2 == 1)

        def act() -> None:
            if not is_lost:
                ip.holders.append((time.monotonic(), server))

        self._actions[number] = (one.at_s + ills.action_s, ills.action_fails, act)
        self._settle()
        return 201, {"action": self._action(number)}

    def _action(self, number: int) -> dict[str, Any]:
        ends_s, fails, _ = self._actions[number]
        over = ends_s <= time.monotonic()
        status = "running" if not over else "error" if fails else "success"
        return {
            "id": number,
            "command": "assign_floating_ip",
            "status": status,
            "progress": 100 if over else 50,
            "started": CREATED,
            "finished": CREATED if over else None,
            "resources": [],
            "error": {"code": "action_failed", "message": "no"} if status == "error" else None,
        }

    def _read(self, lag_s: float, path: str) -> tuple[int, dict[str, Any]]:
        at_s = time.monotonic() - lag_s
        path, _, query = path.partition("?")
        if path == "/v1/floating_ips":
            shown = [_floating_ip(ip, at_s) for ip in self.ips.values()]
            pages = {"page": 1, "per_page": 50, "previous_page": None, "next_page": None}
            pagination = {**pages, "last_page": 1, "total_entries": len(shown)}
            return 200, {"floating_ips": shown, "meta": {"pagination": pagination}}
        if path == "/v1/actions":
            asked = [int(one) for one in re.findall(r"id=(\d+)", query)]
            known = [self._action(one) for one in asked if one in self._actions]
            return 200, {"actions": known}
        if (found := _IP.fullmatch(path)) and int(found[1]) in self.ips:
            return 200, {"floating_ip": _floating_ip(self.ips[int(found[1])], at_s)}
        if (found := _SERVER.fullmatch(path)) and int(found[1]) in self.servers:
            return 200, {"server": self._server_of(int(found[1]))}
        return 404, _error("not_found")

    def _server_of(self, number: int) -> dict[str, Any]:
        shown = "10.99.0.250" if self.ills.strangers else self.private[number]
        address = {"ip": shown, "alias_ips": [], "network": 1, "mac_address": ""}
        return {
            "id": number,
            "name": self.servers[number],
            "status": "running",
            "public_net": {"ipv4": None, "ipv6": None, "floating_ips": [], "firewalls": []},
            "private_net": [address],
            "location": {"name": "fsn1", "network_zone": "eu-central"},
        }


def _floating_ip(ip: FloatingIp, at_s: float) -> dict[str, Any]:
    return {
        "id": ip.id,
        "name": ip.name,
        "ip": ip.ip,
        "type": "ipv4",
        "server": ip.holder(at_s),
        "blocked": False,
        "created": CREATED,
        "description": None,
        "dns_ptr": [],
        "labels": {},
        "protection": {"delete": False},
        "home_location": {"name": "fsn1", "network_zone": "eu-central"},
    }


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"this is {code}", "details": None}}
