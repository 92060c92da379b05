"""Looks at everything that happens in a world, and says what must never be, or not for so long.

Each rule has a name, and counts how often it was put to the test: a rule that was never evaluated
proves nothing. tests/world plants bugs to show that each can fail.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from struct import Struct
from typing import TYPE_CHECKING, get_args
from zlib import crc32

from hakeeper.core.calls import (
    Assign,
    CallResult,
    Failure,
    FailureKind,
    FloatingIpRead,
    FloatingIpsListed,
    ListFloatingIps,
    ReadActions,
    Request,
)
from hakeeper.core.claim import SETTLE_S, SPACING_S, Stage
from hakeeper.core.events import (
    Effect,
    Event,
    KeepalivedGone,
    LinesLost,
    LinesRead,
    Report,
    RolesQueried,
    SaveState,
    StartCall,
    Started,
)
from hakeeper.core.hearing import HEARING_S
from hakeeper.core.keeper import NAMES_TOLD, Keeper
from hakeeper.core.lines import LineState
from hakeeper.core.model import FloatingIp, Role, VrrpId
from hakeeper.core.reconcile import SETTLE_INTERVAL_S
from hakeeper.core.snapshot import Health
from hakeeper.core.state import State
from hakeeper.loop import LOOK_S
from hakeeper.sim.world.cells import cells
from hakeeper.sim.world.cloud import Move
from hakeeper.sim.world.conduct import Conduct
from hakeeper.sim.world.kinds import Fault, Kind
from hakeeper.sim.world.node import Node
from hakeeper.sim.world.vrrp import Router, VrrpState

if TYPE_CHECKING:
    from hakeeper.sim.world.world import World

ON_ITS_WAY_S = 0.05
"""A line that was written so short a time ago need not have been read."""
REPAIR_S = 15.0
"""One stable MASTER, an API that works: the address is with it after this."""
SETTLED_REPAIR_S = 7.0
"""The same for what is taken away within `SETTLES_S` after its master claimed it."""
SETTLES_S = 15.0
SETTLED_AFTER_S = SETTLE_S + 5.0
"""A claim that is begun is over, with the closer reads that follow it, after this."""
QUERY_S = 14.0
"""With D-Bus, a wrong belief lasts no longer than this."""
SAVED_S = 3.0
"""A state that could not be written down is, at the latest so long after the last failure."""
LANES = 8
NAMES_LIMIT = NAMES_TOLD
"""The core may remember so many unknown names."""
TICKS_AT_ONE_TIME = 200
MOVES_AT_FIRST = 6
BOUNDED_UP_TO_S = 40.0
"""With a longer interval a loss is noticed too late to tell a fight from a hand in the console."""
TEN_MINUTES_S = 600.0
WINDOW_S = 60.0
DEAF_UNTIL_S = HEARING_S + LOOK_S + 0.5
"""After its private address came back, a master that is guarded waits at most so long."""
HOLDING_LIMIT_S = 30.0
"""The longest that a 429 can make us wait."""
RULES = (
    "core_guard",
    "sent_by_master",
    "deaf_claims_nothing",
    "own_target",
    "one_at_a_time",
    "no_blind_resend",
    "read_back",
    "two_reads_decide",
    "patience",
    "hint_heeded",
    "token_reread",
    "role_survives",
    "role_from_keepalived",
    "last_line_decides",
    "doubt_is_believed",
    "backlog_claims_nothing",
    "written_first",
    "written_at_last",
    "heeds_429",
    "future_ticks",
    "spacing",
    "lanes",
    "not_needless",
    "call_budget",
    "bounded_memory",
    "repaired",
    "hold_off_earned",
    "hold_off_ends",
    "split_bounded",
    "peace",
    "quiet",
    "healthy",
)
ROLE_AFTER = {
    LineState.MASTER: Role.MASTER,
    LineState.MASTER_RX_LOWER_PRI: Role.MASTER,
    LineState.MASTER_PRIORITY: Role.MASTER,
    LineState.BACKUP: Role.BACKUP,
    LineState.FAULT: Role.FAULT,
    LineState.STOP: Role.STOPPED,
    LineState.DELETED: Role.STOPPED,
}
"""What a line means, said once more and independently of the role table."""


_MARK = Struct("<HdHQ").pack
_NUMBERS = {each: i for i, each in enumerate((*get_args(Event), *get_args(Request)))}
"""Of events and requests, for the digest."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule was broken."""

    rule: str
    at_s: float
    node: int | None
    text: str

    def __str__(self) -> str:
        """Say it in a line."""
        where = "" if self.node is None else f" at node {self.node + 1}"
        return f"{self.rule}{where} after {self.at_s:.3f} s: {self.text}"


