"""Worlds made by hand, for what is too rare to wait for: cells of the role and claim tables."""

from functools import partial

from hakeeper.core.roles.lines import LineState
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


def _seized(at_s: float, server_id: int = 2) -> Fault:
    """Make the fault that moves an address to a server, or to none if it is 0."""
    return _fault(Kind.OTHER_ACTOR, at_s, 0.0, 0.5, 300 + server_id)


_ALL_IN_FAULT = _fault(Kind.NOBODY, 40.0, 40.0, 0.5, 0)
_AGAIN_MASTER = partial(_forged, word=LineState.BACKUP, then=LineState.MASTER)
"""Another term as MASTER, and no moment between the two."""
_SPLIT = _fault(Kind.SPLIT, 40.0, 300.0, 0.5, 0)
_ROLES = (
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
    # hakeeper hangs while a keepalived that is master is replaced by another one
    (_fault(Kind.HANG, 50.0, 10.0, 0.1, 1), _fault(Kind.CHILD_CRASH, 52.0, 0.0, 0.5, 2)),
)
_CLAIMS = (
    # actions fail in the moment in which they are accepted
    (_fault(Kind.ACTION_ERROR, 40.0, 60.0, 0.5, 0), _seized(45.0)),
    # another term while an assign is refused, while a read does not show it, or after a hint
    (_fault(Kind.READ_ONLY, 40.0, 60.0, 0.5, 0), _seized(41.0), _AGAIN_MASTER(60.0)),
    (_fault(Kind.LOST_WRITE, 40.0, 60.0, 0.5, 0), _seized(41.0), _AGAIN_MASTER(60.0)),
    (
        _fault(Kind.GONE, 45.0, 40.0, 0.5, 0),
        _forged(50.0, LineState.MASTER_RX_LOWER_PRI),
        _AGAIN_MASTER(55.0),
        _forged(100.0, LineState.MASTER_RX_LOWER_PRI),
    ),
    # nobody knows what became of an assign of the term before
    (
        _fault(Kind.LOST_REQUEST, 49.5, 8.0, 0.5, 0),
        _seized(41.0),
        _AGAIN_MASTER(50.0),
        _AGAIN_MASTER(50.3),
    ),
    # in a hold-down the holder's server goes off, nobody has it, the VRRP address is away
    (_SPLIT, _fault(Kind.POWER_CUT, 150.0, 60.0, 0.5, 1)),
    (_SPLIT, _seized(110.0, 0)),
    (_SPLIT, _fault(Kind.NO_ADDRESS, 140.0, 5.0, 0.5, 1)),
    # another term in a hold-down, and while an action runs
    (_SPLIT, _AGAIN_MASTER(140.0)),
    (_fault(Kind.ACTION_SLOW, 40.0, 60.0, 0.9, 0), _seized(41.0), _AGAIN_MASTER(46.0)),
)
_SHAPE = Shape(dbus=True, guarded=True)

RARE = (
    *(
        Plan(seed=number, shape=Shape(dbus=True), course=Course.SWARM, chaos_s=120.0, faults=faults)
        for number, faults in enumerate(_ROLES)
    ),
    *(
        Plan(seed=number, shape=_SHAPE, course=Course.SWARM, chaos_s=400.0, faults=faults)
        for number, faults in enumerate(_CLAIMS, 1000)
    ),
)
