"""A keepalived that is on D-Bus and lets questions wait: it hangs, as far as anybody can see.

No answer outdoes no line, so its MASTER stands. But it sends no adverts either, so that another
node is MASTER by now, and rightly so: nothing is taken from a server that runs until keepalived
shows a sign of life, which is an answer, a line, or its end.
"""

from hakeeper.core.claim.resource import Resource
from hakeeper.core.observation import Other
from hakeeper.core.state import State

HANGS_AFTER_S = 3.0
"""After the first question that it let wait: a busy machine is none that hangs."""
ASK_AGAIN_S = 1.0
"""Until that is decided."""


def note_silence(state: State, now: float) -> None:
    """Remember that keepalived let a question wait; ask again soon."""
    if state.silent_since_s is None:
        state.silent_since_s = now
    if not hangs(state, now):
        state.schedule.query_at_s = min(state.schedule.query_at_s, now + ASK_AGAIN_S)


def note_life(state: State) -> None:
    """Remember that keepalived has said something, or is another one."""
    state.silent_since_s = None


def hangs(state: State, now: float) -> bool:
    """Say whether keepalived has been silent for too long."""
    return state.silent_since_s is not None and now >= state.silent_since_s + HANGS_AFTER_S


def is_left(state: State, resource: Resource, now: float) -> bool:
    """Say whether a resource is to stay where it is, since keepalived hangs."""
    if not hangs(state, now) or not isinstance(resource.holder, Other):
        return False
    return not resource.kind.api.is_dead(resource.holder.server_id)
