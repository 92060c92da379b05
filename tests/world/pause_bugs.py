"""Bugs to plant in how a pause is kept; see `bugs.py`."""

from hakeeper.simulate.faults.kinds import Kind
from tests.world.bug import Bug
from tests.world.planting import Line

_STEP = Line("hakeeper.core.due.steps:take_due_steps", "if pause is not None:", "if False:")
_GUARD = Line(
    "hakeeper.core.state:State._guard_mutation", "if self.pause is not None and", "if False and"
)

PAUSE_BUGS = (
    Bug(
        "pause_ignored",
        "neither the steps nor the last guard ask whether hakeeper is paused",
        "paused_sends_nothing",
        (_STEP, _GUARD),
        proves=True,
        needs=Kind.PAUSE,
    ),
    Bug(
        "pause_ignored_but_for_the_guard",
        "the steps do not ask whether hakeeper is paused, and only the last guard stops them",
        "core_guard",
        (_STEP,),
        needs=Kind.PAUSE,
    ),
    Bug(
        "pause_cancels_nothing",
        "an assign that waits to be sent when a pause begins is sent all the same",
        "paused_sends_nothing",
        (
            Line(
                "hakeeper.core.operator.pause:change_pause",
                "state.cancel_mutations(",
                "list(",
            ),
        ),
        proves=True,
        needs=Kind.PAUSE,
    ),
    Bug(
        "pause_forgotten",
        "a restart ends the pause",
        "paused_sends_nothing",
        (Line("hakeeper.core.core:Core._start", "if event.pause is not None:", "if False:"),),
        proves=True,
        needs=Kind.PAUSE,
    ),
    Bug(
        "end_of_pause_unnoticed",
        "nothing wakes the core when the time of a pause is over",
        "pause_ends_at_once",
        (
            Line(
                "hakeeper.core.operator.pause:expire_pause",
                "due(state.pause.until_s, now, wake)",
                "due(state.pause.until_s, now, lambda _: None)",
            ),
        ),
        proves=True,
        needs=Kind.PAUSE,
    ),
)
