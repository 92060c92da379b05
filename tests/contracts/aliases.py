"""Both ports with private networks, and what a story about alias IPs may do with them.

There are two networks, 64 and 65, to which all three servers are attached. An alias IP of ours goes
by its number: even ones lie in the first network, odd ones in the second.
"""

from abc import abstractmethod

from hakeeper.core.calls import AllRead, Mutate, ReadAll, Step
from hakeeper.core.model import Server
from hakeeper.core.observation import Key, Observation, Part, Reading, ResourceRef
from hakeeper.kinds import ALIAS_IPS
from hakeeper.kinds.private_networks import merged
from hakeeper.simulate.alias_cloud import AliasCloud
from hakeeper.simulate.cloud import ANOTHER_ACTOR
from tests.contracts.fake import FakePort
from tests.contracts.port import ME, OTHER, STRANGER, Port
from tests.contracts.real import RealPort, Tls

NETWORKS = (64, 65)
US = Server(id=ME, name="node1", status="running")
WHOLE = ReadAll(ALIAS_IPS.name)


def within(*networks: Key) -> ReadAll:
    """Ask for the members of these networks only."""
    return ReadAll(ALIAS_IPS.name, networks)


def network_of(number: int) -> int:
    """Return the network in which the alias IP with this number lies."""
    return NETWORKS[number % 2]


def ip_of(number: int) -> str:
    """Return its address."""
    return f"10.{network_of(number)}.0.{number}"


def ref_of(number: int) -> ResourceRef:
    """Name it as a configuration does."""
    return ALIAS_IPS.ref(ip_of(number))


def own_ip(network: int, server_id: int) -> str:
    """Return the address that a server itself has in a network."""
    return f"10.{network}.{192 + server_id // 256}.{server_id % 256}"


class AliasPort(Port):
    """A port whose `add_ip`, `holder` and `move` are about alias IPs."""

    @abstractmethod
    def add_foreign(self, network: int, ip: str, server_id: int | None) -> None:
        """Let a server have an alias IP that is no concern of ours, or nobody."""

    @abstractmethod
    def holder_of(self, network: int, ip: str) -> int | None:
        """Return who has an alias IP in truth."""

    @abstractmethod
    def detach(self, server_id: int) -> None:
        """Take a server out of all networks."""

    @abstractmethod
    def hide_members(self) -> None:
        """Let the API be an older one, which does not list the members of a network."""


class FakeAliases(FakePort, AliasPort):
    """`AliasCloud`, with nothing in it that was drawn."""

    def __init__(self) -> None:
        super().__init__((ALIAS_IPS,))
        assert isinstance(self._cloud, AliasCloud)
        self._aliases = self._cloud
        self._aliases.networks, self._aliases.lists_members = NETWORKS, True
        self._aliases._places.clear()
        self._aliases._keys.clear()

    def add_foreign(self, network: int, ip: str, server_id: int | None) -> None:
        key = f"{network}/{ip}"
        if key not in self._aliases._places:
            self._aliases._add_alias(key, network, ip, server_id)
        else:
            self._aliases._register.give(key, server_id, self.now(), ANOTHER_ACTOR)

    def holder_of(self, network: int, ip: str) -> int | None:
        holder = self._aliases._register.holder(self._aliases._keys[network, ip])
        return None if holder is None else int(holder)

    def holder(self, floating_ip_id: int) -> int | None:
        return self.holder_of(network_of(floating_ip_id), ip_of(floating_ip_id))

    def detach(self, server_id: int) -> None:
        self._aliases.detach(server_id)

    def hide_members(self) -> None:
        self._aliases.lists_members = False


class RealAliases(RealPort, AliasPort):
    """The simulator's networks."""

    def __init__(self, tls: Tls) -> None:
        super().__init__(tls)
        # The world knows no lock of a whole network.
        self._cloud.set_rules(lock_networks=False)
        for network in NETWORKS:
            self._cloud.add_network(f"net-{network}", f"10.{network}.0.0/16", network_id=network)
            for server_id in (ME, OTHER, STRANGER):
                self._cloud.attach(server_id, network, own_ip(network, server_id))

    def add_ip(self, floating_ip_id: int, holder: int | None) -> None:
        self.add_foreign(network_of(floating_ip_id), ip_of(floating_ip_id), holder)

    def move(self, floating_ip_id: int, holder: int | None) -> None:
        self.add_ip(floating_ip_id, holder)

    def add_foreign(self, network: int, ip: str, server_id: int | None) -> None:
        before = self._cloud.aliases(network)
        for who in (before.get(ip), server_id):
            rest = [each for each, has in before.items() if has == who and each != ip]
            if who is not None:
                self._cloud.set_alias_ips(who, network, [*rest, ip] if who == server_id else rest)

    def holder_of(self, network: int, ip: str) -> int | None:
        return self._cloud.aliases(network).get(ip)

    def holder(self, floating_ip_id: int) -> int | None:
        return self.holder_of(network_of(floating_ip_id), ip_of(floating_ip_id))

    def detach(self, server_id: int) -> None:
        for network in NETWORKS:
            self._cloud.detach(server_id, network)

    def hide_members(self) -> None:
        self._cloud.set_rules(members=False)


# --- what is read --------------------------------------------------------------------------------


def read_list(port: AliasPort, request: ReadAll = WHOLE) -> Reading:
    """Read a list; it must take one request for each network, or one for networks and servers."""
    answer = port.answer(request)
    assert isinstance(answer, AllRead)
    assert (request.kind, request.within) == (answer.kind, answer.within)
    assert (len(request.within) or 2) == answer.requests
    assert ((), ()) == (answer.reading.found, answer.reading.unreadable)
    return answer.reading


def parts_of(reading: Reading) -> dict[Key, Part]:
    """Put networks together; the order of a server's alias IPs says nothing."""
    return {
        key: Part(
            key=key,
            name=part.name,
            network=part.network,
            rows=tuple((who, ip, *sorted(aliases)) for who, ip, *aliases in part.rows),
        )
        for key, part in merged(reading.parts).items()
    }


def seen(port: AliasPort, number: int) -> Observation:
    """Return what the whole list shows of an alias IP of ours."""
    found = ALIAS_IPS.find(ref_of(number), None, read_list(port))
    assert found is not None
    return found


def notes(found: Observation) -> dict[str, tuple[str, ...]]:
    """Return what an observation says of each server: aliases elsewhere, then those here."""
    return {who: (count, *sorted(ips)) for who, count, *ips in found.note}


def step_of(port: AliasPort, *numbers: int) -> Mutate:
    """Read the list and return the next request that brings these to us."""
    found = [seen(port, number) for number in numbers]
    steps = {ALIAS_IPS.next_step(each, US) for each in found}
    assert 1 == len(steps), steps
    first, *others = (each.id for each in found)
    (step,) = steps
    assert isinstance(step, Step), step
    return Mutate(first, step, tuple(others))
