"""What one node sends in an hour, whatever fails or flaps, and who still gets through meanwhile."""

import pytest

from hakeeper.core.apis.budget import SHARE, USUAL_LIMIT_PER_HOUR
from hakeeper.core.calls import FailureKind, Mutate, Quota, ReadAll, ReadOne
from hakeeper.core.due.reads import reading_interval_s
from tests.core.cloud import Ending
from tests.core.driver import WEB, Node, World, chance, one_node, settings
from tests.core.faults import failure
from tests.core.standing import kind_of

HOUR_S = 3600.0
HALF = int(USUAL_LIMIT_PER_HOUR * SHARE)
PAGE = 50


def many(count: int, *, together: bool = True) -> tuple[World, Node]:
    """Make a warm standby of so many addresses, of one instance or of one each."""
    world = World()
    world.cloud.nature.latency_s = 0.08
    world.cloud.add_server(2)
    names = [f"ip{n}" for n in range(count)]
    for n, name in enumerate(names):
        world.cloud.add_ip(n + 1, name, f"203.0.{n // 256}.{n % 256}/32", 2)
    config = {"VI_1": tuple(names)} if together else {f"VI_{n}": (n,) for n in names}
    node = world.add_node(1, settings(config))
    node.start()
    for name in config:
        node.line(name, "BACKUP")
    world.run_for(70.0)
    return world, node


def spent(world: World, node: Node, since_s: float) -> int:
    """Return the calls of the quota that it asked for: a list takes one for each page."""
    pages = -(-len(world.cloud.resources) // PAGE)
    calls = [call.request for call in node.calls if call.at_s >= since_s]
    return sum(pages if isinstance(request, ReadAll) else 1 for request in calls)


def mine(world: World) -> int:
    return sum(world.cloud.holder(i) == 1 for i in world.cloud.resources)


def an_hour(world: World, node: Node) -> int:
    begun_s = world.now
    world.run_for(HOUR_S)
    return spent(world, node, begun_s)


def confirmed(node: Node) -> int:
    return sum(a.confirmed for role in node.snapshot().roles for a in role.addresses)


# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.TRANSIENT,
        FailureKind.LOCKED,
        FailureKind.OUTCOME_UNKNOWN,
        FailureKind.REFUSED,
        FailureKind.THROTTLED,
    ],
)
def test_assigns_that_fail_for_an_hour_stay_within_half_of_the_quota(
    kind: FailureKind, count: int
) -> None:
    world, node = many(count)
    world.cloud.fail(failure(kind), Mutate)
    node.line("VI_1", "MASTER")
    assert an_hour(world, node) <= HALF
    world.cloud.heal()
    world.run_while(lambda: confirmed(node) < count, 15.0)


def test_actions_that_fail_for_an_hour_stay_within_half_of_the_quota() -> None:
    world, node = many(10)
    world.cloud.nature.action_s = 0.5
    world.cloud.ending = Ending.ERROR
    node.line("VI_1", "MASTER")
    assert an_hour(world, node) <= HALF
    world.cloud.ending = Ending.SUCCESS
    world.run_while(lambda: confirmed(node) < 10, 15.0)


def test_everything_failing_for_an_hour_stays_within_half_of_the_quota() -> None:
    world, node = many(100)
    world.cloud.fail(failure(FailureKind.TRANSIENT))
    node.line("VI_1", "MASTER")
    assert an_hour(world, node) <= HALF
    world.cloud.heal()
    world.run_while(lambda: confirmed(node) < 100, 60.0)


def test_writes_that_are_lost_for_an_hour_stay_within_half_of_the_quota() -> None:
    world, node = many(10)
    world.cloud.faults.lost_writes = 1
    node.line("VI_1", "MASTER")
    assert an_hour(world, node) <= HALF
    world.cloud.faults.lost_writes = 0
    world.run_while(lambda: confirmed(node) < 10, 15.0)
    assert [] == node.reports("address.held_down")


# --- others that take it ------------------------------------------------------------------------


@pytest.mark.parametrize("taker", [None, 2])
def test_one_who_takes_it_away_at_once_for_an_hour_costs_half_of_the_quota_at_most(
    taker: int | None,
) -> None:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")

    def take() -> None:
        if world.cloud.holder(WEB) == 1:
            world.cloud.move(WEB, taker)
        world.at(world.now + 0.7, take)

    world.at(world.now, take)
    assert an_hour(world, node) <= HALF


def test_a_holder_that_is_off_and_yet_takes_it_back_does_not_make_us_spin() -> None:
    world, node = one_node()
    world.cloud.add_server(2, "off")
    node.warm()
    node.line("VI_1", "MASTER")

    def take() -> None:
        if node.stage() == "held":
            world.cloud.move(WEB, 2)
        world.at(world.now + 0.5, take)

    world.at(world.now, take)
    begun_s = world.now
    world.run_for(600.0)
    assert len([at_s for at_s in node.assigns if at_s >= begun_s]) <= 10 + 60
    world.run_for(3000.0)
    assert spent(world, node, begun_s) <= HALF


