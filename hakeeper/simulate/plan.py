"""What happens in one world, drawn from one seed: its shape, its length and its faults.

Swarm testing: each seed picks which kinds of fault are on and how often they come; some seeds are
quiet, some are storms, some are one long split brain or one long outage. Each fault has a chance of
its own, so that a world with some faults taken away is still the same world otherwise.
"""

import enum
from collections.abc import Collection
from dataclasses import dataclass, replace
from random import Random

from hakeeper.simulate.faults.kinds import LOSES_ROLES, OF_ALL, Fault, Kind, Scope, scope_of

HOUR_S = 3600.0
WARM_UP_S = 20.0
"""Before the first fault: keepalived elects, and the first claim is done."""
LASTS_S = {
    Kind.OUTAGE: (30.0, 1200.0),
    Kind.SPLIT: (1.0, 900.0),
    Kind.ONE_WAY: (1.0, 120.0),
    Kind.FLAP: (1.0, 20.0),
    Kind.HANG: (0.05, 90.0),
    Kind.KEEPALIVED_FROZEN: (0.2, 30.0),
    Kind.POWER_CUT: (10.0, 120.0),
    Kind.QUOTA_EATEN: (5.0, 60.0),
    Kind.UNAUTHORIZED: (5.0, 120.0),
    Kind.READ_ONLY: (5.0, 120.0),
    Kind.NO_ADDRESS: (5.0, 300.0),
    Kind.LOST_WRITE: (1.0, 20.0),
    Kind.LAGGING: (5.0, 300.0),
    Kind.KEEPALIVED_HUNG: (20.0, 300.0),
    Kind.SOME_LOCKED: (20.0, 4500.0),
    Kind.SPENDERS: (5.0, 300.0),
    Kind.FLAP_ONE: (5.0, 600.0),
    Kind.WRONG_METADATA: (5.0, 120.0),
    Kind.PAUSE: (2.0, 600.0),
    Kind.STEP_DOWN: (60.0, 600.0),
    Kind.NO_ROOM: (5.0, 300.0),
    Kind.NOT_ATTACHED: (5.0, 120.0),
    Kind.NO_MAIN_IP: (5.0, 600.0),
}
"""How long a kind of fault lasts, from and to; all others `_LASTS_S`."""
_LASTS_S = (0.2, 30.0)
INSTANT = frozenset(
    {
        Kind.GARBAGE,
        Kind.HALF_LINE,
        Kind.LONG_LINE,
        Kind.FIFO_REPLACED,
        Kind.STOLEN_LINES,
        Kind.UNKNOWN_NAMES,
        Kind.REPEATED_LINES,
        Kind.STRAY_LINES,
        Kind.LINE_STORM,
        Kind.CRASH,
        Kind.STATE_TORN,
        Kind.STATE_OLD,
        Kind.CLOCK_JUMP,
        Kind.RESTART,
        Kind.CHILD_CRASH,
        Kind.KEEPALIVED_RELOAD,
        Kind.OTHER_ACTOR,
        Kind.FOREIGN_ALIAS,
        Kind.TAKE,
    }
)
"""Kinds that are over as soon as they have happened."""
LATER = (
    Kind.LOST_WRITE,
    Kind.LAGGING,
    Kind.KEEPALIVED_HUNG,
    Kind.SOME_LOCKED,
    Kind.SPENDERS,
    Kind.FLAP_ONE,
    Kind.HANG_IN_CALL,
    Kind.BUS_GONE,
    Kind.WRONG_METADATA,
    Kind.PAUSE,
    Kind.STEP_DOWN,
    Kind.TAKE,
)
"""Kinds that came when seeds were known already: each is drawn on its own, and shifts no other."""
_WITH_LATER = 0.08
"""The part of the worlds in which such a kind is on."""
MANY = 20
_WITH_MANY = 0.03
"""The part of the worlds with many addresses, or with many instances."""


