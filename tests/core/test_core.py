"""What the core hears besides roles: bad lines, unknown names, the state of the FIFO."""

import pytest

from hakeeper.adapters.journal.entry import Entry
from hakeeper.core.calls import CallResult, ReadAll
from hakeeper.core.events import FifoChanged, KeepalivedGone, LinesRead, SaveState, StartCall
from hakeeper.core.fifo_lines import BadLine, LineState, NotifyLine
from hakeeper.core.model import FifoState, Role, VrrpId, VrrpKind
from hakeeper.core.resource import Resource
from hakeeper.core.state import InvariantError, State
from tests.core.driver import PROCESS, WEB, Node, entries, instance, one_node, settings
from tests.core.standing import cloud_of
from tests.support.resources import assign


def bad_lines(node: Node, count: int) -> list[Entry]:
    effects = node.feed(LinesRead((), tuple(BadLine("is rubbish", f"x{i}") for i in range(count))))
    return entries(effects)


def test_bad_lines_are_shown_up_to_five_and_the_rest_is_counted() -> None:
    _, node = one_node()
    node.start()
    reported = bad_lines(node, 100)
    assert 6 == len(reported)
    assert "'x0' is rubbish" in reported[0].message
    assert 95 == reported[5].fields["count"]


def test_bad_lines_are_not_told_more_often_than_each_ten_seconds() -> None:
    world, node = one_node()
    node.start()
    assert 1 == len(bad_lines(node, 1))
    for _ in range(9):
        world.run_for(1.0)
        assert [] == bad_lines(node, 10)
    before = len(node.reported)
    world.run_for(1.0)
    [rest] = [report for _, report in node.reported[before:] if report.event == "line.rejected"]
    assert 90 == rest.fields["count"]
    world.run_for(3600.0)
    assert [] == [report for _, report in node.reported[before + 1 :] if "rejected" in report.event]


def test_the_next_good_line_after_rubbish_counts() -> None:
    _, node = one_node()
    node.start()
    bad_lines(node, 1000)
    node.line("VI_1", "MASTER")
    assert "MASTER" == node.role()


def test_an_unknown_name_is_reported_once_and_changes_nothing() -> None:
    _, node = one_node()
    node.start()
    for _ in range(5):
        node.lines(("VI_8", "MASTER"), ("VI_9", "MASTER"))
    assert ["VI_8", "VI_9"] == [r.fields["instance"] for r in node.reports("instance.unknown")]
    assert "UNKNOWN" == node.role()


def test_names_are_reported_in_the_order_of_the_lines() -> None:
    _, node = one_node()
    node.start()
    names = [f"n{i}" for i in range(40)]
    node.lines(*((name, "MASTER") for name in names))
    assert names == [r.fields["instance"] for r in node.reports("instance.unknown")]


def test_a_flood_of_unknown_names_is_bounded() -> None:
    _, node = one_node()
    node.start()
    node.lines(*((f"n{i}", "MASTER") for i in range(1000)))
    assert 64 == len(node.reports("instance.unknown"))


def test_a_group_has_a_role_of_its_own() -> None:
    _, node = one_node()
    node.start()
    group = VrrpId(VrrpKind.GROUP, "VI_1")
    node.feed(LinesRead((NotifyLine(group, LineState.MASTER, 0),)))
    [unknown] = node.reports("instance.unknown")
    assert "group VI_1" in unknown.message
    assert "UNKNOWN" == node.role()


@pytest.mark.parametrize(
    ("before", "event", "kind"),
    [
        (None, FifoChanged(FifoState.OPEN, "listening"), "fifo.opened"),
        (None, FifoChanged(FifoState.MISSING, "not there"), "fifo.failed"),
        (FifoState.MISSING, FifoChanged(FifoState.OPEN, "listening"), "fifo.recovered"),
        (FifoState.OPEN, FifoChanged(FifoState.OPEN, "replaced", reopened=True), "fifo.replaced"),
        (FifoState.OPEN, FifoChanged(FifoState.NOT_A_FIFO, "a file"), "fifo.failed"),
    ],
)
def test_the_state_of_the_fifo_is_reported_and_kept(
    before: FifoState | None, event: FifoChanged, kind: str
) -> None:
    _, node = one_node()
    node.start()
    if before is not None:
        node.feed(FifoChanged(before, "before"))
    effects = node.feed(event)
    assert kind in [entry.event for entry in entries(effects)]
    assert event.state.value == node.snapshot().fifo
    assert event.detail == node.snapshot().fifo_detail


