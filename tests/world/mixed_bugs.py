"""Bugs to plant that show only in worlds with several kinds: one that delays another.

See `bugs.py`, which has those of all worlds.
"""

from functools import partial

from hakeeper.simulate.twins import ALL
from tests.world.bug import Bug
from tests.world.planting import Line

_mixed_bug = partial(Bug, kind=ALL)

_SEND = "hakeeper.core.due.steps:_try_step"
_READ = "hakeeper.core.due.reconcile:_read_for_claims"

MIXED_BUGS = (
    _mixed_bug(
        "read_waits_for_assign",
        "what has to be read before its step waits until the assign of another kind is answered",
        "each_kind_begins",
        (
            Line(
                _READ,
                "all(r.claim is not None and r.claim.is_sent for r in wanted)",
                "True",
            ),
        ),
        proves=True,
    ),
    _mixed_bug(
        "release_waits_for_others",
        "nothing is released for four seconds after something of another kind was sent",
        "all_kinds_follow",
        (
            Line(
                _SEND,
                "if _is_lane_taken(state, lane):",
                "if _is_lane_taken(state, lane) or (resource.needs_release and any("
                "r.kind is not resource.kind and now < r.writes.last_sent_s + 4.0"
                " for r in state.resources.values())):",
            ),
        ),
        proves=True,
    ),
    _mixed_bug(
        "obstacle_holds_all",
        "an alias IP that was refused holds the assigns of floating IPs for a minute",
        "kinds_apart",
        (
            Line(
                _SEND,
                "if _is_lane_taken(state, lane):",
                "if _is_lane_taken(state, lane) or (not resource.kind.kind.releases_first and any("
                "r.kind is not resource.kind and r.refused_at_s > now - 60.0"
                " for r in state.resources.values())):",
            ),
        ),
        proves=True,
    ),
)
