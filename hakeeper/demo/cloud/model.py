"""The state of the simulated cloud and its rules: pure, the time is an argument.

Nothing happens by itself: future changes (the ends of actions, late commits) are scheduled, and
`advance(now)` carries out those that are due, each at its exact time. So the same model works in a
real server and in virtual time.
"""

import heapq
import ipaddress
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hakeeper.demo.cloud.errors import ApiError, invalid_input, not_found
from hakeeper.demo.cloud.locations import LOCATIONS
from hakeeper.demo.cloud.project import (
    NO_QUIRK,
    Action,
    FloatingIp,
    Quirk,
    Server,
    default_ipv4,
    default_ipv6,
)
from hakeeper.demo.cloud.values import CREATED, OPERATOR, USUAL, HolderChange, Rules

FIRST_SERVER_ID = 101
FIRST_FLOATING_IP_ID = 4711
FIRST_ACTION_ID = 1


@dataclass(frozen=True, slots=True, order=True)
class _Planned:
    at_s: float
    order: int
    floating_ip: int
    server: int | None = field(compare=False)
    cause: str = field(compare=False)
    late: bool = field(compare=False)
    action: int | None = field(compare=False)


class CloudModel:
    """One project: servers, floating IPs, actions. Not thread-safe.

    `epoch_s` is the wall time (UNIX seconds) at which `now` was 0.
    """

    def __init__(self, *, epoch_s: float = 0.0, rules: Rules | None = None) -> None:
        """Start with an empty project."""
        self.epoch_s = epoch_s
        self.rules = rules or Rules()
        self.servers: dict[int, Server] = {}
        self.floating_ips: dict[int, FloatingIp] = {}
        self.actions: dict[int, Action] = {}
        self.changes: list[HolderChange] = []
        self.ended = 0
        """How many actions have ended."""
        self._running: dict[int, Action] = {}
        self._ends: list[tuple[float, int]] = []
        self._plan: list[_Planned] = []
        self._order = itertools.count()
        self._server_ids = itertools.count(FIRST_SERVER_ID)
        self._floating_ip_ids = itertools.count(FIRST_FLOATING_IP_ID)
        self._action_ids = itertools.count(FIRST_ACTION_ID)

    # --- time ---------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Carry out what is due, in order."""
        while self._plan and self._plan[0].at_s <= now:
            planned = heapq.heappop(self._plan)
            if planned.floating_ip in self.floating_ips:
                self._own(
                    self.floating_ips[planned.floating_ip],
                    planned.server if planned.server in self.servers else None,
                    at_s=planned.at_s,
                    cause=planned.cause,
                    late=planned.late,
                    action=planned.action,
                )
        while self._ends and self._ends[0][0] <= now:
            self._end(heapq.heappop(self._ends)[1])

    def next_at(self) -> float:
        """Return the time of the next scheduled change; infinity if there is none."""
        planned = self._plan[0].at_s if self._plan else math.inf
        return min(planned, self._ends[0][0] if self._ends else math.inf)

    def _end(self, action: int) -> None:
        del self._running[action]
        self.ended += 1

    # --- the operator's hand --------------------------------------------------------------------

    def add_server(  # noqa: PLR0913 - all named, as the API has them
        self,
        name: str,
        now: float,
        *,
        server_id: int | None = None,
        location: str = "fsn1",
        status: str = "running",
        labels: Mapping[str, str] | None = None,
        ipv4: str | None = USUAL,
        ipv6: str | None = USUAL,
        private_ips: Iterable[str] = (),
    ) -> Server:
        """Create a server; names are unique in a project. None: without that Primary IP."""
        if any(server.name == name for server in self.servers.values()):
            raise ApiError("uniqueness_error", f"server name '{name}' is already used", {})
        if location not in LOCATIONS:
            raise invalid_input("location", "is unknown")
        number = _free_id(server_id, self._server_ids, self.servers)
        server = Server(
            id=number,
            name=name,
            location=location,
            created_s=now,
            status=status,
            labels=dict(labels or {}),
            ipv4=default_ipv4(number) if ipv4 == USUAL else ipv4,
            ipv6=default_ipv6(number) if ipv6 == USUAL else ipv6,
            private_ips=tuple(private_ips),
        )
        self.servers[server.id] = server
        return server

    def add_floating_ip(  # noqa: PLR0913 - all named, as the API has them
        self,
        name: str,
        ip: str,
        now: float,
        *,
        floating_ip_id: int | None = None,
        server: int | None = None,
        location: str = "fsn1",
        labels: Mapping[str, str] | None = None,
        blocked: bool = False,
        description: str | None = None,
    ) -> FloatingIp:
        """Create a floating IP; IPv6 ones are /64 networks."""
        if any(each.name == name for each in self.floating_ips.values()):
            raise ApiError("uniqueness_error", f"floating IP name '{name}' is already used", {})
        if server is not None and server not in self.servers:
            raise not_found("server", server)
        if location not in LOCATIONS:
            raise invalid_input("home_location", "is unknown")
        _check_address(ip)
        floating_ip = FloatingIp(
            id=_free_id(floating_ip_id, self._floating_ip_ids, self.floating_ips),
            name=name,
            ip=ip,
            location=location,
            created_s=now,
            labels=dict(labels or {}),
            blocked=blocked,
            description=description,
        )
        self.floating_ips[floating_ip.id] = floating_ip
        self._own(floating_ip, server, at_s=now, cause=CREATED)
        return floating_ip

    def move(self, floating_ip: int, server: int | None, now: float) -> None:
        """Change the holder at once, as if by hand, without an action and without a lock."""
        self.advance(now)
        if server is not None and server not in self.servers:
            raise not_found("server", server)
        self._own(self.floating_ip(floating_ip), server, at_s=now, cause=OPERATOR)

    def remove_server(self, server: int, now: float) -> None:
        """Delete a server; its floating IPs are unassigned then."""
        self.advance(now)
        self.server(server)
        for floating_ip in self.floating_ips.values():
            if floating_ip.server == server:
                self._own(floating_ip, None, at_s=now, cause=OPERATOR)
        del self.servers[server]

    def remove_floating_ip(self, floating_ip: int, now: float) -> None:
        """Delete a floating IP; its history stays in `changes`."""
        self.advance(now)
        self.floating_ip(floating_ip)
        del self.floating_ips[floating_ip]

    def end_actions_of(self, fault: int, now: float) -> None:
        """Make the actions that a fault keeps running fail now."""
        for action in list(self._running.values()):
            if action.fault == fault and math.isinf(action.ends_s):
                error = action.error or ("action_failed", "Action failed")
                self.actions[action.id] = replace(action, ends_s=now, error=error)
                self._end(action.id)

    # --- the API's rules ----------------------------------------------------------------------

    def server(self, server_id: int) -> Server:
        """Return a server; raises the API's 404."""
        if server_id not in self.servers:
            raise not_found("server", server_id)
        return self.servers[server_id]

    def floating_ip(self, floating_ip_id: int) -> FloatingIp:
        """Return a floating IP; raises the API's 404."""
        if floating_ip_id not in self.floating_ips:
            raise not_found("floating IP", floating_ip_id)
        return self.floating_ips[floating_ip_id]

    def assign(
        self,
        floating_ip_id: int,
        server_id: int,
        now: float,
        *,
        cause: str,
        quirk: Quirk = NO_QUIRK,
    ) -> Action:
        """Accept or refuse an assign, whoever is the holder: no unassign is needed before."""
        self.advance(now)
        floating_ip = self.floating_ip(floating_ip_id)
        self.server(server_id)
        self._refuse_if_locked(floating_ip_id, server_id)
        if floating_ip.server == server_id:
            raise ApiError("floating_ip_assigned", "floating IP already assigned", {})
        return self._start("assign_floating_ip", floating_ip_id, server_id, now, cause, quirk)

    def unassign(
        self, floating_ip_id: int, now: float, *, cause: str, quirk: Quirk = NO_QUIRK
    ) -> Action:
        """Accept or refuse an unassign.

        The code for an unassigned address is not documented; invalid_input is our guess.
        """
        self.advance(now)
        floating_ip = self.floating_ip(floating_ip_id)
        self._refuse_if_locked(floating_ip_id, floating_ip.server)
        if floating_ip.server is None:
            raise ApiError("invalid_input", "floating IP is not assigned", {"fields": []})
        return self._start("unassign_floating_ip", floating_ip_id, None, now, cause, quirk)

    def _refuse_if_locked(self, floating_ip: int, server: int | None) -> None:
        for action in self._running.values():
            if not action.locks:
                continue
            if action.floating_ip == floating_ip:
                raise ApiError("locked", "floating IP is locked", {})
            if self.rules.lock_servers and server is not None and action.server == server:
                raise ApiError("locked", "cannot perform operation because server is locked", {})

    def _start(
        self,
        command: str,
        floating_ip: int,
        server: int | None,
        now: float,
        cause: str,
        quirk: Quirk,
    ) -> Action:
        takes_s = self.rules.action_s if quirk.action_s is None else quirk.action_s
        action = Action(
            id=next(self._action_ids),
            command=command,
            floating_ip=floating_ip,
            server=server,
            started_s=now,
            ends_s=now + takes_s,
            error=quirk.action_error,
            locks=quirk.locks,
            fault=quirk.fault,
        )
        self.actions[action.id] = action
        self._running[action.id] = action
        if math.isfinite(action.ends_s):
            heapq.heappush(self._ends, (action.ends_s, action.id))
        if quirk.late_commit_s is not None:
            at_s = now + quirk.late_commit_s
        elif quirk.action_error is not None:
            at_s = math.inf
        else:
            at_s = now if self.rules.holder_at_accept else action.ends_s
        late = quirk.late_commit_s is not None
        if math.isfinite(at_s):
            order = next(self._order)
            planned = _Planned(at_s, order, floating_ip, server, cause, late, action.id)
            heapq.heappush(self._plan, planned)
        self.advance(now)
        return action

    def _own(
        self,
        floating_ip: FloatingIp,
        server: int | None,
        *,
        at_s: float,
        cause: str,
        late: bool = False,
        action: int | None = None,
    ) -> None:
        old = floating_ip.server if floating_ip.history else None
        change = HolderChange(
            at_s=at_s,
            floating_ip=floating_ip.id,
            old=old,
            new=server,
            cause=cause,
            late=late,
            action=action,
        )
        floating_ip.history.append(change)
        self.changes.append(change)


def _free_id(wanted: int | None, ids: "itertools.count[int]", used: Mapping[int, object]) -> int:
    if wanted is None:
        return next(each for each in ids if each not in used)
    if wanted in used:
        raise ApiError("uniqueness_error", f"ID {wanted} is already used", {})
    return wanted


def _check_address(ip: str) -> None:
    try:
        if ":" in ip:
            ipaddress.IPv6Network(ip)
        else:
            ipaddress.IPv4Address(ip)
    except ValueError as error:
        raise invalid_input("ip", str(error)) from error
