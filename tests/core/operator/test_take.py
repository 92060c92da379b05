"""A take by hand ends what is waited for, and nothing that protects others."""

from itertools import pairwise

import pytest

from hakeeper.core.calls import FailureKind, Mutate, ReadAll, ReadOne
from hakeeper.core.claim.last_decision import LeftWhileHung
from hakeeper.core.events import Paused, Taken
from tests.core.driver import WEB, Node, World, instance, one_node, settings
from tests.core.faults import failure
from tests.core.keepalived.test_hanging import hanging
from tests.core.keepalived.test_isolation import scene as isolated_scene
from tests.core.operator.test_pause import pause
from tests.core.robot_scene import WRONG_LOGIN
from tests.core.robot_scene import scene as robot_scene


def take(node: Node, name: str | None = None, address: str = "") -> None:
    vrrp = None if name is None else instance(name)
    node.feed(Taken(vrrp=vrrp, address=address, by="ada", user_id=0))


def taken(node: Node) -> list[str]:
    return [str(entry.fields["address"]) for entry in node.reports("take.begun")]


def held_down() -> tuple[World, Node]:
    """A MASTER whose address another server has taken back twice."""
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    for _ in range(2):
        world.run_for(10.0)
        world.cloud.move(WEB, 2)
    world.run_for(10.0)
    assert "hold-down" == node.stage()
    return world, node


def refused() -> tuple[World, Node]:
    """A MASTER whose assigns are refused again and again."""
    world, node = one_node()
    node.warm()
    world.cloud.fail(failure(FailureKind.REFUSED), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    world.cloud.heal()
    return world, node


def test_it_ends_a_hold_down_at_once() -> None:
    world, node = held_down()
    take(node)
    assert world.now == node.assigns[-1]
    world.run_for(1.0)
    assert (1, "held", ["203.0.113.10"]) == (world.cloud.holder(WEB), node.stage(), taken(node))
    [entry] = node.reports("take.begun")
    assert ("ada", 0, "2") == (
        entry.fields["user"],
        entry.fields["user_id"],
        entry.fields["holder"],
    )


def test_the_next_loss_is_a_hold_down_again() -> None:
    world, node = held_down()
    take(node)
    world.run_for(5.0)
    world.cloud.move(WEB, 2)
    world.run_for(5.0)
    assert "hold-down" == node.stage()


def test_it_ends_the_pause_between_two_tries() -> None:
    world, node = refused()
    world.run_for(1.0)
    before = len(node.assigns)
    take(node)
    world.run_for(0.0)
    assert before + 1 == len(node.assigns)
    world.run_for(1.0)
    assert 1 == world.cloud.holder(WEB)


def test_it_ends_the_pause_after_reads_that_failed() -> None:
    world, node = one_node()
    world.cloud.fail(failure(FailureKind.TRANSIENT), ReadAll, ReadOne)
    node.start()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    world.cloud.heal()
    take(node)
    assert world.now == node.asked(ReadAll, ReadOne)[-1].at_s
    world.run_for(2.0)
    assert 1 == world.cloud.holder(WEB)


def test_of_another_role_nothing_is_taken() -> None:
    world, node = one_node()
    node.warm()
    take(node)
    world.run_for(60.0)
    assert ([], [], 2) == (node.assigns, taken(node), world.cloud.holder(WEB))


def test_an_isolated_master_takes_nothing() -> None:
    world, node = isolated_scene(private=())
    node.warm()
    node.line("VI_1", "MASTER")
    take(node)
    world.run_for(60.0)
    assert ([], []) == (node.assigns, taken(node))


def test_while_paused_nothing_is_taken() -> None:
    world, node = held_down()
    node.feed(Paused(pause(world)))
    before = len(node.assigns)
    take(node)
    world.run_for(5.0)
    assert (before, []) == (len(node.assigns), taken(node))


def test_a_keepalived_that_hangs_takes_nothing_from_a_server_that_runs() -> None:
    world, node = hanging()
    before = len(node.assigns)
    take(node)
    world.run_for(60.0)
    assert (before, []) == (len(node.assigns), taken(node))
    assert isinstance(node.snapshot().roles[0].addresses[0].decision, LeftWhileHung)


def test_what_is_under_way_goes_on_and_what_is_here_stays() -> None:
    world, node = one_node()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    take(node)
    assert (1, []) == (len(node.assigns), taken(node))
    node.holding = ()
    node.release(node.open_calls(Mutate)[0])
    world.run_for(5.0)
    take(node)
    world.run_for(5.0)
    assert (1, [], "held") == (len(node.assigns), taken(node), node.stage())


def test_a_refused_login_is_sat_out() -> None:
    world, [node] = robot_scene()
    world.robot.fail(WRONG_LOGIN, Mutate, ReadAll, ReadOne)
    node.line("VI_1", "MASTER")
    world.run_for(10.0)
    seen = len(node.calls)
    take(node)
    world.run_for(60.0)
    asked = [call for call in node.calls[seen:] if world.api_of(call.request) is world.robot]
    assert [] == asked


def test_again_and_again_it_floods_nobody() -> None:
    world, node = refused()
    world.cloud.fail(failure(FailureKind.REFUSED), Mutate)
    before = len(node.assigns)
    for _ in range(1200):
        take(node)
        world.run_for(0.5)
    sent = node.assigns[before:]
    assert len(sent) <= 601
    assert min(later - one for one, later in pairwise(sent)) >= 1.0


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        (None, "", ["203.0.113.1", "203.0.113.2"]),
        ("VI_1", "", ["203.0.113.1"]),
        (None, "two", ["203.0.113.2"]),
        (None, "203.0.113.1", ["203.0.113.1"]),
        ("VI_1", "two", []),
    ],
)
def test_only_what_is_meant_is_taken(name: str | None, address: str, expected: list[str]) -> None:
    world, node = one_node(config=settings({"VI_1": ("one",), "VI_2": ("two",)}))
    for number, of in enumerate(("one", "two"), 1):
        world.cloud.add_ip(5000 + number, of, f"203.0.113.{number}/32", 2)
    node.warm()
    world.cloud.fail(failure(FailureKind.REFUSED), Mutate)
    node.lines(("VI_1", "MASTER"), ("VI_2", "MASTER"))
    world.run_for(30.0)
    take(node, name, address)
    assert expected == sorted(taken(node))


def test_what_was_never_found_is_looked_for() -> None:
    world, node = one_node(config=settings({"VI_1": ("typo",)}))
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(30.0)
    seen = len(node.asked(ReadAll))
    take(node)
    assert (seen + 1, ["typo"]) == (len(node.asked(ReadAll)), taken(node))
