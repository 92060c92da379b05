"""The stages of a claim, its phases, and the figures that it goes by.

IDLE      its instance is not MASTER: we only look
READ      we need to know the holder as of `read_after_s` or later
POST      we want to send the assign, not before `due_at_s`
SENT      the assign is under way
ACT       it was accepted; the action is running
HELD      confirmed ours; we go on looking for ever
HOLD_DOWN  contested; the holder keeps it until `due_at_s`
"""

import enum
from dataclasses import dataclass

WATCH_S = 20.0
"""After a claim, how long to look closely: two call deadlines of the old master, and its server."""
ACTION_PATIENCE_S = 10.0
"""How long an action may run before the holder is read in spite of it."""
EAGER_FOR_S = 5.0
"""So long after the first 429 assigns are retried soon, if it names no time to wait."""
RECENT_READS = 1.5
"""A read is recent when it is younger than this many reading intervals."""
SPACING_S = 1.0
"""The least time between two assigns of one address: a flapping VRRP must not flood the API."""
RETRY_SOON_S = 0.5
"""When the API works again, waiting claims go out within this time, spread over the nodes."""
SUSPECT_S = 0.3
"""Between the read that says we lost it and the one that decides: a single read may be old."""
LAG_S = 3.0
"""So long after an assign is done, a read that names the holder of before may be old."""
EDGE_S, EDGES = 600.0, 2
"""An address is favoured at a MASTER edge once in this time, and so often at once."""
STEADY_S = 3.0
"""A role that is MASTER for so long does not flap."""
LOOK_S = (2.0, 10.0)
"""Hints to look again (MASTER_RX_LOWER_PRI repeats with every advert) are heeded this far apart:
the first figure, doubled each time, up to the second."""
HINTS_END_S = 60.0
"""So long without a hint, and the next one counts as the first."""


class Stage(enum.Enum):
    """How far the claim has come; see the module's text."""

    IDLE = "idle"
    READ = "reading the holder"
    POST = "about to assign"
    SENT = "assign sent"
    ACT = "action running"
    HELD = "held"
    HOLD_DOWN = "hold-down"


@dataclass(slots=True)
class Phases:
    """When each phase of a claim was reached, in monotonic seconds."""

    line_s: float
    """When the line (or whatever else began it) was read."""
    sent_s: float | None = None
    accepted_s: float | None = None
    finished_s: float | None = None
    confirmed_s: float | None = None
