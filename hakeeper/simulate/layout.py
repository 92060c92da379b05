"""Who is in a world and what is whose: clusters, their instances, and the resources of each."""

from collections.abc import Callable

from hakeeper.core.kind import Kinds
from hakeeper.core.model import ApiSettings, Settings, VrrpId
from hakeeper.core.observation import ResourceRef
from hakeeper.simulate.addresses import private_address
from hakeeper.simulate.keepalived import vrrp_id
from hakeeper.simulate.plan import Part, Shape


class Layout:
    """What follows from a world's shape, and what its configurations say; nodes have numbers."""

    def __init__(self, shape: Shape, kinds: Kinds) -> None:
        """Give each cluster instances of its own, and each instance resources of these kinds."""
        self.shape = shape
        self.addresses: dict[str, tuple[int, ...]] = {}
        """The resources of each instance, by their numbers."""
        self.kind_of: dict[int, str] = {}
        """The kind of each, by its name."""
        self.part_of: dict[str, Part] = {}
        self._kinds = kinds
        self._names: list[tuple[str, ...]] = []
        first = 1
        for cluster in range(shape.clusters):
            parts = shape.names()
            names = tuple(f"VI_{cluster * len(parts) + i + 1}" for i in range(len(parts)))
            self._names.append(names)
            for name, part in zip(names, parts, strict=True):
                numbers = tuple(range(first, first + part.addresses))
                of_kinds = part.kinds or (next(iter(kinds)),) * part.addresses
                self.addresses[name] = numbers
                self.kind_of.update(zip(numbers, of_kinds, strict=True))
                self.part_of[name] = part
                first += part.addresses
        self.name_of = {n: name for name, numbers in self.addresses.items() for n in numbers}
        self._own = [frozenset(n for name in names for n in self.addresses[name])
                     for names in self._names]  # fmt: skip

    @property
    def numbers(self) -> tuple[int, ...]:
        """The resources of all, by their numbers."""
        return tuple(self.kind_of)

    @property
    def nodes(self) -> range:
        """All nodes."""
        return range(self.shape.clusters * self.shape.nodes)

    def slower_s(self) -> float:
        """Return how much longer than with the defaults a repair may take, by whatever API."""
        return self.shape.slower_s({kind.api.name for kind in self._kinds.values()})

    def members(self, node: int) -> range:
        """Return the nodes of a node's cluster."""
        nodes = self.shape.nodes
        first = node // nodes * nodes
        return range(first, first + nodes)

    def names_at(self, node: int) -> tuple[str, ...]:
        """Return the instances of a node."""
        return self._names[node // self.shape.nodes]

    def own_numbers(self, node: int) -> frozenset[int]:
        """Return the resources of a node's cluster."""
        return self._own[node // self.shape.nodes]

    def most_of(self, kind: str) -> int:
        """Return how many resources of this kind a cluster has: all have as many."""
        return sum(self.kind_of[number] == kind for number in self.own_numbers(0))

    def vrrp_id(self, name: str) -> VrrpId:
        """Return a name as the configurations have it."""
        return vrrp_id(name, group=self.part_of[name].group)

    def settings_at(self, node: int, ref_of: Callable[[int], ResourceRef]) -> Settings:
        """Return the configuration of a node in good times; `ref_of`: how it names a number."""
        shape, names = self.shape, self.names_at(node)
        return Settings(
            resources={
                self.vrrp_id(name): tuple(map(ref_of, self.addresses[name])) for name in names
            },
            can_query=shape.dbus,
            vrrp_addresses={
                self.vrrp_id(name): (private_address(node),)
                for name in names
                if self.part_of[name].guarded
            },
            interval_s=shape.interval_s,
            standby_interval_s=shape.standby_interval_s,
            apis={
                kind.api.name: ApiSettings(call_timeout_s=shape.timeout_s(kind.api.name))
                for kind in self._kinds.values()
            },
        )
