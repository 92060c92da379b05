"""Rules about what one hakeeper owes to what it heard: roles, reads, hints, its own file."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hakeeper.core.apis.budget import Use
from hakeeper.core.calls import (
    CallResult,
    Failure,
    FailureKind,
    ReadActions,
    ReadAll,
    ReadOne,
)
from hakeeper.core.claim.stages import Held, Idle, MutateDue
from hakeeper.core.claim.step_rules import ACTION_PATIENCE_S
from hakeeper.core.decisions.claims import ResourceDrifted
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.events import (
    Event,
    KeepalivedGone,
    LinesLost,
    LinesRead,
    ReloadToken,
    Report,
    RolesQueried,
    SaveFailed,
    SaveState,
    SettingsChanged,
    StartCall,
    Started,
    VrrpAddressesSeen,
)
from hakeeper.core.limits.pace import LULL_S
from hakeeper.core.model import ProcessId, Role, SavedState, VrrpId
from hakeeper.core.observation import Key, ResourceId
from hakeeper.core.roles.lines import LineState
from hakeeper.core.state import STEADY_S, State
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.verdicts import Demand

SAY_NO_ROLE = CallResult | SettingsChanged | SaveFailed | VrrpAddressesSeen
"""Events that say nothing about a role (a FIFO that cannot be opened at the start does)."""
HINTS = frozenset({LineState.MASTER, LineState.MASTER_RX_LOWER_PRI})
ROLE_AFTER = {
    LineState.MASTER: Role.MASTER,
    LineState.MASTER_RX_LOWER_PRI: Role.MASTER,
    LineState.BACKUP: Role.BACKUP,
    LineState.FAULT: Role.FAULT,
    LineState.STOP: Role.STOPPED,
    LineState.DELETED: Role.STOPPED,
}
"""What a line means, said once more and independently of the role table."""


@dataclass(slots=True)
class _Heard:
    """What one run of hakeeper was told."""

    roles: dict[VrrpId, Role] = field(default_factory=dict)
    read_at: dict[int, float] = field(default_factory=dict)
    """When the newest read of a holder was begun."""
    against: Counter[int] = field(default_factory=Counter)
    """How many reads, one newer than the other, say that the address is not here."""
    actions: dict[Key, float] = field(default_factory=dict)
    """When an action was first asked for."""
    hinted: bool = False
    """The batch at hand has the first hint for a while, to who holds an address."""
    asked: bool = False
    """The answer at hand is to a call that hakeeper still waits for."""
    refused: bool = False
    """One of the batch refuses the token."""
    due: frozenset[ResourceId] = frozenset()
    """The addresses for which an assign was due before the event at hand."""


class RoleRules(Observer):
    """The rules; `demand` takes each verdict."""

    def __init__(self, number_of: Mapping[str, int], agenda: Agenda, demand: Demand) -> None:
        """Begin with nobody told anything.

        `number_of`: the number of an address by what the journal calls it.
        """
        self._number_of = number_of
        self._agenda = agenda
        self._demand = demand
        self._heard: dict[int, _Heard] = {}
        self._written: dict[int, tuple[SavedState, ProcessId | None]] = {}

    def started(self, node: Node) -> None:
        """A run of hakeeper begins."""
        self._heard[node.index] = _Heard()

    def hearing(self, node: Node) -> None:
        """Begin with a batch of events."""
        heard = self._heard[node.index]
        heard.hinted = heard.refused = False

    def taking_in(self, node: Node, event: Event) -> None:
        """Look at an event before the core takes it in."""
        heard, state = self._heard[node.index], node.core.state
        heard.asked = isinstance(event, CallResult) and event.call_id in state.calls
        if isinstance(event, LinesRead):
            heard.hinted = heard.hinted or any(_news_to_holders(state, event, node.clock()))
        if isinstance(event, RolesQueried | Started | LinesRead):
            heard.due = _due(state)

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Check what came of it, before anything is begun."""
        del reports
        state = node.core.state
        self._moves_roles(node.index, state, event)
        match event:
            case LinesRead() if event.lines:
                self._last_line(node.index, state, event)
                began_now = node.run is not None and node.run.began_at == self._agenda.now
                if not event.live or began_now:
                    self._claims_nothing(node.index, state)
            case KeepalivedGone() | LinesLost():
                self._doubted(node.index, state, event)
            case Started() | RolesQueried():
                self._claims_nothing(node.index, state)
            case _:
                pass

    def _moves_roles(self, node: int, state: State, event: Event) -> None:
        heard, role_states = self._heard[node], state.roles.role_states
        if isinstance(event, SAY_NO_ROLE):
            same = all(heard.roles.get(n, b.role) is b.role for n, b in role_states.items())
            self._demand("role_from_keepalived", node, same, "a role moved by {}", event)
        if isinstance(event, RolesQueried):
            self._answered(node, heard, state, event)
        if isinstance(event, CallResult | RolesQueried):
            self._keeps_claims(node, state)
        if not isinstance(event, CallResult):
            heard.roles = {name: role_state.role for name, role_state in role_states.items()}
        if isinstance(event, Started):
            self._restored(node, state, event)
        elif heard.asked and isinstance(event, CallResult) and _is_refused(event):
            heard.refused = True

    def decided(self, node: Node, event: Event | None, decision: Decision) -> None:
        """Check that no answer of the API moves a role, and that two reads tell of a loss."""
        match decision:
            case RoleChanged() if event is not None:
                right = not isinstance(event, CallResult)
                self._demand("role_from_keepalived", node.index, right, "{}", decision)
            case ResourceDrifted(_, label) if label in self._number_of:
                fip = self._number_of[label]
                two = self._heard[node.index].against[fip] > 1
                self._demand("two_reads_decide", node.index, two, "ip-{} is called lost", fip)
            case _:
                pass

    def handled(self, node: Node, batch: Batch) -> None:
        """Check what came of the batch."""
        index, state = node.index, node.core.state
        if self._heard[index].refused:
            reread = any(isinstance(effect, ReloadToken) for effect in batch.effects)
            self._demand("token_reread", index, reread, "a refused token is kept")
        if any(isinstance(event, LinesRead) and event.lines for event in batch.events):
            self._looked(index, state, node.clock())
        for effect in batch.effects:
            if isinstance(effect, SaveState):
                self._written[index] = (effect.state, state.keepalived)
            elif isinstance(effect, StartCall) and isinstance(effect.request, ReadActions):
                self._asking(index, effect.request, batch.at_s)

    def _answered(self, node: int, heard: _Heard, state: State, event: RolesQueried) -> None:
        """Check that an answer moves roles to what it states, and no others."""
        stated = event.roles or {}
        for name, role_state in state.roles.role_states.items():
            same = heard.roles.get(name, role_state.role) is role_state.role
            right = same or stated.get(name.name) is role_state.role
            about = (name, role_state.role.value)
            self._demand("answer_states_role", node, right, "{} is {} by no word of it", *about)

    def _keeps_claims(self, node: int, state: State) -> None:
        """Check that no answer, and no want of one, ends the claim of a MASTER."""
        role_states = state.roles.role_states
        for address in state.resources.values():
            role_state = role_states[address.vrrp]
            kept = not role_state.is_master or not isinstance(address.stage, Idle)
            self._demand("claim_kept", node, kept, "{} is given up by a MASTER", address.ref)

    def _last_line(self, node: int, state: State, event: LinesRead) -> None:
        """Check that of each name the last line is believed."""
        last = {line.vrrp: line.state for line in event.lines if line.state in ROLE_AFTER}
        for name, word in last.items():
            role_state = state.roles.role_states.get(name)
            if role_state is not None:
                right, about = (
                    role_state.role is ROLE_AFTER[word],
                    (name, role_state.role.value, word.value),
                )
                self._demand("last_line_decides", node, right, "{} is {} after {}", *about)

    def _doubted(self, node: int, state: State, event: KeepalivedGone | LinesLost) -> None:
        """Check that nobody is MASTER any more when that is not known."""
        none = all(
            role_state.role is not Role.MASTER for role_state in state.roles.role_states.values()
        )
        self._demand("doubt_is_believed", node, none, "MASTER after {}", event)

    def _claims_nothing(self, node: int, state: State) -> None:
        """Check that nothing is claimed at once because of old news.

        What was to be sent anyway may be.
        """
        none = _due(state) <= self._heard[node].due
        self._demand("backlog_claims_nothing", node, none, "an assign without a look")

    def _looked(self, node: int, state: State, now: float) -> None:
        """Check that a hint to look was heeded; after each batch of lines."""
        if self._heard[node].hinted:
            looks = any(
                isinstance(call.request, ReadAll)  # one at a time: the next one follows
                or (isinstance(call.request, ReadOne) and call.asked_at_s == now)
                for call in state.calls.values()
            )
            waits = any(
                now < max(api.health.held_until_s, api.health.shut_until_s, api.reads_from_s)
                or api.health.is_careful
                or not api.budget.allows(Use.CLAIM if _are_steady(state, now) else Use.RETRY, now)
                for api in state.apis.apis.values()
            )
            self._demand("hint_heeded", node, looks or waits, "no look after a hint")

    def _asking(self, node: int, request: ReadActions, now: float) -> None:
        """Check how long an action is asked for."""
        actions = self._heard[node].actions
        for action_id in request.action_ids:
            lasted_s = now - actions.setdefault(action_id, now)
            patient, text = lasted_s <= ACTION_PATIENCE_S, "action {} is asked for after {:.1f} s"
            self._demand("patience", node, patient, text, action_id, lasted_s)

    def read(self, node: int, floating_ip: int, asked_at_s: float, *, mine: bool) -> bool:
        """Hear what a read says of a holder; return whether it is the newest that says so."""
        heard = self._heard[node]
        if asked_at_s < heard.read_at.get(floating_ip, float("-inf")):
            return False
        heard.read_at[floating_ip] = asked_at_s
        heard.against[floating_ip] = 0 if mine else heard.against[floating_ip] + 1
        return True

    def _restored(self, node: int, state: State, event: Started) -> None:
        """Check that a role outlives hakeeper, but not the keepalived that said it."""
        written, process = self._written.get(node, (None, None))
        if written is None or event.saved is not written:
            return
        kept = process is not None and event.keepalived == process
        for name, role_state in state.roles.role_states.items():
            was = written.roles.get(name, Role.UNKNOWN) if kept else Role.UNKNOWN
            about = (name, role_state.role.value, was.value)
            text = "{} is {} after a restart, not {}"
            self._demand("role_survives", node, role_state.role is was, text, *about)


def _due(state: State) -> frozenset[ResourceId]:
    """Return the floating IPs for which an assign is due."""
    posting = (a for a in state.resources.values() if isinstance(a.stage, MutateDue))
    return frozenset(a.observation.id for a in posting if a.observation is not None)


def _are_steady(state: State, now: float) -> bool:
    """Say whether no role is MASTER since a moment ago: it may flap, and costs more then."""
    masters = (each for each in state.roles.role_states.values() if each.is_master)
    return all(now - each.since_s >= STEADY_S for each in masters)


def _is_refused(result: CallResult) -> bool:
    return isinstance(result.outcome, Failure) and result.outcome.kind is FailureKind.AUTH


def _news_to_holders(state: State, event: LinesRead, now: float) -> Iterator[bool]:
    """Yield whether a hint is the first for a while, for each address that is held."""
    words: dict[VrrpId, set[LineState]] = {}
    for line in event.lines:
        words.setdefault(line.vrrp, set()).add(line.state)
    for address in state.resources.values():
        said = words.get(address.vrrp)
        if said and said <= HINTS and state.is_master(address.vrrp):
            yield isinstance(address.stage, Held) and now - address.hints.hinted_at_s > LULL_S
