"""What stands for each kind in the world: its cloud, and the plans that it fits.

A kind that is not named here is moved as floating IPs are: each by a request of its own.
"""

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from hakeeper.core.kind import Api, Kind
from hakeeper.kinds import KINDS, alias_ip, failover_ip
from hakeeper.kinds.apis import ROBOT
from hakeeper.simulate import robot_cloud
from hakeeper.simulate.alias_cloud import FOREIGNERS, AliasCloud
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.faults import kinds as fault_kinds
from hakeeper.simulate.faults.kinds import Fault
from hakeeper.simulate.plan import Course, Part, Plan, Shape, draw_often
from hakeeper.simulate.project import Nature
from hakeeper.simulate.robot_cloud import RobotCloud

ALL: Final = "all"
"""What worlds with several kinds are called where others are called by their kind."""
_CLOUDS: Final[Mapping[str, type[WorldCloud]]] = {
    alias_ip.NAME: AliasCloud,
    failover_ip.NAME: RobotCloud,
}
_OWN = alias_ip.MOST - FOREIGNERS
"""So many alias IPs of ours one server must have room for."""
_MOST: Final = {alias_ip.NAME: _OWN, failover_ip.NAME: ROBOT.max_parallel}
"""Of these kinds a cluster may have so many; of others, as many as the plan says."""
_OF_SINGLE_RESOURCES = fault_kinds.Kind.SOME_LOCKED
"""With alias IPs it is servers that are locked."""
_SERIAL = 10_000_000
_WITH: Final = {
    fault_kinds.Kind.FOREIGN_ALIAS: 0.6,
    fault_kinds.Kind.NO_ROOM: 0.25,
    fault_kinds.Kind.NOT_ATTACHED: 0.25,
}
"""In which part of the worlds with alias IPs a kind of fault is on."""
_WITH_ROBOT: Final = {
    fault_kinds.Kind.NO_MAIN_IP: 0.2,
    fault_kinds.Kind.UNAUTHORIZED: 0.2,
}
"""The same of worlds with failover IPs."""
_OF_CLOUD = fault_kinds.Kind.READ_ONLY
"""Robot has no logins that may only read."""
_OF_AN_API: Final = (fault_kinds.API_FAULTS | fault_kinds.CLOUD_STATE) - fault_kinds.OF_RESOURCES
_WRONG_FOR = 20.0
"""So much longer than a token is a login wrong: it is tried once in ten minutes."""
_MOST_NODES = 3
"""Each may spend half of what Robot grants, and it grants little: more nodes are too many."""
_SLOWER = 4.0
"""Where all is moved by Robot, so much more time lies between two faults: a move takes minutes."""
_BOTH = 0.3
"""In which part of the cases a fault strikes every API, as when the network is gone."""


class Mix(enum.Enum):
    """Which kinds the instances of a world have."""

    ONE = "all have the same one"
    TOGETHER = "each has all"
    APART = "each has one, in turn"
    BY_CHANCE = "each has some"


_MIXES: Final = {Mix.ONE: 10, Mix.TOGETHER: 45, Mix.APART: 20, Mix.BY_CHANCE: 25}
"""How often each comes in a hundred worlds."""


def moved_in(worlds: str) -> tuple[Kind, ...]:
    """Return the kinds that are moved in worlds of this name: that of a kind, or `ALL`."""
    return tuple(KINDS.values()) if worlds == ALL else (KINDS[worlds],)


def cloud_of(kind: Kind) -> type[WorldCloud]:
    """Return the cloud that moves resources of this kind."""
    return _CLOUDS.get(kind.name, WorldCloud)


def faults_of(kinds: Sequence[Kind]) -> tuple[fault_kinds.Kind, ...]:
    """Return the faults that a world with resources of these kinds can have."""
    names = {kind.name for kind in kinds}
    faults = [*fault_kinds.OF_ALL]
    if alias_ip.NAME in names:
        faults += [each for each in fault_kinds.Kind if each in fault_kinds.OF_NETWORKS]
    if failover_ip.NAME in names:
        faults += fault_kinds.OF_ROBOT
    if names == {alias_ip.NAME}:
        faults.remove(_OF_SINGLE_RESOURCES)
    if names == {failover_ip.NAME}:
        faults.remove(_OF_CLOUD)
    return tuple(faults)


def nature_of(api: Api, plan: Plan) -> Nature:
    """Return what an API of a world is like in good times."""
    shape = plan.shape
    if api is ROBOT and shape.plain:
        return robot_cloud.nature()
    if api is ROBOT:
        switch_s = Random(f"plan-{plan.seed}-switch").uniform(40.0, 60.0)
        return robot_cloud.nature(robot_cloud.LATENCY_S + shape.latency_s, switch_s)
    return Nature(
        latency_s=shape.latency_s,
        action_s=shape.action_s,
        holder_at_accept=shape.holder_at_accept,
        lock_servers=shape.lock_servers,
        limit_per_hour=shape.quota_per_hour,
    )