@dataclass(slots=True)
class Tally:
    """What was counted in one world, or in many."""

    worlds: int = 0
    simulated_s: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    bitten: Counter[str] = field(default_factory=Counter)
    """How many calls each kind of API fault struck."""
    evaluated: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(what was said, role before) of the role table."""
    reports: Counter[str] = field(default_factory=Counter)
    events: int = 0
    calls: int = 0
    assigns: int = 0
    moves: int = 0
    runs: int = 0
    claims_ms: Counter[int] = field(default_factory=Counter)
    """From a MASTER line in good times to the owner, in whole milliseconds."""
    repairs_ms: Counter[int] = field(default_factory=Counter)
    """From the end of the trouble, or a foreign move, to the owner."""
    hold_offs_s: Counter[int] = field(default_factory=Counter)
    """Contested addresses that stayed away from a stable master, in whole seconds."""

    def add(self, other: "Tally") -> None:
        """Add another one's counts."""
        for name in self.__dataclass_fields__:
            mine = getattr(self, name)
            if isinstance(mine, Counter):
                mine.update(getattr(other, name))
            else:
                setattr(self, name, mine + getattr(other, name))


@dataclass(slots=True)
class _Epoch:
    """A time in which one address has one master, and nothing stands in its way."""

    master: int
    began_at: float
    by_line: bool
    wrong_since: float | None = None
    came_at: float = -inf
    """When the address came to its master."""
    number: int = 0


@dataclass(slots=True)
class _Seen:
    """What the watch knows of one run of hakeeper."""

    inflight: dict[int, int] = field(default_factory=dict)
    """Assigns under way: call id to floating IP."""
    asked_at: dict[int, float] = field(default_factory=dict)
    """All calls under way: when each was asked for, by the node's clock."""
    unsure: dict[int, float] = field(default_factory=dict)
    """Floating IPs whose last assign has an unknown outcome, since when."""
    sent_at: dict[int, float] = field(default_factory=dict)
    """When the last assign of an address was asked for."""
    ended_at: dict[int, float] = field(default_factory=dict)
    """When the last assign of an address ended; reads of before may be older than it."""
    mine_read_at: dict[int, float] = field(default_factory=dict)
    """When the read was begun that last said that it is ours."""
    held_until: float = -inf
    recent: deque[float] = field(default_factory=deque)
    tick_at: float = -1.0
    ticks: int = 0


def memory_of(keeper: Keeper) -> State:
    """Look into a keeper: some rules are about what it believes."""
    return keeper._state  # noqa: SLF001


