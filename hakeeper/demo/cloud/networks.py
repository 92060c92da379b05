"""Private networks: who is attached to them, and which alias IPs each server has, now and then."""

import bisect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network

from hakeeper.demo.cloud.errors import ApiError, invalid_input, not_found
from hakeeper.demo.cloud.project import free_id, refuse_used_name
from hakeeper.demo.cloud.values import CREATED, AliasChange

MAX_ALIAS_IPS = 5
"""Of a server in all its networks."""
MAX_NETWORKS = 3
"""Of a server."""
_MADE_PREFIX = 24
"""The size of a network that is made for an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A private network. Addresses of servers come from its subnets."""

    id: int
    name: str
    ip_range: IPv4Network
    subnets: tuple[IPv4Network, ...]
    created_s: float
    labels: dict[str, str] = field(default_factory=dict)

    def subnet_of(self, ip: IPv4Address) -> IPv4Network | None:
        """Return the subnet that an address is in."""
        return next((each for each in self.subnets if ip in each), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a server has in a network: its own address and, in order, its alias IPs."""

    ip: str
    alias_ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Who changes a list of alias IPs, for the record."""

    cause: str
    late: bool = False
    action: int | None = None


class Networks:
    """All private networks of a project. Not thread-safe; the caller checks that servers exist."""

    def __init__(self) -> None:
        """Start without networks."""
        self.all: dict[int, Network] = {}
        self.changes: list[AliasChange] = []
        self._ids = itertools.count(1)
        self._histories: dict[tuple[int, int], list[tuple[float, Member | None]]] = {}
        """By network and server; the last entry is the present one, None: detached."""

    # --- networks -----------------------------------------------------------------------------

    def add(
        self,
        name: str,
        ip_range: str,
        now: float,
        *,
        network_id: int | None = None,
        subnets: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
    ) -> Network:
        """Create a network; without subnets it has one, as large as itself."""
        refuse_used_name(name, (each.name for each in self.all.values()), "network")
        whole = _range(ip_range, "ip_range")
        parts = tuple(_range(each, "subnets") for each in subnets) or (whole,)
        if not all(each.subnet_of(whole) for each in parts):
            raise invalid_input("subnets", "must be inside of the ip_range")
        if any(one.overlaps(other) for one, other in itertools.combinations(parts, 2)):
            raise invalid_input("subnets", "must not overlap")
        network = Network(
            id=free_id(network_id, self._ids, self.all),
            name=name,
            ip_range=whole,
            subnets=parts,
            created_s=now,
            labels=dict(labels or {}),
        )
        self.all[network.id] = network
        return network

    def get(self, network: int) -> Network:
        """Return a network; raises the API's 404."""
        if network not in self.all:
            raise not_found("network", network)
        return self.all[network]

    # --- members ------------------------------------------------------------------------------

    def member_at(self, network: int, server: int, at_s: float) -> Member | None:
        """Return what a server had in a network then; before it was attached, what it had first."""
        history = self._histories.get((network, server))
        if history is None:
            return None
        after = bisect.bisect_right(history, at_s, key=lambda entry: entry[0])
        return history[max(0, after - 1)][1]

    def member(self, network: int, server: int) -> Member | None:
        """Return what a server has in a network; None: it is not attached."""
        history = self._histories.get((network, server))
        return None if history is None else history[-1][1]

    def members_at(self, network: int, at_s: float) -> dict[int, Member]:
        """Return the servers of a network, in order of their ids."""
        servers = sorted(server for each, server in self._histories if each == network)
        found = {server: self.member_at(network, server, at_s) for server in servers}
        return {server: member for server, member in found.items() if member is not None}

    def of_server(self, server: int) -> list[int]:
        """Return the networks that a server is attached to."""
        return [number for number in self.all if self.member(number, server) is not None]

    def aliases(self, network: int) -> dict[str, int]:
        """Return who has which alias IP in truth."""
        self.get(network)
        return {ip: server for server, each in self._present(network) for ip in each.alias_ips}

    def _present(self, network: int) -> list[tuple[int, Member]]:
        return [
            (server, history[-1][1])
            for (each, server), history in self._histories.items()
            if each == network and history[-1][1] is not None
        ]

    # --- attaching ----------------------------------------------------------------------------

    def attach(
        self, server: int, network: int, ip: str, now: float, alias_ips: Sequence[str] = ()
    ) -> None:
        """Attach a server with this address of a subnet; a fourth network is our guess of a 403."""
        place = self.get(network)
        if self.member(network, server) is not None:
            raise ApiError("server_already_attached", "server is already attached", {})
        mine = self.of_server(server)
        if len(mine) >= MAX_NETWORKS:
            raise ApiError("resource_limit_exceeded", "server has too many networks", {})
        if any(self.all[each].ip_range.overlaps(place.ip_range) for each in mine):
            raise ApiError("networks_overlap", "overlaps with a network of the server", {})
        if place.subnet_of(_address(ip, "ip")) is None:
            raise invalid_input("ip", "is not in a subnet of the network")
        self._refuse_taken(server, network, (ip,))
        self._check_list(server, network, ip, alias_ips)
        self._set(server, network, Member(ip=ip, alias_ips=tuple(alias_ips)), now)
        self._record(server, network, (), alias_ips, now, Writer(CREATED))

    def check_private_ips(self, private_ips: Sequence[str]) -> None:
        """Refuse addresses that are none, before a server has them."""
        for ip in private_ips:
            _address(ip, "private_ips")

    def attach_somewhere(self, server: int, ip: str, now: float) -> int:
        """Attach a server to the first network with this address, or to one made for it.

        It may be the address of others: daemons on one machine share theirs.
        """
        address = _address(ip, "ip")
        for network in self.all.values():
            if network.subnet_of(address) and self.member(network.id, server) is None:
                break
        else:
            made = IPv4Network((ip, _MADE_PREFIX), strict=False)
            number = free_id(None, self._ids, self.all)
            network = self.add(f"network-{number}", str(made), now, network_id=number)
        self._set(server, network.id, Member(ip=ip), now)
        return network.id

    def detach(self, server: int, network: int, now: float, writer: Writer) -> None:
        """Detach a server; its alias IPs are nobody's then."""
        self.attached(server, network)
        self.write(server, network, (), now, writer)
        self._set(server, network, None, now)

    # --- alias IPs ----------------------------------------------------------------------------

    def attached(self, server: int, network: int) -> Member:
        """Return what a server has in a network; the 404 of one that has nothing is our guess."""
        self.get(network)
        member = self.member(network, server)
        if member is None:
            raise ApiError("not_found", "server not attached to network", {})
        return member

    def check(self, server: int, network: int, alias_ips: Sequence[str]) -> None:
        """Refuse a list that this server cannot have now.

        Documented: the limit of five, and that addresses are in the network's range. The codes,
        and that the address of another server is refused, are our guesses (`ip_not_available` is
        documented for attaching). Its own address is refused too, again a guess.
        """
        member = self.attached(server, network)
        self._check_list(server, network, member.ip, alias_ips)

    def _check_list(self, server: int, network: int, own: str, alias_ips: Sequence[str]) -> None:
        whole = self.get(network).ip_range
        elsewhere = [
            self.member(each, server) for each in self.of_server(server) if each != network
        ]
        others = sum(len(each.alias_ips) for each in elsewhere if each is not None)
        if len(alias_ips) + others > MAX_ALIAS_IPS:
            raise invalid_input("alias_ips", f"must not be more than {MAX_ALIAS_IPS} of a server")
        if len(set(alias_ips)) < len(alias_ips):
            raise invalid_input("alias_ips", "must not contain an address twice")
        if not all(_address(each, "alias_ips") in whole for each in alias_ips):
            raise invalid_input("alias_ips", "must be in the IP range of the network")
        if own in alias_ips:
            raise invalid_input("alias_ips", "must not contain the server's own address")
        self._refuse_taken(server, network, alias_ips)

    def _refuse_taken(self, server: int, network: int, wanted: Sequence[str]) -> None:
        taken = self._of_others(server, network)
        for ip in wanted:
            if ip in taken:
                raise ApiError("ip_not_available", f"IP {ip} is not available", {})

    def _of_others(self, server: int, network: int) -> set[str]:
        others = [member for who, member in self._present(network) if who != server]
        return {ip for each in others for ip in (each.ip, *each.alias_ips)}

    def write(
        self, server: int, network: int, alias_ips: Sequence[str], at_s: float, writer: Writer
    ) -> None:
        """Replace the whole list, but for addresses that another server has by now."""
        member = self.attached(server, network)
        taken = self._of_others(server, network)
        given = tuple(ip for ip in alias_ips if ip not in taken)
        if given == member.alias_ips:
            return
        self._set(server, network, replace(member, alias_ips=given), at_s)
        self._record(server, network, member.alias_ips, given, at_s, writer)

    def _record(
        self,
        server: int,
        network: int,
        before: Sequence[str],
        after: Sequence[str],
        at_s: float,
        writer: Writer,
    ) -> None:
        lost = [(ip, server, None) for ip in before if ip not in after]
        won = [(ip, None, server) for ip in after if ip not in before]
        for ip, old, new in (*lost, *won):
            self.changes.append(
                AliasChange(
                    at_s=at_s,
                    network=network,
                    ip=ip,
                    old=old,
                    new=new,
                    cause=writer.cause,
                    late=writer.late,
                    action=writer.action,
                )
            )

    def _set(self, server: int, network: int, member: Member | None, at_s: float) -> None:
        self._histories.setdefault((network, server), []).append((at_s, member))


def _range(text: str, field_name: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise invalid_input(field_name, str(error)) from error


def _address(text: str, field_name: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as error:
        raise invalid_input(field_name, str(error)) from error
