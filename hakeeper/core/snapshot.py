"""What `hakeeper status` and STATUS= show: a picture of the state at one moment, with a verdict."""

import enum
from dataclasses import asdict, dataclass

from hakeeper.core import wording
from hakeeper.core.address import Address
from hakeeper.core.calls import FailureKind
from hakeeper.core.claim import Stage
from hakeeper.core.events import FifoState
from hakeeper.core.hearing import deaf_reason
from hakeeper.core.model import Mine, Other, Role, VrrpId
from hakeeper.core.state import State

BROKEN_AFTER_S = 15.0
"""A claim or an API failure that lasts longer than this is worth waking somebody for."""


class Health(enum.IntEnum):
    """The verdict; the numbers are the exit codes of `hakeeper status`."""

    OK = 0
    DEGRADED = 1
    BROKEN = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be."""

    health: Health
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPicture:
    """One floating IP. Ages and times are seconds before and after the picture."""

    ref: str
    address: str
    floating_ip_id: int | None
    owner: str
    owner_server_id: int | None
    owner_age_s: float | None
    stage: str
    decision: str
    decision_age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePicture:
    """One instance or group with its addresses."""

    kind: str
    name: str
    role: str
    role_age_s: float
    reason: str
    generation: int
    confirmed: bool
    """MASTER, and keepalived can hear: only then is anything claimed."""
    vrrp_missing: tuple[str, ...]
    """The addresses keepalived speaks from that this machine has not, as far as configured."""
    addresses: tuple[AddressPicture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole node."""

    health: Health
    problems: tuple[Problem, ...]
    server_id: int | None
    server_name: str
    keepalived_pid: int | None
    fifo: str
    fifo_detail: str
    api: str
    api_age_s: float | None
    api_latency_s: float | None
    quota_limit_per_hour: int | None
    quota_left: int | None
    next_look_in_s: float | None
    roles: tuple[RolePicture, ...]

    def line(self) -> str:
        """Return the one line for systemd's STATUS=."""
        parts = []
        for role in self.roles:
            mine = sum(address.owner == "mine" for address in role.addresses)
            parts.append(f"{role.name} {role.role} {mine}/{len(role.addresses)} here")
        head = self.health.name if self.health is not Health.OK else "ok"
        trouble = f"; {self.problems[0].text}" if self.problems else ""
        return f"{head}: {', '.join(parts)}; API {self.api}{trouble}"


def snapshot(state: State, now: float, next_at_s: float | None) -> Snapshot:
    """Take the picture."""
    problems = tuple(sorted(_problems(state, now), key=lambda problem: -problem.health))
    quota, left = state.api.quota, state.api.quota_left(now)
    return Snapshot(
        health=max((problem.health for problem in problems), default=Health.OK),
        problems=problems,
        server_id=None if state.server is None else state.server.id,
        server_name="" if state.server is None else state.server.name,
        keepalived_pid=None if state.keepalived is None else state.keepalived.pid,
        fifo="not opened" if state.fifo is None else state.fifo.value,
        fifo_detail=state.fifo_detail,
        api=_api(state, now),
        api_age_s=_age(state.api.answered_at_s, now),
        api_latency_s=state.api.latency_s,
        quota_limit_per_hour=None if quota is None else quota.limit_per_hour,
        quota_left=None if left is None else int(left),
        next_look_in_s=None if next_at_s is None else round(max(0.0, next_at_s - now), 1),
        roles=tuple(_role(state, vrrp, now) for vrrp in state.roles.beliefs),
    )


def _age(at_s: float | None, now: float) -> float | None:
    return None if at_s is None else round(now - at_s, 1)


def _api(state: State, now: float) -> str:
    failure = state.api.failure
    if failure is not None:
        return f"failing for {now - state.api.failing_since_s:.0f} s: {failure.code}"
    return "not asked yet" if state.api.answered_at_s is None else "ok"


def _role(state: State, vrrp: VrrpId, now: float) -> RolePicture:
    belief = state.roles.beliefs[vrrp]
    return RolePicture(
        kind=vrrp.kind.value,
        name=vrrp.name,
        role=belief.role.value,
        role_age_s=round(now - belief.since_s, 1),
        reason=belief.reason,
        generation=belief.generation,
        confirmed=belief.is_master,
        vrrp_missing=tuple(map(str, belief.missing)),
        addresses=tuple(_address(a, now) for a in state.addresses_of(vrrp)),
    )


