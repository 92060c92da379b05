"""The arithmetic of quotas: what idle nodes that share an API ask for, and what would fit. Pure."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hakeeper.core.apis.budget import Budget as NodeBudget
from hakeeper.core.due.reconcile import OTHERS_INTERVAL_S, WHOLE_INTERVAL_S
from hakeeper.core.kind import Api, Kind
from hakeeper.kinds import ALIAS_IPS
from hakeeper.simulate.options import MAX_NODES, Options

LONGEST_INTERVAL_S = 3600
"""No configuration may ask for a longer one."""


def shared_by(api: Api) -> str:
    """Return what those have in common who share a quota of this API."""
    return "project" if api.known_by == "token" else api.known_by


@dataclass(frozen=True, slots=True, kw_only=True)
class _Readings:
    """How idle nodes read all resources of one kind."""

    masters: int
    """Nodes that are MASTER of some of them: the names of a cluster take turns over its nodes."""
    standbys: int
    pages: int
    """HTTP requests of one reading."""
    whole_pages: int
    """What a whole list takes beyond that, where it is read beside; 0: each one is whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The calls of idle nodes that share one API, in an hour."""

    api: Api
    interval_s: float
    """Between two readings of a master: as configured, or what quota and API allow."""
    standby_interval_s: float
    per_hour: float
    arithmetic: str
    """The sum in words."""
    fits_up_to_nodes: int
    """The most nodes, in clusters like these, whose idle calls fit; 0: not even one cluster's."""
    advice: str
    """What would fit, in words; empty if it does."""

    @property
    def fits(self) -> bool:
        """Whether the quota is enough for it."""
        return self.per_hour <= self.api.limit_per_hour


def budget(options: Options, api: Api) -> Budget:
    """Count what it takes to read the resources that an API moves."""
    demand = _Demand(options, api, options.clusters)
    fitting = 0
    while (fitting + 1) * options.nodes_each <= MAX_NODES:
        if _Demand(options, api, fitting + 1).per_hour() > api.limit_per_hour:
            break
        fitting += 1
    most = fitting * options.nodes_each
    interval_s, standby_interval_s = demand.intervals_s()
    return Budget(
        api=api,
        interval_s=interval_s,
        standby_interval_s=standby_interval_s,
        per_hour=demand.per_hour(),
        arithmetic=demand.in_words(),
        fits_up_to_nodes=most,
        advice="" if demand.per_hour() <= api.limit_per_hour else demand.advice(most),
    )


class _Demand:
    """What so many clusters ask of an API."""

    def __init__(self, options: Options, api: Api, clusters: int) -> None:
        """Count their readings; masters are spread over the nodes."""
        self._options = options
        self._api = api
        self._kinds = [kind for kind in options.kinds if kind.api is api]
        self._readings = [self._of(kind, clusters) for kind in self._kinds]
        masters = self._masters({kind.name for kind in self._kinds})
        # Of each master, all others of its cluster look at the server that it runs on.
        looks = masters * (options.nodes_each - 1) * clusters if api.shows_servers else 0
        self._seldom = Counter({OTHERS_INTERVAL_S: looks})
        """Calls of all nodes, by how often they make them."""
        wholes = sum(each.whole_pages for each in self._readings)
        self._seldom[WHOLE_INTERVAL_S] += wholes * options.nodes_each * clusters

    def _masters(self, kinds: set[str]) -> int:
        """Count the nodes of a cluster that are MASTER of something of these kinds."""
        options = self._options
        parts = enumerate(options.parts)
        return len({turn % options.nodes_each for turn, part in parts if kinds & {*part.kinds}})

    def _of(self, kind: Kind, clusters: int) -> _Readings:
        options = self._options
        masters = self._masters({kind.name})
        pages, whole_pages = kind.api.pages_of(options.resources_each(kind) * clusters), 0
        if kind is ALIAS_IPS:  # the members of one network; a whole list has the servers as well
            pages, whole_pages = 1, kind.api.pages_of(options.nodes_each * clusters + 1)
        return _Readings(
            masters=masters * clusters,
            standbys=(options.nodes_each - masters) * clusters,
            pages=pages,
            whole_pages=whole_pages,
        )

    def intervals_s(self) -> tuple[float, float]:
        """Return the seconds between two readings, of a master and of a standby."""
        options, api = self._options, self._api
        pages = sum(each.pages for each in self._readings)
        gap_s = NodeBudget(api.limit_per_hour).reading_gap_s(pages)
        least_s = max(gap_s, api.patience.least_interval_s)
        return max(least_s, options.interval_s), max(gap_s, options.standby_interval_s)

    def _calls(self) -> tuple[int, int]:
        """Return the calls of one reading by all masters, and of one by all standbys."""
        return (
            sum(each.pages * each.masters for each in self._readings),
            sum(each.pages * each.standbys for each in self._readings),
        )

    def per_hour(self) -> float:
        """Return the calls of an hour."""
        readings = zip(self._calls(), self.intervals_s(), strict=True)
        regular = sum(calls * 3600.0 / every_s for calls, every_s in readings)
        return regular + self._seldom_per_hour()

    def _seldom_per_hour(self) -> float:
        return sum(count * 3600.0 / every_s for every_s, count in self._seldom.items())

    def in_words(self) -> str:
        """Return the sum."""
        pages = {each.pages for each in self._readings}
        common = pages.pop() if len(pages) == 1 else 1
        calls = (each // common for each in self._calls())
        terms = _terms(zip(self.intervals_s(), calls, strict=True))
        if common > 1:
            terms = f"{common} pages x ({terms})"
        seldom = _terms(self._seldom.items())
        return f"{terms}{' + ' if seldom else ''}{seldom} = {self.per_hour():,.0f}"

    def advice(self, most: int) -> str:
        """Return what would fit; `most`: so many nodes do."""
        options, shared = self._options, shared_by(self._api)
        masters, standbys = self._calls()
        granted = self._api.limit_per_hour - self._seldom_per_hour()
        left = granted - standbys * 3600.0 / self.intervals_s()[1]
        if left > 0.0:
            interval_s = math.ceil(masters * 3600.0 / left)
            if interval_s <= options.standby_interval_s:
                return f"`reconcile.interval: {interval_s}s` would fit"
        both_s = math.ceil((masters + standbys) * 3600.0 / granted) if granted > 0.0 else 0
        if 0 < both_s <= LONGEST_INTERVAL_S:
            return f"`interval` and `standby_interval` of {both_s}s would fit"
        if most:
            return f"no interval fits; share it out over several {shared}s of up to {most} nodes"
        return f"no interval fits; share it out over several {shared}s, with longer intervals"


def _terms(counts: Iterable[tuple[float, int]]) -> str:
    """Return calls, with how often they are made, as a sum."""
    return " + ".join(f"{n} x 3600/{every_s:g}" for every_s, n in counts if n)
