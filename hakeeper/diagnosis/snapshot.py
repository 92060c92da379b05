"""What `hakeeper status` and STATUS= show: a picture of the state at one moment, with a verdict.

Times are ages in seconds before the picture: whoever shows it knows the clock.
"""

from dataclasses import dataclass
from typing import Final

from hakeeper.core.apis.servers import holder_key
from hakeeper.core.apis.states import ApiState
from hakeeper.core.claim.last_decision import LastDecision, holder_in
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Held, HoldDown, Recheck
from hakeeper.core.core import Core
from hakeeper.core.model import NEVER, Pause, VrrpId, VrrpKind
from hakeeper.core.observation import Key, Other
from hakeeper.core.state import Selection, State
from hakeeper.diagnosis.find_problems import is_current, problems
from hakeeper.diagnosis.problems import Health, Problem, Trouble
from hakeeper.diagnosis.step_down_picture import (
    EndedStepDownPicture,
    StepDownPicture,
    picture_ended_step_down,
    picture_step_down,
)

API_OK: Final = "ok"
NOT_ASKED: Final = "not asked yet"
FIFO_NOT_OPENED: Final = "not opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPicture:
    """One trouble; see `problems.Problem`."""

    health: Health
    trouble: Trouble
    age_s: float | None

    @property
    def code(self) -> str:
        """Return the trouble's code."""
        return self.trouble.code


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPicture:
    """One resource."""

    ref: str
    address: str
    resource_kind: str
    resource_id: Key | None
    chosen: bool
    """By a selector, which is its `ref` then."""
    holder: str
    holder_server_id: Key | None
    holder_label: str
    """The holder for people: another server by its name, if that is known."""
    holder_age_s: float | None
    holder_current: bool
    """Read since the role last changed, and lately: else it is only the last that is known."""
    confirmed: bool
    """This server is MASTER, and the address was read to be here in this term."""
    stage: str
    due_in_s: float | None
    """When a hold-down ends."""
    decision: LastDecision | None
    decision_who: str
    """The holder that the decision names, by what is known of it now; empty if it names none."""
    decision_age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorPicture:
    """One selector. `count`: how many it chooses of those `listed`; None: none were listed yet."""

    ref: str
    resource_kind: str
    noun: str
    count: int | None
    listed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePicture:
    """One instance or group with its addresses."""

    kind: str
    name: str
    role: str
    role_age_s: float
    reason: str
    generation: int
    role_confirmed: bool
    """MASTER, and not isolated: only then is anything claimed."""
    vrrp_missing: tuple[str, ...]
    """The configured VRRP addresses that this machine does not have."""
    selectors: tuple[SelectorPicture, ...]
    addresses: tuple[AddressPicture, ...]

    @property
    def vrrp(self) -> VrrpId:
        """Return whose role it is."""
        return VrrpId(VrrpKind(self.kind), self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPicture:
    """One API."""

    name: str
    title: str
    server_id: Key | None
    """What it calls this server."""
    server_name: str
    state: str
    """`ok`, `not asked yet`, or the code of the failure that lasts."""
    failing_s: float | None
    age_s: float | None
    latency_s: float | None
    quota_limit_per_hour: int | None
    quota_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PausePicture:
    """A pause: who made it, why, how long ago, and how many seconds are left."""

    by: str
    user_id: int
    reason: str
    age_s: float
    left_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole node. Of several APIs, `apis` has all, and the keys of its own the first one."""

    health: Health
    problems: tuple[ProblemPicture, ...]
    server_id: Key | None
    server_name: str
    pause: PausePicture | None
    step_down: StepDownPicture | None
    last_step_down: EndedStepDownPicture | None
    keepalived_pid: int | None
    fifo: str
    fifo_detail: str
    api: str
    """`ok`, `not asked yet`, or the code of the failure that lasts."""
    api_failing_s: float | None
    api_age_s: float | None
    api_latency_s: float | None
    quota_limit_per_hour: int | None
    quota_left: int | None
    next_look_in_s: float | None
    apis: tuple[ApiPicture, ...]
    roles: tuple[RolePicture, ...]


def snapshot_of(core: Core, now: float) -> Snapshot:
    """Return what `hakeeper status` shows of a core."""
    return snapshot(core.state, now, core.next_at())


def snapshot(state: State, now: float, next_at_s: float | None) -> Snapshot:
    """Take the picture."""
    found = problems(state, now)
    apis = tuple(_api(api, now) for api in state.apis.apis.values())
    first = apis[0]
    return Snapshot(
        health=max((problem.health for problem in found), default=Health.OK),
        problems=tuple(_problem(problem, now) for problem in found),
        server_id=first.server_id,
        server_name=first.server_name,
        pause=None if state.pause is None else _pause(state.pause, now),
        step_down=picture_step_down(state.step_down.current, now),
        last_step_down=picture_ended_step_down(state.step_down.ended, now),
        keepalived_pid=None if state.keepalived is None else state.keepalived.pid,
        fifo=FIFO_NOT_OPENED if state.fifo is None else state.fifo.value,
        fifo_detail=state.fifo_detail,
        api=first.state,
        api_failing_s=first.failing_s,
        api_age_s=first.age_s,
        api_latency_s=first.latency_s,
        quota_limit_per_hour=first.quota_limit_per_hour,
        quota_left=first.quota_left,
        next_look_in_s=None if next_at_s is None else round(max(0.0, next_at_s - now), 1),
        apis=apis,
        roles=tuple(_role(state, vrrp, now) for vrrp in state.roles.role_states),
    )


def _age(at_s: float | None, now: float) -> float | None:
    # To the millisecond: a clock time made of it must not waver between two seconds.
    return None if at_s is None or at_s == NEVER else round(now - at_s, 3)


def _problem(problem: Problem, now: float) -> ProblemPicture:
    return ProblemPicture(
        health=problem.health,
        trouble=problem.trouble,
        age_s=_age(problem.since_s, now),
    )


def _pause(pause: Pause, now: float) -> PausePicture:
    return PausePicture(
        by=pause.by,
        user_id=pause.user_id,
        reason=pause.reason,
        age_s=round(now - pause.since_s, 3),
        left_s=round(max(0.0, pause.until_s - now), 3),
    )


def _api(api: ApiState, now: float) -> ApiPicture:
    health, server = api.health, api.server
    failure, quota, left = health.failure, health.quota, health.quota_left(now)
    state = NOT_ASKED if health.answered_at_s is None else API_OK
    return ApiPicture(
        name=api.name,
        title=api.api.title,
        server_id=None if server is None else server.id,
        server_name="" if server is None else server.name,
        state=state if failure is None else failure.code,
        failing_s=None if failure is None else _age(health.failing_since_s, now),
        age_s=_age(health.answered_at_s, now),
        latency_s=health.latency_s,
        quota_limit_per_hour=None if quota is None else quota.limit_per_hour,
        quota_left=None if left is None else int(left),
    )


def _role(state: State, vrrp: VrrpId, now: float) -> RolePicture:
    role_state = state.roles.role_states[vrrp]
    return RolePicture(
        kind=vrrp.kind.value,
        name=vrrp.name,
        role=role_state.role.value,
        role_age_s=round(now - role_state.since_s, 3),
        reason=role_state.reason,
        generation=role_state.generation,
        role_confirmed=role_state.is_master,
        vrrp_missing=tuple(map(str, role_state.missing)),
        selectors=tuple(_selector(s) for s in state.selections.values() if s.vrrp == vrrp),
        addresses=tuple(_address(state, a, now) for a in state.resources_of(vrrp)),
    )


def _selector(selection: Selection) -> SelectorPicture:
    choice = selection.choice
    return SelectorPicture(
        ref=str(selection.ref),
        resource_kind=selection.ref.kind,
        noun=selection.kind.kind.noun,
        count=None if choice is None else choice.count,
        listed=None if choice is None else choice.listed,
    )


def _address(state: State, address: Resource, now: float) -> AddressPicture:
    stage, who = address.stage, holder_in(address.decision)
    until_s = stage.until_s if isinstance(stage, HoldDown) else None
    return AddressPicture(
        ref=str(address.chosen_by or address.ref),
        address=address.label,
        resource_kind=address.ref.kind,
        resource_id=None if address.observation is None else address.observation.id.key,
        chosen=address.chosen_by is not None,
        holder=holder_key(address.holder),
        holder_server_id=address.holder.server_id if isinstance(address.holder, Other) else None,
        holder_label=address.name_of(address.holder),
        holder_age_s=_age(address.holder_at_s, now),
        holder_current=is_current(state, address, now),
        confirmed=state.is_master(address.vrrp)
        and (isinstance(stage, Held) or (isinstance(stage, Recheck) and not stage.suspect))
        and address.observation is not None,
        stage=stage.label,
        due_in_s=None if until_s is None else round(max(0.0, until_s - now), 1),
        decision=address.decision,
        decision_who="" if who is None else address.name_of(who),
        decision_age_s=_age(address.decided_at_s, now),
    )
