"""A keepalived that is on D-Bus and does not answer: its MASTER stands, and takes nothing."""

import pytest

from hakeeper.core.claim.last_decision import LeftWhileHung
from hakeeper.core.events import FifoChanged, RolesQueried
from hakeeper.core.model import FifoState, ProcessId, Role
from hakeeper.core.observation import Other
from hakeeper.diagnosis.problems import Health
from tests.core.driver import WEB, Node, World, one_node, settings

MASTER = {"VI_1": Role.MASTER}


def holding() -> tuple[World, Node]:
    """A MASTER that holds the address; keepalived answers."""
    world, node = one_node(config=settings(can_query=True))
    node.dbus = {"VI_1": Role.BACKUP}
    node.warm()
    node.feed(FifoChanged(FifoState.OPEN, "listening"))
    node.line("VI_1", "MASTER")
    node.dbus = MASTER
    world.run_for(60.0)
    assert world.cloud.holder(WEB) == 1
    return world, node


def hanging() -> tuple[World, Node]:
    """The same, and then keepalived hangs for a minute, and another node takes the address."""
    world, node = holding()
    node.hangs = True
    world.run_for(60.0)
    world.cloud.move(WEB, 2)
    world.run_for(30.0)
    return world, node


def codes(node: Node) -> list[tuple[str, Health]]:
    return [(problem.code, problem.health) for problem in node.snapshot().problems]


def test_nothing_is_taken_back_from_a_server_that_runs() -> None:
    world, node = hanging()
    assert (2, "MASTER", 1) == (world.cloud.holder(WEB), node.role(), len(node.assigns))
    world.run_for(7200.0)
    assert (2, "MASTER", 1) == (world.cloud.holder(WEB), node.role(), len(node.assigns))
    assert [("keepalived.hangs", Health.BROKEN)] == codes(node)
    [address] = node.snapshot().roles[0].addresses
    assert address.decision == LeftWhileHung(Other(2))


def test_the_turns_in_a_split_brain_end() -> None:
    """Taken back at once, it may be: that keepalived hangs shows only after some seconds."""
    world, node = holding()
    node.hangs = True
    for _ in range(40):
        if world.cloud.holder(WEB) == 1:
            world.cloud.move(WEB, 2)
        world.run_for(15.0)
    assert len(node.assigns) <= 3
    assert (2, [("keepalived.hangs", Health.BROKEN)]) == (world.cloud.holder(WEB), codes(node))


def test_what_it_holds_it_keeps() -> None:
    world, node = holding()
    node.hangs = True
    world.run_for(600.0)
    assert ("held", "MASTER", 1) == (node.stage(), node.role(), len(node.assigns))
    assert [("keepalived.hangs", Health.BROKEN)] == codes(node)


@pytest.mark.parametrize("where", ["nobody", "a server that is off", "a server that is gone"])
def test_what_no_server_uses_is_claimed(where: str) -> None:
    world, node = holding()
    node.hangs = True
    world.run_for(60.0)
    if where == "nobody":
        world.cloud.move(WEB, None)
    else:
        world.cloud.move(WEB, 2)
        if "off" in where:
            world.cloud.add_server(2, "off")
        else:
            del world.cloud.servers[2]
    world.run_for(60.0)
    assert world.cloud.holder(WEB) == 1


@pytest.mark.parametrize("life", ["an answer", "a line"])
def test_a_sign_of_life_as_master_goes_on_at_once(life: str) -> None:
    world, node = hanging()
    node.hangs = False
    if life == "a line":
        node.line("VI_1", "MASTER_RX_LOWER_PRI")
    world.run_for(12.0)
    assert world.cloud.holder(WEB) == 1
    world.run_for(3000.0)
    assert [] == codes(node)


def test_an_answer_as_backup_leaves_it_there() -> None:
    world, node = hanging()
    node.hangs, node.dbus = False, {"VI_1": Role.BACKUP}
    world.run_for(600.0)
    assert (2, "BACKUP", []) == (world.cloud.holder(WEB), node.role(), codes(node))


@pytest.mark.parametrize("end", ["gone", "replaced"])
def test_its_end_ends_it(end: str) -> None:
    world, node = hanging()
    node.hangs = False
    if end == "gone":
        node.gone()
    else:
        node.seen(ProcessId(101, 6000, "boot"))
    assert "keepalived.hangs" not in [code for code, _ in codes(node)]
    assert node.role() == "UNKNOWN"
    world.run_for(1.0)


def test_a_backlog_is_no_sign_of_life() -> None:
    _, node = hanging()
    node.lines(("VI_1", "MASTER"), live=False)
    assert ("keepalived.hangs", Health.BROKEN) in codes(node)


def test_a_bus_that_is_gone_is_no_keepalived_that_hangs() -> None:
    """No answer outdoes no line: the address is taken back."""
    world, node = holding()
    node.dbus = None
    world.run_for(60.0)
    node.feed(RolesQueried(node.queries[-1].query_id, None, "no bus"))
    world.cloud.move(WEB, 2)
    world.run_for(30.0)
    assert (1, "MASTER") == (world.cloud.holder(WEB), node.role())


def test_one_question_that_waits_is_asked_again_and_is_no_trouble() -> None:
    world, node = holding()
    node.hangs = True
    asked = len(node.queries)
    world.run_while(lambda: len(node.queries) == asked, 11.0)
    world.run_for(1.0)
    node.hangs = False
    world.run_for(1.5)
    assert asked + 2 == len(node.queries)
    assert [] == codes(node)


def test_that_the_holder_changes_meanwhile_is_no_split_brain() -> None:
    """With three nodes, the next master may be another one a moment later."""
    world, node = hanging()
    world.cloud.add_server(3)
    world.cloud.move(WEB, 3)
    world.run_for(30.0)
    assert ([], 1) == (node.reports("address.held_down"), len(node.assigns))
    [address] = node.snapshot().roles[0].addresses
    assert address.decision == LeftWhileHung(Other(3))
