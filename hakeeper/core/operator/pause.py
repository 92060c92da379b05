"""A pause: while it lasts no mutating request goes out, except to end a move that is half done.

Everything else goes on: roles are followed, holders are read, and claims come as far as the request
that is due. That one waits. What is on the wire already is not called back, and what a claim of
ours took from its holder is not left with nobody.
"""

from hakeeper.core.claim.happenings import Halted
from hakeeper.core.claim.resource import PAUSED, Resource
from hakeeper.core.decisions.operator import PauseBegun, PauseEnded, PauseExpired
from hakeeper.core.events import Paused, Resumed, SavePause
from hakeeper.core.limits.wake import Wake, due
from hakeeper.core.model import Pause
from hakeeper.core.state import State


def keep_pause(state: State, pause: Pause, now: float) -> None:
    """Go on with the pause that the last run was given; one that is over ends at once."""
    state.pause = pause
    if pause.until_s > now:
        state.report(PauseBegun(pause, pause.until_s - now, kept=True))


def change_pause(state: State, event: Paused | Resumed, now: float) -> None:
    """Begin a pause, or end it before its time."""
    if isinstance(event, Paused):
        state.pause = event.pause
        state.cancel_mutations(each for each in state.resources.values() if not each.is_half_moved)
        state.effects.append(SavePause(event.pause))
        state.report(PauseBegun(event.pause, event.pause.until_s - now, kept=False))
    elif state.pause is not None:
        lasted_s = now - state.pause.since_s
        state.report(PauseEnded(state.pause, event.by, event.user_id, lasted_s))
        _end(state)


def expire_pause(state: State, now: float, wake: Wake) -> None:
    """End the pause if its time is over; the steps that are due then go out at once."""
    if state.pause is not None and due(state.pause.until_s, now, wake):
        state.report(PauseExpired(state.pause))
        _end(state)


def _end(state: State) -> None:
    state.pause = None
    state.effects.append(SavePause(None))


def pause_for(state: State, resource: Resource) -> Pause | None:
    """Return the pause that holds back a step of this resource; None: the step may be taken."""
    return None if resource.is_half_moved else state.pause


def halt(state: State, pause: Pause, resource: Resource, now: float) -> None:
    """A step of this resource is due, and is not taken; a claim hears of it once."""
    if resource.claim is None or PAUSED not in resource.claim.reported:
        state.happened(resource, Halted(pause), now)


def is_halted(state: State, resource: Resource) -> bool:
    """Say whether a step of this resource waits for the end of the pause."""
    claim = resource.claim
    return state.pause is not None and claim is not None and PAUSED in claim.reported
