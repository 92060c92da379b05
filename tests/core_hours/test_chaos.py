"""Two nodes, thousands of random events and faults, then peace: the rules hold, and it converges.

The rules of `rules.py` are checked at every step; the end is checked here.
"""

from random import Random

import pytest

from hakeeper.core.calls import FailureKind, Identify, Mutate, ReadActions, ReadAll, ReadOne
from hakeeper.core.events import FifoChanged, LinesRead, SettingsChanged
from hakeeper.core.model import FifoState, ProcessId, Role
from hakeeper.core.roles.lines import BadLine, LineState
from tests.core.cloud import Ending
from tests.core.driver import PROCESS, WEB, Node, World, chance, instance, settings
from tests.core.faults import failure
from tests.support.resources import CLOUD

MAIL = 4712
STEPS = 1500
CONVERGED_WITHIN_S = 15.0
REQUESTS = (Identify, ReadAll, ReadOne, Mutate, ReadActions)
TWO = {"VI_1": ("web",), "VI_2": ("mail",)}


def make_world(seed: int) -> World:
    world = World()
    world.cloud.nature.latency_s = 0.03
    world.cloud.nature.action_s = (0.0, 0.5, 1.5)[seed % 3]
    world.cloud.add_server(99)
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", 99)
    world.cloud.add_ip(MAIL, "mail", "2001:db8:1:2::/64", None)
    for server_id in (1, 2):
        node = world.add_node(server_id, settings(TWO, can_query=seed % 2 == 0), seed=seed)
        node.start()
    return world


def random_role(node: Node, rng: Random) -> None:
    said = [
        (rng.choice(("VI_1", "VI_2", "VI_3")), rng.choice(list(LineState)).value)
        for _ in range(rng.choice((1, 1, 1, 2, 5)))
    ]
    node.lines(*said, live=rng.random() < 0.9)


def random_process(node: Node, rng: Random) -> None:
    what = rng.randrange(6)
    if what == 0:
        node.gone()
    elif what == 1:
        node.seen(ProcessId(rng.randrange(3), 5, "boot"))
    elif what == 2:
        node.lose_lines()
    elif what == 3:
        node.restart(rng.choice((PROCESS, None)))
    elif what == 4:
        node.feed(FifoChanged(rng.choice(list(FifoState)), "chance"))
    else:
        node.feed(LinesRead((), (BadLine("is chance", "x"),)))


def random_reload(node: Node, rng: Random) -> None:
    names = rng.choice((TWO, TWO, {"VI_1": ("web", "mail")}, {"VI_1": ()}))
    changed = SettingsChanged(settings(names), apis_changed=(CLOUD,) if rng.random() < 0.3 else ())
    node.config = changed.settings
    node.feed(changed)


def random_cloud(world: World, rng: Random) -> None:
    what = rng.randrange(4)
    if what == 0:
        world.cloud.move(rng.choice((WEB, MAIL)), rng.choice((1, 2, 99, None)))
    else:
        random_fault(world, rng)


def random_fault(world: World, rng: Random) -> None:
    what = rng.randrange(3)
    if what == 1:
        kind = rng.choice([k for k in FailureKind if k is not FailureKind.CANCELLED])
        world.cloud.fail(
            failure(kind),
            *rng.sample(REQUESTS, rng.randrange(1, 6)),
            after_s=rng.choice((0.0, 1.0, 9.0)),
            times=rng.choice((1, 5, 1e9)),
            commits=kind is FailureKind.OUTCOME_UNKNOWN and rng.random() < 0.5,
        )
    elif what == 2:
        world.cloud.heal()
    else:
        world.cloud.ending = rng.choice(list(Ending))


def random_step(world: World, rng: Random) -> None:
    node = rng.choice(world.nodes)
    chance = rng.random()
    if chance < 0.4:
        random_role(node, rng)
    elif chance < 0.5:
        random_process(node, rng)
    elif chance < 0.52:
        random_reload(node, rng)
    elif chance < 0.7:
        random_cloud(world, rng)
    world.run_for(rng.choice((0.0, 0.01, 0.1, 0.5, 3.0, 20.0)))


def make_peace(world: World) -> None:
    """The API works, node 1 is the one master of everything, and says so."""
    world.cloud.heal()
    world.cloud.ending = Ending.SUCCESS
    world.cloud.forget()
    for node in world.nodes:
        node.feed(SettingsChanged(settings(TWO)))
        node.dbus = None
        node.lines(("VI_1", "BACKUP"), ("VI_2", "BACKUP"))
    # What may still be on its way: one call to its deadline, and a 429 of half a minute.
    world.run_for(40.0)
    world.nodes[0].lines(("VI_1", "MASTER"), ("VI_2", "MASTER"))


@pytest.mark.parametrize("seed", range(12))
def test_after_any_chaos_the_addresses_are_with_the_one_master_within_15_s(seed: int) -> None:
    rng = chance(seed)
    world = make_world(seed)
    for _ in range(STEPS):
        random_step(world, rng)
    make_peace(world)
    first, second = world.nodes
    world.run_while(
        lambda: {first.stage(0, "VI_1"), first.stage(0, "VI_2")} != {"held"}, CONVERGED_WITHIN_S
    )
    assert (1, 1) == (world.cloud.holder(WEB), world.cloud.holder(MAIL))
    begun_s = world.now
    world.run_for(600.0)
    assert [] == second.asked(Mutate, since_s=begun_s)
    assert [] == first.asked(Mutate, since_s=begun_s)
    assert first.saved is not None
    assert {instance("VI_1"): Role.MASTER, instance("VI_2"): Role.MASTER} == first.saved.roles


@pytest.mark.parametrize("seed", range(12))
def test_a_master_whose_api_recovers_from_chaos_has_the_address_within_15_s(seed: int) -> None:
    rng = chance(seed)
    world = make_world(seed)
    first, second = world.nodes
    second.line("VI_1", "BACKUP")
    first.line("VI_1", "MASTER")
    for _ in range(20):
        world.run_for(100.0)
        world.cloud.move(WEB, rng.choice((99, None)))
        for _ in range(20):
            random_fault(world, rng)
            world.run_for(rng.choice((0.1, 1.0, 5.0)))
        world.cloud.heal()
        world.cloud.ending = Ending.SUCCESS
        world.cloud.forget()
        world.run_while(
            lambda: world.cloud.holder(WEB) != 1 or first.stage() != "held", CONVERGED_WITHIN_S
        )
