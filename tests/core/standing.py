"""A state as it stands at some moment, made by hand, for tests of a single step."""

from ipaddress import ip_network

from hakeeper.core.calls import Answer, CallResult, Failure, Quota, Request
from hakeeper.core.events import StartCall
from hakeeper.core.model import Observation, Role, Server
from hakeeper.core.observation import Holder
from hakeeper.core.resource import Address
from hakeeper.core.roles import RoleBook
from hakeeper.core.stages import (
    ActionRunning,
    Claim,
    Held,
    HoldDown,
    MutateDue,
    MutateSent,
    Phases,
    Stage,
    Verify,
)
from hakeeper.core.state import Inflight, State
from tests.core.driver import entries, instance, settings
from tests.core.odds import MOST
from tests.support.resources import floating_ip

VI = instance("VI_1")
US = Server(id=1, name="node1", status="running", network_zone="eu-central")
CLAIM = Claim(cause="a cause", phases=Phases(line_s=99.0))
SENT, HELD = MutateSent(CLAIM), Held()


def verifying(due_at_s: float = 0.0, claim: Claim = CLAIM) -> Verify:
    return Verify(claim, due_at_s, due_at_s)


def mutating(due_at_s: float = 0.0, claim: Claim = CLAIM) -> MutateDue:
    return MutateDue(claim, due_at_s)


def acting(
    action_id: int = 77, due_at_s: float = 0.0, until_s: float = 0.0, claim: Claim = CLAIM
) -> ActionRunning:
    return ActionRunning(claim, action_id, until_s, due_at_s, polls=0)


def holding_down(until_s: float = 0.0, look_at_s: float = 0.0) -> HoldDown:
    return HoldDown(until_s, look_at_s)


def ip(
    number: int, holder: int | None = 2, *, blocked: bool = False, zone: str = ""
) -> Observation:
    """Make floating IP `ip<number>`, 203.0.113.<number>."""
    network = ip_network(f"203.0.113.{number}/32")
    return floating_ip(
        id=number,
        name=f"ip{number}",
        network=network,
        server_id=holder,
        blocked=blocked,
        network_zone=zone,
    )


def standing(
    count: int = 1, role: Role = Role.MASTER, *, can_query: bool = False, known: bool = True
) -> State:
    """Make a state with floating IPs 1 to `count`, found already if `known`."""
    wanted = settings({"VI_1": tuple(f"ip{n}" for n in range(1, count + 1))}, can_query=can_query)
    state = State(wanted, MOST, RoleBook(wanted.addresses, 0.0))
    state.roles.role_states[VI].role = role
    state.server = US
    for number, ref in enumerate(wanted.addresses[VI], 1):
        state.addresses[ref] = Address(ref, VI, ip(number) if known else None)
    return state


def address_of(state: State, number: int = 1) -> Address:
    return list(state.addresses.values())[number - 1]


def put(state: State, stage: Stage, number: int = 1, holder: Holder | None = None) -> Address:
    """Put an address into a stage."""
    address = address_of(state, number)
    address.stage = stage
    if holder is not None:
        address.holder = holder
    return address


def under_way(
    state: State,
    request: Request,
    asked_at_s: float = 100.0,
    address: Address | None = None,
    generation: int = 0,
) -> int:
    """Let a call be under way; return its id."""
    call_id, state.next_call_id = state.next_call_id, state.next_call_id + 1
    state.calls[call_id] = Inflight(request, asked_at_s, address, generation)
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
