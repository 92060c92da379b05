"""The arithmetic of the quota: what idle nodes of one project ask for, and what would fit. Pure."""

import math
from dataclasses import dataclass

from hakeeper.core.budget import Budget as NodeBudget
from hakeeper.core.reconcile import OTHERS_INTERVAL_S
from hakeeper.kinds.apis import CLOUD
from hakeeper.simulate.options import MAX_NODES, QUOTA_PER_HOUR, Options

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


def budget(options: Options) -> Budget:
    """Count it."""
    masters, standbys, pages = _demand(options, options.clusters)
    per_hour = _per_hour(options, options.clusters)
    fitting = 0
    while (fitting + 1) * options.nodes_each <= MAX_NODES:
        if _per_hour(options, fitting + 1) > QUOTA_PER_HOUR:
            break
        fitting += 1
    most = fitting * options.nodes_each
    fits = per_hour <= QUOTA_PER_HOUR
    return Budget(
        masters=masters,
        standbys=standbys,
        pages=pages,
        per_hour=per_hour,
        fits_up_to_nodes=most,
        advice="" if fits else _advice(options, masters, standbys, pages, most),
    )


def _demand(options: Options, clusters: int) -> tuple[int, int, int]:
    masters = min(options.nodes_each, len(options.parts))
    addresses = sum(part.addresses for part in options.parts) * clusters
    pages = CLOUD.pages_of(addresses)
    return masters * clusters, (options.nodes_each - masters) * clusters, pages


def _per_hour(options: Options, clusters: int) -> float:
    masters, standbys, pages = _demand(options, clusters)
    least_s = NodeBudget(QUOTA_PER_HOUR).reading_gap_s(pages)
    interval_s = max(least_s, options.interval_s)
    standby_interval_s = max(least_s, options.standby_interval_s)
    readings = masters * 3600.0 / interval_s + standbys * 3600.0 / standby_interval_s
    return pages * readings + _holders(options, clusters) * 3600.0 / OTHERS_INTERVAL_S


def _holders(options: Options, clusters: int) -> int:
    """Count, over all nodes, the other servers that hold their addresses: each is looked at."""
    masters, standbys, _ = _demand(options, clusters)
    each = masters // clusters if clusters else 0
    return masters * (each - 1) + standbys * each


def _advice(options: Options, masters: int, standbys: int, pages: int, most: int) -> str:
    looks = _holders(options, options.clusters) * 3600.0 / OTHERS_INTERVAL_S
    left = QUOTA_PER_HOUR - looks - pages * standbys * 3600.0 / options.standby_interval_s
    if left > 0.0:
        interval_s = math.ceil(pages * masters * 3600.0 / left)
        if interval_s <= options.standby_interval_s:
            return f"`reconcile.interval: {interval_s}s` would fit"
    granted = QUOTA_PER_HOUR - looks
    both_s = math.ceil(pages * (masters + standbys) * 3600.0 / granted) if granted > 0.0 else 0
    if 0 < both_s <= LONGEST_INTERVAL_S:
        return f"`interval` and `standby_interval` of {both_s}s would fit"
    if most:
        return f"no interval fits; share it out over several projects of up to {most} nodes"
    return "no interval fits; share it out over several projects, with longer intervals"


def arithmetic(options: Options, counted: Budget) -> str:
    """Return the sum in words."""
    terms = f"{counted.masters} x 3600/{options.interval_s:g}"
    if counted.standbys:
        terms += f" + {counted.standbys} x 3600/{options.standby_interval_s:g}"
    if counted.pages > 1:
        terms = f"{counted.pages} pages x ({terms})"
    holders = _holders(options, options.clusters)
    if holders:
        terms += f" + {holders} x 3600/{OTHERS_INTERVAL_S:g}"
    return f"{terms} = {counted.per_hour:,.0f}"
