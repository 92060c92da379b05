"""Drives keepers in virtual time against one simulated cloud, so that tests read like stories.

    world = World(); node = world.add_node(1)
    node.start(); node.line("VI_1", "MASTER"); world.run_for(15.0)
    assert world.cloud.holder(4711) == 1

Every effect goes through `Rules`, which know what no node may ever do.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from hakeeper.adapters.journal.entry import Entry
from hakeeper.adapters.journal.wording import entry_of
from hakeeper.core.calls import (
    Answer,
    CallResult,
    Failure,
    FailureKind,
    Identify,
    Mutate,
    Quota,
    Request,
)
from hakeeper.core.core import Core
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import (
    CancelCall,
    Effect,
    Event,
    KeepalivedGone,
    KeepalivedSeen,
    LinesLost,
    LinesRead,
    QueryRoles,
    ReloadToken,
    Report,
    RolesQueried,
    SavePause,
    SaveState,
    SetStepDown,
    StartCall,
    Started,
    VrrpAddressesSeen,
)
from hakeeper.core.kind import api_name_of
from hakeeper.core.model import (
    Pause,
    ProcessId,
    Role,
    SavedState,
    Settings,
    StepDown,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.observation import Key, ResourceRef
from hakeeper.core.roles.lines import LineState, NotifyLine
from hakeeper.diagnosis.snapshot import Snapshot, snapshot_of
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import ROBOT
from hakeeper.kinds.floating_ip import by_name
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.robot_cloud import main_ip
from tests.core.cloud import Cloud, Robot
from tests.core.faults import Fault, failure
from tests.core.pier import Pier, ship
from tests.core.rules import Rules
from tests.support.made_up_kind import ELSEWHERE
from tests.support.resources import CLOUD

WEB = 4711
"""The floating IP `web`, which most stories are about."""
TICKS_AT_ONE_TIME = 1000
"""More steps than this without time going on are a hot loop."""
PROCESS = ProcessId(100, 5000, "boot")


def chance(seed: int) -> Random:
    """Make the chance of a test, the same in every run."""
    return Random(seed)  # noqa: S311  # not for secrets


def instance(name: str) -> VrrpId:
    return VrrpId(VrrpKind.INSTANCE, name)


def settings(
    addresses: Mapping[str, tuple[str | ResourceRef, ...]] | None = None,
    *,
    can_query: bool = False,
    must_query: bool = False,
    vrrp_addresses: Mapping[str, tuple[str, ...]] | None = None,
) -> Settings:
    """Make settings from names of instances and of floating IPs, and from private addresses."""
    named = {"VI_1": ("web",)} if addresses is None else addresses
    return Settings(
        resources={
            instance(name): tuple(by_name(r) if isinstance(r, str) else r for r in refs)
            for name, refs in named.items()
        },
        can_query=can_query,
        must_query=must_query,
        vrrp_addresses={
            instance(name): tuple(map(ipaddress.ip_address, private))
            for name, private in (vrrp_addresses or {}).items()
        },
    )


@dataclass(slots=True)
class Call:
    """A call that a node has started."""

    id: int
    request: Request
    at_s: float
    timeout_s: float
    urgent: bool
    done: bool = False
    cancelled: bool = False


def decisions(effects: Iterable[object]) -> list[Decision]:
    """Return what is reported by these effects."""
    return [effect.decision for effect in effects if isinstance(effect, Report)]


def entries(effects: Iterable[object]) -> list[Entry]:
    """Return what the journal shows of these effects."""
    return [entry_of(effect) for effect in effects if isinstance(effect, Report)]


def said(decisions: Iterable[Decision]) -> list[Entry]:
    """Return what the journal shows of these decisions."""
    return [entry_of(Report(decision)) for decision in decisions]


@dataclass(slots=True)
class Node:
    """One core, what it has done and what it was told."""

    world: "World"
    server_id: int
    config: Settings
    seed: int
    core: Core = field(init=False)
    rules: Rules = field(init=False)
    calls: list[Call] = field(default_factory=list)
    reported: list[tuple[float, Entry]] = field(default_factory=list)
    saved: SavedState | None = None
    pause: Pause | None = None
    """What the pause file has; this machine's clock outlives hakeeper."""
    step_down: StepDown | None = None
    tokens_reloaded: int = 0
    queries: list[QueryRoles] = field(default_factory=list)
    dbus: Mapping[str, Role] | None = None
    hangs: bool = False
    """keepalived is on D-Bus, and lets questions wait."""
    holding: tuple[type[Request], ...] = ()
    quota: Quota | None = None
    ticks: int = 0
    ticked_at_s: float = -1.0
    runs: int = 0
    private: tuple[str, ...] | None = None
    """The VRRP addresses that the look at the start finds; None: nobody looks."""

    def __post_init__(self) -> None:
        self._new_core()

    def _new_core(self) -> None:
        self.runs += 1
        self.core = Core(self.config, KINDS, chance(self.seed), self.world.now)
        own: dict[str, Key] = {CLOUD: self.server_id, ELSEWHERE.name: ship(self.server_id)}
        own[ROBOT.name] = main_ip(self.server_id)
        self.rules = Rules(own)

    # --- what happens to it --------------------------------------------------------------

    def start(
        self, saved: SavedState | None = None, keepalived: ProcessId | None = PROCESS
    ) -> tuple[Effect, ...]:
        begun = Started(
            saved=saved, keepalived=keepalived, pause=self.pause, step_down=self.step_down
        )
        started = self.feed(begun)
        return started if self.private is None else started + self.have(*self.private)

    def warm(self) -> None:
        """Start as BACKUP and let the first readings end."""
        self.start()
        self.line("VI_1", "BACKUP")
        self.world.run_for(0.0)

    def restart(self, keepalived: ProcessId | None = PROCESS) -> tuple[Effect, ...]:
        """Die at once and come back with what was written down."""
        for call in self.open_calls():
            call.done = True
        self._new_core()
        return self.start(self.saved, keepalived)

    def line(self, name: str, state: str, priority: int = 100) -> tuple[Effect, ...]:
        return self.lines((name, state), priority=priority)

    def lines(
        self, *said: tuple[str, str], live: bool = True, priority: int = 100
    ) -> tuple[Effect, ...]:
        made = tuple(NotifyLine(instance(n), LineState(s), priority) for n, s in said)
        return self.feed(LinesRead(made, live=live))

    def gone(self) -> tuple[Effect, ...]:
        return self.feed(KeepalivedGone("killed"))

    def lose_lines(self) -> tuple[Effect, ...]:
        return self.feed(LinesLost("the pipe was nearly full"))

    def seen(self, process: ProcessId = PROCESS) -> tuple[Effect, ...]:
        return self.feed(KeepalivedSeen(process))

    def have(self, *private: str) -> tuple[Effect, ...]:
        """Look at the addresses of this machine, and find these VRRP addresses."""
        self.private = private
        return self.feed(VrrpAddressesSeen(tuple(map(ipaddress.ip_address, private))))

    def feed(self, *events: Event) -> tuple[Effect, ...]:
        """Give the core a batch of events now, perform the effects, and return them."""
        now = self.world.now
        for event in events:
            if isinstance(event, CallResult):
                self.rules.ended(event, now)
        effects = self.core.handle(events, now)
        self.rules.check(effects, self.core, now)
        self.world.log.extend((now, self, one) for one in (*events, *effects))
        for effect in effects:
            self._perform(effect, now)
        return effects

    def tick_if_due(self) -> bool:
        due_s = self.core.next_at()
        if due_s is None or due_s > self.world.now:
            return False
        self.ticks = self.ticks + 1 if self.ticked_at_s == self.world.now else 1
        self.ticked_at_s = self.world.now
        assert self.ticks <= TICKS_AT_ONE_TIME, f"hot loop at {self.world.now}"
        self.feed()
        return True

    # --- what it does --------------------------------------------------------------------

    def _perform(self, effect: Effect, now: float) -> None:
        match effect:
            case StartCall(call_id, request, timeout_s, urgent):
                call = Call(call_id, request, now, timeout_s, urgent)
                self.calls.append(call)
                if not isinstance(request, self.holding):
                    self.release(call)
            case CancelCall(call_id):
                next(c for c in self.open_calls() if c.id == call_id).cancelled = True
            case QueryRoles():
                self.queries.append(effect)
                if self.hangs:
                    self.world.at(now + 0.9, self._wait_for_it, effect.query_id)
                elif self.dbus is not None:
                    self.world.at(now, self._answer_query, effect.query_id)
            case SaveState(state):
                self.saved = state
            case SavePause(pause):
                self.pause = pause
            case SetStepDown(step_down):
                self.step_down = step_down
            case ReloadToken():
                self.tokens_reloaded += 1
            case Report():
                self.reported.append((now, entry_of(effect)))

    def _answer_query(self, query_id: int) -> None:
        if self.dbus is not None:
            self.feed(RolesQueried(query_id, self.dbus))

    def _wait_for_it(self, query_id: int) -> None:
        self.feed(RolesQueried(query_id, None, "no answer in time", waits=True))

    def release(self, call: Call) -> None:
        """Let the call go on to the cloud, which answers after its latency."""
        api = self.world.api_of(call.request)
        fault = api.fault_of(call.request)
        if fault is not None:
            self._meet(call, fault)
            return
        half_s = api.nature.latency_s / 2
        self.world.after(half_s, self._arrive, call, half_s)

    def _arrive(self, call: Call, half_s: float) -> None:
        outcome = self._execute(call.request)
        takes_s = self.world.api_of(call.request).answer_takes_s(outcome)
        self.world.after(half_s + takes_s, self.answer, call, outcome)

    def _execute(self, request: Request) -> Answer | Failure:
        api = self.world.api_of(request)
        caller = (
            self.server_id
            if api is self.world.robot
            else self.rules.own[api_name_of(request, KINDS)]
        )
        return api.answer(request, caller)

    def _meet(self, call: Call, fault: Fault) -> None:
        if fault.commits and isinstance(call.request, Mutate):
            self._execute(call.request)
        after_s = min(fault.after_s, call.timeout_s)
        self.world.after(after_s, self.answer, call, fault.failure)

    def answer(self, call: Call, outcome: Answer | Failure) -> tuple[Effect, ...]:
        """Deliver the end of a call; what a dead run had asked for reaches nobody."""
        if call.done:
            return ()
        call.done = True
        never_sent = isinstance(outcome, Failure) and outcome.kind is FailureKind.CANCELLED
        if isinstance(call.request, Identify) and call.request.api == ROBOT.name:
            never_sent = True  # it is found out on this machine
        return self.feed(
            CallResult(
                call_id=call.id,
                outcome=outcome,
                sent_at_s=None if never_sent else call.at_s,
                finished_at_s=self.world.now,
                quota=self.quota,
            )
        )

    def cancel(self, call: Call) -> tuple[Effect, ...]:
        return self.answer(call, failure(FailureKind.CANCELLED))

    # --- what one asks about it ----------------------------------------------------------

    def open_calls(self, *requests: type[Request]) -> list[Call]:
        wanted = requests or (object,)
        return [c for c in self.calls if not c.done and isinstance(c.request, wanted)]

    def asked(self, *requests: type[Request], since_s: float = float("-inf")) -> list[Call]:
        return [c for c in self.calls if isinstance(c.request, requests) and c.at_s >= since_s]

    @property
    def assigns(self) -> list[float]:
        """When it has sent assigns."""
        return [call.at_s for call in self.asked(Mutate)]

    def reports(self, event: str) -> list[Entry]:
        """Return what the journal has of this event."""
        return [entry for _, entry in self.reported if entry.event == event]

    def snapshot(self) -> Snapshot:
        return snapshot_of(self.core, self.world.now)

    def role(self, name: str = "VI_1") -> str:
        return next(r.role for r in self.snapshot().roles if r.name == name)

    def stage(self, index: int = 0, name: str = "VI_1") -> str:
        role = next(r for r in self.snapshot().roles if r.name == name)
        return role.addresses[index].stage