def fitted(plan: Plan, kinds: Sequence[Kind]) -> Plan:
    """Return the plan of a world with resources of these kinds; one that was fitted stays."""
    names = [kind.name for kind in kinds]
    fits = "+".join(names)
    if plan.fits == fits or (len(names) == 1 and names[0] not in _CLOUDS):
        return plan
    shape = _mixed(plan, names) if len(names) > 1 else _alike(plan.shape, names[0])
    used = {name for part in shape.parts for name in part.kinds} or set(names)
    faults = [
        each
        for each in plan.faults
        if each.kind is not _OF_SINGLE_RESOURCES or used != {alias_ip.NAME}
    ]
    for turn, (fault, share) in enumerate(_WITH.items() if alias_ip.NAME in used else ()):
        rng = Random(f"plan-{plan.seed}-{fault.value}")
        if plan.course is Course.SWARM and rng.random() < share:
            serial = _SERIAL + turn * _SERIAL // 10
            faults += draw_often(rng, fault, shape, plan.chaos_s, serial)
    plan = replace(plan, shape=shape, faults=tuple(faults), fits=fits)
    return _with_robot(plan, used) if failover_ip.NAME in used else plan


def _with_robot(plan: Plan, used: Collection[str]) -> Plan:
    """Return the plan of a world that moves some resources by Robot, and perhaps others."""
    shape = replace(plan.shape, nodes=min(plan.shape.nodes, _MOST_NODES))
    apis = list(dict.fromkeys(KINDS[name].api.name for name in KINDS if name in used))
    faults = [replace(f, node=None if f.node is None else f.node % shape.nodes)
              for f in plan.faults]  # fmt: skip
    slower = _SLOWER if apis == [ROBOT.name] and plan.course is Course.SWARM else 1.0
    faults = [each for old in faults for each in of_apis(plan.seed, old, apis)]
    for turn, (kind, share) in enumerate(_WITH_ROBOT.items()):
        rng = Random(f"plan-{plan.seed}-robot-{kind.value}")
        if plan.course is Course.SWARM and rng.random() < share:
            serial = 2 * _SERIAL + turn * _SERIAL // 10
            drawn = draw_often(rng, kind, shape, plan.chaos_s, serial)
            longer = _WRONG_FOR if kind is fault_kinds.Kind.UNAUTHORIZED else 1.0
            faults += [
                replace(each, api=ROBOT.name, lasts_s=each.lasts_s * longer) for each in drawn
            ]
    faults = [replace(each, at_s=each.at_s * slower) for each in faults]
    return replace(plan, shape=shape, faults=tuple(faults), chaos_s=plan.chaos_s * slower)


def of_apis(seed: int, fault: Fault, apis: Sequence[str]) -> Iterator[Fault]:
    """Yield a fault of an API as that of one of these, or of all of them."""
    if fault.kind not in _OF_AN_API:
        yield fault
        return
    rng = Random(f"plan-{seed}-{fault.serial}-api")
    struck = apis if rng.random() < _BOTH else [rng.choice(apis)]
    for turn, api in enumerate(struck):
        if fault.kind is not _OF_CLOUD or api != ROBOT.name:
            yield replace(fault, api=api, serial=fault.serial + turn * 3 * _SERIAL)


def _alike(shape: Shape, name: str) -> Shape:
    """Let all instances have resources of one kind, as many as fit."""
    instances = min(shape.instances, _MOST[name])
    return replace(
        shape, instances=instances, addresses=min(shape.addresses, _MOST[name] // instances)
    )


def _mixed(plan: Plan, names: Sequence[str]) -> Shape:
    """Draw which kinds the instances have, and in which order the configuration names them."""
    rng, shape = Random(f"plan-{plan.seed}-kinds"), plan.shape
    mix = rng.choices(list(_MIXES), list(_MIXES.values()))[0]
    if plan.course is Course.SPLIT:
        mix = Mix.TOGETHER
    if mix in (Mix.APART, Mix.BY_CHANCE):
        shape = replace(shape, instances=max(shape.instances, len(names)))
    only = rng.choice(names)
    left, parts = dict(_MOST), []
    for turn, part in enumerate(shape.names()):
        chosen = {
            Mix.ONE: [only],
            Mix.TOGETHER: [*names],
            Mix.APART: [names[turn % len(names)]],
            Mix.BY_CHANCE: rng.sample(names, rng.randint(1, len(names))),
        }[mix]
        parts.append(_part(rng, part, chosen, left))
    return replace(shape, parts=tuple(part for part in parts if part.kinds))


def _part(rng: Random, part: Part, names: Sequence[str], left: dict[str, int]) -> Part:
    """Give an instance as many resources of each kind as it has addresses; `left`: at most."""
    given: list[str] = []
    for name in names:
        count = min(part.addresses, left.get(name, part.addresses))
        if name in left:
            left[name] -= count
        given += [name] * count
    if rng.random() < 0.5:  # noqa: PLR2004
        rng.shuffle(given)
    return replace(part, addresses=len(given), kinds=tuple(given))
