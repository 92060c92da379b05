"""Bugs in claims: their assigns, fights for an address, what is written down."""

from hakeeper.core.events import CancelCall, QueryRoles, ReloadToken, Report, SaveState, StartCall
from hakeeper.simulate.faults.kinds import Kind
from tests.world.bug import Bug
from tests.world.planting import Constant, Line

_SEND = "hakeeper.core.due.steps:_try_step"
_GUARD = "hakeeper.core.state:State._guard_mutation"
_FAILED = "hakeeper.core.claim.step_rules:failed"
_FOLLOW = "hakeeper.core.keepalived.role_changes:_follow"
_NOTE = "hakeeper.core.core:Core._note"
_CONFIRM = "from hakeeper.core.claim.rules import _confirm; return _confirm(resource, claim, now)"

CLAIM_BUGS = (
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
                "if isinstance(what.holder, Us) and not lags:",
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
)
