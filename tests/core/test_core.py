"""What the core hears besides roles: bad lines, unknown names, the state of the FIFO."""

import pytest

from hakeeper.adapters.journal.entry import Entry
from hakeeper.core.calls import CallResult, ReadAll
from hakeeper.core.claim.resource import Resource
from hakeeper.core.events import FifoChanged, KeepalivedGone, LinesRead, SaveState, StartCall
from hakeeper.core.model import FifoState, VrrpId, VrrpKind
from hakeeper.core.roles.lines import BadLine, LineState, NotifyLine
from hakeeper.core.state import InvariantError, State
from tests.core.driver import PROCESS, WEB, Node, entries, instance, one_node
from tests.core.standing import cloud_of
from tests.support.resources import assign


def bad_lines(node: Node, count: int) -> list[Entry]:
    effects = node.feed(LinesRead((), tuple(BadLine("is rubbish", f"x{i}") for i in range(count))))
    return entries(effects)


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
    return node.core.state, world.now


def resource_of(state: State) -> Resource:
    return next(iter(state.resources.values()))


@pytest.mark.parametrize("known", [True, False])
def test_an_assign_to_another_server_is_a_broken_invariant(
    known: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    state, now = guarded()
    if not known:
        cloud_of(state).server = None
    with pytest.raises(InvariantError, match="to another server"):
        state.start(assign(WEB, 2), now, resource_of(state))


def test_nothing_is_begun_before_the_last_event_of_a_batch_was_taken_in() -> None:
    _, node = one_node()
    node.warm()
    made = NotifyLine(instance("VI_1"), LineState.MASTER, 100)
    effects = node.feed(LinesRead((made,)), KeepalivedGone("killed"))
    assert [] == [e.request for e in effects if isinstance(e, StartCall)]
    assert 1 == len([e for e in effects if isinstance(e, SaveState)])
    assert "UNKNOWN" == node.role()
