"""The pier of the made-up kind, an API beside the cloud, which has done what it accepts."""

from hakeeper.core.calls import Step
from hakeeper.core.model import Server
from hakeeper.core.observation import BY_NAME, Key, Observation, ResourceId, ResourceRef
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import ANOTHER_ACTOR
from tests.core.cloud import Cloud
from tests.support.made_up_kind import BERTHS, Berths


class OneLane(Berths):
    """The same kind, but no two steps at the pier go together."""

    def next_step(self, seen: Observation, us: Server) -> Step:
        step = super().next_step(seen, us)
        return Step(step.name, step.holder, lane="pier")


ONE_LANE = OneLane()


def berth(name: str) -> ResourceRef:
    return ResourceRef(Berths.name, BY_NAME, name)


def ship(server_id: int) -> Key:
    """Return what the server that the cloud knows by this id is called at the pier."""
    return f"ship-{server_id}"


class Pier(Cloud):
    """Who has which berth; both go by texts."""

    def __init__(self, agenda: Agenda) -> None:
        """Begin without berths."""
        super().__init__(agenda, BERTHS, actions=False)

    def add_ship(self, server_id: int) -> Key:
        known = ship(server_id)
        self.servers[known] = Server(id=known, name=f"the {known}", status="running")
        return known

    def give(self, name: str, server_id: int | None) -> None:
        """Let the ship of a server have a berth, which may be new."""
        holder = None if server_id is None else self.add_ship(server_id)
        if name in self.resources:
            self.move(name, holder)
        else:
            known = ResourceId(BERTHS.name, name)
            self.add(Observation(id=known, label=name, name=name, server_id=holder))

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Return what calls have done with which berth, in its order."""
        return [
            ("clear" if move.new is None else "moor", str(move.resource))
            for move in self.moves
            if move.cause != ANOTHER_ACTOR
        ]
