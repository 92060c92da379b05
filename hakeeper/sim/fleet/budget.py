"""The arithmetic of the quota: what idle nodes of one project ask for, and what would fit. Pure."""

import math
from dataclasses import dataclass

from hakeeper.core.budget import Budget as NodeBudget
from hakeeper.core.calls import pages_of
from hakeeper.core.reconcile import OTHERS_INTERVAL_S
from hakeeper.sim.fleet.wishes import MOST_NODES, QUOTA_PER_HOUR, Wishes

LONGEST_INTERVAL_S = 3600
"""No configuration may ask for a longer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The calls of an idle project, in an hour."""

    masters: int
    """Nodes that are MASTER of something: the names of a cluster take turns over its nodes."""
    standbys: int
    pages: int
    """HTTP requests of one reading of all floating IPs."""
    per_hour: float
    fits_up_to_nodes: int
    """The most nodes, in clusters like these, whose idle calls fit; 0: not even one cluster's."""
    advice: str
    """What would fit, in words; empty if it does."""

    @property
    def fits(self) -> bool:
        """Whether the quota is enough for it."""
        return self.per_hour <= QUOTA_PER_HOUR


def budget(wishes: Wishes) -> Budget:
    """Count it."""
    masters, standbys, pages = _demand(wishes, wishes.clusters)
    per_hour = _per_hour(wishes, wishes.clusters)
    fitting = 0
    while (fitting + 1) * wishes.nodes_each <= MOST_NODES:
        if _per_hour(wishes, fitting + 1) > QUOTA_PER_HOUR:
            break
        fitting += 1
    most = fitting * wishes.nodes_each
    fits = per_hour <= QUOTA_PER_HOUR
    return Budget(
        masters=masters,
        standbys=standbys,
        pages=pages,
        per_hour=per_hour,
        fits_up_to_nodes=most,
        advice="" if fits else _advice(wishes, masters, standbys, pages, most),
    )


def _demand(wishes: Wishes, clusters: int) -> tuple[int, int, int]:
    masters = min(wishes.nodes_each, len(wishes.parts))
    addresses = sum(part.addresses for part in wishes.parts) * clusters
    pages = pages_of(addresses)
    return masters * clusters, (wishes.nodes_each - masters) * clusters, pages


def _per_hour(wishes: Wishes, clusters: int) -> float:
    masters, standbys, pages = _demand(wishes, clusters)
    least_s = NodeBudget(QUOTA_PER_HOUR).reading_gap_s(pages)
    interval_s = max(least_s, wishes.interval_s)
    standby_interval_s = max(least_s, wishes.standby_interval_s)
    readings = masters * 3600.0 / interval_s + standbys * 3600.0 / standby_interval_s
    return pages * readings + _holders(wishes, clusters) * 3600.0 / OTHERS_INTERVAL_S


def _holders(wishes: Wishes, clusters: int) -> int:
    """Count, over all nodes, the other servers that hold their addresses: each is looked at."""
    masters, standbys, _ = _demand(wishes, clusters)
    each = masters // clusters if clusters else 0
    return masters * (each - 1) + standbys * each


def _advice(wishes: Wishes, masters: int, standbys: int, pages: int, most: int) -> str:
    looks = _holders(wishes, wishes.clusters) * 3600.0 / OTHERS_INTERVAL_S
    left = QUOTA_PER_HOUR - looks - pages * standbys * 3600.0 / wishes.standby_interval_s
    if left > 0.0:
        interval_s = math.ceil(pages * masters * 3600.0 / left)
        if interval_s <= wishes.standby_interval_s:
            return f"`reconcile.interval: {interval_s}s` would fit"
    granted = QUOTA_PER_HOUR - looks
    both_s = math.ceil(pages * (masters + standbys) * 3600.0 / granted) if granted > 0.0 else 0
    if 0 < both_s <= LONGEST_INTERVAL_S:
        return f"`interval` and `standby_interval` of {both_s}s would fit"
    if most:
        return f"no interval fits; share it out over several projects of up to {most} nodes"
    return "no interval fits; share it out over several projects, with longer intervals"


def arithmetic(wishes: Wishes, counted: Budget) -> str:
    """Return the sum in words."""
    terms = f"{counted.masters} x 3600/{wishes.interval_s:g}"
    if counted.standbys:
        terms += f" + {counted.standbys} x 3600/{wishes.standby_interval_s:g}"
    if counted.pages > 1:
        terms = f"{counted.pages} pages x ({terms})"
    holders = _holders(wishes, wishes.clusters)
    if holders:
        terms += f" + {holders} x 3600/{OTHERS_INTERVAL_S:g}"
    return f"{terms} = {counted.per_hour:,.0f}"
