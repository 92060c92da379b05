"""Where the roles come from after a start, and what becomes of them when keepalived ends."""

import pytest

from hakeeper.core.calls import Identify
from hakeeper.core.events import (
    Effect,
    FifoChanged,
    KeepalivedGone,
    QueryRoles,
    RolesQueried,
    SaveFailed,
    SaveState,
)
from hakeeper.core.model import FifoState, ProcessId, Role, SavedState
from tests.core.driver import PROCESS, WEB, Node, World, instance, one_node, settings
from tests.support.resources import CLOUD

OTHER_PROCESS = ProcessId(101, 9000, "boot")


def saved(role: Role, process: ProcessId | None = PROCESS) -> SavedState:
    return SavedState(keepalived=process, roles={instance("VI_1"): role}, servers={CLOUD: 1})


def held() -> tuple[World, Node]:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    return world, node


def asking() -> tuple[World, Node]:
    """A node that can ask keepalived, and has asked its first question."""
    world, node = one_node(config=settings(can_query=True))
    node.start()
    assert 1 == len(node.queries)
    return world, node


def answer(node: Node, roles: dict[str, Role] | None, reason: str = "") -> None:
    node.feed(RolesQueried(node.queries[-1].query_id, roles, reason))


# --- the state file --------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.BACKUP, Role.FAULT, Role.STOPPED])
def test_every_role_survives_a_restart(role: Role) -> None:
    world, node = one_node(holder=1)
    node.start(saved(role))
    world.run_for(120.0)
    assert role.value == node.role()
    assert [] == node.assigns


@pytest.mark.parametrize(
    "process",
    [
        OTHER_PROCESS,
        None,
        ProcessId(100, 5001, "boot"),
        ProcessId(100, 5000, "later boot"),
    ],
)
def test_the_words_of_another_keepalived_are_not_believed(process: ProcessId | None) -> None:
    world, node = one_node()
    node.start(saved(Role.MASTER), keepalived=process)
    world.run_for(120.0)
    assert "UNKNOWN" == node.role()
    assert [] == node.assigns


def test_a_process_without_a_start_time_is_never_surely_the_same() -> None:
    nameless = ProcessId(100, None, "boot")
    world, node = one_node()
    node.start(saved(Role.MASTER, nameless), keepalived=nameless)
    world.run_for(60.0)
    assert "UNKNOWN" == node.role()


def test_a_saved_role_of_a_name_that_is_gone_from_the_configuration_is_passed_over() -> None:
    _, node = one_node()
    roles = {instance("gone"): Role.MASTER, instance("VI_1"): Role.UNKNOWN}
    node.start(SavedState(keepalived=PROCESS, roles=roles))
    assert "UNKNOWN" == node.role()


def test_the_server_id_at_an_api_that_is_not_in_use_any_more_is_passed_over() -> None:
    _, node = one_node()
    node.start(SavedState(keepalived=None, roles={}, servers={"elsewhere": "a ship", CLOUD: 1}))
    [identify] = node.asked(Identify)
    assert Identify(CLOUD, 1) == identify.request


# --- the lines that waited -------------------------------------------------------------------


# --- D-Bus -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.UNKNOWN])
def test_what_keepalived_answers_is_the_role(role: Role) -> None:
    world, node = asking()
    answer(node, {"VI_1": role, "else": Role.MASTER})
    world.run_for(15.0)
    assert role.value == node.role()
    assert (1 if role is Role.MASTER else 2) == world.cloud.holder(WEB)


def test_an_answer_that_was_asked_for_before_the_newest_line_is_not_believed() -> None:
    world, node = asking()
    world.run_for(0.1)
    node.line("VI_1", "MASTER")
    answer(node, {"VI_1": Role.BACKUP})
    assert "MASTER" == node.role()


def test_an_answer_to_a_question_asked_before_the_loss_of_lines_is_not_believed() -> None:
    world, node = asking()
    world.run_for(1.0)
    first = node.queries[0]
    node.lose_lines()
    node.feed(RolesQueried(first.query_id, {"VI_1": Role.MASTER}))
    assert "UNKNOWN" == node.role()
    assert 2 == len(node.queries)


@pytest.mark.parametrize("forgetful", [{}, {"VI_9": Role.BACKUP}, {"VI_1": Role.UNKNOWN}])
def test_a_d_bus_that_forgets_the_instance_ends_no_claim_and_no_repair(
    forgetful: dict[str, Role],
) -> None:
    world, node = one_node(config=settings(can_query=True))
    node.dbus = forgetful
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    assert ("MASTER", "held", [1000.0]) == (node.role(), node.stage(), node.assigns)
    world.cloud.move(WEB, 2)
    world.run_for(30.0)
    assert (1, "MASTER") == (world.cloud.holder(WEB), node.role())


