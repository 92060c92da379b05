"""What stands for each kind in the world: its cloud, and the plans that it fits.

A kind that is not named here is moved as floating IPs are: each by a request of its own.
"""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

from hakeeper.core.kind import Kind
from hakeeper.kinds import alias_ip
from hakeeper.simulate.alias_cloud import FOREIGNERS, AliasCloud
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.faults import kinds
from hakeeper.simulate.plan import Course, Plan, draw_often

_CLOUDS: Final[Mapping[str, type[WorldCloud]]] = {alias_ip.NAME: AliasCloud}
_OWN = alias_ip.MOST - FOREIGNERS
"""So many alias IPs of ours one server must have room for."""
_OF_SINGLE_RESOURCES = kinds.Kind.SOME_LOCKED
"""With alias IPs it is servers that are locked."""
_SERIAL = 10_000_000
_WITH: Final = {
    kinds.Kind.FOREIGN_ALIAS: 0.6,
    kinds.Kind.NO_ROOM: 0.25,
    kinds.Kind.NOT_ATTACHED: 0.25,
}
"""In which part of the worlds with alias IPs a kind of fault is on."""


def cloud_of(kind: Kind) -> type[WorldCloud]:
    """Return the cloud that moves resources of this kind."""
    return _CLOUDS.get(kind.name, WorldCloud)


def faults_of(kind: Kind) -> tuple[kinds.Kind, ...]:
    """Return the faults that a world with resources of this kind can have."""
    if kind.name != alias_ip.NAME:
        return kinds.OF_ALL
    return tuple(each for each in kinds.Kind if each is not _OF_SINGLE_RESOURCES)


def fitted(plan: Plan, kind: Kind) -> Plan:
    """Return the plan of a world with resources of this kind; one that was fitted stays."""
    if kind.name != alias_ip.NAME or plan.fits == kind.name:
        return plan
    shape = plan.shape
    instances = min(shape.instances, _OWN)
    addresses = min(shape.addresses, _OWN // instances)
    shape = replace(shape, instances=instances, addresses=addresses)
    faults = [each for each in plan.faults if each.kind is not _OF_SINGLE_RESOURCES]
    for turn, (fault, share) in enumerate(_WITH.items()):
        rng = Random(f"plan-{plan.seed}-{fault.value}")
        if plan.course is Course.SWARM and rng.random() < share:
            serial = _SERIAL + turn * _SERIAL // 10
            faults += draw_often(rng, fault, shape, plan.chaos_s, serial)
    return replace(plan, shape=shape, faults=tuple(faults), fits=kind.name)
