"""What real keepalived wrote in this same story, for machines that cannot run it.

Recorded from the FIFOs of a `hakeeper demo` with keepalived 2.2.7 (Debian 12), VRRPv3, one advert
every 0.2 s, unicast, priorities 150 and 100. A test compares it with what keepalived writes now.
"""

from dataclasses import dataclass

KEEPALIVED = "2.2.7"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, with its delay after the event that caused it."""

    after_s: float
    node: str
    text: str


START = (
    Line(0.038, "a", 'INSTANCE "VI_1" BACKUP 150'),
    Line(0.069, "b", 'INSTANCE "VI_1" BACKUP 100'),
    Line(0.720, "a", 'INSTANCE "VI_1" MASTER 150'),
)
"""After keepalived is started on both."""
POWER_CUT = (Line(0.610, "b", 'INSTANCE "VI_1" MASTER 100'),)
"""After everything on a is killed."""
RETURN = (
    Line(0.036, "a", 'INSTANCE "VI_1" BACKUP 150'),
    Line(0.726, "a", 'INSTANCE "VI_1" MASTER 150'),
    Line(0.727, "b", 'INSTANCE "VI_1" BACKUP 100'),
)
"""After keepalived is started again on a."""
