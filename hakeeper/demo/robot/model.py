"""The failover IPs of an account and its servers: pure, the time is an argument.

Holders and switches are those of `hakeeper.cloud_register`: a switch is an action that locks its
address, and the address goes to its new server when the switch ends.
"""

import ipaddress
import itertools
from dataclasses import dataclass
from typing import TypeAlias

from hakeeper import cloud_register
from hakeeper.cloud_register import Move, Refusal, Register
from hakeeper.demo.cloud.project import NO_QUIRK, Quirk
from hakeeper.demo.cloud.values import CREATED, OPERATOR, JsonObject
from hakeeper.demo.robot.values import (
    FAILOVER_ALREADY_ROUTED,
    FAILOVER_LOCKED,
    FAILOVER_NEW_SERVER_NOT_FOUND,
    NOT_FOUND,
    RobotError,
    RobotRules,
    RouteChange,
)

FIRST_SERVER_NUMBER = 321
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotServer:
    """A dedicated server."""

    number: int
    ip: str
    """Its main IP."""
    ipv6_net: str
    """The address of its main IPv6 network, such as 2001:db8:1::."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """A failover IP, or a failover network of IPv6; where it is routed stands in the register."""

    network: Network
    owner: int
    """The number of the server that it was ordered for, whoever has it."""

    @property
    def ip(self) -> str:
        """Its name in the API: the first address."""
        return str(self.network.network_address)


@dataclass(slots=True, kw_only=True)
class Switch(cloud_register.Action):
    """A switch that was accepted."""

    fault: int | None = None


class RobotModel:
    """One account. Not thread-safe."""

    def __init__(self, rules: RobotRules | None = None) -> None:
        """Start with an empty account."""
        self.rules = rules or RobotRules()
        self.servers: dict[int, RobotServer] = {}
        self.failovers: dict[str, Failover] = {}
        self.changes: list[RouteChange] = []
        self.register = Register[Switch](self.servers, self._moved)
        self._numbers = itertools.count(FIRST_SERVER_NUMBER)

    # --- the operator's hand --------------------------------------------------------------------

    def add_server(self, ip: str, ipv6_net: str, number: int | None = None) -> RobotServer:
        """Add a server; ValueError for an address or a number that cannot be."""
        number = next(self._numbers) if number is None else number
        if number in self.servers:
            raise ValueError(f"server {number} is there already")
        made = RobotServer(
            number=number,
            ip=str(ipaddress.IPv4Address(ip)),
            ipv6_net=str(ipaddress.IPv6Address(ipv6_net)),
        )
        self.servers[number] = made
        return made

    def remove_server(self, number: int, now: float) -> None:
        """Take a server away: what is routed to it is routed to none then.

        ValueError for one that failover IPs were ordered for.
        """
        self.server(number)
        if any(each.owner == number for each in self.failovers.values()):
            raise ValueError(f"server {number} has failover IPs")
        for ip in self.register.held_by(number):
            self.register.give(ip, None, now, OPERATOR)
        del self.servers[number]

    def add_failover(self, network: str, owner: int, to: int | None, now: float) -> Failover:
        """Add a failover IP that was ordered for a server and is routed to one, or to none."""
        made = Failover(network=ipaddress.ip_network(network), owner=self.server(owner).number)
        if to is not None:
            self.server(to)
        if made.ip in self.failovers:
            raise ValueError(f"failover IP {made.ip} is there already")
        self.failovers[made.ip] = made
        self.register.add(made.ip, to, now)
        self._moved(Move(now, made.ip, None, to, CREATED))
        return made

    def move(self, ip: str, to: int | None, now: float) -> None:
        """Route an address at once, as if somebody had done it in Robot's web interface."""
        if to is not None:
            self.server(to)
        self.register.give(self.failover(ip).ip, to, now, OPERATOR)

    def server(self, number: int) -> RobotServer:
        """Return a server; ValueError if it is not there."""
        if number not in self.servers:
            raise ValueError(f"server {number} is not there")
        return self.servers[number]

    def end_switches_of(self, fault: int, now: float) -> None:
        """Make the switches that a fault keeps running fail now."""
        self.register.fail_endless(now, lambda switch: switch.fault == fault)

    # --- the API's rules ------------------------------------------------------------------------

    def failover(self, ip: str) -> Failover:
        """Return a failover IP, however it is spelled; raises the API's error."""
        try:
            name = str(ipaddress.ip_address(ip))
        except ValueError:
            name = ip
        if name not in self.failovers:
            raise RobotError(NOT_FOUND, f"failover ip {ip} not found")
        return self.failovers[name]

    def route(
        self, ip: str, target: str, now: float, *, cause: str, quirk: Quirk = NO_QUIRK
    ) -> Switch:
        """Accept or refuse a switch to the server with this main address of the same family.

        That a server named by its address of the other family is not found is our guess.
        """
        self.register.advance(now)
        failover = self.failover(ip)
        wanted = ipaddress.ip_address(target)
        number = next(
            (
                each.number
                for each in self.servers.values()
                if self._target(failover, each) == wanted
            ),
            None,
        )
        if number is None:
            raise RobotError(FAILOVER_NEW_SERVER_NOT_FOUND, f"server {target} not found")
        return self._start(failover, number, now, cause, quirk)

    def unroute(self, ip: str, now: float, *, cause: str, quirk: Quirk = NO_QUIRK) -> Switch | None:
        """Accept or refuse to take a route away.

        None: there is none, which is no error. That is our guess: none is documented.
        """
        self.register.advance(now)
        failover = self.failover(ip)
        try:
            return self._start(failover, None, now, cause, quirk)
        except RobotError as error:
            if error.code != FAILOVER_ALREADY_ROUTED:
                raise
            return None

    def _start(
        self, failover: Failover, to: int | None, now: float, cause: str, quirk: Quirk
    ) -> Switch:
        match self.register.refusal(failover.ip, to, lock_servers=False):
            case Refusal.LOCKED:
                raise RobotError(FAILOVER_LOCKED, "switching failover is locked, another one runs")
            case Refusal.ALREADY:
                raise RobotError(FAILOVER_ALREADY_ROUTED, "failover already routed there")
        switch = Switch(
            id=self.register.next_id(),
            resource=failover.ip,
            server=to,
            cause=cause,
            **quirk.course(self.rules.switch_s, now),
        )
        self.register.accept(switch, now)
        return switch

    def _moved(self, move: Move) -> None:
        self.changes.append(
            RouteChange(
                at_s=move.at_s,
                ip=str(move.resource),
                old=None if move.old is None else int(move.old),
                new=None if move.new is None else int(move.new),
                cause=move.cause,
                late=move.action is not None and move.action.late,
            )
        )

    # --- how it is shown ------------------------------------------------------------------------

    def shown(self, failover: Failover, as_of_s: float) -> JsonObject:
        """Return the API's object, as it was at a time."""
        owner = self.servers[failover.owner]
        number = self.register.holder_at(failover.ip, as_of_s)
        holder = None if number is None else self.servers.get(int(number))
        shown: JsonObject = {
            "ip": failover.ip,
            "netmask": str(failover.network.netmask),
            "server_ip": owner.ip,
            "server_ipv6_net": owner.ipv6_net,
            "server_number": owner.number,
            "active_server_ip": None if holder is None else str(self._target(failover, holder)),
        }
        if self.rules.shows_status:
            busy = any(
                switch.resource == failover.ip and switch.started_s <= as_of_s < switch.ends_s
                for switch in self.register.actions.values()
            )
            shown["status"] = "processing" if busy else "ready"
        return shown

    @staticmethod
    def _target(
        failover: Failover, server: RobotServer
    ) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        text = server.ip if failover.network.version == 4 else server.ipv6_net  # noqa: PLR2004
        return ipaddress.ip_address(text)
