"""What is not known for sure: roles after a FIFO was replaced, and names that a reload adds."""

import pytest

from hakeeper.core.events import FifoChanged, RolesQueried, SettingsChanged
from hakeeper.core.model import FifoState, ProcessId, Role, Settings
from hakeeper.core.roles.book import OTHERS_KEPT
from hakeeper.diagnosis.find_keepalived_problems import GRACE_S
from hakeeper.diagnosis.problems import Health
from tests.core.driver import WEB, Node, World, one_node, settings
from tests.core.shown import cause_of, what_is

OPEN = FifoChanged(FifoState.OPEN, "listening on /run/fifo")
REPLACED = FifoChanged(FifoState.OPEN, "/run/fifo was replaced: reopened", reopened=True)


def reported(node: Node, prefix: str) -> list[str]:
    return [what_is(one) for one in node.snapshot().problems if one.code.startswith(prefix)]


def backup(config: Settings | None = None) -> tuple[World, Node]:
    world, node = one_node(config=config)
    node.warm()
    node.feed(OPEN)
    return world, node


# --- a FIFO that was replaced --------------------------------------------------------------------


@pytest.mark.parametrize("role", ["MASTER", "BACKUP", "FAULT"])
def test_after_a_replaced_fifo_a_role_is_doubtful_until_it_is_said_again(role: str) -> None:
    """Replaced twice between two looks, the one in between took its lines with it."""
    world, node = backup()
    node.line("VI_1", role)
    node.feed(REPLACED)
    node.feed(REPLACED)
    world.run_for(GRACE_S)
    assert [] == reported(node, "role.doubtful")
    world.run_for(1.0)
    assert [f"VI_1: that it is {role} is doubtful"] == reported(node, "role.doubtful")
    assert role == node.role()
    node.line("VI_1", role)
    assert [] == reported(node, "role.doubtful")


def test_a_role_that_is_not_known_is_not_doubtful() -> None:
    world, node = one_node()
    node.start()
    node.feed(OPEN)
    node.feed(REPLACED)
    world.run_for(10.0)
    assert [] == reported(node, "role.doubtful")


def test_where_keepalived_answers_nothing_is_doubtful() -> None:
    world, node = backup(settings(can_query=True))
    node.dbus = {"VI_1": Role.BACKUP}
    node.feed(REPLACED)
    world.run_for(10.0)
    assert [] == reported(node, "role.doubtful")


def test_a_demotion_that_no_line_can_say_is_learnt_from_dbus_soon() -> None:
    world, node = backup(settings(can_query=True))
    node.dbus = {"VI_1": Role.MASTER}
    node.line("VI_1", "MASTER")
    node.feed(FifoChanged(FifoState.DENIED, "Permission denied"))
    world.run_for(20.0)
    node.dbus = {"VI_1": Role.BACKUP}
    world.run_for(0.6)
    assert "BACKUP" == node.role()


# --- a name that a reload adds -------------------------------------------------------------------

BOTH = settings({"VI_1": ("web",), "VI_2": ("mail",)})


def two() -> tuple[World, Node]:
    world, node = backup()
    world.cloud.add_ip(4712, "mail", "203.0.113.11/32", 2)
    return world, node


@pytest.mark.parametrize(
    ("words", "role"),
    [
        (["BACKUP", "MASTER"], "MASTER"),
        (["MASTER", "BACKUP"], "BACKUP"),
        (["MASTER", "BACKUP_PRIORITY"], "MASTER"),
        (["STOP"], "STOPPED"),
    ],
)
def test_its_last_word_from_before_the_reload_counts(words: list[str], role: str) -> None:
    world, node = two()
    for word in words:
        node.line("VI_2", word)
    node.feed(SettingsChanged(BOTH))
    assert role == node.role("VI_2")
    world.run_for(30.0)
    assert (1 if role == "MASTER" else 2) == world.cloud.holder(4712)


def test_one_that_was_taken_out_and_comes_back_is_what_it_was() -> None:
    world, node = two()
    node.line("VI_1", "MASTER")
    world.run_for(30.0)
    node.feed(SettingsChanged(settings({"VI_2": ("mail",)})))
    world.run_for(30.0)
    node.feed(SettingsChanged(BOTH))
    assert ("MASTER", "UNKNOWN") == (node.role("VI_1"), node.role("VI_2"))
    world.run_for(30.0)
    assert (1, 1) == (world.cloud.holder(WEB), len(node.assigns))


@pytest.mark.parametrize("loss", ["gone", "lost", "replaced"])
def test_the_word_of_another_keepalived_and_lost_lines_do_not_count(loss: str) -> None:
    _, node = two()
    node.line("VI_2", "MASTER")
    match loss:
        case "gone":
            node.gone()
        case "lost":
            node.lose_lines()
        case _:
            node.seen(ProcessId(101, 6000, "boot"))
    node.feed(SettingsChanged(BOTH))
    assert "UNKNOWN" == node.role("VI_2")


def test_names_without_end_take_no_room_without_end() -> None:
    _, node = two()
    for number in range(2 * OTHERS_KEPT):
        node.line(f"VI_x{number}", "MASTER")
    node.line("VI_x0", "BACKUP")
    names = {f"VI_x{number}": () for number in range(2 * OTHERS_KEPT)}
    node.feed(SettingsChanged(settings(names)))
    roles = [node.role(name) for name in names]
    assert ["BACKUP"] + ["MASTER"] * (OTHERS_KEPT - 1) == roles[:OTHERS_KEPT]
    assert {"UNKNOWN"} == set(roles[OTHERS_KEPT:])


# --- `state: dbus` -------------------------------------------------------------------------------


def test_with_state_dbus_it_is_a_trouble_that_keepalived_cannot_be_asked() -> None:
    world, node = backup(settings(can_query=True, must_query=True))
    node.feed(RolesQueried(node.queries[-1].query_id, None, "no bus"))
    assert 1 == len(node.reports("query.failed"))
    [problem] = [one for one in node.snapshot().problems if one.code == "keepalived.unasked"]
    assert (Health.DEGRADED, "no bus") == (problem.health, cause_of(problem))
    node.dbus = {"VI_1": Role.BACKUP}
    world.run_for(20.0)
    assert [] == reported(node, "keepalived.unasked")


def test_without_a_keepalived_it_is_no_trouble_that_nobody_answers() -> None:
    _, node = backup(settings(can_query=True, must_query=True))
    node.gone()
    node.feed(RolesQueried(node.queries[-1].query_id, None, "no bus"))
    assert [] == reported(node, "keepalived.unasked")
