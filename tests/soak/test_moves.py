"""Who was MASTER when, what made it so, and how long the address took: on records made by hand."""

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.cloud import HolderChange, LoggedRequest
from hakeeper.demo.lab import RoleChange
from tests.soak import Kind
from tests.soak.figures import spread, table
from tests.soak.moves import (
    RETURN,
    SEVERAL,
    UNPROVOKED,
    Evidence,
    Holders,
    Injected,
    Move,
    Sort,
    moves,
)

VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")
SERVERS = {"a": 101, "b": 102, "c": 103}
FIP = 4711
HORIZON_S = 2.5


def became(at_s: float, node: str, role: Role) -> RoleChange:
    return RoleChange(at_s, node, VI_1, role)


def fault(kind: Kind, node: str, began_s: float, ended_s: float = float("inf")) -> Injected:
    return Injected(kind=kind, name=kind.value, node=node, began_s=began_s, ended_s=ended_s)


def assign(node: str, at_s: float) -> LoggedRequest:
    return request(node, at_s, "POST", f"/v1/floating_ips/{FIP}/actions/assign", status=201)


def reading(node: str, at_s: float) -> LoggedRequest:
    return request(node, at_s, "GET", f"/v1/floating_ips/{FIP}")


def request(node: str, at_s: float, method: str, path: str, status: int = 200) -> LoggedRequest:
    return LoggedRequest(
        seq=1,
        connection=1,
        client=node,
        method=method,
        path=path,
        query="",
        body="{}",
        correlation_id="",
        received_s=at_s,
        answered_s=at_s + 0.01,
        status=status,
    )


def owned(at_s: float, node: str) -> HolderChange:
    return HolderChange(at_s=at_s, floating_ip=FIP, old=None, new=SERVERS[node], cause=node)


def found(
    changes: list[RoleChange],
    faults: list[Injected],
    requests: list[LoggedRequest] | None = None,
    holder_changes: list[HolderChange] | None = None,
) -> list[Move]:
    holders = Holders()
    holders.take([became(1.0, "a", Role.MASTER), became(1.0, "b", Role.BACKUP)])
    evidence = Evidence(
        changes=changes,
        faults=faults,
        requests=requests or [],
        holder_changes=[owned(2.0, "a"), *(holder_changes or [])],
        servers=SERVERS,
        settled_s=9.0,
    )
    return moves(evidence, holders, HORIZON_S)


TAKEOVER = [became(10.3, "a", Role.UNKNOWN), became(10.4, "b", Role.MASTER)]


def test_a_takeover_is_timed_from_the_fault_to_the_reading_that_shows_it() -> None:
    (move,) = found(
        TAKEOVER,
        [fault(Kind.KILL_ALL, "a", 10.0)],
        [assign("b", 10.41), reading("b", 10.45), reading("b", 10.6)],
        [owned(10.51, "b")],
    )
    assert (Sort.FAILOVER, "a", "b") == (move.sort, move.source, move.target)
    assert Kind.KILL_ALL.value == move.cause
    steps = (move.line_ms, move.assign_ms, move.confirmed_ms, move.total_ms)
    assert (400, 10, 200, 610) == tuple(round(step or 0) for step in steps)
    assert not move.disturbed
    assert not move.had_it


def test_the_first_role_of_all_and_a_second_word_of_the_same_master_are_no_moves() -> None:
    assert [] == found([became(10.0, "a", Role.BACKUP), became(10.4, "a", Role.MASTER)], [])
    assert [] == Holders().take([became(1.0, "a", Role.MASTER)])


def test_a_backup_that_is_cut_off_is_a_second_master_and_its_return_to_rank_is_no_move() -> None:
    changes = [
        became(10.4, "b", Role.MASTER),
        became(12.0, "b", Role.BACKUP),
        became(13.0, "a", Role.MASTER),
    ]
    (move,) = found(changes, [fault(Kind.CUT, "b", 10.0, 11.9)])
    assert Sort.SECOND is move.sort


def test_a_backup_that_is_made_the_better_one_is_a_failover() -> None:
    (move,) = found(TAKEOVER, [fault(Kind.PRIORITY, "b", 10.0)])
    assert Sort.FAILOVER is move.sort


def test_a_move_back_after_healing_is_a_return() -> None:
    changes = [*TAKEOVER, became(15.5, "a", Role.MASTER)]
    _, back = found(changes, [fault(Kind.STOP, "a", 10.0, 15.0)])
    assert (Sort.RETURN, RETURN) == (back.sort, back.cause)
    assert 500 == round(back.line_ms or 0)


