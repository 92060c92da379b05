"""The state of the simulated cloud and its rules: pure, the time is an argument.

Holders and actions are those of `hakeeper.cloud_register`: nothing happens by itself, so the same
model works in a real server and in virtual time.
"""

import ipaddress
import itertools
from collections.abc import Iterable, Mapping, Sequence

from hakeeper.cloud_register import Move, Refusal, Register
from hakeeper.demo.cloud.errors import ApiError, invalid_input, not_found
from hakeeper.demo.cloud.locations import LOCATIONS
from hakeeper.demo.cloud.networks import Networks, Writer
from hakeeper.demo.cloud.project import (
    NO_QUIRK,
    Action,
    AliasAction,
    Course,
    FloatingIp,
    Quirk,
    Server,
    default_ipv4,
    default_ipv6,
    free_id,
    list_key,
    refuse_used_name,
)
from hakeeper.demo.cloud.values import CREATED, OPERATOR, USUAL, HolderChange, Rules

FIRST_SERVER_ID = 101
FIRST_FLOATING_IP_ID = 4711


class CloudModel:
    """One project: servers, floating IPs, private networks, actions. Not thread-safe.

    `epoch_s` is the wall time (UNIX seconds) at which `now` was 0.
    """

    def __init__(self, *, epoch_s: float = 0.0, rules: Rules | None = None) -> None:
        """Start with an empty project."""
        self.epoch_s = epoch_s
        self.rules = rules or Rules()
        self.servers: dict[int, Server] = {}
        self.floating_ips: dict[int, FloatingIp] = {}
        self.networks = Networks()
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
        """Create a server; names are unique in a project. None: without that Primary IP.

        It is attached to a private network for each of its private addresses; one is made if no
        network has the address.
        """
        refuse_used_name(name, (each.name for each in self.servers.values()), "server")
        if location not in LOCATIONS:
            raise invalid_input("location", "is unknown")
        addresses = tuple(private_ips)
        self.networks.check_private_ips(addresses)
        number = free_id(server_id, self._server_ids, self.servers)
        server = Server(
            id=number,
            name=name,
            location=location,
            created_s=now,
            status=status,
            labels=dict(labels or {}),
            ipv4=default_ipv4(number) if ipv4 == USUAL else ipv4,
            ipv6=default_ipv6(number) if ipv6 == USUAL else ipv6,
        )
        self.servers[server.id] = server
        for ip in addresses:
            network = self.networks.attach_somewhere(number, ip, now)
            self.register.add(list_key(number, network), None, now)
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
        refuse_used_name(name, (each.name for each in self.floating_ips.values()), "floating IP")
        if server is not None and server not in self.servers:
            raise not_found("server", server)
        if location not in LOCATIONS:
            raise invalid_input("home_location", "is unknown")
        _check_address(ip)
        floating_ip = FloatingIp(
            id=free_id(floating_ip_id, self._floating_ip_ids, self.floating_ips),
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
        """Delete a server; its floating IPs are unassigned then, and its alias IPs are nobody's."""
        self.register.advance(now)
        self.server(server)
        for network in self.networks.of_server(server):
            self.detach(server, network, now)
        for floating_ip in self.register.held_by(server):
            self.register.give(floating_ip, None, now, OPERATOR)
        del self.servers[server]

    def update_floating_ip(
        self,
        floating_ip_id: int,
        *,
        name: str | None = None,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> FloatingIp:
        """Change what is given; the labels given are all that it has from then on."""
        item = self.floating_ip(floating_ip_id)
        if name is not None:
            others = (each.name for each in self.floating_ips.values() if each is not item)
            refuse_used_name(name, others, "floating IP")
            item.name = name
        item.description = item.description if description is None else description
        item.labels = item.labels if labels is None else dict(labels)
        return item

    def remove_floating_ip(self, floating_ip: int, now: float) -> None:
        """Delete a floating IP; its history stays in `changes`."""
        self.register.advance(now)
        self.floating_ip(floating_ip)
        del self.floating_ips[floating_ip]
        self.register.remove(floating_ip)

    def attach(
        self, server: int, network: int, ip: str, now: float, alias_ips: Sequence[str] = ()
    ) -> None:
        """Attach a server to a private network at once, with alias IPs if wanted."""
        self.register.advance(now)
        self.server(server)
        self.networks.attach(server, network, ip, now, alias_ips)
        self.register.add(list_key(server, network), None, now)

    def detach(self, server: int, network: int, now: float) -> None:
        """Detach a server from a private network; actions that run change nothing there."""
        self.register.advance(now)
        self.server(server)
        self.networks.detach(server, network, now, Writer(OPERATOR))
        self.register.remove(list_key(server, network))

    def set_alias_ips(
        self, server: int, network: int, alias_ips: Sequence[str], now: float
    ) -> None:
        """Replace a list at once, as if by hand, without an action and without a lock."""
        self.register.advance(now)
        self.server(server)
        self.networks.check(server, network, alias_ips)
        self.networks.write(server, network, alias_ips, now, Writer(OPERATOR))

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
        action = Action(
            id=self.register.next_id(),
            command=command,
            resource=floating_ip,
            server=server,
            cause=cause,
            **self._course(quirk, now),
        )
        self.register.accept(action, now)
        return action

    def change_alias_ips(
        self,
        server_id: int,
        network_id: int,
        alias_ips: Sequence[str],
        now: float,
        *,
        cause: str,
        quirk: Quirk = NO_QUIRK,
    ) -> Action:
        """Accept or refuse a list that replaces all alias IPs of a server in a network.

        That a server and a network are locked while a change of theirs runs is inferred from the
        resources of its action; the code for a server that is off is our guess.
        """
        self.register.advance(now)
        server = self.server(server_id)
        self.networks.attached(server_id, network_id)
        if self.rules.refuse_off and server.status == "off":
            raise ApiError("unsupported_error", "server is off", {})
        self._refuse_locked(server_id, network_id)
        self.networks.check(server_id, network_id, alias_ips)
        action = AliasAction(
            id=self.register.next_id(),
            command="change_alias_ips",
            resource=list_key(server_id, network_id),
            server=server_id,
            cause=cause,
            network=network_id,
            member=server_id,
            alias_ips=tuple(alias_ips),
            **self._course(quirk, now),
        )
        self.register.accept(action, now)
        return action

    def _course(self, quirk: Quirk, now: float) -> Course:
        at_accept = self.rules.holder_at_accept
        return quirk.course(self.rules.action_s, now, at_accept=at_accept)

    def _refuse_locked(self, server: int, network: int) -> None:
        for each in self.register.running():
            aliases = isinstance(each, AliasAction)
            if not each.locks or not (aliases or self.rules.lock_servers):
                continue
            if each.server == server:
                raise ApiError("locked", "cannot perform operation because server is locked", {})
            if self.rules.lock_networks and each.concerns("network", network):
                raise ApiError("locked", "network is locked", {})

    def _moved(self, move: Move) -> None:
        if isinstance(move.action, AliasAction):
            self._written(move.action, move.at_s)
            return
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

    def _written(self, action: AliasAction, at_s: float) -> None:
        writer = Writer(action.cause, late=action.late, action=action.id)
        self.networks.write(action.member, action.network, action.alias_ips, at_s, writer)


def _check_address(ip: str) -> None:
    try:
        if ":" in ip:
            ipaddress.IPv6Network(ip)
        else:
            ipaddress.IPv4Address(ip)
    except ValueError as error:
        raise invalid_input("ip", str(error)) from error
