"""Bugs in what follows from calls that fail, and in when calls are made."""

from tests.world.bug import Bug
from tests.world.planting import Constant, Line

_FAILED = "hakeeper.core.claim.step_rules:failed"
_IDLY = "hakeeper.core.due.reconcile:_read_idly"
_READ_FAILED = "hakeeper.core.answers.failures:_read_failed"


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


CALL_BUGS = (
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
)
