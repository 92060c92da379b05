"""Faults of private networks: what others do to the lists of aliases, and servers without room."""

from dataclasses import dataclass
from random import Random

from hakeeper.core.observation import Key
from hakeeper.simulate.alias_cloud import AliasCloud
from hakeeper.simulate.faults.action import Table, Undo, nothing
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.node import Node

ADDS = 0.4
REMOVES = 0.7
"""Below this value others take one out; above, they replace the list with one of their own."""
LEAVES_ONE = 0.3
"""Below this value there is room for one more."""


@dataclass(frozen=True, slots=True)
class NetworkFaults:
    """What each kind does to a server's lists."""

    cloud: AliasCloud

    def table(self) -> Table:
        """Return what to do for each kind."""
        return {
            Kind.FOREIGN_ALIAS: self._change,
            Kind.NO_ROOM: self._fill,
            Kind.NOT_ATTACHED: self._detach,
        }

    def _change(self, fault: Fault, node: Node) -> Undo:
        """Add an alias that is no concern of ours, remove one, or replace the list as Terraform."""
        cloud, server_id = self.cloud, node.server_id
        rng = Random(f"foreign-{fault.serial}")
        network = rng.choice(cloud.networks)
        if server_id in cloud.detached:
            return nothing
        before = cloud.held(network, server_id)
        foreign, free = cloud.foreigners(network, server_id), cloud.free(network)
        if fault.value < ADDS:
            after = before
            if cloud.spare(server_id) and cloud.room(network, server_id) > 0:
                after = [*before, rng.choice(free)]
        elif fault.value < REMOVES:
            gone = rng.choice(foreign) if foreign else None
            after = [key for key in before if key != gone]
        else:
            after = rng.sample(free, rng.randrange(cloud.spare(server_id, network) + 1))
        cloud.change_list(network, server_id, after)
        return nothing

    def _fill(self, fault: Fault, node: Node) -> Undo:
        """Let others use up the room that a server has."""
        cloud, server_id = self.cloud, node.server_id
        added: dict[int, set[Key]] = {}
        for network in cloud.networks:
            room = cloud.room(network, server_id) - (fault.value < LEAVES_ONE)
            new = cloud.free(network)[: max(0, room)]
            added[network] = set(new)
            cloud.change_list(network, server_id, [*cloud.held(network, server_id), *new])

        def undo() -> None:
            for network, new in added.items():
                kept = [key for key in cloud.held(network, server_id) if key not in new]
                cloud.change_list(network, server_id, kept)

        return undo

    def _detach(self, fault: Fault, node: Node) -> Undo:
        """Take a server out of its networks for a while."""
        del fault
        self.cloud.detach(node.server_id)
        return lambda: self.cloud.detached.remove(node.server_id)
