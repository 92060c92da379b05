"""A state as it stands at some moment, made by hand, for tests of a single step."""

from ipaddress import ip_network

from hakeeper.core.apis.states import ApiState, KindState
from hakeeper.core.calls import Answer, CallResult, Failure, Quota, Request
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import (
    ActionRunning,
    Claim,
    Held,
    HoldDown,
    MutateDue,
    MutateSent,
    Stage,
    Verify,
)
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.events import StartCall
from hakeeper.core.model import Role, Server
from hakeeper.core.observation import Holder, Observation
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.state import Inflight, State
from hakeeper.kinds import KINDS
from hakeeper.kinds.floating_ip import NAME
from tests.core.driver import entries, instance, settings
from tests.core.odds import MOST
from tests.support.resources import CLOUD, floating_ip, step

VI = instance("VI_1")
US = Server(id=1, name="node1", status="running", zone="eu-central")
CLAIM = Claim(cause="a cause", phases=Phases(line_s=99.0))
STEP = step(1)
SENT, HELD = MutateSent(CLAIM, STEP), Held()


def verifying(due_at_s: float = 0.0, claim: Claim = CLAIM) -> Verify:
    return Verify(claim, due_at_s, due_at_s)


def mutating(due_at_s: float = 0.0, claim: Claim = CLAIM) -> MutateDue:
    return MutateDue(claim, due_at_s)


def acting(
    action_id: int = 77, due_at_s: float = 0.0, until_s: float = 0.0, claim: Claim = CLAIM
) -> ActionRunning:
    return ActionRunning(claim, STEP, action_id, until_s, due_at_s, polls=0)


def holding_down(until_s: float = 0.0, look_at_s: float = 0.0) -> HoldDown:
    return HoldDown(until_s, look_at_s)


def ip(
    number: int, holder: int | None = 2, *, blocked: bool = False, zone: str = ""
) -> Observation:
    """Make floating IP `ip<number>`, 203.0.113.<number>."""
    return floating_ip(
        id=number,
        name=f"ip{number}",
        network=ip_network(f"203.0.113.{number}/32"),
        server_id=holder,
        blocked=blocked,
        network_zone=zone,
    )


def standing(
    count: int = 1, role: Role = Role.MASTER, *, can_query: bool = False, known: bool = True
) -> State:
    """Make a state with floating IPs 1 to `count`, found already if `known`."""
    wanted = settings({"VI_1": tuple(f"ip{n}" for n in range(1, count + 1))}, can_query=can_query)
    state = State(wanted, MOST, RoleBook(wanted.resources, 0.0), KINDS)
    state.apis.use(wanted, KINDS)
    state.roles.role_states[VI].role = role
    cloud_of(state).server = US
    for number, ref in enumerate(wanted.resources[VI], 1):
        state.resources[ref] = Resource(ref, VI, kind_of(state), ip(number) if known else None)
    return state


def cloud_of(state: State) -> ApiState:
    """Return what is known of the one API."""
    return state.apis.apis[CLOUD]


def kind_of(state: State) -> KindState:
    """Return how the one kind is read."""
    return state.apis.kinds[NAME]


def resource_of(state: State, number: int = 1) -> Resource:
    return list(state.resources.values())[number - 1]


def put(state: State, stage: Stage, number: int = 1, holder: Holder | None = None) -> Resource:
    """Put a resource into a stage."""
    resource = resource_of(state, number)
    resource.stage = stage
    if holder is not None:
        resource.holder = holder
    return resource


def under_way(
    state: State,
    request: Request,
    asked_at_s: float = 100.0,
    resource: Resource | None = None,
    generation: int = 0,
) -> int:
    """Let a call be under way; return its id."""
    call_id, state.next_call_id = state.next_call_id, state.next_call_id + 1
    state.calls[call_id] = Inflight(
        request,
        state.api_of(request),
        asked_at_s,
        () if resource is None else (resource,),
        generation,
    )
    return call_id


def ended(
    call_id: int,
    outcome: Answer | Failure,
    sent_at_s: float | None = 100.0,
    finished_at_s: float = 101.0,
    quota: Quota | None = None,
) -> CallResult:
    return CallResult(
        call_id=call_id,
        outcome=outcome,
        sent_at_s=sent_at_s,
        finished_at_s=finished_at_s,
        quota=quota,
    )


def reported(state: State) -> list[str]:
    return [entry.event for entry in entries(state.effects)]


def asked(state: State) -> list[Request]:
    return [effect.request for effect in state.effects if isinstance(effect, StartCall)]
