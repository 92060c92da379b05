"""Worlds made by hand, for what is too rare to wait for: each shows one cell of the role table."""

from hakeeper.sim.world.kinds import Fault, Kind
from hakeeper.sim.world.plan import Course, Plan, Shape


def _fault(kind: Kind, at_s: float, lasts_s: float, value: float, serial: int) -> Fault:
    return Fault(kind, at_s, lasts_s, node=0, other=1, value=value, serial=serial)


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
            # a restart without a state file, a keepalived that does not answer, a forged DELETED
            (
                _fault(Kind.KEEPALIVED_FROZEN, 40.0, 40.0, 0.5, 0),
                _fault(Kind.STATE_TORN, 45.0, 0.0, 0.1, 1),
                _fault(Kind.STRAY_LINES, 60.0, 0.0, 0.55, 3),
            ),
            # a forged STOP; D-Bus says that the instance is in fault
            (_ALL_IN_FAULT, _fault(Kind.STRAY_LINES, 50.0, 0.0, 0.45, 3)),
        )
    )
)
