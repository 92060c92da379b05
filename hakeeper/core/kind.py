"""The seam between the core and the kinds of resources: what a kind has to say of itself.

A kind is pure, like the core. It builds requests as values and reads answers as values; only the
adapters speak HTTP. It remembers nothing: which request comes next follows from what was observed
last, so that a crash or a lost race between two steps is just another observation.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from hakeeper.core.calls import (
    FailureKind,
    Mutate,
    Obstacle,
    ReadAll,
    ReadOne,
    Request,
    Step,
)
from hakeeper.core.limits.patience import USUAL, Patience
from hakeeper.core.model import Server
from hakeeper.core.observation import Key, Observation, Reading, ResourceId, ResourceRef

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What a decoded answer is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API of the provider: its token, quota and health are its own."""

    name: str
    """As the state file and JSON have it."""
    title: str
    """What people call it."""
    known_by: str = "token"
    """What it knows us by, as codes have it."""
    limit_per_hour: int
    """How many calls it grants, until it says otherwise."""
    steps_per_hour: int | None = None
    """How many mutating requests it grants, if it counts them apart."""
    steps_kept: int = 0
    """So many of those are kept for the claims of new masters."""
    shows_servers: bool = True
    """Whether it tells name and state of other servers."""
    says_who_we_are: bool = True
    """Whether it is asked which server this is; else the machine knows, which takes no request."""
    has_actions: bool = True
    """Whether a mutating request begins an action that is asked for until it is done; else its
    answer comes when the work is done."""
    max_parallel: int = 8
    """The most mutating requests under way at once."""
    actions_per_call: int = 25
    """How many actions one call asks for."""
    page_size: int = 50
    """How many resources one page of a list has at most."""
    not_running: frozenset[str] = frozenset()
    """States of a server that cannot be using a resource."""
    patience: Patience = USUAL
    """How it wants to be waited for."""

    def pages_of(self, count: int) -> int:
        """Return how many pages a list of so many resources has; an empty one has one."""
        return max(1, -(-count // self.page_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request to the kind's API. `path` begins with a slash."""

    method: str
    path: str
    body: Mapping[str, Json] | None = None
    query: Mapping[str, Json] = field(default_factory=dict)


class UnreadableAnswer(ValueError):  # noqa: N818  # a fact about an answer, not about us
    """An answer is not what the API's documentation promises; the message says where."""


class Kind(Protocol):
    """One sort of resource."""

    @property
    def name(self) -> str:
        """Return the kind's name in ids, the state file and JSON."""

    @property
    def noun(self) -> str:
        """Return what people call one of them."""

    @property
    def config_key(self) -> str:
        """Return the key under an instance or group whose list names some."""

    @property
    def by_hand(self) -> str:
        """Return where people move one, with {address} and {server} for what goes where."""

    @property
    def help(self) -> str:
        """Return what the documentation says of that key."""

    @property
    def example(self) -> str:
        """Return what stands for it in the full example."""

    @property
    def api(self) -> Api:
        """Return the API that moves them."""

    @property
    def acts_on_known(self) -> bool:
        """Say whether the last observation is good enough for the first step."""

    @property
    def releases_first(self) -> bool:
        """Say whether a resource is taken from its holder before another can have it.

        Then nobody has it for a moment in each move, and that alone is no reason to claim it.
        """

    @property
    def codes(self) -> Mapping[str, FailureKind]:
        """Return the classes of the error codes that only this kind's requests meet."""

    @property
    def forms(self) -> str:
        """Return in which ways one may be named there, for people."""

    @property
    def item_keys(self) -> tuple[str, ...]:
        """Return the keys of an item that is written as a mapping; empty: none may be.

        The first of them must be there.
        """

    @property
    def item_example(self) -> str:
        """Return such a mapping, for people; empty: none may be."""

    def ref(self, value: int | str, **members: str) -> ResourceRef:
        """Return what an item of the configuration names; ValueError says what is wrong.

        Of a mapping, `value` is that of the first of `item_keys`, and `members` are all of them.
        """

    def find(
        self, ref: ResourceRef, known: Observation | None, reading: Reading
    ) -> Observation | None:
        """Find the resource that is meant; None: there is none. `known`: as it was before.

        A reference that is no selector means one at most.
        """

    def choose(self, ref: ResourceRef, reading: Reading) -> tuple[Observation, ...]:
        """Return those that a selector chooses, as far as they can be read."""

    def why_unreadable(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Say why one that may be meant cannot be used; None if there is none."""

    def why_not_found(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Say why none is meant, in a sentence; None: the API simply does not list it."""

    def next_step(self, seen: Observation, us: Server) -> Step | Obstacle:
        """Return the request that brings it closer to us; asked while it may not be ours."""

    def after(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> Observation:
        """Return what a read shows of one resource once these have taken a step."""

    def reflects(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> bool:
        """Say whether a read shows what a step of these has changed, where it has changed it."""

    def request_of(self, resources: Sequence[ResourceId], step: Step) -> HttpRequest:
        """Return the mutating request of a step that these resources take."""

    def list_requests(self, within: tuple[Key, ...]) -> tuple[HttpRequest, ...]:
        """Return the requests that read all of them, or of these parts; lists come in pages."""

    def read_request(self, resource: ResourceId) -> HttpRequest | None:
        """Return the request that reads one of them; None: that takes the list of its part."""

    def read_list(self, request: HttpRequest, answer: Json) -> Reading:
        """Read a page of what a request of the list brought; raises UnreadableAnswer."""

    def read_one(self, answer: Json) -> Observation:
        """Read one of them; raises UnreadableAnswer."""


Kinds: TypeAlias = Mapping[str, Kind]
"""All kinds, by their names."""


def api_name_of(request: Request, kinds: Kinds) -> str:
    """Return the name of the API that a request goes to."""
    match request:
        case ReadAll(kind):
            return kinds[kind].api.name
        case ReadOne(resource) | Mutate(resource):
            return kinds[resource.kind].api.name
        case _:
            return request.api


# --- why an entry of the configuration stands for nothing ------------------------------------


def not_there(kind: Kind) -> str:
    """Say that there is no such resource."""
    return (
        f"this token's project has no such {kind.noun}; correct {kind.config_key} in the"
        " configuration, or use the token of its project"
    )


def named_twice(kind: Kind) -> str:
    """Say that two entries of the configuration mean one resource."""
    return f"it is the same {kind.noun} as another entry of the configuration; name it once"


def unusable(why: str) -> str:
    """Say that the API showed a resource that may be the one, but not what is needed of it."""
    return f"the API's list has one that may be it, but cannot be used: {why}"
