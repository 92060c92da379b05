"""Alias IPs of an instance or two, lists of their network, and what is due then.

Resources that lie in a part of the API share a list there, and move several at once.
"""

from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Failure,
    Mutate,
    MutationAccepted,
    ReadAll,
    Request,
)
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import ActionRunning, MutateDue
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.events import StartCall
from hakeeper.core.model import Action, ActionStatus, Role, Settings
from hakeeper.core.observation import Part, Reading
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.state import State
from hakeeper.kinds import ALIAS_IPS, KINDS
from hakeeper.kinds.json_fields import network
from tests.core.driver import instance
from tests.core.odds import MOST
from tests.core.standing import CLAIM, US, cloud_of, ended

NOW = 100.0
VI, OTHER_VI = instance("VI_1"), instance("VI_2")
A, B, C = "10.0.0.100", "10.0.0.101", "10.0.0.102"
OURS, THEIRS, THIRD = ("1", "10.0.0.2"), ("2", "10.0.0.3"), ("3", "10.0.0.4")
RUNS = Action(id=77, status=ActionStatus.RUNNING)
DONE = Action(id=77, status=ActionStatus.SUCCESS)


def part(*rows: tuple[str, ...], key: int = 7) -> Part:
    return Part(key=key, name="internal", network=network("10.0.0.0/16"), rows=rows)


def state_of(
    *ips: str, rows: tuple[tuple[str, ...], ...] = (), others: tuple[str, ...] = ()
) -> State:
    """Make a MASTER with these alias IPs, and with others of another instance."""
    wanted = Settings(
        resources={
            VI: tuple(map(ALIAS_IPS.ref, ips)),
            OTHER_VI: tuple(map(ALIAS_IPS.ref, others)),
        },
        can_query=False,
    )
    state = State(wanted, MOST, RoleBook(wanted.resources, 0.0), KINDS)
    state.apis.use(wanted, KINDS)
    cloud_of(state).server = US
    for vrrp, refs in wanted.resources.items():
        state.roles.role_states[vrrp].role = Role.MASTER
        for ref in refs:
            state.resources[ref] = Resource(ref, vrrp, state.apis.kinds[ALIAS_IPS.name])
    if rows:
        show(state, *rows)
        state.effects = []
        state.apis.kinds[ALIAS_IPS.name].whole_from_s = NOW + 600.0
    return state


def show(
    state: State, *rows: tuple[str, ...], at_s: float = NOW, within: tuple[int, ...] = ()
) -> None:
    """Let a list be read that was asked for then."""
    listed = AllRead(ALIAS_IPS.name, Reading((), parts=(part(*rows),)), within, requests=2)
    state.start(ReadAll(ALIAS_IPS.name, within), at_s)
    take_result(state, ended(state.next_call_id - 1, listed), at_s)


def due(state: State, at_s: float = NOW) -> None:
    """Let all of them be about to be sent."""
    for resource in state.resources.values():
        resource.stage = MutateDue(CLAIM, at_s)


def calls(state: State, now: float = NOW) -> list[Request]:
    """Return what is asked for at this look."""
    state.effects = []
    reconcile(state, now)
    return [effect.request for effect in state.effects if isinstance(effect, StartCall)]


def steps(state: State, now: float = NOW) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the steps that are sent now: name, lane and what they move."""
    return [
        (call.step.name, call.step.lane, tuple(str(each.key)[2:] for each in call.resources))
        for call in calls(state, now)
        if isinstance(call, Mutate)
    ]


def resources(state: State) -> list[Resource]:
    return list(state.resources.values())


def answer(
    state: State,
    outcome: MutationAccepted | ActionsRead | AllRead | Failure,
    now: float = NOW,
    to: type[Request] = Mutate,
) -> None:
    """Answer the last call of this type."""
    [*_, last] = [number for number, each in state.calls.items() if isinstance(each.request, to)]
    take_result(state, ended(last, outcome), now)


def looked_at_s(resource: Resource) -> float:
    """Return when its action is looked at next."""
    assert isinstance(resource.stage, ActionRunning)
    return resource.stage.due_at_s
