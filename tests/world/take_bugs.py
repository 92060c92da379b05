"""Bugs to plant in what a take by hand does; see `bugs.py`."""

from hakeeper.simulate.faults.kinds import Kind
from tests.world.bug import Bug
from tests.world.planting import Line

_BEGIN = "state.happened(resource, Master(CAUSE, read_first=resource.observation is None), now)"
_ROLE = Line(
    "hakeeper.core.operator.take:_may_take", "is_master and waits", "(waits or not is_master)"
)
_NOTHING = Line("hakeeper.core.operator.take:_take", _BEGIN, "pass")
_ON_A_MASTER = Line(
    "hakeeper.core.operator.take:_take", _BEGIN, f"state.is_master(resource.vrrp) and {_BEGIN}"
)

TAKE_BUGS = (
    Bug(
        "take_waits_on",
        "a take is told of, and the pauses between tries and hold-downs go on all the same",
        "take_acts",
        (_NOTHING,),
        proves=True,
        needs=Kind.TAKE,
    ),
    Bug(
        "take_told_by_all",
        "who is not MASTER says that it takes, and does nothing",
        "taken_by_master",
        (_ROLE, _ON_A_MASTER),
        proves=True,
        needs=Kind.TAKE,
    ),
    Bug(
        "take_by_all",
        "who is not MASTER takes as well, and only the last guard stops it",
        "core_guard",
        (_ROLE,),
        needs=Kind.TAKE,
    ),
)
