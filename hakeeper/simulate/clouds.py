"""All that moves resources in one world: a twin for each kind, found by what is asked about."""

from collections.abc import Mapping, Sequence

from hakeeper.core.apis.budget import Budget
from hakeeper.core.calls import AllRead, Mutate, ReadAll, ReadOne, Request
from hakeeper.core.kind import Kinds
from hakeeper.core.model import Server
from hakeeper.core.observation import Key, Observation, ResourceRef
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.project import Project


class Clouds:
    """The twins of one world. Each resource has a number of its own, whatever kind it is of."""

    def __init__(self, twins: Sequence[WorldCloud], kind_of: Mapping[int, str]) -> None:
        """Look into these; `kind_of`: the kind of each number."""
        self.twins = {twin.kind.name: twin for twin in twins}
        self._first = twins[0]
        self._kind_of = kind_of
        self._of_api = {twin.kind.api.name: twin for twin in reversed(twins)}

    @property
    def kinds(self) -> Kinds:
        """Return the kinds that are moved."""
        return {name: twin.kind for name, twin in self.twins.items()}

    @property
    def projects(self) -> dict[str, Project]:
        """Return the APIs by their names."""
        return {name: twin.project for name, twin in self._of_api.items()}

    # --- by what is asked about --------------------------------------------------------------

    def of(self, number: int) -> WorldCloud:
        """Return what moves the resource with this number."""
        return self.twins[self._kind_of.get(number, self._first.kind.name)]

    def asked(self, request: Request) -> WorldCloud:
        """Return what answers a request."""
        match request:
            case ReadAll(kind):
                return self.twins[kind]
            case ReadOne(resource) | Mutate(resource):
                return self.twins[resource.kind]
            case _:
                return self._of_api[request.api]

    def answered(self, answer: AllRead) -> WorldCloud:
        """Return what has made a list."""
        return self.twins[answer.kind]

    # --- resources ---------------------------------------------------------------------------

    def resource(self, number: int) -> Observation:
        """Return what is true of it."""
        return self.of(number).resources[number]

    def ref_of(self, number: int) -> ResourceRef:
        """Return how configurations name it."""
        return self.of(number).ref_of(number)

    def holder(self, number: int) -> Key | None:
        """Return who has it in truth."""
        return self.of(number).holder(number)

    def may_have(self, number: int, server_id: Key) -> bool:
        """Say whether nothing keeps a server from having it, whoever has it now."""
        return self.of(number).may_have(number, server_id)

    def is_locked(self, number: int) -> bool:
        """Say whether a fault has locked it."""
        return self.of(number).is_locked(number)

    def move(self, number: int, holder: Key | None) -> None:
        """Change a holder, by whoever it is."""
        self.of(number).move(number, holder)

    def seize(self, number: int, holder: Key | None) -> None:
        """Let somebody change a holder by hand."""
        self.of(number).seize(number, holder)

    def reading_gap_s(self, cloud: WorldCloud) -> float:
        """Return the least time between two lists of a kind that shares its API; 0: it is alone."""
        sharing = [twin for twin in self.twins.values() if twin.project is cloud.project]
        pages = sum(
            twin.cost(ReadAll(name)) for name, twin in self.twins.items() if twin in sharing
        )
        limit_per_hour = cloud.nature.limit_per_hour
        return Budget(limit_per_hour).reading_gap_s(pages) if len(sharing) > 1 else 0.0

    # --- servers -----------------------------------------------------------------------------

    @property
    def servers(self) -> Mapping[Key, Server]:
        """Return the servers, which are the same for every API."""
        return self._first.servers

    def set_status(self, server_id: Key, status: str) -> None:
        """Switch a server on or off, for every API."""
        for twin in self._of_api.values():
            twin.set_status(server_id, status)

    def scarce(self) -> bool:
        """Say whether some API has little left of its quota."""
        return any(project.scarce() for project in self.projects.values())