def test_a_holder_that_is_off_while_writes_are_lost_does_not_make_us_spin() -> None:
    world, node = one_node()
    world.cloud.add_server(2, "off")
    world.cloud.faults.lost_writes = 1
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    begun_s = world.now
    world.run_for(60.0)
    assert len([at_s for at_s in node.assigns if at_s >= begun_s]) <= 10
    assert spent(world, node, begun_s) <= 60


# --- roles that flap ---------------------------------------------------------------------------


def flap(world: World, node: Node, names: list[str], half_s: float, end_s: float) -> None:
    """Let these roles change again and again, each at times of its own, until then."""

    def turn(name: str, state: str) -> None:
        if world.now < end_s:
            node.line(name, state)
            after = "BACKUP" if state == "MASTER" else "MASTER"
            world.after(half_s, turn, name, after)

    for number, name in enumerate(names):
        first_s = world.now + half_s * number / len(names)
        world.at(first_s, turn, name, "MASTER")


@pytest.mark.parametrize(("half_s", "minutes"), [(0.05, 5), (1.0, 60), (5.0, 60), (45.0, 60)])
def test_a_role_that_flaps_stays_within_half_of_the_quota_and_is_followed(
    half_s: float, minutes: int
) -> None:
    world, node = many(1)
    begun_s = world.now
    flap(world, node, ["VI_1"], half_s, world.now + 60.0 * minutes)
    world.run_for(60.0 * minutes)
    assert spent(world, node, begun_s) <= HALF * (0.45 + 0.55 * minutes / 60)
    world.cloud.move(1, 2)
    node.lines(("VI_1", "BACKUP"), ("VI_1", "MASTER"))
    world.run_while(lambda: confirmed(node) < 1, 6.0)


def test_a_role_that_flaps_costs_no_read_for_each_edge() -> None:
    world, node = many(1)
    begun_s = world.now
    flap(world, node, ["VI_1"], 0.05, world.now + 300.0)
    world.run_for(300.0)
    reads = node.asked(ReadOne, ReadAll, since_s=begun_s)
    assert len(reads) <= 300 / 10 + 300 / 30 + 2


@pytest.mark.parametrize("half_s", [0.05, 1.0, 5.0])
def test_twenty_roles_that_flap_do_not_hold_up_the_failover_of_another(half_s: float) -> None:
    world, node = many(21, together=False)
    *flapping, other = [role.name for role in node.snapshot().roles]
    flap(world, node, flapping, half_s, world.now + 30.0 + 120.0 * half_s)
    begun_s = world.now
    world.run_for(25.0 + 120.0 * half_s)
    node.line(other, "MASTER")
    took_s = world.run_while(lambda: world.cloud.holder(21) != 1, 5.0)
    assert took_s < 0.5
    assert spent(world, node, begun_s) <= HALF


def test_twenty_roles_that_end_as_master_have_their_addresses_soon() -> None:
    world, node = many(20, together=False)
    names = [role.name for role in node.snapshot().roles]
    flap(world, node, names, 0.05, world.now + 60.0)
    world.run_for(61.0)
    for name in names:
        node.line(name, "MASTER")
    world.run_while(lambda: confirmed(node) < 20, 15.0)


# --- the quota ---------------------------------------------------------------------------------


@pytest.mark.parametrize("limit_per_hour", [200, 1800, 7200])
def test_what_hetzner_grants_is_what_we_take_half_of(limit_per_hour: int) -> None:
    world, node = many(10)
    node.quota = Quota(limit_per_hour=limit_per_hour, remaining=limit_per_hour)
    world.run_for(120.0)
    world.cloud.fail(failure(FailureKind.TRANSIENT), Mutate)
    node.line("VI_1", "MASTER")
    assert an_hour(world, node) <= limit_per_hour / 2


def test_reading_a_list_of_pages_takes_no_reserve_from_a_failover() -> None:
    world, node = many(200)
    node.line("VI_1", "MASTER")
    world.run_while(lambda: confirmed(node) < 200, 60.0)
    world.run_for(600.0)
    begun_s = world.now
    world.run_for(HOUR_S)
    assert spent(world, node, begun_s) <= HALF
    node.line("VI_1", "BACKUP")
    for n in range(1, 201):
        world.cloud.move(n, 2)
    world.run_for(5.0)
    node.line("VI_1", "MASTER")
    world.run_while(lambda: confirmed(node) < 200, 60.0)
    assert reading_interval_s(node.core.state, kind_of(node.core.state), world.now) <= 120.0


def test_random_failures_of_hundreds_never_pass_the_half() -> None:
    world, node = many(100)
    rng = chance(7)
    kinds = [kind for kind in FailureKind if kind is not FailureKind.CANCELLED]
    begun_s = world.now
    node.line("VI_1", "MASTER")
    while world.now < begun_s + HOUR_S:
        world.cloud.heal()
        for kind in rng.sample(kinds, rng.randrange(3)):
            world.cloud.fail(failure(kind), times=float(rng.randrange(200)))
        if rng.random() < 0.5:
            node.lines(("VI_1", "BACKUP"), ("VI_1", "MASTER"))
        world.run_for(rng.uniform(0.0, 60.0))
    assert spent(world, node, begun_s) <= HALF * (world.now - begun_s) / HOUR_S + 20