def test_a_killed_child_that_is_started_again_by_keepalived_returns() -> None:
    changes = [*TAKEOVER, became(11.0, "a", Role.MASTER)]
    _, back = found(changes, [fault(Kind.KILL_CHILD, "a", 10.0, 20.0)])
    assert Sort.RETURN is back.sort


def test_two_faults_at_once_share_a_move_and_no_time_is_counted_from_either() -> None:
    faults = [fault(Kind.CUT, "a", 10.0), fault(Kind.SCRIPT, "a", 10.2)]
    (move,) = found(TAKEOVER, faults)
    assert (Sort.FAILOVER, SEVERAL, None) == (move.sort, move.cause, move.line_ms)


def test_a_reload_that_changes_nothing_and_a_fault_of_the_api_are_no_causes() -> None:
    faults = [
        fault(Kind.KILL_ALL, "a", 10.0),
        fault(Kind.RELOAD, "b", 10.1),
        fault(Kind.API_500, "c", 10.1),
    ]
    (move,) = found(TAKEOVER, faults)
    assert Kind.KILL_ALL.value == move.cause
    assert move.disturbed


def test_a_fault_of_the_round_before_is_no_cause_and_without_one_the_machine_is() -> None:
    (move,) = found(TAKEOVER, [fault(Kind.KILL_ALL, "a", 8.5)])
    assert (Sort.UNPROVOKED, UNPROVOKED) == (move.sort, move.cause)


def test_a_fault_that_lasts_for_long_is_still_the_cause_but_no_time_is_counted() -> None:
    (move,) = found([became(13.0, "b", Role.MASTER)], [fault(Kind.FREEZE, "a", 9.5, 20.0)])
    assert (Sort.FAILOVER, None) == (move.sort, move.line_ms)


def test_a_master_that_is_demoted_before_its_assign_has_none() -> None:
    (move,) = found(
        [*TAKEOVER, became(10.5, "b", Role.BACKUP)],
        [fault(Kind.KILL_ALL, "a", 10.0)],
        [assign("b", 11.5)],
        [owned(11.6, "b")],
    )
    assert move.assign_ms is None
    assert move.total_ms is None


def test_the_holder_of_an_earlier_term_confirms_nothing() -> None:
    (move,) = found(
        TAKEOVER,
        [fault(Kind.KILL_ALL, "a", 10.0)],
        [assign("b", 10.41), reading("b", 10.45), reading("b", 10.6)],
        [owned(9.5, "b"), owned(9.6, "a"), owned(10.51, "b")],
    )
    assert 200 == round((move.total_ms or 0) - 410)


def test_an_address_that_was_there_already_is_told_apart() -> None:
    (move,) = found(TAKEOVER, [fault(Kind.KILL_ALL, "a", 10.0)], holder_changes=[owned(9.5, "b")])
    assert move.had_it


def test_a_spread_is_by_nearest_rank_and_nothing_has_none() -> None:
    assert spread([None]) is None
    three = spread([1.0, 2.0, 3.0])
    assert three is not None
    assert 2.0 == three.median_ms
    one_to_hundred = spread([None, *map(float, range(100, 0, -1))])
    assert one_to_hundred is not None
    assert (100, 1.0, 50.0, 90.0, 99.0, 100.0) == (
        one_to_hundred.count,
        one_to_hundred.min_ms,
        one_to_hundred.median_ms,
        one_to_hundred.p90_ms,
        one_to_hundred.p99_ms,
        one_to_hundred.max_ms,
    )


def test_the_table_counts_failovers_by_kind_and_keeps_the_disturbed_out_of_later_steps() -> None:
    whole = [
        found(
            TAKEOVER,
            [fault(Kind.KILL_ALL, "a", 10.0), *others],
            [assign("b", 10.41), reading("b", 10.6)],
            [owned(10.51, "b")],
        )[0]
        for others in ([], [fault(Kind.API_500, "b", 10.0)])
    ]
    steps = table(whole)
    counts = {
        title: {row.name: 0 if row.spread is None else row.spread.count for row in rows}
        for title, rows in steps.items()
    }
    kill = Kind.KILL_ALL.value
    assert 2 == counts["fault -> MASTER line"][kill]
    assert 1 == counts["fault -> confirmed"][kill]
    assert 2 == counts["fault -> confirmed"]["all failovers"]
    assert 1 == counts["fault -> confirmed"]["of them with hakeeper and API healthy"]
