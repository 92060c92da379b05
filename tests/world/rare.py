"""Worlds made by hand, for what is too rare to wait for: cells of the role table."""

from hakeeper.core.lines import LineState
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.plan import Course, Plan, Shape

_WORDS = list(LineState)


def _fault(kind: Kind, at_s: float, lasts_s: float, value: float, serial: int) -> Fault:
    return Fault(kind, at_s, lasts_s, node=0, other=1, value=value, serial=serial)


def _forged(at_s: float, word: LineState, then: LineState | None = None) -> Fault:
    """Make the fault that writes these words into the FIFO, as `Kind.STRAY_LINES` chooses them."""
    value = (_WORDS.index(word) + 0.5) / len(_WORDS)
    serial = 3 if then is None else 3 * _WORDS.index(then) + 1
    return _fault(Kind.STRAY_LINES, at_s, 0.0, value, serial)


_ALL_IN_FAULT = _fault(Kind.NOBODY, 40.0, 40.0, 0.5, 0)

RARE = tuple(
    Plan(seed=number, shape=Shape(dbus=True), course=Course.SWARM, chaos_s=120.0, faults=faults)
    for number, faults in enumerate(
        (
            # hakeeper hangs while a keepalived in fault is replaced by another one in fault
            (
                _ALL_IN_FAULT,
                _fault(Kind.HANG, 50.0, 10.0, 0.1, 1),
                _fault(Kind.CHILD_CRASH, 55.0, 0.0, 0.5, 2),
            ),
            # a restart without a state file, a keepalived that does not answer, a forged line
            (
                _fault(Kind.KEEPALIVED_FROZEN, 40.0, 40.0, 0.5, 0),
                _fault(Kind.STATE_TORN, 45.0, 0.0, 0.1, 1),
                _forged(60.0, LineState.DELETED),
            ),
            # lines are lost after a forged STOP
            (_forged(50.0, LineState.STOP), _fault(Kind.OVERFLOW, 50.2, 3.0, 0.2, 6)),
            # every word in fault, and every word after a forged STOP
            *((_ALL_IN_FAULT, _forged(50.0, word)) for word in _WORDS),
            *((_forged(50.0, LineState.STOP, word),) for word in _WORDS),
        )
    )
)
