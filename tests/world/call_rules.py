"""Rules about the calls of one run: when one may be made, and what may be said of its answer."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from hakeeper.cloud_register import Move
from hakeeper.core.calls import (
    AllRead,
    CallResult,
    Failure,
    FailureKind,
    Identify,
    Mutate,
    MutationAccepted,
    OneRead,
)
from hakeeper.core.claim.resource import SPACING_S
from hakeeper.core.decisions.claims import ResourceClaimed, ResourceConfirmed
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.events import Event, Report, StartCall, Taken
from hakeeper.core.limits.patience import WATCH_INTERVAL_S
from hakeeper.core.model import Role, VrrpId
from hakeeper.core.observation import Observation
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import WorldCloud, number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.plan import HOUR_S
from hakeeper.simulate.verdicts import Demand
from tests.world.role_rules import RoleRules

WINDOW_S = 60.0
RELEASES = 2
"""So many releases of a name that take long are expected in a minute."""
SHARE = 0.5
"""The part of the project's quota that one node may take, said once more."""
RELEASE_LOOKS = 160
"""So often a release is looked at, its action and lists, until it is given up."""
EAGER_S = 0.05
"""The least time between two assigns that meet a 429 without a time to wait."""


@dataclass(slots=True)
class _Seen:
    """What was seen of the calls of one run of hakeeper to one API."""

    inflight: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Assigns under way: call id to the addresses that it moves."""
    asked_at: dict[int, float] = field(default_factory=dict)
    """All calls under way: when each was asked for, by the node's clock."""
    outcome_unknown: dict[int, float] = field(default_factory=dict)
    """Floating IPs whose last assign has an unknown outcome, since when."""
    sent_at: dict[int, float] = field(default_factory=dict)
    """When the last assign of an address was asked for."""
    sent_before: dict[int, float] = field(default_factory=dict)
    """The same of the one before, while the last one is under way."""
    steps_at: dict[tuple[int, str], float] = field(default_factory=dict)
    """When the last step with this name was asked for: the second one of a move waits for none."""
    steps_before: dict[int, dict[tuple[int, str], float]] = field(default_factory=dict)
    """By the calls under way, the same of the one before."""
    ended_at: dict[int, float] = field(default_factory=dict)
    """When the last assign of an address ended; reads of before may be older than it."""
    mine_read_at: dict[int, float] = field(default_factory=dict)
    """When the read was begun that last said that it is ours."""
    take_at: float = -inf
    """When an operator last had something claimed."""
    held_until: float = -inf
    """A 429 says so of all calls but assigns."""
    assigns_held_until: float = -inf
    """One that an assign met says so."""
    demoted_at: dict[VrrpId, float] = field(default_factory=dict)
    """When an instance ceased to be MASTER; what was read before says nothing of now."""
    recent: deque[float] = field(default_factory=deque)
    hour: deque[tuple[float, int]] = field(default_factory=deque)
    """The calls of the last hour, and what each takes of the quota."""
    hour_cost: int = 0