def _address(address: Address, now: float) -> AddressPicture:
    return AddressPicture(
        ref=str(address.ref),
        address=address.label,
        floating_ip_id=None if address.floating_ip is None else address.floating_ip.id,
        owner=wording.owner_word(address.owner),
        owner_server_id=address.owner.server_id if isinstance(address.owner, Other) else None,
        owner_age_s=_age(address.owner_at_s, now),
        stage=address.stage.value,
        decision=address.decision,
        decision_age_s=_age(address.decided_at_s, now),
    )


# --- the verdict -----------------------------------------------------------------------------


def _problems(state: State, now: float) -> list[Problem]:
    return [
        *_api_problems(state, now),
        *_source_problems(state),
        *_hearing_problems(state, now),
        *(
            problem
            for a in state.addresses.values()
            for problem in _address_problems(state, a, now)
        ),
    ]


def _api_problems(state: State, now: float) -> list[Problem]:
    problems = []
    failure = state.api.failure
    if failure is not None:
        lasted_s = now - state.api.failing_since_s
        bad = failure.kind is FailureKind.AUTH or (state.any_master() and lasted_s > BROKEN_AFTER_S)
        health = Health.BROKEN if bad else Health.DEGRADED
        problems.append(Problem(health, f"API: {failure.message} ({failure.code})"))
    if state.server is None:
        text = "which server this machine is has not been confirmed by the API yet"
        problems.append(Problem(Health.DEGRADED, text))
    return problems


def _source_problems(state: State) -> list[Problem]:
    problems = []
    if state.fifo is not FifoState.OPEN:
        problems.append(Problem(Health.DEGRADED, f"FIFO: {state.fifo_detail}"))
    if state.keepalived is None:
        problems.append(Problem(Health.DEGRADED, "no keepalived process is known"))
    problems.extend(
        Problem(Health.DEGRADED, f"{vrrp}: the role is unknown: {belief.reason}")
        for vrrp, belief in state.roles.beliefs.items()
        if belief.role is Role.UNKNOWN
    )
    return problems


def _hearing_problems(state: State, now: float) -> list[Problem]:
    problems = []
    for vrrp, belief in state.roles.beliefs.items():
        if not belief.deaf:
            continue
        late = (
            belief.role is Role.MASTER
            and now - max(belief.since_s, belief.deaf_since_s) > BROKEN_AFTER_S
        )
        way_out = f". {wording.WAY_OUT}" if belief.missing else ""
        text = f"{vrrp}: {deaf_reason(belief)}; nothing is claimed{way_out}"
        problems.append(Problem(Health.BROKEN if late else Health.DEGRADED, text))
    return problems


def _address_problems(state: State, address: Address, now: float) -> list[Problem]:
    if address.unresolved_told and address.floating_ip is None:
        return [Problem(Health.BROKEN, f"{address.ref}: leads to no floating IP of this project")]
    looking_again = address.phases is None and isinstance(address.owner, Mine)
    if not state.is_master(address.vrrp) or address.stage is Stage.HELD or looking_again:
        return []
    if address.stage is Stage.HOLD_OFF:
        text = f"{address.label}: contested, held by {wording.owner_text(address.owner)}"
        return [Problem(Health.BROKEN, text)]
    since_s = state.roles.beliefs[address.vrrp].since_s
    begun_s = since_s if address.phases is None else address.phases.line_s
    late = now - begun_s > BROKEN_AFTER_S and not isinstance(address.owner, Mine)
    text = f"{address.label}: MASTER, but not confirmed here yet ({address.stage.value})"
    return [Problem(Health.BROKEN if late else Health.DEGRADED, text)]


def document(picture: Snapshot) -> dict[str, object]:
    """Return the picture as plain values, for `hakeeper status --json`."""
    problems = [
        {"health": problem.health.name.lower(), "text": problem.text}
        for problem in picture.problems
    ]
    return {**asdict(picture), "health": picture.health.name.lower(), "problems": problems}
