"""The cloud in virtual time, with private networks and the alias IPs that servers have in them.

A request replaces the whole list of one server in one network, with exactly what it says, when it
takes effect: what others put there since the list was read is wiped out. What another server has by
then stays there. Servers have aliases that are no concern of hakeeper's, which come and go.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Final

from hakeeper.cloud_register import Move
from hakeeper.core.calls import (
    AllRead,
    Answer,
    Failure,
    FailureKind,
    Mutate,
    MutationAccepted,
    ReadAll,
    ReadOne,
    Request,
)
from hakeeper.core.kind import Kind
from hakeeper.core.observation import Key, Observation, Part, Reading, ResourceRef
from hakeeper.kinds import alias_ip
from hakeeper.kinds.private_networks import place_of
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import (
    ANOTHER_ACTOR,
    LOCKED,
    NOT_FOUND,
    WorldCloud,
    number_in,
)
from hakeeper.simulate.observer import ListChange, Observer
from hakeeper.simulate.project import Accepted, Nature, Project, failure

FIRST_NETWORK: Final = 64
"""Network 64 is 10.64.0.0/16, and so on; the low half of an address of ours is its number."""
FOREIGNERS: Final = 2
"""A server has so many aliases of others at most, while it has room."""
POOL: Final = 48
"""In each network, so many addresses may be aliases of others."""
TIDIED_S: Final = 10.0
"""After this, others take out again what an old list brought back."""
OLD_LIST: Final = "an old list"
"""The cause of a move that a request was not about."""
_READINGS_KEPT: Final = 400
TAKEN: Final = failure(FailureKind.ALREADY, "ip_not_available", 422)
TOO_MANY: Final = failure(FailureKind.REFUSED, "invalid_input", 422)


@dataclass(slots=True, kw_only=True)
class ListAction(Accepted):
    """An accepted request for another list."""

    network: int
    aliases: tuple[str, ...]
    request: Mutate


class AliasCloud(WorldCloud):
    """The true state; resources go by their numbers, aliases of others by `NETWORK/IP`."""

    def __init__(
        self,
        nature: Nature | Project,
        kind: Kind,
        agenda: Agenda,
        on_move: Callable[[Move], None],
    ) -> None:
        """Begin with one network that nobody is attached to."""
        super().__init__(nature, kind, agenda, on_move)
        self.networks: tuple[int, ...] = (FIRST_NETWORK,)
        self.lists_members = True
        """Whether the API lists the members of one network."""
        self.most_of_others = FOREIGNERS
        self.detached: list[Key] = []
        """Servers that are in no network; one may be here twice."""
        self._places: dict[Key, tuple[int, str]] = {}
        """The network and the address of every alias, ours and those of others."""
        self._keys: dict[tuple[int, str], Key] = {}
        self._observers = Observer()
        self._read: OrderedDict[int, tuple[Reading, float]] = OrderedDict()
        """The last readings, and of when they are."""

    # --- the scene ---------------------------------------------------------------------------

    def furnish(self, rng: Random | None, observers: Observer, ours: int) -> None:
        """Make one network or two, and let servers have aliases of others."""
        self._observers = observers
        self.most_of_others = min(FOREIGNERS, alias_ip.MOST - ours)
        if rng is not None:
            self.networks = tuple(range(FIRST_NETWORK, FIRST_NETWORK + rng.choice((1, 1, 2))))
            self.lists_members = rng.random() < 0.7  # noqa: PLR2004
        for network in self.networks:
            for number in range(POOL):
                ip = _address(network, 0x8000 + number)
                self._add_alias(f"{network}/{ip}", network, ip, None)
            for server_id in self.servers:
                most = self.spare(server_id)
                for _ in range(0 if rng is None else rng.randrange(most + 1)):
                    self._register.give(self.free(network)[0], server_id, -inf, ANOTHER_ACTOR)

    def add_numbered(self, number: int, holder: Key | None) -> None:
        """Add the alias IP with this number."""
        network, ip = self._place(number)
        self.resources[number] = Observation(
            id=alias_ip.resource(network, ip), label=ip, server_id=holder
        )
        self._add_alias(number, network, ip, holder)

    def _add_alias(self, key: Key, network: int, ip: str, holder: Key | None) -> None:
        self._places[key], self._keys[network, ip] = (network, ip), key
        self._register.add(key, holder, self._agenda.now)

    def _place(self, number: int) -> tuple[int, str]:
        network = self.networks[number % len(self.networks)]
        return network, _address(network, number)

    def ref_of(self, number: int) -> ResourceRef:
        """Return how configurations name it: some by the network as well."""
        network, ip = self._place(number)
        return self.kind.ref(ip, network=f"net-{network}") if number % 3 == 0 else self.kind.ref(ip)

    # --- what others do ----------------------------------------------------------------------

    def held(self, network: int, server_id: Key) -> list[Key]:
        """Return the aliases that a server has in a network, by their keys."""
        holder = self._register.holder
        return [k for k, (n, _) in self._places.items() if n == network and holder(k) == server_id]

    def foreigners(self, network: int, server_id: Key) -> list[Key]:
        """Return those of them that are no concern of ours."""
        return [key for key in self.held(network, server_id) if isinstance(key, str)]

    def spare(self, server_id: Key, beside: int | None = None) -> int:
        """Return how many more of others a server may get, so that ours have room: in all networks.

        Those in the network `beside` do not count: its list is to be replaced.
        """
        networks = (each for each in self.networks if each != beside)
        has = sum(len(self.foreigners(each, server_id)) for each in networks)
        return max(0, self.most_of_others - has)

    def free(self, network: int) -> list[Key]:
        """Return the addresses of a network that are aliases of others at times, and not now."""
        holder, places = self._register.holder, self._places.items()
        return [k for k, (n, _) in places if n == network and isinstance(k, str) and not holder(k)]

    def room(self, network: int, server_id: Key) -> int:
        """Return how many aliases more a server may have, in this network or another."""
        attached = server_id in self.servers and server_id not in self.detached
        has = sum(len(self.held(each, server_id)) for each in self.networks)
        return alias_ip.MOST - has if attached and network in self.networks else 0

    def may_have(self, resource: Key, server_id: Key) -> bool:
        """Say whether a server is attached, and has room for it."""
        if self._register.holder(resource) == server_id:
            return True
        return self.room(self._places[resource][0], server_id) > 0

    def move(self, resource: Key, holder: Key | None, cause: str = ANOTHER_ACTOR) -> None:
        """Change a holder, by whoever it is; who cannot have it does not get it."""
        able = holder is not None and self.may_have(resource, holder)
        super().move(resource, holder if able else None, cause)

    def change_list(self, network: int, server_id: Key, keys: Iterable[Key]) -> None:
        """Let somebody else than hakeeper replace a server's list."""
        self._exchange(network, server_id, tuple(keys), None)

    def detach(self, server_id: Key) -> None:
        """Take a server out of its networks: its aliases are gone."""
        for network in self.networks:
            self.change_list(network, server_id, ())
        self.detached.append(server_id)

    # --- answering ---------------------------------------------------------------------------

    def cost(self, request: Request) -> int:
        """Return how many HTTP requests it takes: those of a list of networks, and of servers."""
        if not isinstance(request, ReadAll):
            return 1
        return len(request.within) or 1 + self.kind.api.pages_of(len(self.servers))

    def answer(self, request: Request, caller: Key, lag_s: float = 0.0) -> Answer | Failure:
        """Carry a request out now; `lag_s`: lists are those of so long ago."""
        match request:
            case ReadAll(kind, within):
                known = set(self.networks) - self._gone()
                if within and not (self.lists_members and known.issuperset(within)):
                    return NOT_FOUND
                reading = self._reading([n for n in self.networks if n in (within or known)], lag_s,
                                        whole=not within)  # fmt: skip
                return AllRead(kind, reading, within, requests=self.cost(request))
            case ReadOne():
                return NOT_FOUND
            case Mutate():
                return self._accepted(request)
            case _:
                return super().answer(request, caller, lag_s)

    def _gone(self) -> set[int]:
        """Return the networks that are gone, with what is in them."""
        return {self._places[number][0] for number in self.faults.gone if number in self.resources}

    def _reading(self, networks: list[int], lag_s: float, *, whole: bool) -> Reading:
        lag_s = max([lag_s, *self.faults.stale_s])
        then_s, register = self._agenda.now - lag_s, self._register
        lists: dict[tuple[int, Key], list[str]] = {}
        for key, (network, ip) in self._places.items():
            holder = register.holder_at(key, then_s) if lag_s else register.holder(key)
            if holder is not None:
                lists.setdefault((network, holder), []).append(ip)
        slipped = [number for number in self.faults.slipped if number in self.resources]
        hidden = {*self.detached, *map(register.holder, slipped)}
        if slipped:  # what a hidden server has seems to be nobody's
            self.faults.stale_at = self._agenda.now
        shown = [server for server in self.servers if server not in hidden]
        reading = Reading(
            (),
            parts=tuple(
                Part(
                    key=network,
                    name=f"net-{network}" if whole else "",
                    network=ipaddress.IPv4Network(_address(network, 0) + "/16") if whole else None,
                    rows=tuple(
                        (str(s), _address(network, 0xC000 + int(s)), *lists.get((network, s), ()))
                        for s in shown
                    ),
                )
                for network in networks
            ),
        )
        self._read[id(reading)] = (reading, then_s)
        if len(self._read) > _READINGS_KEPT:
            self._read.popitem(last=False)
        return reading

    def as_of(self, reading: Reading) -> float:
        """Return of when a reading is that was answered not long ago."""
        return self._read[id(reading)][1]

    def _accepted(self, request: Mutate) -> MutationAccepted | Failure:
        """Take in a request for another list, as the API would get it; or refuse it."""
        server_id, network, aliases = list_asked_for(self.kind, request)
        refusal = self._refusal(server_id, network, aliases)
        if refusal is not None:
            return refusal
        return self._begin(
            ListAction(
                twin=self,
                resource=f"{network}/{server_id}",
                server=server_id,
                network=network,
                aliases=aliases,
                request=request,
                **self._course(request.step.holder),
            )
        )

    def _refusal(self, server_id: Key, network: int, aliases: tuple[str, ...]) -> Failure | None:
        if server_id not in self.servers or network not in self.networks:
            return NOT_FOUND
        if network in self._gone():
            return NOT_FOUND
        if server_id in self.detached:
            return NOT_FOUND
        if self.nature.lock_servers and self._register.is_busy(server_id):
            return LOCKED
        others = (each for each in self.networks if each != network)
        count = len(set(aliases)) + sum(len(self.held(each, server_id)) for each in others)
        if count > alias_ip.MOST:
            return TOO_MANY
        holders = {self._register.holder(key) for key in self._keys_of(network, aliases)}
        return TAKEN if holders - {None, server_id} else None

    def _keys_of(self, network: int, aliases: Iterable[str]) -> Iterator[Key]:
        return (self._keys[network, ip] for ip in aliases if (network, ip) in self._keys)

    # --- taking effect -----------------------------------------------------------------------

    def carry_out(self, action: Accepted, now: float) -> None:
        """Let a list be what the request said, whatever it has become meanwhile."""
        assert isinstance(action, ListAction)  # noqa: S101  # for mypy: there are no others
        server_id = action.server
        if server_id is None or server_id not in self.servers or server_id in self.detached:
            return
        wanted = tuple(self._keys_of(action.network, action.aliases))
        self._exchange(action.network, server_id, wanted, action, now)

    def _exchange(
        self,
        network: int,
        server_id: Key,
        wanted: tuple[Key, ...],
        action: ListAction | None,
        now: float | None = None,
    ) -> None:
        """Replace a list; what another server has by now stays there."""
        now = self._agenda.now if now is None else now
        before, give = self.held(network, server_id), self._register.give
        meant = () if action is None else map(place_of, action.request.resources)
        numbers = {number_in(ip) for _, ip in meant}
        cause = ANOTHER_ACTOR if action is None else action.cause

        def why(key: Key) -> str:
            return cause if action is None or key in numbers else OLD_LIST

        for key in before:
            if key not in wanted:
                give(key, None, now, why(key), action)
        for key in wanted:
            if key not in before and self._register.holder(key) is None:
                give(key, server_id, now, why(key), action)
                if action is not None and isinstance(key, str):
                    self._agenda.after(TIDIED_S, self._tidy, network, server_id, key)
        after = self.held(network, server_id)
        places, request = self._places, None if action is None else action.request
        was, became = (tuple(places[key][1] for key in keys) for keys in (before, after))
        self._observers.list_changed(ListChange(network, server_id, was, became, request))

    def _tidy(self, network: int, server_id: Key, key: Key) -> None:
        """Let its owner take out an alias that an old list has brought back."""
        kept = self.held(network, server_id)
        if key in kept:
            self.change_list(network, server_id, (each for each in kept if each != key))


def list_asked_for(kind: Kind, request: Mutate) -> tuple[Key, int, tuple[str, ...]]:
    """Return what a request for another list says: the server, the network, and the list."""
    http = kind.request_of(request.resources, request.step)
    body = http.body or {}
    network, aliases = body["network"], body["alias_ips"]
    assert isinstance(network, int) and isinstance(aliases, list)  # noqa: S101, PT018  # for mypy
    return int(http.path.split("/")[2]), network, tuple(map(str, aliases))


def _address(network: int, low: int) -> str:
    return f"10.{network}.{low >> 8}.{low & 0xFF}"