class Course(enum.Enum):
    """What kind of story a world tells."""

    SWARM = "swarm"
    SPLIT = "split brain without end"
    OUTAGE = "a day without the API"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a cluster's configuration says of one name."""

    addresses: int
    """Its resources."""
    kinds: tuple[str, ...] = ()
    """The kind of each, by its name; empty: all are of the one kind of the world."""
    group: bool
    """Whether it names a sync group instead of an instance."""
    guarded: bool
    """Whether it gives the VRRP address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a world is built."""

    nodes: int = 2
    """Nodes of one cluster."""
    clusters: int = 1
    instances: int = 1
    """VRRP instances of a cluster; the nodes' priorities turn with each."""
    addresses: int = 1
    """Resources of an instance."""
    group: bool = False
    """Whether the configuration names sync groups instead of instances."""
    advert_s: float = 1.0
    nopreempt: bool = False
    last_advert: bool = True
    dbus: bool = False
    guarded: bool = False
    """Whether the configuration names the VRRP address."""
    latency_s: float = 0.04
    action_s: float = 0.0
    holder_at_accept: bool = True
    lock_servers: bool = False
    same_chance: bool = False
    """All nodes draw the same random numbers."""
    interval_s: float = 10.0
    standby_interval_s: float = 60.0
    call_timeout_s: float = 5.0
    timeouts_s: tuple[tuple[str, float], ...] = ()
    """The same of APIs, by their names, that are given another time."""
    quota_per_hour: int = 3600
    """API calls of the whole project."""
    plain: bool = False
    """Whether nothing is drawn of what others have, nor of how APIs are: there is what is usual."""
    parts: tuple[Part, ...] = ()
    """The names of a cluster, where they differ; else `instances` that are all alike."""

    def names(self) -> tuple[Part, ...]:
        """Return what is said of each name of a cluster."""
        alike = Part(addresses=self.addresses, group=self.group, guarded=self.guarded)
        return self.parts or (alike,) * self.instances

    def timeout_s(self, api: str) -> float:
        """Return how long a call to an API may take."""
        return dict(self.timeouts_s).get(api, self.call_timeout_s)

    def slower_s(self, apis: Collection[str]) -> float:
        """Return how much longer than with the defaults a repair by these APIs may take."""
        timeout_s = max(map(self.timeout_s, apis))
        return max(0.0, self.interval_s - 10.0) + max(0.0, timeout_s - 5.0)

    def standby_slower_s(self) -> float:
        """Return how much later than with the defaults a node looks that reads like a standby."""
        return max(0.0, self.standby_interval_s - 60.0)

    def queue_s(self) -> float:
        """Return how long the last address may wait for the others where an action locks a server.

        Each tries again after a second at most when the lock is gone.
        """
        if not self.lock_servers:
            return 0.0
        others = sum(part.addresses for part in self.names()) - 1
        return others * (self.action_s + 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One world, whole."""

    seed: int
    shape: Shape
    course: Course
    chaos_s: float
    faults: tuple[Fault, ...]
    fits: str = ""
    """The kinds of resources that it was made to fit, if that took any change."""

    def only(self, kept: Collection[int]) -> "Plan":
        """Return the same world with only these faults, by their serial numbers."""
        return replace(self, faults=tuple(f for f in self.faults if f.serial in kept))


def draw(seed: int, hours: float = 1.0) -> Plan:
    """Draw a world of about so many simulated hours from a seed."""
    rng = Random(f"plan-{seed}")
    course = rng.choices(list(Course), (94, 5, 1))[0]
    shape = _shape(rng)
    match course:
        case Course.SPLIT:
            shape = replace(shape, nodes=2, instances=1, addresses=1, advert_s=1.0)
            return Plan(seed=seed, shape=shape, course=course, chaos_s=max(hours, 2.0) * HOUR_S,
                        faults=())  # fmt: skip
        case Course.OUTAGE:
            chaos_s = max(hours, 3.0) * HOUR_S
            outage = Fault(Kind.OUTAGE, WARM_UP_S + 60.0, chaos_s - 120.0, None, 0, 0.5, 0)
            return Plan(seed=seed, shape=shape, course=course, chaos_s=chaos_s, faults=(outage,))
        case Course.SWARM:
            chaos_s = hours * HOUR_S * rng.choice((0.2, 0.5, 1.0, 1.3))
            shape = _many(seed, shape)
            faults = _faults(rng, shape, chaos_s)
            for kind in LATER:
                faults += _more_faults(seed, kind, shape, chaos_s)
            return Plan(seed=seed, shape=shape, course=course, chaos_s=chaos_s, faults=faults)


def _shape(rng: Random) -> Shape:
    nodes = rng.choices((2, 3, 5, 9), (74, 18, 6, 2))[0]
    instances = rng.choices((1, 2), (85, 15))[0]
    addresses = rng.choices((1, 3, 12), (80, 15, 5))[0]
    # With locked servers one assign follows the other: many slow ones cannot be quick together.
    lock_servers = addresses < 12 and rng.random() < 0.2  # noqa: PLR2004
    return Shape(
        nodes=nodes,
        instances=instances,
        addresses=addresses,
        group=rng.random() < 0.1,  # noqa: PLR2004
        advert_s=rng.choices((1.0, 0.1), (75, 25))[0],
        nopreempt=rng.random() < 0.15,  # noqa: PLR2004
        last_advert=rng.random() < 0.9,  # noqa: PLR2004
        dbus=rng.random() < 0.4,  # noqa: PLR2004
        guarded=rng.random() < 0.5,  # noqa: PLR2004
        latency_s=rng.choice((0.005, 0.04, 0.15)),
        action_s=rng.choice((0.0, 0.3, 1.2)),
        holder_at_accept=rng.random() < 0.5,  # noqa: PLR2004
        lock_servers=lock_servers,
        same_chance=rng.random() < 0.1,  # noqa: PLR2004
    )


def _many(seed: int, shape: Shape) -> Shape:
    """Give some worlds many addresses; drawn on its own, it shifts nothing."""
    rng = Random(f"plan-{seed}-many")
    if rng.random() >= _WITH_MANY:
        return shape
    instances, addresses = rng.choice(((1, 20), (1, 40), (10, 2), (20, 1)))
    return replace(shape, instances=instances, addresses=addresses, lock_servers=False)


def _faults(rng: Random, shape: Shape, chaos_s: float) -> tuple[Fault, ...]:
    per_hour = rng.choices((2.0, 20.0, 60.0, 200.0, 900.0), (45, 30, 15, 7, 3))[0]
    share = rng.choice((0.1, 0.3, 0.6, 1.0))
    first = [kind for kind in OF_ALL if kind not in LATER]
    kinds = [kind for kind in first if rng.random() < share and _fits(kind, shape)]
    if not kinds:
        kinds = [Kind.FAILOVER]
    weights = [rng.choice((1.0, 1.0, 3.0, 10.0)) for _ in kinds]
    faults: list[Fault] = []
    at_s = WARM_UP_S
    while True:
        at_s += rng.expovariate(per_hour / HOUR_S)
        if at_s >= chaos_s:
            return tuple(faults)
        faults.append(_fault(rng, rng.choices(kinds, weights)[0], shape, at_s, len(faults)))


def _more_faults(seed: int, kind: Kind, shape: Shape, chaos_s: float) -> tuple[Fault, ...]:
    """Draw the faults of one of the later kinds."""
    rng = Random(f"plan-{seed}-{kind.value}")
    # Where there are many, some are always refused.
    always = kind is Kind.SOME_LOCKED and shape.instances * shape.addresses >= MANY
    if (rng.random() >= _WITH_LATER and not always) or not _fits(kind, shape):
        return ()
    return draw_often(rng, kind, shape, chaos_s, 100_000 * (1 + LATER.index(kind)))


def draw_often(
    rng: Random, kind: Kind, shape: Shape, chaos_s: float, serial: int
) -> tuple[Fault, ...]:
    """Draw faults of one kind for a whole world, and how often they come."""
    per_hour = rng.choice((3.0, 15.0, 60.0))
    faults: list[Fault] = []
    at_s = WARM_UP_S
    while True:
        at_s += rng.expovariate(per_hour / HOUR_S)
        if at_s >= chaos_s:
            return tuple(faults)
        faults.append(_fault(rng, kind, shape, at_s, serial + len(faults)))


def _fits(kind: Kind, shape: Shape) -> bool:
    """Leave out what a hakeeper without D-Bus cannot be asked to see through."""
    return shape.dbus or kind is not Kind.STRAY_LINES


def draw_duration_s(rng: Random, kind: Kind) -> float:
    """Draw how long a fault of this kind lasts; short ones are as likely as long ones."""
    first_s, last_s = LASTS_S.get(kind, _LASTS_S)
    ratio: float = (last_s / first_s) ** rng.random()
    return first_s * ratio


def _fault(rng: Random, kind: Kind, shape: Shape, at_s: float, serial: int) -> Fault:
    drawn_s = draw_duration_s(rng, kind)
    total = shape.nodes * shape.clusters
    node: int | None = rng.randrange(total)
    if scope_of(kind) is Scope.CLOUD or (scope_of(kind) is Scope.ANY and rng.random() < 0.5):  # noqa: PLR2004
        node = None
    if kind is Kind.ONE_WAY and shape.advert_s < 1.0:
        drawn_s = min(drawn_s, 20.0)
    return Fault(
        kind=kind,
        at_s=at_s,
        lasts_s=0.0 if kind in INSTANT else drawn_s,
        node=node,
        other=rng.randrange(total),
        value=rng.random(),
        serial=serial,
    )


def may_lose_roles(plan: Plan) -> bool:
    """Say whether some fault of it can leave a hakeeper without D-Bus in the dark."""
    return any(fault.kind in LOSES_ROLES for fault in plan.faults)
