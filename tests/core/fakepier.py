"""A scripted API beside the cloud: the pier of the made-up kind, which has done what it accepts."""

from dataclasses import dataclass, field

from hakeeper.core.calls import (
    AllRead,
    Answer,
    Failure,
    FailureKind,
    Identified,
    Identify,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
    ServerRead,
    Step,
)
from hakeeper.core.model import Server
from hakeeper.core.observation import BY_NAME, Key, Observation, Reading, ResourceId, ResourceRef
from tests.core.faults import Faulty, failure
from tests.support.made_up_kind import Berths


class OneLane(Berths):
    """The same kind, but no two steps at the pier go together."""

    def next_step(self, seen: Observation, us: Key) -> Step:
        step = super().next_step(seen, us)
        return Step(step.name, step.holder, lane="pier")


ONE_LANE = OneLane()


def berth(name: str) -> ResourceRef:
    return ResourceRef(Berths.name, BY_NAME, name)


def ship(server_id: int) -> Key:
    """Return what the server that the cloud knows by this id is called at the pier."""
    return f"ship-{server_id}"


@dataclass(slots=True, kw_only=True)
class FakePier(Faulty):
    """Who has which berth, whatever the nodes believe."""

    berths: dict[str, Key | None] = field(default_factory=dict)
    """The ships, by the names of the berths."""
    steps: list[tuple[str, str]] = field(default_factory=list)
    """What was done with which berth, in its order."""

    def answer(self, request: Request, caller: int) -> Answer | Failure:
        """Do it."""
        match request:
            case Identify():
                return Identified(_server(ship(caller)), "the test")
            case ReadAll(kind):
                return AllRead(kind, Reading(tuple(map(self._seen, self.berths))))
            case ReadOne(resource):
                return OneRead(self._seen(str(resource.key)))
            case Mutate(resource, step):
                return self._done(str(resource.key), step)
            case ReadServer(server_id=server_id):
                return ServerRead(_server(server_id))
            case ReadActions():
                raise AssertionError("nobody has heard of an action here")

    def _done(self, name: str, step: Step) -> Answer | Failure:
        if step.holder is not None and self.berths[name] is not None:
            return failure(FailureKind.ALREADY, "berth_taken", http_status=409)
        self.berths[name] = step.holder
        self.steps.append((step.name, name))
        return MutationAccepted(None)

    def _seen(self, name: str) -> Observation:
        known = ResourceId(Berths.name, name)
        return Observation(id=known, label=name, name=name, server_id=self.berths[name])


def _server(server_id: Key) -> Server:
    return Server(id=server_id, name=f"the {server_id}", status="running")
