"""The state of the simulated cloud and its rules: pure, the time is an argument.

Holders and actions are those of `hakeeper.cloud_register`: nothing happens by itself, so the same
model works in a real server and in virtual time.
"""

import ipaddress
import itertools
import math
from collections.abc import Iterable, Mapping

from hakeeper.cloud_register import Move, Refusal, Register
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
        self.changes: list[HolderChange] = []
        self.register = Register[Action](self.servers, self._moved)
        self._server_ids = itertools.count(FIRST_SERVER_ID)
        self._floating_ip_ids = itertools.count(FIRST_FLOATING_IP_ID)

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
        self.register.add(floating_ip.id, server, now)
        self.changes.append(
            HolderChange(at_s=now, floating_ip=floating_ip.id, old=None, new=server, cause=CREATED)
        )
        return floating_ip

    def move(self, floating_ip: int, server: int | None, now: float) -> None:
        """Change the holder at once, as if by hand, without an action and without a lock."""
        self.register.advance(now)
        if server is not None and server not in self.servers:
            raise not_found("server", server)
        self.register.give(self.floating_ip(floating_ip).id, server, now, OPERATOR)

    def remove_server(self, server: int, now: float) -> None:
        """Delete a server; its floating IPs are unassigned then."""
        self.register.advance(now)
        self.server(server)
        for floating_ip in self.register.held_by(server):
            self.register.give(floating_ip, None, now, OPERATOR)
        del self.servers[server]

    def remove_floating_ip(self, floating_ip: int, now: float) -> None:
        """Delete a floating IP; its history stays in `changes`."""
        self.register.advance(now)
        self.floating_ip(floating_ip)
        del self.floating_ips[floating_ip]
        self.register.remove(floating_ip)

    def end_actions_of(self, fault: int, now: float) -> None:
        """Make the actions that a fault keeps running fail now."""
        self.register.fail_endless(now, lambda action: action.fault == fault)

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
        self.register.advance(now)
        self.floating_ip(floating_ip_id)
        self.server(server_id)
        already = ApiError("floating_ip_assigned", "floating IP already assigned", {})
        self._refuse(floating_ip_id, server_id, already)
        return self._start("assign_floating_ip", floating_ip_id, server_id, now, cause, quirk)

    def unassign(
        self, floating_ip_id: int, now: float, *, cause: str, quirk: Quirk = NO_QUIRK
    ) -> Action:
        """Accept or refuse an unassign.

        The code for an unassigned address is not documented; invalid_input is our guess.
        """
        self.register.advance(now)
        self.floating_ip(floating_ip_id)
        already = ApiError("invalid_input", "floating IP is not assigned", {"fields": []})
        self._refuse(floating_ip_id, None, already)
        return self._start("unassign_floating_ip", floating_ip_id, None, now, cause, quirk)

    def _refuse(self, floating_ip: int, server: int | None, already: ApiError) -> None:
        match self.register.refusal(floating_ip, server, lock_servers=self.rules.lock_servers):
            case Refusal.LOCKED:
                raise ApiError("locked", "floating IP is locked", {})
            case Refusal.SERVER_LOCKED:
                raise ApiError("locked", "cannot perform operation because server is locked", {})
            case Refusal.ALREADY:
                raise already

    def _start(
        self,
        command: str,
        floating_ip: int,
        server: int | None,
        now: float,
        cause: str,
        quirk: Quirk,
    ) -> Action:
        ends_s = now + (self.rules.action_s if quirk.action_s is None else quirk.action_s)
        if quirk.late_commit_s is not None:
            moves_at_s = now + quirk.late_commit_s
        elif quirk.action_error is not None:
            moves_at_s = math.inf
        else:
            moves_at_s = now if self.rules.holder_at_accept else ends_s
        action = Action(
            id=self.register.next_id(),
            command=command,
            resource=floating_ip,
            server=server,
            cause=cause,
            started_s=now,
            ends_s=ends_s,
            moves_at_s=moves_at_s,
            late=quirk.late_commit_s is not None,
            error=quirk.action_error,
            locks=quirk.locks,
            fault=quirk.fault,
        )
        self.register.accept(action, now)
        return action

    def _moved(self, move: Move) -> None:
        self.changes.append(
            HolderChange(
                at_s=move.at_s,
                floating_ip=move.number,
                old=None if move.old is None else int(move.old),
                new=None if move.new is None else int(move.new),
                cause=move.cause,
                late=move.action is not None and move.action.late,
                action=None if move.action is None else move.action.id,
            )
        )


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
