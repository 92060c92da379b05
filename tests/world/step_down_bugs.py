"""Bugs to plant in step-downs; see `bugs.py`."""

from hakeeper.simulate.faults.kinds import Kind
from tests.world.bug import Bug
from tests.world.planting import Line

_ROOM = "hakeeper.core.operator.step_down"
_ELSEWHERE = (
    "return read_s is not None and read_s >= yielded_s and isinstance(resource.holder, Other)"
)

STEP_DOWN_BUGS = (
    Bug(
        "end_of_step_down_unnoticed",
        "nothing wakes the core when the time of a step-down is over, or looks at it",
        "step_down_ends",
        (
            Line(
                f"{_ROOM}:follow_step_down",
                "if due(current.until_s, now, wake):",
                "if False:",
            ),
        ),
        proves=True,
        needs=Kind.STEP_DOWN,
    ),
    Bug(
        "step_down_forgotten",
        "a restart forgets the step-down, and leaves keepalived its lowered priority",
        "step_down_ends",
        (
            Line(
                "hakeeper.core.core:Core._start",
                "if event.step_down is not None:",
                "if False:",
            ),
        ),
        needs=Kind.STEP_DOWN,
    ),
    Bug(
        "nobody_takes_over",
        "a step-down waits for ever for another MASTER",
        "step_down_is_taken_back",
        (
            Line(
                f"{_ROOM}:_await_master",
                "due(current.since_s + YIELD_S, now, wake)",
                "False",
            ),
        ),
        proves=True,
        needs=Kind.STEP_DOWN,
    ),
    Bug(
        "nobody_claims",
        "a step-down waits for ever for the claim of another MASTER",
        "step_down_is_taken_back",
        (Line(f"{_ROOM}:_await_claim", "due(yielded_s + latest_s, now, wake)", "False"),),
        needs=Kind.STEP_DOWN,
    ),
    Bug(
        "done_before_the_claim",
        "a step-down is done as soon as another node is MASTER",
        "step_down_is_true",
        (
            Line(
                f"{_ROOM}:_is_elsewhere",
                _ELSEWHERE,
                "return True",
            ),
        ),
        proves=True,
        needs=Kind.STEP_DOWN,
    ),
    Bug(
        "old_reads_count",
        "what was read before this server gave up MASTER counts",
        "step_down_is_true",
        (
            Line(
                f"{_ROOM}:_is_elsewhere",
                _ELSEWHERE,
                "return read_s is not None",
            ),
        ),
        needs=Kind.STEP_DOWN,
    ),
)
