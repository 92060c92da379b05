"""Bugs to plant: each a line that somebody might write one day, and the rule that must see it.

Where they show stands in seeds.json; `python -m tests.world.find_bugs` looks for them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hakeeper.core.events import CancelCall, QueryRoles, ReloadToken, Report, SaveState, StartCall
from hakeeper.core.model import Role
from hakeeper.core.roles.table import RoleEvent
from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.faults.kinds import Kind
from tests.world.planting import Change, Constant, Line, Row

SEEDS = 1000
"""Each bug must be found within so many."""
HOURS = 1.0
"""About how long a world is."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug. `rule` must see it, and no other rule in the same world if it `proves` that one."""

    name: str
    what: str
    rule: str
    changes: tuple[Change, ...]
    proves: bool = False
    needs: Kind | None = None
    """It shows only in worlds with this kind of fault."""
    kind: str = FLOATING_IPS.name
    """What is moved in the worlds that show it."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Return a context in which hakeeper has the bug."""
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(change.planted())
            yield


_SEND = "hakeeper.core.due.steps:take_due_steps"
_GUARD = "hakeeper.core.state:State._guard_mutation"
_FAILED = "hakeeper.core.claim.step_rules:failed"
_FOLLOW = "hakeeper.core.keepalived.role_changes:_follow"
_DISPATCH = "hakeeper.core.core:Core._dispatch"
_TAKE_IN = "hakeeper.core.keepalived.listener:Listener.take_in"
_NOTE = "hakeeper.core.core:Core._note"
_IDLY = "hakeeper.core.due.reconcile:_read_idly"
_QUERY = "hakeeper.core.due.reconcile:_query_roles"
_READ_FAILED = "hakeeper.core.answers.failures:_read_failed"
_CONFIRM = "from hakeeper.core.claim.rules import _confirm; return _confirm(resource, claim, now)"
_M, _U, _B = Role.MASTER, Role.UNKNOWN, Role.BACKUP


def _fatal(*kinds: str) -> Line:
    """Let classes of failure end the claim."""
    return Line(
        _FAILED,
        "if response.next is Next.READ or",
        f"if failure.kind.name in {kinds}:\n"
        "        from hakeeper.core.claim.stages import Idle\n"
        "        return Idle()\n"
        "    if response.next is Next.READ or",
    )