class Watch:
    """The rules of one world."""

    def __init__(self, world: "World") -> None:
        """Watch over this world."""
        self.world = world
        self.violations: list[Violation] = []
        self.stuck = False
        """Time does not go on any more."""
        self.digest = 0
        self.moves: list[Move] = []
        self.split_at_s: float | None = None
        self.quiet_since: float | None = None
        self.settled_at = -inf
        """When the last claim after a hold-off is over, with its closer reads."""
        self._tally = Tally()
        self._seen: dict[int, _Seen] = {}
        self._everywhere = 0
        self._troubles: Counter[int] = Counter()
        self._misled: dict[tuple[int, str], float] = {}
        self._meddled: set[int] = set()
        self._epochs: dict[int, _Epoch] = {}
        self._epoch_count = 0
        self._held_off_since: dict[int, float] = {}
        shape = world.plan.shape
        numbers = sum(part.addresses for part in shape.names())
        settling = 60.0 / min(SETTLE_INTERVAL_S, shape.interval_s)
        self._calls_a_minute = 100 + settling + 75 * numbers
        self._repair_s = REPAIR_S + shape.slower_s()
        self._query_s = QUERY_S + shape.slower_s()
        # A master that saw a scarce quota reads like a standby, and may not look before that.
        self._scarce_for_s = max(0.0, shape.standby_interval_s - 60.0)
        self._moved_at: dict[int, float] = {}
        """When the owner of an address last changed."""
        self._quiet_calls: Counter[tuple[int, str]] = Counter()
        self._quiet_reports: list[str] = []
        self._broken: set[str] = set()
        self._posting: set[FloatingIp | None] = set()
        """The addresses for which an assign was due before the event at hand."""
        self._wronged: set[int] = set()
        """Masters that have not their addresses even in peace, which other rules tell of."""
        self._conduct = Conduct(self._demand)

    # --- verdicts ----------------------------------------------------------------------------

    def violated(self, rule: str, node: int | None, text: str) -> None:
        """Note that a rule was broken; each rule once."""
        if rule in self._broken:
            return
        self._broken.add(rule)
        at_s = self.world.now - self.world.agenda_start_s
        self.violations.append(Violation(rule, at_s, node, text))
        self.world.tell(f"VIOLATION {self.violations[-1]}")

    def _demand(self, rule: str, node: int | None, holds: bool, text: str) -> None:  # noqa: FBT001
        self._tally.evaluated[rule] += 1
        if not holds:
            self.violated(rule, node, text)

    def tally(self) -> Tally:
        """Return the counts of this world."""
        self._tally.worlds = 1
        self._tally.simulated_s = self.world.now - self.world.agenda_start_s
        self._tally.moves = len(self.moves)
        return self._tally

    # --- what happens ------------------------------------------------------------------------

    def injected(self, kind: Kind) -> None:
        """Count a fault."""
        self._tally.injected[kind.value] += 1

    def bitten(self, kind: Kind) -> None:
        """Count a call that a fault struck."""
        self._tally.bitten[kind.value] += 1

    def trouble(self, fault: Fault, change: int) -> None:
        """Something is wrong (or no longer) with a node, or with everybody."""
        if fault.node is None:
            self._everywhere += change
        elif fault.kind in (Kind.SPLIT, Kind.ONE_WAY, Kind.NOBODY):
            for index in self.world.members(fault.node):
                self._troubles[index] += change
        else:
            self._troubles[fault.node] += change

    def mislead(self, node: Node, name: str) -> None:
        """Lines of this instance are missing or wrong: its belief may be as well, for a time."""
        dbus = self.world.plan.shape.dbus and not self.world.part_of[name].group
        answers = dbus and not (node.hung or node.keepalived.frozen)
        self._misled[node.index, name] = self.world.now + self._query_s if answers else inf

    def stood_still(self, node: Node) -> None:
        """Hear that hakeeper or its keepalived stops or goes on: no question was answered since."""
        for name in self.world.names_at(node.index):
            if self._misled.get((node.index, name), 0.0) > self.world.now:
                self.mislead(node, name)

    def meddled(self, node: Node) -> None:
        """The state file was changed by another hand."""
        self._meddled.add(node.index)

    def began(self, node: Node) -> None:
        """A run of hakeeper begins."""
        self._tally.runs += 1
        self._seen[node.index] = _Seen()
        self._conduct.began(node.index)
        self.world.tell(f"node {node.index + 1}: hakeeper starts (run {node.runs})")

    def died(self, node: Node) -> None:
        """A run of hakeeper ended."""
        self.world.tell(f"node {node.index + 1}: hakeeper is gone")
        self.assess(node)

    def said(self, node: Node, name: str, word: LineState, *, kept: bool) -> None:
        """Hear that keepalived wrote a line, or could not."""
        run = node.run
        pipe = node.keepalived.writes_to
        if word is LineState.MASTER_RX_LOWER_PRI:
            return
        if pipe is None or (not kept and not pipe.full()):
            self.mislead(node, name)
        elif node.place.at_path is not pipe and (run is None or not run.fifo.holds(pipe)):
            self.mislead(node, name)  # it writes into a FIFO that has no name any more
        elif kept and run is not None and not run.fifo.holds(pipe):
            self._misled[node.index, name] = self.world.now + 1.1  # the next look finds the pipe
        elif kept and word in (LineState.MASTER, LineState.BACKUP, LineState.FAULT, LineState.STOP):
            self._misled.pop((node.index, name), None)
        self.assess(node, master_of=name if word is LineState.MASTER else None)

    def moved(self, move: Move) -> None:
        """Hear that an owner changed."""
        self.moves.append(move)
        self._moved_at[move.floating_ip_id] = move.at_s
        self.world.tell(f"cloud: ip-{move.floating_ip_id}: {move.old} -> {move.new} ({move.cause})")
        epoch = self._epochs.get(move.floating_ip_id)
        if epoch is None:
            return
        now = self.world.now
        if move.new == epoch.master + 1:
            self._repaired(move.floating_ip_id, epoch, now)
            if move.cause == f"server {move.new}":  # its own claim, which it now watches closely
                epoch.came_at = now
        elif epoch.wrong_since is None:
            epoch.by_line = False
            self._wrong(move.floating_ip_id, epoch, now)

    def hearing(self, node: Node, event: Event) -> None:
        """Look at an event before the keeper hears it."""
        if node.run is not None:
            state, now = memory_of(node.run.keeper), node.clock()
            self._conduct.hearing(node.index, state, event, now)
            if isinstance(event, RolesQueried | Started | LinesRead):
                addresses = state.addresses.values()
                self._posting = {a.floating_ip for a in addresses if a.stage is Stage.POST}
            for said, role in cells(state, event):
                self._tally.transitions[said.value, role.value] += 1

    def handled(self, node: Node, event: Event, effects: tuple[Effect, ...], now: float) -> None:
        """Check what came of an event."""
        run, seen = node.run, self._seen[node.index]
        if run is None:
            return
        tally = self._tally
        tally.events += 1
        self._mix(node.index, now, _NUMBERS[type(event)], len(effects))
        if self.world.story is not None:
            self._narrate(node, event, effects)
        state = memory_of(run.keeper)
        self._conduct.handled(node.index, state, event, effects)
        if isinstance(event, CallResult):
            self._ended(node, seen, event)
        elif isinstance(event, LinesRead):
            self._heard(node, event, effects)
        elif isinstance(event, KeepalivedGone | LinesLost):
            beliefs = state.roles.beliefs.values()
            none = all(belief.role is not Role.MASTER for belief in beliefs)
            self._demand("doubt_is_believed", node.index, none, f"MASTER after {event}")
        if effects:
            self._check_effects(node, seen, event, effects, now)
        next_at_s = run.keeper.next_at()
        tally.evaluated["future_ticks"] += 1
        if next_at_s is not None and next_at_s <= now:
            self.violated("future_ticks", node.index, "asks for a tick in the past")
        if seen.tick_at != now:
            seen.tick_at, seen.ticks = now, 0
        seen.ticks += 1
        if seen.ticks > TICKS_AT_ONE_TIME:
            self.stuck = True
            self.violated("future_ticks", node.index, "turns without end at one time")

    def _heard(self, node: Node, event: LinesRead, effects: tuple[Effect, ...]) -> None:
        run = node.run
        if run is None or not event.lines:
            return
        beliefs = memory_of(run.keeper).roles.beliefs
        last = {line.vrrp: line.state for line in event.lines}
        for name, word in last.items():
            belief = beliefs.get(name)
            if belief is not None and word in ROLE_AFTER:
                right = belief.role is ROLE_AFTER[word]
                text = f"{name} is {belief.role.value} after {word.value}"
                self._demand("last_line_decides", node.index, right, text)
        if not event.live or run.began_at == self.world.now:
            self._no_assign(node, effects)
        self._conduct.looked(node.index, memory_of(run.keeper), node.clock())
        self.assess(node)

    def _no_assign(self, node: Node, effects: tuple[Effect, ...]) -> None:
        """Nothing is claimed at once because of this; what was to be sent anyway may be."""
        before = {each.id for each in self._posting if each is not None}
        begun = [effect.request for effect in effects if isinstance(effect, StartCall)]
        none = all(r.floating_ip_id in before for r in begun if isinstance(r, Assign))
        self._demand("backlog_claims_nothing", node.index, none, "an assign without a look")

    def _check_effects(
        self, node: Node, seen: _Seen, event: Event, effects: tuple[Effect, ...], now: float
    ) -> None:
        saved = node.disk
        calls_begun = False
        for effect in effects:
            match effect:
                case SaveState(state):
                    saved = state
                    self._demand(
                        "written_first", node.index, not calls_begun, "written after a call began"
                    )
                case StartCall():
                    calls_begun = True
                    self._started(node, seen, effect, now)
                    if isinstance(effect.request, Assign):
                        readable = node.index not in self._meddled and not node.disk_full
                        holds = not readable or self._is_saved(node, saved, effect.request)
                        self._demand("written_first", node.index, holds, "its role is not written")
                case Report():
                    self._reported(node, seen, event, effect)
                case _:
                    pass
        if any(isinstance(effect, SaveState) for effect in effects) and not node.disk_full:
            self._meddled.discard(node.index)
        if isinstance(event, Started | RolesQueried):
            self._no_assign(node, effects)

    def _is_saved(self, node: Node, saved: object, request: Assign) -> bool:
        roles = getattr(saved, "roles", {})
        return roles.get(self._vrrp_of(request.floating_ip_id)) is Role.MASTER or node.disk_full > 0

    def _vrrp_of(self, floating_ip_id: int) -> VrrpId:
        return self.world.vrrp_id(self._name_of(floating_ip_id))

    def _name_of(self, floating_ip_id: int) -> str:
        return self.world.name_of[floating_ip_id]

    def _started(self, node: Node, seen: _Seen, effect: StartCall, now: float) -> None:
        request, index, tally = effect.request, node.index, self._tally
        tally.calls += 1
        self._mix(index, now, _NUMBERS[type(request)], effect.call_id)
        seen.asked_at[effect.call_id] = now
        self._demand("heeds_429", index, now >= seen.held_until, "a call while a 429 says wait")
        recent = seen.recent
        recent.append(now)
        while recent[0] < now - WINDOW_S:
            recent.popleft()
        tally.evaluated["call_budget"] += 1
        if len(recent) > self._calls_a_minute:
            self.violated("call_budget", index, f"{len(recent)} calls in a minute")
        if self.quiet_since is not None:
            self._quiet_calls[index, type(request).__name__] += 1
        if isinstance(request, Assign):
            tally.assigns += 1
            self._assigning(node, seen, effect.call_id, request, now)
        elif isinstance(request, ReadActions):
            self._conduct.asking(index, request, now)

    def _assigning(
        self, node: Node, seen: _Seen, call_id: int, request: Assign, now: float
    ) -> None:
        index, fip = node.index, request.floating_ip_id
        self._tally.evaluated["core_guard"] += 1  # it let this one pass
        self._demand("own_target", index, request.server_id == node.server_id, str(request))
        self._demand("one_at_a_time", index, fip not in seen.inflight.values(), str(request))
        self._demand("lanes", index, len(seen.inflight) < LANES, f"{len(seen.inflight)} at once")
        self._demand("no_blind_resend", index, fip not in seen.unsure, f"ip-{fip} resent blindly")
        last = seen.sent_at.get(fip, -inf)
        self._demand("spacing", index, now - last >= SPACING_S - 1e-6, f"{now - last:.3f} s apart")
        self._not_needless(node, seen, fip, now)
        seen.sent_at[fip] = now
        seen.inflight[call_id] = fip

    def _not_needless(self, node: Node, seen: _Seen, fip: int, now: float) -> None:
        """An address that a read called ours a moment ago, and that is, needs no assign."""
        read_at = seen.mine_read_at.get(fip, -inf)
        fresh = now - read_at < 60.0  # noqa: PLR2004 - well within "recent"
        fresh = fresh and read_at >= seen.ended_at.get(fip, -inf)
        mine = self.world.cloud.owner(fip) == node.server_id
        moved = self._moved_at.get(fip, -inf) > read_at - 60.0
        needless = fresh and mine and not moved
        self._demand("not_needless", node.index, not needless, f"ip-{fip} is ours already")

    def sent(self, index: int, request: Assign) -> None:
        """Look at the very moment in which an assign's first byte goes out."""
        world = self.world
        name = self._name_of(request.floating_ip_id)
        router = world.vrrp[name].routers[index]
        world.tell(f"node {index + 1}: sends assign of ip-{request.floating_ip_id}")
        now = world.now
        holds = (
            router.state is VrrpState.MASTER
            or now - router.left_at_s <= ON_ITS_WAY_S
            or now <= self._misled.get((index, name), -inf)
        )
        text = f"ip-{request.floating_ip_id} although keepalived is {router.state.value}"
        self._demand("sent_by_master", index, holds, text)
        if world.part_of[name].guarded:
            self._hears(index, router, now)

    def _hears(self, index: int, router: Router, now: float) -> None:
        """No claim while its keepalived is deaf, as far as it can be known, or was just now."""
        run, since_s = self.world.nodes[index].run, now - router.deafness_at_s
        if router.deaf:
            holds = since_s <= LOOK_S + ON_ITS_WAY_S
        else:
            jumped = self.world.nodes[index].jumped_at > router.deafness_at_s
            began = run is None or run.began_at > router.deafness_at_s
            holds = since_s > HEARING_S or jumped or began
        text = f"an assign {since_s:.3f} s after its address " + ("went" if router.deaf else "came")
        self._demand("deaf_claims_nothing", index, holds, text)

    def _ended(self, node: Node, seen: _Seen, result: CallResult) -> None:
        fip = seen.inflight.pop(result.call_id, None)
        asked_at = seen.asked_at.pop(result.call_id, -inf)
        outcome = result.outcome
        if fip is not None:
            seen.ended_at[fip] = node.clock()
        match outcome:
            case Failure(kind=FailureKind.OUTCOME_UNKNOWN) if fip is not None:
                seen.unsure[fip] = node.clock()
            case Failure(kind=FailureKind.THROTTLED):
                wait_s = min(HOLDING_LIMIT_S, outcome.retry_after_s or 0.75)
                seen.held_until = max(seen.held_until, node.clock() + wait_s)
            case FloatingIpRead(floating_ip):
                self._read(node, seen, (floating_ip,), asked_at)
            case FloatingIpsListed(floating_ips):
                self._read(node, seen, floating_ips, asked_at)
                if node.run is not None:
                    self._is_written(node, memory_of(node.run.keeper))
            case _:
                pass

    def _read(
        self, node: Node, seen: _Seen, floating_ips: tuple[FloatingIp, ...], asked_at: float
    ) -> None:
        if self.world.plan.shape.clusters > 1:
            own = self.world.own_numbers(node.index)
            floating_ips = tuple(each for each in floating_ips if each.id in own)
        for floating_ip in floating_ips:
            if asked_at >= seen.unsure.get(floating_ip.id, inf):
                del seen.unsure[floating_ip.id]
            mine = floating_ip.server_id == node.server_id
            if not self._conduct.read(node.index, floating_ip.id, asked_at, mine=mine):
                continue
            if mine:
                seen.mine_read_at[floating_ip.id] = asked_at
            else:
                seen.mine_read_at.pop(floating_ip.id, None)

    def _reported(self, node: Node, seen: _Seen, event: Event, report: Report) -> None:
        self._tally.reports[report.event] += 1
        if self.quiet_since is not None:
            self._quiet_reports.append(f"node {node.index + 1}: {report.event}: {report.message}")
        fip = self.world.number_of.get(str(report.fields.get("address", "")))
        if report.event == "role.changed":
            right = not isinstance(event, CallResult)
            self._demand("role_from_keepalived", node.index, right, report.message)
        elif fip is None:
            return
        elif report.event == "address.claimed":
            self._read_back(node, seen, fip, seen.sent_at.get(fip, -inf))
        elif report.event == "address.confirmed":
            self._read_back(node, seen, fip, -inf)
        elif report.event == "address.drifted":
            self._conduct.lost(node.index, fip)
        elif report.event == "claim.started" and "contested" in str(report.fields.get("reason")):
            self._held_off_since.setdefault(fip, self.world.now)
            self.settled_at = self.world.now + SETTLED_AFTER_S

    def _read_back(self, node: Node, seen: _Seen, fip: int, since_s: float) -> None:
        """The newest read says that it is here, and was begun after the last assign."""
        holds = fip in seen.mine_read_at and seen.mine_read_at[fip] >= since_s
        self._demand("read_back", node.index, holds, f"ip-{fip} is called ours without a read")

    # --- repairs -----------------------------------------------------------------------------

    def assess(self, node: Node | None = None, *, master_of: str | None = None) -> None:
        """Look at every address: does one master have a clear way to it now?

        `node`: only its cluster can be concerned. `master_of`: the instance of which somebody
        became master in this moment.
        """
        now = self.world.now
        for name in self.world.vrrp if node is None else self.world.names_at(node.index):
            masters = self.world.vrrp[name].masters()
            master = masters[0].node if len(masters) == 1 and not masters[0].frozen else None
            if master is not None and not self._way_is_clear(master, name, now):
                master = None
            for fip in self.world.addresses[name]:
                self._assess(fip, master, now, by_line=name == master_of)

    def _way_is_clear(self, master: int, name: str, now: float) -> bool:
        node = self.world.nodes[master]
        if node.run is None or node.hung or self._everywhere or self._troubles[master]:
            return False
        routers = self.world.vrrp[name].routers
        if any(self._misled.get((index, name), -inf) > now for index in routers):
            return False  # one that is misled may take it from the true master, who takes it back
        router = routers[master]
        if now - router.deafness_at_s < DEAF_UNTIL_S:
            return False
        cloud = self.world.cloud
        if cloud.scarce(now) or now - cloud.scarce_at < self._scarce_for_s:
            return False
        told_scarce = memory_of(node.run.keeper).api.scarce(node.clock())  # rightly or not
        if cloud.upsets.any() or router.deaf or told_scarce:
            return False
        return not self._unknown_without_dbus(node, name)

    def _unknown_without_dbus(self, node: Node, name: str) -> bool:
        group = self.world.part_of[name].group
        if node.run is None or (self.world.plan.shape.dbus and not group):
            return False
        belief = memory_of(node.run.keeper).roles.beliefs.get(self.world.vrrp_id(name))
        return belief is not None and belief.role is Role.UNKNOWN

    def _assess(self, fip: int, master: int | None, now: float, *, by_line: bool) -> None:
        epoch = self._epochs.get(fip)
        if master is None:
            self._epochs.pop(fip, None)
            return
        if epoch is not None and epoch.master == master:
            return
        self._epoch_count += 1
        epoch = _Epoch(master, now, by_line, number=self._epoch_count)
        self._epochs[fip] = epoch
        if self.world.cloud.owner(fip) != master + 1:
            self._wrong(fip, epoch, now)

    def _wrong(self, fip: int, epoch: _Epoch, now: float) -> None:
        epoch.wrong_since = now
        limit_s = SETTLED_REPAIR_S if now - epoch.came_at < SETTLES_S else self._repair_s
        self.world.agenda.after(limit_s, self._still_wrong, fip, epoch, now, limit_s)

    def _still_wrong(self, fip: int, epoch: _Epoch, since: float, limit_s: float) -> None:
        if self._epochs.get(fip) is not epoch or epoch.wrong_since != since:
            return
        if self._is_held_off(fip, epoch.master):
            self._held_off_since.setdefault(fip, since)
            earned = self._is_hold_off_earned(fip, epoch.master + 1)
            self._demand("hold_off_earned", epoch.master, earned, f"ip-{fip} is left alone")
            return
        if not self._way_is_clear(epoch.master, self._name_of(fip), self.world.now):
            del self._epochs[fip]
            return
        if self._held_off_since.pop(fip, None) is not None:  # its turn came a moment ago
            self.world.agenda.after(self._repair_s, self._still_wrong, fip, epoch, since, limit_s)
            return
        owner = self.world.cloud.owner(fip)
        text = f"ip-{fip} is with server {owner}, not with its master, for {limit_s:.0f} s"
        self._demand("repaired", epoch.master, holds=False, text=text)

    def _is_hold_off_earned(self, fip: int, server_id: int) -> bool:
        """Say whether others took it twice, or once while several others want it."""
        moves = [move for move in self.moves if move.floating_ip_id == fip]
        others = {who for move in moves for who in (move.old, move.new)} - {None, server_id}
        taken = sum(move.new not in (None, server_id) for move in moves)
        old_reads = self._tally.injected[Kind.STALE_READ.value] > 0  # they can tell of losses
        return old_reads or taken > 1 or (taken == 1 and len(others) > 1)

    def _repaired(self, fip: int, epoch: _Epoch, now: float) -> None:
        if epoch.wrong_since is None:
            return
        took_s, epoch.wrong_since = now - epoch.wrong_since, None
        held_off = self._held_off_since.pop(fip, None)
        if held_off is not None:
            self._tally.hold_offs_s[int(took_s)] += 1
            return
        self._tally.evaluated["repaired"] += 1
        counter = self._tally.claims_ms if epoch.by_line else self._tally.repairs_ms
        counter[round(took_s * 1000)] += 1
        epoch.by_line = False

    def _is_held_off(self, fip: int, master: int) -> bool:
        run = self.world.nodes[master].run
        if run is None:
            return False
        addresses = memory_of(run.keeper).addresses.values()
        return any(
            a.stage is Stage.HOLD_OFF
            for a in addresses
            if a.floating_ip and a.floating_ip.id == fip
        )

    def holding_off(self) -> bool:
        """Say whether some address waits for its contest to end."""
        return any(
            self._is_held_off(fip, master.node)
            for name, vrrp in self.world.vrrp.items()
            for master in vrrp.masters()
            for fip in self.world.addresses[name]
        )

    def in_the_dark(self, node: Node) -> bool:
        """Say whether hakeeper there may rightly not know its role."""
        names = self.world.names_at(node.index)
        if node.run is None:
            return False
        return any(
            self._unknown_without_dbus(node, name)
            or self._misled.get((node.index, name), 0.0) == inf
            for name in names
        )

    # --- the end -----------------------------------------------------------------------------

    def judge_peace(self) -> None:
        """All faults are over for long enough: every address must be with its one master."""
        world = self.world
        for name, vrrp in world.vrrp.items():
            masters = vrrp.masters()
            for fip in world.addresses[name]:
                right = len(masters) == 1 and world.cloud.owner(fip) == masters[0].node + 1
                if not right:
                    self._wronged.update(master.node for master in masters)
                if len(masters) == 1 and self._is_held_off(fip, masters[0].node):
                    self._demand(
                        "hold_off_ends", masters[0].node, right, f"ip-{fip} waits for ever"
                    )
                else:
                    self._tally.evaluated["hold_off_ends"] += 1
                    text = f"ip-{fip} is with {world.cloud.owner(fip)}, masters: " + str(
                        [m.node + 1 for m in masters]
                    )
                    self._demand("peace", None, right, text)
        for node in world.nodes:
            if node.run is not None:
                state = memory_of(node.run.keeper)
                names = len(node.run.keeper._names_told)  # noqa: SLF001
                self._demand("bounded_memory", node.index, names <= NAMES_LIMIT, f"{names} names")
                sizes = (len(state.calls), len(state.api.reported), len(node.run.inbox))
                small = max(sizes) <= 32  # noqa: PLR2004 - calls, codes and answers in peace
                self._demand("bounded_memory", node.index, small, f"{sizes} of calls, codes, inbox")
                self._is_written(node, state)
        self.quiet_since = world.now

    def _is_written(self, node: Node, state: State) -> None:
        """What is believed is in the state file, unless another hand or a full disk prevents it."""
        if node.disk_full or self.world.now - node.save_failed_at < SAVED_S:
            return
        disk, roles = node.disk, state.roles.roles()
        written = node.tampered or (disk is not None and disk.roles == roles)
        self._demand("written_at_last", node.index, written, f"{disk}, not {roles}")

    def judge_quiet(self) -> None:
        """In peace: reads at their intervals, nothing else, no word, and all healthy."""
        world = self.world
        since = self.quiet_since
        if since is None:
            return
        text = "; ".join(self._quiet_reports[:3])
        self._demand("quiet", None, not self._quiet_reports, f"told in peace: {text}")
        lasted_s = world.now - since
        for node in world.nodes:
            if node.run is None:
                continue
            settings, state = node.settings, memory_of(node.run.keeper)
            interval_s = settings.interval_s if state.any_master() else settings.standby_interval_s
            limit = int(lasted_s / interval_s) + 1
            lists = self._quiet_calls[node.index, ListFloatingIps.__name__]
            others = sum(n for (i, _), n in self._quiet_calls.items() if i == node.index) - lists
            wronged = node.index in self._wronged
            if not wronged:
                self._demand("quiet", node.index, lists <= limit, f"{lists} lists, not {limit}")
                self._demand("quiet", node.index, others == 0, f"{others} other calls in peace")
                self._demand("quiet", node.index, lists >= 1, "no look at all")
            picture = node.run.keeper.snapshot(node.clock())
            problems = "; ".join(problem.text for problem in picture.problems)
            honest = (picture.health is Health.OK) is not wronged
            self._demand("healthy", node.index, honest, problems or "a wrong is passed over")

    def judge_split(self) -> None:
        """A split brain without end: few moves at first, then hardly any."""
        if self.split_at_s is None:
            return
        nodes = self.world.plan.shape.nodes
        for fip, at_s in self.split_moves().items():
            first = [s for s in at_s if s <= TEN_MINUTES_S]
            later = [s for s in at_s if s > TEN_MINUTES_S]
            text = f"ip-{fip}: moves at {[round(s) for s in at_s]}"
            if self.world.plan.shape.interval_s > BOUNDED_UP_TO_S:
                continue
            if nodes <= 3:  # noqa: PLR2004 - of more, nothing is promised
                self._demand("split_bounded", None, len(first) <= MOVES_AT_FIRST, text)
            if nodes <= 2:  # noqa: PLR2004
                gaps = [b - a for a, b in pairwise(later)]
                self._demand("split_bounded", None, all(gap > TEN_MINUTES_S for gap in gaps), text)

    def split_moves(self) -> dict[int, list[float]]:
        """Return when each address moved, in seconds since the split began."""
        moves: dict[int, list[float]] = {fip: [] for fip in self.world.name_of}
        since_s = self.world.now if self.split_at_s is None else self.split_at_s
        for move in self.moves:
            if move.at_s >= since_s:
                moves[move.floating_ip_id].append(move.at_s - since_s)
        return moves

    # --- the fingerprint and the story -------------------------------------------------------

    def _mix(self, index: int, now: float, what: int, number: int) -> None:
        self.digest = crc32(_MARK(index, now, what, number), self.digest)

    def _narrate(self, node: Node, event: Event, effects: tuple[Effect, ...]) -> None:
        tell, where = self.world.tell, f"node {node.index + 1}: "
        if isinstance(event, CallResult) and isinstance(event.outcome, Failure):
            tell(f"{where}call {event.call_id} failed: {event.outcome.code}")
        elif isinstance(event, KeepalivedGone | LinesLost):
            tell(f"{where}hakeeper hears: {event}")
        for effect in effects:
            if isinstance(effect, Report):
                tell(f"{where}hakeeper: {effect.event}: {effect.message}")
