"""What the core itself tells: of lines, the FIFO and keepalived, each with its fields."""

import pytest

from hakeeper.core.calls import Mutate, ReadAll, ReadOne
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import (
    FifoOverflowed,
    KeepalivedLost,
    KeepalivedRuns,
    LineRejected,
    LinesRejected,
    QueryFailed,
    RoleUnverified,
)
from hakeeper.core.events import (
    CancelCall,
    FifoChanged,
    KeepalivedGone,
    KeepalivedSeen,
    LinesLost,
    LinesRead,
    QueryRoles,
    Report,
    RolesQueried,
    SaveState,
    SettingsChanged,
    StartCall,
)
from hakeeper.core.model import FifoState, ProcessId, Role, SavedState
from hakeeper.core.roles.lines import BadLine
from tests.core.driver import PROCESS, Node, decisions, entries, one_node, settings
from tests.support.resources import CLOUD, LIST

OTHER_PROCESS = ProcessId(200, 6000, "boot")
BAD = BadLine("is rubbish", "x")


def started(*, can_query: bool = False) -> Node:
    world, node = one_node(config=settings(can_query=can_query))
    node.start()
    world.run_for(1.0)
    return node


# --- lines -------------------------------------------------------------------------------------


def test_bad_lines_are_reported_with_their_reason_and_the_rest_with_its_count() -> None:
    node = started()
    effects = node.feed(LinesRead((), (BAD,) * 6, more_bad_lines=3))
    assert [*[LineRejected(BAD)] * 5, LinesRejected(4)] == decisions(effects)


def test_the_count_of_bad_lines_begins_anew_when_it_was_told() -> None:
    node = started()
    node.feed(LinesRead((), (BAD,)))
    for _ in range(3):
        for _ in range(3):
            node.world.run_for(2.5)
            assert [] == entries(node.feed(LinesRead((), (BAD, BAD))))
        node.world.run_for(2.5)
    counts = [report.fields.get("count") for report in node.reports("line.rejected")]
    assert [None, 6, 6, 6] == counts


def test_bad_lines_right_after_the_boot_are_entries() -> None:
    _, node = one_node()
    node.world.now = 0.5
    node.start()
    assert ["line.rejected"] == [r.event for r in entries(node.feed(LinesRead((), (BAD,))))]


def test_overflows_right_after_the_boot_are_entries() -> None:
    _, node = one_node()
    node.world.now = 0.5
    node.start()
    assert "fifo.overflowed" in [r.event for r in entries(node.lose_lines())]


def test_good_lines_delay_no_word_of_bad_ones() -> None:
    node = started()
    node.line("VI_1", "MASTER")
    assert ["line.rejected"] == [r.event for r in entries(node.feed(LinesRead((), (BAD,))))]


def test_an_unknown_name_is_reported_although_keepalived_named_it_over_dbus_before() -> None:
    node = started(can_query=True)
    node.feed(RolesQueried(question(node), {"VI_1": Role.BACKUP, "VI_9": Role.BACKUP}))
    assert [] == node.reports("instance.unknown")
    node.line("VI_9", "MASTER")
    assert 1 == len(node.reports("instance.unknown"))


def test_an_unknown_name_is_reported_once_whatever_keepalived_takes_the_place() -> None:
    node = started()
    node.line("VI_9", "MASTER")
    node.seen(OTHER_PROCESS)
    node.line("VI_9", "MASTER")
    assert 1 == len(node.reports("instance.unknown"))


def test_lost_lines_are_reported_with_how_often_and_counted_anew() -> None:
    node = started()
    assert FifoOverflowed("why", 1) in decisions(node.feed(LinesLost("why")))
    for _ in range(8):
        node.world.run_for(4.0)
        node.feed(LinesLost("why"))
    node.world.run_for(10.0)
    counts = [report.fields["count"] for report in node.reports("fifo.overflowed")]
    assert [1, 2, 2, 3, 1] == counts


def test_lines_of_a_keepalived_that_nobody_sees_are_reported_once_until_one_is_seen() -> None:
    _, node = one_node()
    node.start(keepalived=None)
    assert RoleUnverified() in decisions(node.line("VI_1", "MASTER"))
    assert RoleUnverified() not in decisions(node.line("VI_1", "BACKUP"))
    node.seen()
    node.gone()
    assert RoleUnverified() in decisions(node.line("VI_1", "MASTER"))


def test_lines_that_change_nothing_are_nothing_to_warn_of() -> None:
    _, node = one_node()
    node.start(keepalived=None)
    assert [] == entries(node.lines(("VI_9", "MASTER")))[1:]
    assert [] == node.reports("role.unverified")