BUGS = (
    # --- whose turn it is
    Bug(
        "belief_unchecked",
        "neither the callers nor the last guard ask whether this node is MASTER",
        "sent_by_master",
        (
            Line(_FOLLOW, "if change.after is not Role.MASTER:", "if False:"),
            Line(_GUARD, "if not role_state.is_master:", "if False:"),
        ),
    ),
    Bug(
        "demotion_forgotten",
        "a demotion leaves the claim in its stage, and only the last guard stops it",
        "core_guard",
        (
            Line(
                "hakeeper.core.claim.rules:stop",
                "case _:\n            return Idle()",
                "case _:\n            return stage",
            ),
        ),
    ),
    Bug(
        "cancel_forgotten",
        "a demotion does not cancel the assign that waits to be sent",
        "sent_by_master",
        (
            Line(
                "hakeeper.core.keepalived.role_changes:follow_changes",
                "state.cancel_mutations(resources)",
                "pass",
            ),
        ),
        proves=True,
    ),
    Bug(
        "generation_ignored",
        "the result of an assign of an older term is taken for one of this term",
        "no_blind_resend",
        (
            Line(
                "hakeeper.core.answers.effects:current",
                "isinstance(resource.stage, MutateSent)"
                " and role_state.generation == call.generation",
                "role_state is not None",
            ),
        ),
        proves=True,
    ),
    Bug(
        "fault_is_master",
        "the table takes FAULT for MASTER where it was BACKUP",
        "last_line_decides",
        (Row(RoleEvent.LINE_FAULT, _B, _M),),
    ),
    Bug(
        "hint_unheard",
        "a MASTER that hears a lesser one does not look at the holder",
        "hint_heeded",
        (Row(RoleEvent.LINE_MASTER_RX_LOWER_PRI, _M, _M),),
        proves=True,
    ),
    Bug(
        "fault_is_backup",
        "the table takes FAULT for BACKUP where it was MASTER",
        "last_line_decides",
        (Row(RoleEvent.LINE_FAULT, _M, _B),),
        proves=True,
    ),
    Bug(
        "stop_ignored",
        "a MASTER that stops is still MASTER",
        "last_line_decides",
        (Row(RoleEvent.LINE_STOP, _M, _M),),
    ),
    Bug(
        "lower_master_ignored",
        "MASTER_RX_LOWER_PRI tells nothing to who missed the MASTER line",
        "last_line_decides",
        (Row(RoleEvent.LINE_MASTER_RX_LOWER_PRI, _U, _U),),
    ),
    Bug(
        "forgotten_is_doubted",
        "an instance that D-Bus does not know is one whose role is not known",
        "answer_states_role",
        (
            Line(
                "hakeeper.core.keepalived.listener:Listener._queried",
                "if event.roles:",
                "if event.roles is not None:",
            ),
            Line(
                "hakeeper.core.roles.book:RoleBook.answered",
                "[EVENT_OF_ANSWER[role]] for name, role in said.items() if role in EVENT_OF_ANSWER",
                "[EVENT_OF_ANSWER.get(role, RoleEvent.LOST)] for name, role in said.items()",
            ),
        ),
        proves=True,
    ),
    Bug(
        "first_line_decides",
        "of lines that come together the first one counts",
        "last_line_decides",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook._apply",
                "for event in events:",
                "for event in events[:1]:",
            ),
        ),
    ),
    Bug(
        "group_is_instance",
        "the lines of groups are taken for lines of instances",
        "all_in_place",
        (
            Line(
                "hakeeper.core.roles.lines:parse_line",
                "VrrpId(VrrpKind(kind), name)",
                "VrrpId(VrrpKind.INSTANCE, name)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "gone_ignored",
        "MASTER outlives the keepalived that said it",
        "doubt_is_believed",
        (Row(RoleEvent.GONE, _M, _M),),
        proves=True,
    ),
    Bug(
        "lost_ignored",
        "an overflow of the FIFO is passed over",
        "doubt_is_believed",
        (Line(_TAKE_IN, "self._lost(state, reason, now)", "pass"),),
    ),
    Bug(
        "failure_demotes",
        "a call that could not be sent is taken for a sign that keepalived is gone",
        "role_from_keepalived",
        (
            Line(
                _DISPATCH,
                "take_result(self._state, event, now)",
                "from hakeeper.core.keepalived.listener import RoleEvent, _doubt; "
                "take_result(self._state, event, now); "
                "event.sent_at_s is None and _doubt(self._state, RoleEvent.GONE, now)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "reload_forgets_roles",
        "a reload begins with every role UNKNOWN",
        "role_from_keepalived",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook.rename",
                "before.get(name, RoleState(since_s=now))",
                "RoleState(since_s=now)",
            ),
        ),
    ),
    Bug(
        "any_keepalived",
        "the saved roles are believed whichever keepalived runs",
        "role_survives",
        (
            Line(
                "hakeeper.core.core:Core._start",
                "and event.keepalived.same_run(saved.keepalived)",
                "",
            ),
        ),
        proves=True,
    ),
    Bug(
        "settled_too_soon",
        "lines leave the pipe before what they led to is written down",
        "repaired",
        (
            Line(
                "hakeeper.sequencer:Sequencer._act_on",
                "self.feed(*found)",
                "self.fifo.settle(); self.feed(*found)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "old_answer_believed",
        "keepalived's answer counts over a line that came after the question",
        "sent_by_master",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook.answered",
                "and role_state.heard_at_s < asked_at_s",
                "",
            ),
        ),
    ),
    Bug(
        "never_asked",
        "keepalived is never asked for its state",
        "repaired",
        (Line(_QUERY, "if not state.settings.can_query:", "if True:"),),
    ),
    Bug(
        "asked_once",
        "keepalived is asked when something happened, but not again and again",
        "repaired",
        (
            Line(
                _QUERY,
                "state.settings.interval_s if reads_lines else QUERY_SPACING_S",
                "1e9",
            ),
        ),
    ),
    # --- the start
    Bug(
        "answer_is_live",
        "keepalived's answer is acted upon without a look at the holder",
        "backlog_claims_nothing",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook.answered",
                "return self._apply_all(events, now, live=False)",
                "return self._apply_all(events, now, live=True)",
            ),
        ),
        proves=True,
    ),
    # --- isolation
    Bug(
        "isolation_guard_ignored",
        "a keepalived without its private address is believed",
        "isolated_claims_nothing",
        (
            Line(
                "hakeeper.core.keepalived.isolation:check_isolation",
                "if role_state.missing and not role_state.isolated:",
                "if False:",
            ),
        ),
        proves=True,
    ),
    Bug(
        "hearing_at_once",
        "the word MASTER counts as soon as the private address is back",
        "isolated_claims_nothing",
        (Constant("hakeeper.core.keepalived.isolation:TRUST_AFTER_S", 0.0),),
    ),
    Bug(
        "isolated_for_ever",
        "isolation has no end",
        "repaired",
        (
            Line(
                "hakeeper.core.due.reconcile:_end_isolation",
                "and not role_state.missing",
                "and False",
            ),
        ),
    ),
    # --- writing down
    Bug(
        "written_before",
        "an assign waits until the role is written down",
        "sent_first",
        (
            Constant(
                "hakeeper.core.core:_ORDER",
                (SaveState, CancelCall, ReloadToken, StartCall, QueryRoles, Report),
            ),
        ),
        proves=True,
    ),
    Bug(
        "not_written_again",
        "a state that could not be written is taken for written",
        "written_at_last",
        (Line(_NOTE, "state.saved = None", "pass"),),
        proves=True,
    ),
    Bug(
        "failed_save_untold",
        "the shell does not tell the core that a state could not be written",
        "written_at_last",
        (Line("hakeeper.simulate.node:Node._save", "run.inbox.append(SaveFailed(state))", "pass"),),
    ),
    Bug(
        "nameless_roles",
        "the state file does not say whose words the roles are",
        "role_survives",
        (
            Line(
                "hakeeper.core.core:Core._save",
                "saved = SavedState(keepalived=state.keepalived",
                "saved = SavedState(keepalived=None",
            ),
        ),
    ),
    # --- assigns
    Bug(
        "other_target",
        "the address goes to the server next door",
        "own_target",
        (
            Line(
                "hakeeper.kinds.floating_ip:FloatingIps.next_step",
                'Step("assign", us.id,',
                'Step("assign", us.id + 1,',
            ),
            Line(_GUARD, "step.holder not in (None, *server.keys)", "False"),
        ),
        proves=True,
    ),
    Bug(
        "second_assign",
        "an assign does not wait for the unwanted one that is still under way",
        "one_at_a_time",
        (
            Line(_SEND, "if _is_lane_taken(state, lane):", "if False:"),
            Line(_GUARD, "if self.is_lane_taken(step.lane):", "if False:"),
        ),
        proves=True,
    ),
    Bug(
        "unguarded_second_assign",
        "the same, but the last guard stands",
        "core_guard",
        (Line(_SEND, "if _is_lane_taken(state, lane):", "if False:"),),
        proves=True,
    ),
    Bug(
        "resent_blindly",
        "an assign with an unknown outcome is sent again",
        "no_blind_resend",
        (Line(_FAILED, "resource.writes.lose_track(now)", "return MutateDue(claim, now)"),),
    ),
    Bug(
        "unknown_forgotten",
        "the next term forgets that nobody knows what became of the last assign",
        "no_blind_resend",
        (
            Line(
                "hakeeper.core.claim.rules:begin",
                "and not resource.writes.outcome_unknown",
                "",
            ),
        ),
    ),
    Bug(
        "created_is_success",
        "201 is taken for the end of a claim",
        "read_back",
        (
            Line(
                "hakeeper.core.claim.step_rules:accepted",
                "return action_seen(resource, running, ActionSeen(what.action), now, rng)",
                _CONFIRM,
            ),
        ),
    ),
    Bug(
        "success_unread",
        "a finished action is believed without a look at the holder",
        "read_back",
        (
            Line(
                "hakeeper.core.claim.step_rules:action_seen",
                "return _done(resource, claim, stage.step, now, rng)",
                _CONFIRM,
            ),
        ),
    ),
    Bug(
        "any_read_confirms",
        "a read that follows an assign ends the claim, whoever has the address",
        "read_back",
        (
            Line(
                "hakeeper.core.claim.rules:read_back",
                "if isinstance(what.holder, Us):",
                "if True:",
            ),
        ),
        proves=True,
    ),
    Bug(
        "one_read_decides",
        "after a hint, a single read that says otherwise is taken for a loss",
        "two_reads_decide",
        (
            Line(
                "hakeeper.core.claim.rules:rechecked",
                "if not stage.suspect:",
                "if False:",
            ),
        ),
        proves=True,
    ),
    Bug(
        "needless_assign",
        "a claim begins with an assign even if a fresh read says that the address is here",
        "not_needless",
        (Line(_FOLLOW, "or _surely_ours(state, resource, now)", ""),),
        proves=True,
    ),
    Bug(
        "no_spacing",
        "assigns of one address follow each other at once",
        "spacing",
        (Constant("hakeeper.core.claim.resource:SPACING_S", 0.0),),
        proves=True,
    ),
    Bug(
        "no_lanes",
        "all addresses are assigned at the same time",
        "max_parallel",
        (
            Line(
                "hakeeper.core.due.steps:_is_at_parallel_limit",
                "return taken >= api.health.parallel_limit(now)",
                "return False",
            ),
        ),
        proves=True,
    ),
    Bug(
        "last_lane_closed",
        "a lock can leave no lane at all",
        "repaired",
        (
            Line(
                "hakeeper.core.apis.health:Health.lock_met",
                "max(1, self.max_parallel // 2)",
                "self.max_parallel // 2",
            ),
        ),
    ),
    Bug(
        "action_for_ever",
        "an action is asked for until it ends",
        "patience",
        (
            Line(
                "hakeeper.core.due.reconcile:_poll_actions",
                "if now >= stage.until_s:",
                "if False:",
            ),
        ),
        proves=True,
    ),
    Bug(
        "undeclared_move",
        "a claim that waits reads the holder when the API works again",
        "moves_by_table",
        (
            Line(
                "hakeeper.core.claim.step_rules:retry_soon",
                "return replace(stage, due_at_s=min(",
                "return Verify(stage.claim, now, min(",
            ),
        ),
        proves=True,
    ),
    # --- failures
    Bug(
        "locked_is_fatal",
        "a lock, or an address that is assigned already, ends the claim",
        "repaired",
        (_fatal("LOCKED", "ALREADY"),),
    ),
    Bug(
        "refused_token_is_fatal",
        "a token that is refused ends the claim",
        "claim_kept",
        (_fatal("AUTH"),),
    ),
    Bug(
        "not_found_is_fatal",
        "a floating IP that is not found ends the claim",
        "claim_kept",
        (_fatal("NOT_FOUND"),),
    ),
    Bug(
        "token_kept",
        "a refused token is not read again from its source",
        "token_reread",
        (
            Line(
                "hakeeper.core.answers.failures:take_failure",
                "state.effects.append(ReloadToken(api.name))",
                "pass",
            ),
        ),
        proves=True,
    ),
    Bug(
        "identity_given_up",
        "after a failure nobody asks again which server this is",
        "repaired",
        (
            Line(
                "hakeeper.core.answers.failures:take_failure",
                "api.identify_from_s = now + _delay_s(state, api, failure, api.identify_attempt)",
                "api.identify_from_s = 1e9",
            ),
        ),
    ),
    Bug(
        "late_retry",
        "the pauses after failures grow to ten minutes",
        "repaired",
        (Line("hakeeper.core.limits.backoff:Backoff.delay_s", "min(self.cap_s,", "min(600.0,"),),
    ),
    Bug(
        "hammering",
        "a read that failed is repeated at once",
        "call_budget",
        (Line(_READ_FAILED, "api.reads_from_s = now + delay_s", "pass"),),
        proves=True,
    ),
    Bug(
        "backoff_reset",
        "every failure of a read counts as the first",
        "call_budget",
        (Line("hakeeper.core.apis.states:ApiState.read_failed", "self.read_attempt += 1", "pass"),),
    ),
    Bug(
        "throttle_ignored",
        "429 is a failure like any other",
        "heeds_429",
        (
            Line(
                "hakeeper.core.apis.health:Health.failed",
                "if failure.kind is FailureKind.THROTTLED:",
                "if False:",
            ),
        ),
        proves=True,
    ),
    Bug(
        "throttled_assign_ignored",
        "429 holds everything back only if a read met it",
        "heeds_429",
        (
            Line(
                "hakeeper.core.answers.failures:_step_failed",
                "if failure.kind is FailureKind.THROTTLED:",
                "if False:",
            ),
        ),
    ),
    Bug(
        "retry_after_ignored",
        "429 is heeded, but not the time that it asks for",
        "heeds_429",
        (
            Line(
                "hakeeper.core.apis.health:Health._throttled",
                "if retry_after_s is not None:",
                "if False:",
            ),
        ),
    ),
    Bug(
        "retry_after_unbounded",
        "429 is heeded for as long as it asks for, be it an hour",
        "quiet",
        (
            Line(
                "hakeeper.core.apis.health:Health._throttled",
                "min(wait_s, self.patience.longest_wait_s)",
                "wait_s",
            ),
        ),
    ),
    # --- time
    Bug(
        "no_idle_reading",
        "holders are read only when something happened",
        "repaired",
        (Line(_IDLY, "if state.listings(kind):", "if True:"),),
    ),
    Bug(
        "call_never_ends",
        "a call that failed is remembered as under way",
        "repaired",
        (
            Line(
                "hakeeper.core.answers.results:take_result",
                "state.calls.pop(result.call_id, None)",
                "state.calls.get(result.call_id)",
            ),
        ),
    ),
    Bug(
        "wake_up_lost",
        "what is due later is forgotten",
        "repaired",
        (Line("hakeeper.core.limits.wake:due", "wake(at_s)", "pass"),),
    ),
    Bug(
        "hold_without_wake_up",
        "nobody wakes when the wait that a 429 asked for is over",
        "quiet",
        (
            Line(
                "hakeeper.core.due.reconcile:_serve",
                "wake(api.health.held_until_s)",
                "pass",
            ),
        ),
    ),
    Bug(
        "due_is_not_yet",
        "what is due in this very moment is not",
        "future_ticks",
        (Line("hakeeper.core.limits.wake:due", "if at_s <= now:", "if at_s < now:"),),
        proves=True,
    ),
    Bug(
        "look_never",
        "nobody looks whether another FIFO lies at the path",
        "repaired",
        (
            Line(
                "hakeeper.sequencer:Sequencer.turn",
                "if self._clock() >= self.look_at_s - (0.0 if served else early_s):",
                "if False:",
            ),
        ),
    ),
    Bug(
        "standby_reads_often",
        "a standby reads as often as a master",
        "quiet",
        (
            Line(
                "hakeeper.core.due.reads:reading_interval_s",
                "if not is_wanted or api.health.scarce(now):",
                "if api.health.scarce(now):",
            ),
        ),
        proves=True,
    ),
    Bug(
        "settles_for_ever",
        "the close look after a claim has no end",
        "quiet",
        (
            Line(
                "hakeeper.core.claim.rules:_confirm",
                "now + resource.patience.watch_s",
                "now + 1e9",
            ),
        ),
    ),
    Bug(
        "settles_never",
        "there is no close look after a claim",
        "repaired",
        (
            Line(
                "hakeeper.core.claim.rules:_confirm",
                "now + resource.patience.watch_s",
                "now",
            ),
        ),
    ),
    Bug(
        "told_each_time",
        "every reading tells that an address was found",
        "quiet",
        (
            Line(
                "hakeeper.core.answers.results:_listed",
                "if resource.reported_id != found.id or resource.unresolved_reported:",
                "if True:",
            ),
        ),
    ),
    Bug(
        "never_well_again",
        "the health remembers a failure after the API has answered",
        "healthy",
        (
            Line(
                "hakeeper.core.apis.health:Health.answered",
                "failing, self.failure = self.failure, None",
                "failing = None",
            ),
        ),
        proves=True,
    ),
    Bug(
        "fifo_never_well_again",
        "the health remembers that the FIFO was missing",
        "healthy",
        (
            Line(
                "hakeeper.core.keepalived.listener:_fifo",
                "before, state.fifo, state.fifo_detail = state.fifo, event.state, event.detail",
                "before, state.fifo = state.fifo, state.fifo or event.state",
            ),
        ),
    ),
    Bug(
        "names_kept",
        "every unknown name is remembered",
        "bounded_memory",
        (Constant("hakeeper.core.keepalived.listener:NAMES_REPORTED", 10**9),),
        proves=True,
    ),
    # --- fights
    Bug(
        "never_contested",
        "two masters fight for ever",
        "split_bounded",
        (
            Line(
                "hakeeper.core.limits.splitbrain:SplitBrain.lost",
                "return self.losses >= LOSSES_TO_HOLD_DOWN",
                "return False",
            ),
        ),
        proves=True,
    ),
    Bug(
        "always_contested",
        "the first loss is taken for a contest",
        "hold_down_earned",
        (Constant("hakeeper.core.limits.splitbrain:LOSSES_TO_HOLD_DOWN", 1),),
        proves=True,
    ),
    Bug(
        "lag_is_loss",
        "a read that lags behind our assign is taken for a loss",
        "lost_in_truth",
        (
            Line(
                "hakeeper.core.claim.rules:missed",
                "resource.writes.done_s + resource.patience.lag_s",
                "resource.writes.done_s",
            ),
        ),
        proves=True,
        needs=Kind.LAGGING,
    ),
    Bug(
        "lost_write_trusted",
        "an assign whose action succeeded is not sent again, whatever reads say",
        "repaired",
        (
            Line(
                "hakeeper.core.claim.step_rules:_done",
                "resource.patience.unseen.delay_s(claim.attempt, rng)",
                "600.0",
            ),
        ),
        needs=Kind.LOST_WRITE,
    ),
    Bug(
        "hung_takes",
        "a keepalived that hangs is MASTER like any other",
        "hung_takes_nothing",
        (Line("hakeeper.core.keepalived.hung:is_left", "if not hangs(state, now)", "if True"),),
        proves=True,
        needs=Kind.KEEPALIVED_HUNG,
    ),
    Bug(
        "hung_untold",
        "nobody is told that keepalived hangs",
        "hang_is_reported",
        (
            Line(
                "hakeeper.diagnosis.find_keepalived_problems:of_keepalived",
                "if hangs(state, now):",
                "if False:",
            ),
        ),
        proves=True,
        needs=Kind.KEEPALIVED_HUNG,
    ),
    # --- what many share
    Bug(
        "nothing_spent",
        "the budget does not count what was spent",
        "hour_budget",
        (
            Line(
                "hakeeper.core.apis.budget:Budget.spend",
                "self.spent = self.full - self.left(now) + cost",
                "pass",
            ),
        ),
        proves=True,
        needs=Kind.SOME_LOCKED,
    ),
    Bug(
        "refused_first",
        "what was refused last goes first",
        "starves_nobody",
        (
            Line(
                "hakeeper.core.due.steps:take_due_steps",
                "key=lambda each: each[1].claim.refused_at_s",
                "key=lambda each: -each[1].claim.refused_at_s",
            ),
        ),
        proves=True,
        needs=Kind.SOME_LOCKED,
    ),
    Bug(
        "silence_ends_claims",
        "a claim is given up when keepalived does not answer",
        "claim_kept",
        (
            Line(
                "hakeeper.core.keepalived.listener:Listener._queried",
                "if event.waits:",
                "from hakeeper.core.claim.happenings import Demoted\n"
                "    for one in () if event.roles else state.resources.values():\n"
                "        state.happened(one, Demoted('silence'), now)\n"
                "    if event.waits:",
            ),
        ),
        proves=True,
        needs=Kind.BUS_GONE,
    ),
    Bug(
        "metadata_believed",
        "a server that has no address of this machine is taken for this one",
        "own_target",
        (Line("hakeeper.core.answers.results:_checked", "or outcome.is_here", "or True"),),
        needs=Kind.WRONG_METADATA,
    ),
    Bug(
        "short_turns",
        "no hold-down is longer than two minutes",
        "split_bounded",
        (Constant("hakeeper.core.limits.splitbrain:_LONG_S", 120.0),),
    ),
    Bug(
        "short_dispute",
        "a dispute is forgotten after five minutes",
        "split_bounded",
        (Constant("hakeeper.core.limits.splitbrain:MEMORY_S", 300.0),),
    ),
    Bug(
        "hold_down_for_ever",
        "a hold-down has no end",
        "hold_down_ends",
        (
            Line(
                "hakeeper.core.claim.rules:_hold_down",
                "return HoldDown(now + wait_s, look_at_s=now)",
                "return HoldDown(now + 1e9, look_at_s=now)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "turn_missed",
        "the end of a hold-down ends the claim",
        "all_in_place",
        (
            Line(
                "hakeeper.core.claim.rules:try_again",
                "if isinstance(stage, Verify) and isinstance(resource.holder, Other):",
                "return Idle()\n    if False:",
            ),
        ),
    ),
    Bug(
        "every_hint_heeded",
        "every MASTER_RX_LOWER_PRI leads to a reading",
        "call_budget",
        (
            Line(
                "hakeeper.core.limits.pace:Hints.looks",
                "now < self.looked_at_s + self.gap_s",
                "False",
            ),
        ),
    ),
    Bug(
        "holder_asked_often",
        "the holder's server is asked for ten times a second",
        "call_budget",
        (Constant("hakeeper.core.due.reconcile:HOLDER_LOOK_S", 0.1),),
    ),
)
