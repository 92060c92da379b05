"""A kind that nobody has: moved in two steps, by an API of its own, named by texts.

It shows that a kind is one file and one line: nothing of the core, the sequencer, the world or the
journal knows of it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from hakeeper.core.calls import FailureKind, Step
from hakeeper.core.kind import Api, HttpRequest, Json
from hakeeper.core.model import Server
from hakeeper.core.observation import (
    BY_NAME,
    Key,
    Observation,
    Reading,
    ResourceId,
    ResourceRef,
)
from hakeeper.kinds import json_fields

ELSEWHERE: Final = Api(
    name="elsewhere",
    title="Elsewhere",
    limit_per_hour=3600,
    actions_per_call=10,
    page_size=20,
    has_actions=False,
    not_running=frozenset({"off", "stopping", "deleting"}),
)


class Berths:
    """The kind: berths at a pier. One has to be cleared before another ship can have it."""

    name: Final = "berth"
    noun: Final = "berth"
    config_key: Final = "berths"
    help: Final = "The berths to keep on the master."
    example: Final = "[north]"
    forms: Final = "the name"
    by_hand: Final = "the harbour master, for {address} and {server}"
    item_keys: Final = ()
    item_example: Final = ""
    api: Final[Api] = ELSEWHERE
    acts_on_known: Final = False
    releases_first: Final = True
    codes: Final[Mapping[str, FailureKind]] = {"berth_taken": FailureKind.ALREADY}

    def ref(self, value: int | str, **members: str) -> ResourceRef:
        """Return the berth that an item means; all have names."""
        del members
        return ResourceRef(self.name, BY_NAME, str(value))

    def find(
        self, ref: ResourceRef, known: Observation | None, reading: Reading
    ) -> Observation | None:
        """Find a berth by its name, or by what it was before."""
        named = next((each for each in reading.found if each.name == ref.text), None)
        before = (each for each in reading.found if known is not None and each.id == known.id)
        return named or next(before, None)

    def choose(self, ref: ResourceRef, reading: Reading) -> tuple[Observation, ...]:
        """A berth has no labels."""
        del ref, reading
        return ()

    def why_unreadable(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Say why one that may be meant cannot be used."""
        odd = (each for each in reading.unreadable if each.name in (None, ref.text))
        return next((each.why for each in odd), None)

    def why_not_found(self, ref: ResourceRef, reading: Reading) -> None:
        """The pier is all there is."""

    def next_step(self, seen: Observation, us: Server) -> Step:
        """Clear it while another ship has it; then moor there."""
        lane = f"berth/{seen.id.key}"
        if seen.server_id in (None, us.id):
            return Step("moor", us.id, lane)
        return Step("clear", None, lane)

    def after(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> Observation:
        """Say where it is then."""
        return seen.with_holder(step.holder) if seen.id in moved else seen

    def reflects(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> bool:
        """It has the holder that it was given, as far as it is one of these."""
        return seen.id not in moved or seen.server_id == step.holder

    def request_of(self, resources: Sequence[ResourceId], step: Step) -> HttpRequest:
        """Return the request of a step."""
        path = f"/pier/{resources[0].key}/{step.name}"
        return HttpRequest(method="PUT", path=path, body={"ship": step.holder})

    def list_requests(self, within: tuple[Key, ...]) -> tuple[HttpRequest, ...]:
        """Return the request for the whole pier."""
        del within
        return (HttpRequest(method="GET", path="/pier"),)

    def read_request(self, resource: ResourceId) -> HttpRequest:
        """Return the request for one berth."""
        return HttpRequest(method="GET", path=f"/pier/{resource.key}")

    def read_list(self, request: HttpRequest, answer: Json) -> Reading:
        """Read the pier."""
        del request
        entries = json_fields.sequence(json_fields.field(answer, "berths"), "berths")
        return Reading(tuple(map(_berth, entries)))

    def read_one(self, answer: Json) -> Observation:
        """Read one berth."""
        return _berth(json_fields.field(answer, "berth"))


def _berth(entry: object) -> Observation:
    ship, name = (
        json_fields.field(entry, "ship"),
        json_fields.text(json_fields.field(entry, "name"), "name"),
    )
    return Observation(
        id=ResourceId("berth", json_fields.text(json_fields.field(entry, "id"), "id")),
        label=name,
        server_id=None if ship is None else json_fields.integer(ship, "ship"),
        name=name,
    )


BERTHS: Final = Berths()