class World(Agenda):
    """A clock, a cloud, a pier for a made-up kind, and the nodes that share them."""

    def __init__(self, start_s: float = 1000.0) -> None:
        super().__init__(start_s)
        self.cloud = Cloud(self)
        self.pier = Pier(self)
        self.robot = Robot(self)
        self.nodes: list[Node] = []
        self.log: list[tuple[float, Node, Event | Effect]] = []
        """What each node was told and what it did about it, in this order."""

    def add_node(self, server_id: int, config: Settings | None = None, seed: int = 1) -> Node:
        self.cloud.add_server(server_id)
        self.pier.add_ship(server_id)
        self.robot.add_server(server_id)
        node = Node(self, server_id, settings() if config is None else config, seed)
        self.nodes.append(node)
        return node

    def api_of(self, request: Request) -> Cloud | Robot:
        name = api_name_of(request, KINDS)
        if name == ROBOT.name:
            return self.robot
        return self.cloud if name == CLOUD else self.pier

    def run_for(self, seconds: float) -> None:
        self.run_until_s(self.now + seconds)

    def run_until_s(self, end_s: float) -> None:
        """Let everything happen that is due until then."""
        while (due_s := self._next_s()) is not None and due_s <= end_s:
            self._step(due_s)
        self.now = max(self.now, end_s)

    def run_while(self, going_on: Callable[[], bool], limit_s: float) -> float:
        """Run while something is so, at most so long; return how long it took."""
        begun_s = self.now
        while going_on():
            due_s = self._next_s()
            if due_s is None or due_s > begun_s + limit_s:
                raise AssertionError(f"still so after {limit_s} s")
            self._step(due_s)
        return self.now - begun_s

    def _next_s(self) -> float | None:
        times = (self.next_at(), *(node.core.next_at() for node in self.nodes))
        return min((at_s for at_s in times if at_s is not None), default=None)

    def _step(self, due_s: float) -> None:
        """Let one thing happen; a node's time comes after all else of the same time."""
        self.now = max(self.now, due_s)
        if (next_at_s := self.next_at()) is not None and next_at_s <= self.now:
            self.step()
            return
        for node in self.nodes:
            if node.tick_if_due():
                return


def one_node(holder: int | None = 2, config: Settings | None = None) -> tuple[World, Node]:
    """Make the usual scene: server 1 is us, `web` is with server 2."""
    world = World()
    world.cloud.add_server(2)
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", holder)
    return world, world.add_node(1, config)
