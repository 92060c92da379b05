"""What an operator wants simulated, checked, and made into the plan of a world."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from hakeeper.config import Config
from hakeeper.core.kind import Api
from hakeeper.core.kind import Kind as OfResources
from hakeeper.core.model import ApiSettings, VrrpKind
from hakeeper.kinds import ALIAS_IPS, FLOATING_IPS, KINDS, alias_ip
from hakeeper.kinds.apis import CLOUD, ROBOT
from hakeeper.simulate.faults.kinds import OF_ROBOT, Fault, Kind, Scope, scope_of
from hakeeper.simulate.plan import (
    HOUR_S,
    INSTANT,
    WARM_UP_S,
    Course,
    Part,
    Plan,
    Shape,
    draw_duration_s,
)
from hakeeper.simulate.project import Nature
from hakeeper.simulate.twins import faults_of, nature_of, of_apis

MAX_NODES = 1000
MAX_CLUSTER_NODES = 9
PAIR = 2
FLEET = 20
"""More nodes than this are simulated for an hour unless more is asked for."""
LATENCY_S = 0.1
"""Assumed for a call to Hetzner Cloud, to and fro; Hetzner publishes no figure."""
ASSIGN_S = 1.0
"""Assumed from the acceptance of an assign, or of a list of alias IPs, until it takes effect."""


class OptionError(Exception):
    """What was asked for cannot be simulated; the text says what can."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Which faults come, and how often."""

    text: str
    """As it was asked for."""
    kinds: tuple[Kind, ...] = ()
    per_cluster_hour: float = 0.0
    """Of those that strike one node, its links, or one address."""
    per_project_hour: float = 0.0
    """Of those that strike the API for everybody."""
    split: bool = False
    """Every node is cut off from its neighbours, for ever."""


_DEGREES = {"few": (2.0, 1.0), "many": (20.0, 6.0)}
_NAMED = (12.0, 6.0)
"""How often faults that are named come: per cluster and per project."""
_WEIGHTS = {
    Kind.FAILOVER: 5,
    Kind.POWER_CUT: 5,
    Kind.KEEPALIVED_KILLED: 5,
    Kind.OTHER_ACTOR: 3,
}
"""What people want to know most about comes so many times as often as other kinds."""
WORDS = ("none", *_DEGREES, "split")


def name_of(kind: Kind) -> str:
    """Return what operators call a kind of fault, such as `power-cut`."""
    return kind.name.lower().replace("_", "-")


def read_faults(text: str, *, dbus: bool, of: Sequence[OfResources] = (FLOATING_IPS,)) -> Faults:
    """Understand `none`, `few`, `many`, `split`, or kinds with commas between; or OptionError.

    `of`: the kinds of resources that they are to strike.
    """
    if text == "none":
        return Faults(text)
    if text == "split":
        return Faults(text, split=True)
    if text in _DEGREES:
        # Lines that nobody at keepalived wrote cannot be seen through without asking it.
        kinds = tuple(kind for kind in faults_of(of) if dbus or kind is not Kind.STRAY_LINES)
        return Faults(text, kinds, *_DEGREES[text])
    kinds = tuple(_kind(word.strip(), of) for word in text.split(","))
    if Kind.STRAY_LINES in kinds and not dbus:
        raise OptionError(
            "stray-lines needs D-Bus, without which hakeeper believes every line;"
            " but the configuration says `keepalived.state: none`"
        )
    return Faults(text, kinds, *_NAMED)