@pytest.mark.parametrize("word", ["MASTER_PRIORITY", "BACKUP_PRIORITY"])
@pytest.mark.parametrize("role", ["MASTER", "BACKUP", "FAULT", "STOP"])
def test_a_line_about_a_priority_asks_keepalived_and_does_nothing_else(
    role: str, word: str
) -> None:
    """As BACKUP_PRIORITY for a MASTER, which keepalived 2.3.3 writes after a reload."""
    world, node = one_node(config=settings(can_query=True))
    node.warm()
    node.line("VI_1", role)
    world.run_for(4.0)
    before, asked, sent = node.role(), len(node.queries), node.assigns
    node.feed(RolesQueried(node.queries[-1].query_id, None, "no bus"))
    node.line("VI_1", word)
    assert (before, asked + 1, sent) == (node.role(), len(node.queries), node.assigns)


def test_keepalived_is_asked_for_ever_and_steadily() -> None:
    world, node = one_node(config=settings(can_query=True))
    node.dbus = {"VI_1": Role.BACKUP}
    node.start()
    world.run_for(3600.0)
    assert 360 <= len(node.queries) <= 362


def test_a_question_without_an_answer_is_given_up_and_asked_again() -> None:
    world, node = asking()
    world.run_for(11.0)
    assert 2 == len(node.queries)
    node.feed(RolesQueried(node.queries[0].query_id, {"VI_1": Role.MASTER}))
    assert "UNKNOWN" == node.role()


def test_without_a_way_to_ask_nothing_is_asked() -> None:
    world, node = held()
    node.lose_lines()
    world.run_for(100.0)
    assert [] == node.queries


# --- the end of keepalived -------------------------------------------------------------------


def test_the_same_keepalived_seen_again_changes_no_role() -> None:
    _, node = held()
    node.seen(PROCESS)
    assert "MASTER" == node.role()


def test_a_new_keepalived_is_asked_for_its_state_at_once() -> None:
    world, node = one_node(config=settings(can_query=True))
    node.dbus = {"VI_1": Role.BACKUP}
    node.warm()
    world.run_for(3.0)
    node.gone()
    world.run_for(1.0)
    node.dbus = {"VI_1": Role.MASTER}
    effects = node.seen(OTHER_PROCESS)
    assert [QueryRoles] == [type(e) for e in effects if isinstance(e, QueryRoles)]
    world.run_for(1.0)
    assert "MASTER" == node.role()


# --- what could not be written down ------------------------------------------------------------


def saves(effects: tuple[Effect, ...]) -> list[SavedState]:
    return [effect.state for effect in effects if isinstance(effect, SaveState)]


def test_what_came_in_that_second_is_written_with_it_and_not_before() -> None:
    world, node = one_node()
    node.warm()
    [state] = saves(node.line("VI_1", "MASTER"))
    node.feed(SaveFailed(state))
    assert [] == saves(node.line("VI_1", "BACKUP"))
    node.saved = None
    world.run_while(lambda: node.saved is None, 2.0)
    assert saved(Role.BACKUP) == node.saved


def test_word_of_a_failure_that_comes_after_a_newer_state_was_written_holds_nothing_up() -> None:
    _, node = one_node()
    node.warm()
    [failed] = saves(node.line("VI_1", "MASTER"))
    assert [saved(Role.BACKUP)] == saves(node.line("VI_1", "BACKUP"))
    node.feed(SaveFailed(failed))
    assert [saved(Role.FAULT)] == saves(node.line("VI_1", "FAULT"))


# --- a keepalived that takes another one's place at once -----------------------------------------


@pytest.mark.parametrize(
    ("line", "role"),
    [("MASTER", "UNKNOWN"), ("BACKUP", "BACKUP"), ("FAULT", "FAULT"), ("STOP", "STOPPED")],
)
def test_of_a_keepalived_that_was_replaced_at_once_only_a_master_is_doubted(
    line: str, role: str
) -> None:
    _, node = one_node()
    node.start()
    node.line("VI_1", line)
    node.feed(KeepalivedGone("killed", replaced=True))
    assert role == node.role()
    node.seen(ProcessId(101, 6000, "boot"))
    assert role == node.role()


# --- a state file, and no way to the lines that came after it -----------------------------------


@pytest.mark.parametrize("state", [s for s in FifoState if s is not FifoState.OPEN])
def test_a_restored_role_is_doubted_when_the_fifo_cannot_be_opened(state: FifoState) -> None:
    world, node = one_node()
    node.start(saved(Role.MASTER))
    node.feed(FifoChanged(state, "in the way"))
    assert "UNKNOWN" == node.role()
    world.run_for(120.0)
    assert [] == node.assigns