class CallRules(Observer):
    """The rules; what the reads say is passed on to `roles`."""

    def __init__(
        self,
        layout: Layout,
        agenda: Agenda,
        clouds: Clouds,
        number_of: Mapping[str, int],
        roles: RoleRules,
        demand: Demand,
    ) -> None:
        """Begin with nobody running.

        `number_of`: the number of an address by what the journal calls it.
        """
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._number_of = number_of
        self._roles = roles
        self._demand = demand
        self._seen: dict[tuple[int, str], _Seen] = {}
        self._asked: dict[tuple[int, int], WorldCloud] = {}
        """Who is asked, by node and call."""
        self._moved_at: dict[int, float] = {}
        """When the holder of an address last changed."""
        shape = layout.shape
        numbers = sum(part.addresses for part in shape.names())
        settling = 60.0 / min(WATCH_INTERVAL_S, shape.interval_s)
        self._calls_a_minute = 100 + settling + 75 * numbers
        if any(kind.releases_first for kind in clouds.kinds.values()):
            # a release is asked for often, and one for all of a name
            self._calls_a_minute += RELEASES * RELEASE_LOOKS * len(shape.names())

    def started(self, node: Node) -> None:
        """A run of hakeeper begins."""
        for kind in self._clouds.kinds.values():
            self._seen[node.index, kind.api.name] = _Seen()

    def moved(self, move: Move) -> None:
        """Hear that a holder changed."""
        self._moved_at[move.number] = move.at_s

    # --- a call begins -----------------------------------------------------------------------

    def handled(self, node: Node, batch: Batch) -> None:
        """Check the calls that are asked for."""
        for effect in batch.effects:
            if isinstance(effect, StartCall):
                self._begun(node, effect, batch.at_s)

    def _begun(self, node: Node, effect: StartCall, now: float) -> None:
        request, index, cloud = effect.request, node.index, self._clouds.asked(effect.request)
        self._asked[index, effect.call_id] = cloud
        if isinstance(request, Identify) and not cloud.kind.api.says_who_we_are:
            return  # that takes no call
        seen = self._seen[index, cloud.kind.api.name]
        seen.asked_at[effect.call_id] = now
        assign = isinstance(request, Mutate)
        held_until = seen.assigns_held_until if assign else seen.held_until
        heeds = now >= held_until - 1e-9
        if assign and now < seen.held_until:
            heeds = heeds and not seen.inflight  # one may look whether the 429 stands
        self._demand("heeds_429", index, heeds, "a call while a 429 says wait")
        recent = seen.recent
        recent.append(now)
        while recent[0] < now - WINDOW_S:
            recent.popleft()
        few = len(recent) <= self._calls_a_minute
        self._demand("call_budget", index, few, "{} calls in a minute", len(recent))
        if cloud.nature.steps_per_hour is None:
            self._spent(index, seen, now, cloud.cost(request))
        if isinstance(request, Mutate):
            self._assigning(node, effect.call_id, request, now)

    def _spent(self, index: int, seen: _Seen, now: float, cost: int) -> None:
        """Check what one run of hakeeper takes of the project's quota, whatever fails."""
        seen.hour.append((now, cost))
        seen.hour_cost += cost
        while seen.hour[0][0] < now - HOUR_S:
            seen.hour_cost -= seen.hour.popleft()[1]
        within = seen.hour_cost <= self._layout.shape.quota_per_hour * SHARE
        self._demand("hour_budget", index, within, "{} calls in an hour", seen.hour_cost)

    def _assigning(self, node: Node, call_id: int, request: Mutate, now: float) -> None:
        index, demand, cloud = node.index, self._demand, self._clouds.asked(request)
        seen = self._seen[index, cloud.kind.api.name]
        numbers = tuple(map(number_of, request.resources))
        demand("core_guard", index, True, "")  # noqa: FBT003  # it let this one pass
        ours = (None, cloud.key_of(node.server_id))
        demand("own_target", index, request.step.holder in ours, "{}", request)
        under_way = len(seen.inflight)
        demand(
            "max_parallel", index, under_way < cloud.kind.api.max_parallel, "{} at once", under_way
        )
        busy = {fip for each in seen.inflight.values() for fip in each}
        before = seen.steps_before[call_id] = {}
        for fip in numbers:
            demand("one_at_a_time", index, fip not in busy, "{}", request)
            known = fip not in seen.outcome_unknown
            demand("no_blind_resend", index, known, "ip-{} resent blindly", fip)
            step = (fip, request.step.name)
            before[step] = seen.steps_at.get(step, -inf)
            apart_s = now - before[step]
            demand("spacing", index, apart_s >= SPACING_S - 1e-6, "{:.3f} s apart", apart_s)
            self._not_needless(node, seen, fip, now)
            seen.sent_before[fip] = seen.sent_at.get(fip, -inf)
            seen.sent_at[fip] = seen.steps_at[step] = now
        seen.inflight[call_id] = numbers

    def taking_in(self, node: Node, event: Event) -> None:
        """An operator who takes it wants no read before that to count."""
        if isinstance(event, Taken):
            for kind in self._clouds.kinds.values():
                self._seen[node.index, kind.api.name].take_at = node.clock()

    def _not_needless(self, node: Node, seen: _Seen, fip: int, now: float) -> None:
        """An address that a read called ours a moment ago, and that is, needs no assign."""
        read_at = seen.mine_read_at.get(fip, -inf)
        fresh = now - read_at < 60.0
        fresh = fresh and read_at >= seen.ended_at.get(fip, -inf)
        mine = self._clouds.holder(fip) == node.server_id
        vrrp = self._layout.vrrp_id(self._layout.name_of[fip])
        fresh = fresh and read_at >= max(seen.demoted_at.get(vrrp, -inf), seen.take_at)
        # One clock for both: the machine's is ahead of the world's, and may jump.
        moved_ago_s = self._agenda.now - self._moved_at.get(fip, -inf)
        moved = moved_ago_s < now - read_at + 60.0
        needless = fresh and mine and not moved
        self._demand("not_needless", node.index, not needless, "ip-{} is ours already", fip)

    # --- a call ends -------------------------------------------------------------------------

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Remember what the result of a call says."""
        del reports
        if isinstance(event, CallResult):
            self._ended(node, event)

    def _ended(self, node: Node, result: CallResult) -> None:
        cloud = self._asked.pop((node.index, result.call_id), None)
        if cloud is None:
            return
        seen = self._seen[node.index, cloud.kind.api.name]
        numbers = seen.inflight.pop(result.call_id, ())
        steps_before = seen.steps_before.pop(result.call_id, {})
        asked_at = seen.asked_at.pop(result.call_id, -inf)
        outcome = result.outcome
        for fip in numbers:
            seen.ended_at[fip] = node.clock()
            before = seen.sent_before.pop(fip, -inf)
            if result.sent_at_s is None:  # what was never sent delays nothing
                seen.sent_at[fip] = before
        if result.sent_at_s is None:
            seen.steps_at.update(steps_before)
        match outcome:
            case Failure(kind=FailureKind.OUTCOME_UNKNOWN):
                seen.outcome_unknown.update(dict.fromkeys(numbers, node.clock()))
            case Failure(kind=FailureKind.THROTTLED):
                now, asked_s = node.clock(), outcome.retry_after_s
                wait_s = min(
                    cloud.kind.api.patience.longest_wait_s, 0.75 if asked_s is None else asked_s
                )
                seen.held_until = max(seen.held_until, now + wait_s)
                if numbers:
                    wait_s = EAGER_S if asked_s is None else wait_s
                    seen.assigns_held_until = max(seen.assigns_held_until, now + wait_s)
            case MutationAccepted():
                seen.held_until = -inf
            case OneRead(observation):
                self._read(node, cloud, (observation,), asked_at)
            case AllRead(_, reading):
                self._read(node, cloud, reading.found or self._found_in(node, outcome), asked_at)
            case _:
                pass

    def _found_in(self, node: Node, answer: AllRead) -> tuple[Observation, ...]:
        """Return what a list shows of a node's resources, if none is listed by itself."""
        cloud, reading = self._clouds.answered(answer), answer.reading
        numbers = self._layout.own_numbers(node.index) if reading.parts else ()
        of = ((cloud.ref_of(n), cloud.resources[n]) for n in numbers if n in cloud.resources)
        found = (cloud.kind.find(ref, known, reading) for ref, known in of)
        return tuple(each for each in found if each is not None)

    def _read(
        self, node: Node, cloud: WorldCloud, found: tuple[Observation, ...], asked_at: float
    ) -> None:
        seen, ours = self._seen[node.index, cloud.kind.api.name], cloud.key_of(node.server_id)
        if self._layout.shape.clusters > 1:
            own = self._layout.own_numbers(node.index)
            found = tuple(each for each in found if number_of(each.id) in own)
        for each in found:
            fip = number_of(each.id)
            if asked_at >= seen.outcome_unknown.get(fip, inf):
                del seen.outcome_unknown[fip]
            if each.moving:  # it shows who had it before
                continue
            mine = each.server_id == ours
            if not self._roles.read(node.index, fip, asked_at, mine=mine):
                continue
            if mine:
                seen.mine_read_at[fip] = asked_at
            else:
                seen.mine_read_at.pop(fip, None)

    # --- what is said of it ------------------------------------------------------------------

    def decided(self, node: Node, event: Event | None, decision: Decision) -> None:
        """Check the word that an address is here: the newest read says so.

        Of a claim, one that began after its assign. Hear who ceases to be MASTER.
        """
        del event
        match decision:
            case RoleChanged(vrrp, Role.MASTER):
                for seen in self._seen_by(node.index):
                    seen.demoted_at[vrrp] = node.clock()
            case ResourceClaimed(_, label) if label in self._number_of:
                fip = self._number_of[label]
                self._read_back(node, fip, self._seen_of(node, fip).sent_at.get(fip, -inf))
            case ResourceConfirmed(_, label) if label in self._number_of:
                self._read_back(node, self._number_of[label], -inf)
            case _:
                pass

    def _seen_by(self, index: int) -> list[_Seen]:
        return [self._seen[index, kind.api.name] for kind in self._clouds.kinds.values()]

    def _seen_of(self, node: Node, fip: int) -> _Seen:
        return self._seen[node.index, self._clouds.of(fip).kind.api.name]

    def _read_back(self, node: Node, fip: int, since_s: float) -> None:
        read_at = self._seen_of(node, fip).mine_read_at.get(fip)
        holds = read_at is not None and read_at >= since_s
        self._demand("read_back", node.index, holds, "ip-{} is called ours without a read", fip)