def _kind(word: str, of: Sequence[OfResources]) -> Kind:
    possible = faults_of(of)
    meant = next((kind for kind in Kind if word in (name_of(kind), kind.value)), None)
    if meant in possible:
        return meant
    wrong = "is no kind of fault"
    if meant is not None:
        nouns = " and ".join(f"no {kind.noun}" for kind in of)
        wrong = f"strikes {nouns}, and this configuration has nothing else"
    raise OptionError(
        f"{word!r} {wrong}; expected {', '.join(WORDS)}, or of these, with commas"
        f" between: {', '.join(map(name_of, possible))}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is to be simulated, without errors."""

    parts: tuple[Part, ...]
    interval_s: float
    standby_interval_s: float
    timeouts_s: Mapping[str, float]
    """Of each API, by its name; that of Hetzner Cloud in any case."""
    dbus: bool
    nodes: int
    """Of the whole project."""
    clusters: int
    hours: float
    faults: Faults
    seed: int

    @property
    def kinds(self) -> tuple[OfResources, ...]:
        """Return the kinds of the resources."""
        return tuple(kind for kind in KINDS.values() if self.resources_each(kind))

    @property
    def apis(self) -> tuple[Api, ...]:
        """Return the APIs that move them."""
        return tuple(api for api in (CLOUD, ROBOT) if any(k.api is api for k in self.kinds))

    def resources_each(self, kind: OfResources) -> int:
        """Return how many resources of a kind each cluster has."""
        return sum(part.kinds.count(kind.name) for part in self.parts)

    @property
    def nodes_each(self) -> int:
        """Return the nodes of one cluster."""
        return self.nodes // self.clusters

    def shape(self) -> Shape:
        """Return how the world is built."""
        return Shape(
            nodes=self.nodes_each,
            clusters=self.clusters,
            parts=self.parts,
            dbus=self.dbus,
            latency_s=LATENCY_S,
            action_s=ASSIGN_S,
            holder_at_accept=False,
            interval_s=self.interval_s,
            standby_interval_s=self.standby_interval_s,
            timeouts_s=tuple(self.timeouts_s.items()),
            quota_per_hour=CLOUD.limit_per_hour,
            plain=True,
        )

    def natures(self) -> Mapping[str, Nature]:
        """Return what is assumed of each API, by its name."""
        plan = Plan(seed=0, shape=self.shape(), course=Course.SWARM, chaos_s=0.0, faults=())
        return {api.name: nature_of(api, plan) for api in self.apis}

    def plan(self) -> Plan:
        """Return the world."""
        return Plan(
            seed=self.seed,
            shape=self.shape(),
            course=Course.SPLIT if self.faults.split else Course.SWARM,
            chaos_s=self.hours * HOUR_S,
            faults=tuple(_draw(self)),
            fits="+".join(kind.name for kind in self.kinds),
        )


def read_options(
    config: Config,
    *,
    nodes: int,
    clusters: int | None,
    hours: float | None,
    faults: str,
    seed: int,
) -> Options:
    """Check what was asked for; or OptionError."""
    settings = config.settings()
    if not 1 <= nodes <= MAX_NODES:
        raise OptionError(f"--nodes {nodes}: expected 1 to {MAX_NODES}")
    chosen = _clusters(nodes, clusters)
    if hours is None:
        hours = 24.0 if nodes <= FLEET else 1.0
    if not (math.isfinite(hours) and hours > 0.0):
        raise OptionError(f"--hours {hours:g}: expected more than 0")
    named = {ref.kind for refs in settings.resources.values() for ref in refs}
    kinds = [kind for name, kind in KINDS.items() if name in named]
    wanted = read_faults(faults, dbus=settings.can_query, of=kinds)
    if wanted.split and nodes == chosen:
        raise OptionError(
            "--faults split: a cluster of one node cannot be split; give more --nodes"
        )
    options = Options(
        parts=tuple(
            Part(
                addresses=len(refs),
                kinds=tuple(ref.kind for ref in refs),
                group=vrrp.kind is VrrpKind.GROUP,
                guarded=bool(settings.vrrp_addresses.get(vrrp)),
            )
            for vrrp, refs in settings.resources.items()
        ),
        interval_s=settings.interval_s,
        standby_interval_s=settings.standby_interval_s,
        timeouts_s={
            name: settings.apis.get(name, ApiSettings()).call_timeout_s
            for name in (CLOUD.name, *settings.apis)
        },
        dbus=settings.can_query,
        nodes=nodes,
        clusters=chosen,
        hours=hours,
        faults=wanted,
        seed=seed,
    )
    _check_room(options)
    return options


def _check_room(options: Options) -> None:
    """Refuse more alias IPs than one server may have: a node that is left alone has them all."""
    count = options.resources_each(ALIAS_IPS)
    if count > alias_ip.MOST:
        raise OptionError(
            f"`{ALIAS_IPS.config_key}`: {count} of them, but Hetzner allows a server"
            f" {alias_ip.MOST} in all its networks, so no node could have them all; give at most"
            f" {alias_ip.MOST}"
        )


def _clusters(nodes: int, clusters: int | None) -> int:
    if clusters is None:
        clusters = nodes // PAIR if nodes % PAIR == 0 else 1
        if nodes // clusters > MAX_CLUSTER_NODES:
            raise OptionError(f"--nodes {nodes}: they do not make pairs; give --clusters as well")
    if clusters < 1:
        raise OptionError(f"--clusters {clusters}: expected at least 1")
    if nodes % clusters:
        raise OptionError(
            f"--clusters {clusters}: {nodes} nodes cannot be shared out evenly among them"
        )
    if nodes // clusters > MAX_CLUSTER_NODES:
        raise OptionError(
            f"--clusters {clusters}: that is {nodes // clusters} nodes in each; expected at most"
            f" {MAX_CLUSTER_NODES}"
        )
    return clusters


def _draw(options: Options) -> Iterator[Fault]:
    """Draw the faults: each cluster has its own, and the project as a whole."""
    rng, faults = Random(f"wishes-{options.seed}"), options.faults
    local = [kind for kind in faults.kinds if _is_local(kind) for _ in range(_WEIGHTS.get(kind, 1))]
    common = [kind for kind in faults.kinds if scope_of(kind) in (Scope.ANY, Scope.CLOUD)]
    common = [kind for kind in common if kind is not Kind.OTHER_ACTOR]
    strikes = list(_strikes(rng, common, faults.per_project_hour, options.hours, None))
    for cluster in range(options.clusters):
        strikes += _strikes(rng, local, faults.per_cluster_hour, options.hours, cluster)
    strikes.sort(key=lambda strike: strike[0])
    for serial, (at_s, kind, where) in enumerate(strikes):
        node = None if where is None else _node(rng, options, where)
        fault = Fault(
            kind=kind,
            at_s=at_s,
            lasts_s=0.0 if kind in INSTANT else draw_duration_s(rng, kind),
            node=None if kind is Kind.OTHER_ACTOR else node,
            other=rng.randrange(options.nodes),
            value=rng.random(),
            serial=serial,
        )
        yield from _by_api(options, fault)


def _by_api(options: Options, fault: Fault) -> Iterator[Fault]:
    """Yield it as a fault of the APIs that it strikes; where there is one only it goes unnamed."""
    if options.apis == (CLOUD,):
        yield fault
    elif fault.kind in OF_ROBOT:
        yield replace(fault, api=ROBOT.name)
    else:
        yield from of_apis(options.seed, fault, [api.name for api in options.apis])


def _is_local(kind: Kind) -> bool:
    return scope_of(kind) is not Scope.CLOUD or kind is Kind.OTHER_ACTOR


def _node(rng: Random, options: Options, cluster: int) -> int:
    return cluster * options.nodes_each + rng.randrange(options.nodes_each)


def _strikes(
    rng: Random, kinds: Sequence[Kind], per_hour: float, hours: float, cluster: int | None
) -> Iterator[tuple[float, Kind, int | None]]:
    """Yield when, what and where, at random times of a steady rate."""
    at_s = WARM_UP_S
    while kinds:
        at_s += rng.expovariate(per_hour / HOUR_S)
        if at_s >= hours * HOUR_S:
            return
        yield at_s, rng.choice(kinds), cluster