# --- the FIFO and keepalived -------------------------------------------------------------------


def test_a_keepalived_that_is_gone_is_reported_with_why_and_so_is_one_that_was_replaced() -> None:
    node = started()
    gone = [KeepalivedLost("killed", replaced=False)]
    assert gone == decisions(node.feed(KeepalivedGone("killed")))
    assert node.snapshot().keepalived_pid is None
    node.seen()
    assert [
        KeepalivedLost("another keepalived process took its place", replaced=True),
        KeepalivedRuns(OTHER_PROCESS),
    ] == decisions(node.feed(KeepalivedSeen(OTHER_PROCESS)))
    assert 200 == node.snapshot().keepalived_pid


# --- asking keepalived -------------------------------------------------------------------------


def question(node: Node) -> int:
    return node.queries[-1].query_id


def test_an_answer_that_failed_is_reported_once_until_one_succeeds() -> None:
    node = started(can_query=True)
    failed = QueryFailed("no bus")
    seen: list[list[Decision]] = []
    for roles in (None, None, {"VI_9": Role.MASTER}, None):
        node.seen()
        node.world.run_for(1.0)
        seen.append(decisions(node.feed(RolesQueried(question(node), roles, "no bus"))))
    assert [[failed], [], [], [failed]] == seen


def test_a_failed_answer_is_no_trouble_while_no_role_is_unknown_or_nobody_runs() -> None:
    node = started(can_query=True)
    node.line("VI_1", "BACKUP")
    assert [] == entries(node.feed(RolesQueried(question(node), None, "no bus")))
    _, node = one_node(config=settings(can_query=True))
    node.start(keepalived=None)
    assert [] == entries(node.feed(RolesQueried(question(node), None, "no bus")))


def troubles(node: Node) -> list[str]:
    return [one.code for one in node.snapshot().problems]


def test_an_answer_to_another_question_is_passed_over() -> None:
    node = started(can_query=True)
    asked = question(node)
    node.feed(RolesQueried(asked + 1, {"VI_1": Role.MASTER}))
    assert "UNKNOWN" == node.role()
    node.feed(RolesQueried(asked, {"VI_1": Role.BACKUP}))
    assert "BACKUP" == node.role()
    node.feed(RolesQueried(asked, {"VI_1": Role.MASTER}))
    assert "BACKUP" == node.role(), "a second answer to one question"


@pytest.mark.parametrize(
    "event",
    [
        LinesLost("why"),
        KeepalivedGone("killed"),
        KeepalivedSeen(PROCESS),
        FifoChanged(FifoState.OPEN, "a detail"),
    ],
)
def test_whatever_makes_roles_doubtful_makes_us_ask_again_half_a_second_later(
    event: LinesLost | KeepalivedGone | KeepalivedSeen | FifoChanged,
) -> None:
    world, node = one_node(config=settings(can_query=True))
    node.dbus = {}
    node.start()
    world.run_for(0.1)
    assert 1 == len(node.queries)
    node.feed(event)
    world.run_for(0.39)
    assert 1 == len(node.queries)
    world.run_for(0.02)
    assert 2 == len(node.queries)


# --- order and memory --------------------------------------------------------------------------


def test_what_is_written_down_comes_first_then_what_stops_then_what_is_asked_then_told() -> None:
    world, node = one_node(config=settings(can_query=True))
    node.warm()
    world.run_for(30.0)
    node.holding = (Mutate, ReadAll, ReadOne)
    node.line("VI_1", "MASTER")
    world.run_for(1.5)
    lost = [type(effect) for effect in node.feed(LinesLost("why"))]
    assert [CancelCall, SaveState, QueryRoles, Report] == list(dict.fromkeys(lost))
    assert sorted(lost, key=list(dict.fromkeys(lost)).index) == lost


def test_the_last_known_id_is_written_down_until_the_api_confirms_one() -> None:
    _, node = one_node()
    effects = node.start(SavedState(keepalived=None, roles={}, servers={CLOUD: 77}))
    [save] = [e for e in effects if isinstance(e, SaveState)]
    assert {CLOUD: 77} == save.state.servers


# --- reloads -----------------------------------------------------------------------------------


def test_a_reload_lists_and_asks_at_once_and_believes_the_same_api() -> None:
    world, node = one_node(config=settings(can_query=True))
    node.dbus = {"VI_1": Role.BACKUP}
    node.warm()
    world.run_for(31.0)
    asked = len(node.queries)
    effects = node.feed(SettingsChanged(node.config))
    assert [LIST] == [e.request for e in effects if isinstance(e, StartCall)]
    assert asked + 1 == len(node.queries)
    assert 1 == node.snapshot().server_id