def test_a_fifo_that_changed_makes_us_ask_keepalived() -> None:
    world, node = one_node(config=settings(can_query=True))
    node.dbus = {}
    node.start()
    world.run_for(2.0)
    asked = len(node.queries)
    node.feed(FifoChanged(FifoState.OPEN, "listening", reopened=True))
    assert asked + 1 == len(node.queries)


def test_a_result_that_nobody_asked_for_is_passed_over() -> None:
    world, node = one_node()
    node.warm()
    result = CallResult(
        call_id=999,
        outcome=world.cloud.answer(node.calls[0].request, 1),
        sent_at_s=None,
        finished_at_s=world.now,
    )
    assert () == node.core.handle([result], world.now)


def test_a_read_that_was_cancelled_is_no_failure_of_the_api() -> None:
    world, node = one_node(holder=1)
    node.warm()
    world.run_for(30.0)
    node.holding = (ReadAll,)
    world.run_while(lambda: not node.open_calls(ReadAll), 61.0)
    reported = len(node.reported)
    node.cancel(node.open_calls(ReadAll)[0])
    assert "ok" == node.snapshot().api
    assert reported == len(node.reported)


def test_the_same_events_times_and_chance_lead_to_the_same_effects() -> None:
    def run() -> list[object]:
        world, node = one_node()
        node.warm()
        node.line("VI_1", "MASTER")
        world.run_for(500.0)
        return [*node.reported, *[(c.at_s, c.request) for c in node.calls]]

    assert run() == run()


def test_names_are_shown_as_people_say_them() -> None:
    assert "VI_1" == str(instance("VI_1"))
    assert "group VG 1" == str(VrrpId(VrrpKind.GROUP, "VG 1"))
    assert PROCESS.same_run(PROCESS)


# --- the guards of the core itself -------------------------------------------------------------


def guarded() -> tuple[State, float]:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    return node.core._state, world.now


def resource_of(state: State) -> Resource:
    return next(iter(state.resources.values()))


def test_an_assign_for_no_address_is_a_broken_invariant() -> None:
    state, now = guarded()
    with pytest.raises(InvariantError, match="for no resource"):
        state.start(assign(WEB, 1), now)
    assert [] == [e for e in state.effects if isinstance(e, StartCall)]


def test_an_assign_while_not_master_is_a_broken_invariant() -> None:
    state, now = guarded()
    state.roles.role_states[instance("VI_1")].role = Role.BACKUP
    with pytest.raises(InvariantError, match="while not MASTER"):
        state.start(assign(WEB, 1), now, resource_of(state))


@pytest.mark.parametrize("known", [True, False])
def test_an_assign_to_another_server_is_a_broken_invariant(
    known: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    state, now = guarded()
    if not known:
        cloud_of(state).server = None
    with pytest.raises(InvariantError, match="to another server"):
        state.start(assign(WEB, 2), now, resource_of(state))


def test_a_second_assign_at_the_same_time_is_a_broken_invariant() -> None:
    state, now = guarded()
    state.start(assign(WEB, 1), now, resource_of(state))
    with pytest.raises(InvariantError, match="beside another one"):
        state.start(assign(WEB, 1), now, resource_of(state))


def test_bad_lines_that_nobody_kept_are_counted_too() -> None:
    _, node = one_node()
    node.start()
    effects = node.feed(LinesRead((), (BadLine("is rubbish", "x"),), more_bad_lines=980))
    [shown, rest] = entries(effects)

    assert "'x' is rubbish" in shown.message
    assert 980 == rest.fields["count"]


def test_an_overflow_without_end_is_reported_and_asked_about_sparingly() -> None:
    world, node = one_node(config=settings(can_query=True))
    node.start()
    for _ in range(80):
        node.lose_lines()
        world.run_for(0.25)
    reported = node.reports("fifo.overflowed")

    assert [1, 39, 40] == [report.fields["count"] for report in reported]
    assert len(node.queries) <= 20 / 0.5 + 1
    assert "UNKNOWN" == node.role()
    world.run_for(60.0)
    assert reported == node.reports("fifo.overflowed")


def test_nothing_is_begun_before_the_last_event_of_a_batch_was_taken_in() -> None:
    _, node = one_node()
    node.warm()
    made = NotifyLine(instance("VI_1"), LineState.MASTER, 100)
    effects = node.feed(LinesRead((made,)), KeepalivedGone("killed"))
    assert [] == [e.request for e in effects if isinstance(e, StartCall)]
    assert 1 == len([e for e in effects if isinstance(e, SaveState)])
    assert "UNKNOWN" == node.role()
