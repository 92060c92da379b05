"""One fault each: the address is ours soon after it ends, and the log tells it once.

`World.complaints` holds every one of these against the rules (no blind resend above all).
"""

import time
from dataclasses import dataclass

import pytest

from hakeeper.demo.cloud import HTML_502, Answer, Fault, Network
from hakeeper.demo.lab.daemon import event_of
from tests.daemon.world import TIMEOUT_S, Node, World, fields_of
from tests.helpers import eventually

BOUND_S = 15.0
"""From the end of a fault until the address is ours: the promise."""
SLACK_S = 1.5
"""How much later than its deadline the end of a call may be seen from outside."""
ASSIGN = "/actions/assign$"
TROUBLE = frozenset(
    {
        "address.unresolved",
        "api.failed",
        "api.throttled",
        "claim.failed",
        "claim.refused",
        "claim.unknown",
        "server.unidentified",
        "token.rejected",
    }
)


def told(node: Node) -> list[tuple[str, object]]:
    """The troubles in the log: kind of entry and error code."""
    return [
        (event_of(entry), fields_of(entry).get("error_code", fields_of(entry).get("reason")))
        for entry in node.daemon.entries()
        if event_of(entry) in TROUBLE
    ]


def check_told_once(node: Node) -> None:
    """Something is in the log, and nothing twice."""
    found = told(node)
    assert found != []
    assert sorted(set(found), key=str) == sorted(found, key=str)


@dataclass(frozen=True)
class Case:
    """A fault, and how many requests it has to meet before it ends."""

    fault: Fault
    hits: int = 3


EVERY_REQUEST = {
    "500": Case(Fault(status=500)),
    "502 with a web page": Case(Fault(status=502, body=HTML_502)),
    "503 without a body": Case(Fault(status=503, body="")),
    "504": Case(Fault(status=504, body="")),
    "429": Case(Fault(status=429)),
    "403": Case(Fault(status=403, code="forbidden"), hits=1),
    "no answer": Case(Fault(answer=Answer.NEVER), hits=2),
    "an answer after a minute": Case(Fault(delay_s=60), hits=2),
    "an answer in drops": Case(Fault(drip_s=0.5), hits=2),
    "reset": Case(Fault(answer=Answer.RESET)),
    "closed without an answer": Case(Fault(answer=Answer.CLOSE)),
    "half an answer": Case(Fault(answer=Answer.TRUNCATED)),
    "not JSON": Case(Fault(answer=Answer.MALFORMED)),
    "a huge answer": Case(Fault(answer=Answer.HUGE)),
}
"""Faults of the whole API."""

ASSIGNS_ALONE = {
    "500": Case(Fault(status=500)),
    "502 with a web page": Case(Fault(status=502, body=HTML_502)),
    "503": Case(Fault(status=503)),
    "504": Case(Fault(status=504, body="")),
    "423": Case(Fault(status=423, code="locked")),
    "409": Case(Fault(status=409, code="conflict")),
    "422 already assigned": Case(Fault(status=422, code="floating_ip_assigned")),
    "422": Case(Fault(status=422, code="invalid_input"), hits=1),
    "429": Case(Fault(status=429)),
    "no answer": Case(Fault(answer=Answer.NEVER), hits=2),
    "reset": Case(Fault(answer=Answer.RESET)),
    "action that fails": Case(Fault(action_error="action_failed")),
    "action that never ends": Case(Fault(action_never_ends=True), hits=1),
}
"""Faults that only assigns meet; the address does not move while they last."""

COMMITTED = {
    "504": Case(Fault(status=504, body="", commit=True)),
    "500": Case(Fault(status=500, commit=True)),
    "reset": Case(Fault(answer=Answer.RESET, commit=True)),
    "no answer": Case(Fault(answer=Answer.NEVER, commit=True)),
    "an answer in drops": Case(Fault(drip_s=0.5)),
    "half an answer": Case(Fault(answer=Answer.TRUNCATED)),
    "not JSON": Case(Fault(answer=Answer.MALFORMED)),
    "a huge answer": Case(Fault(answer=Answer.HUGE)),
}
"""Assigns that are carried out although the answer does not say so."""


def only_assigns(case: Case) -> Fault:
    return Fault.from_json({**case.fault.to_json(), "method": "POST", "path": ASSIGN})


@pytest.mark.parametrize("case", EVERY_REQUEST.values(), ids=EVERY_REQUEST)
def test_a_fault_of_the_whole_api_ends_with_the_address_ours(world: World, case: Case) -> None:
    node = world.running()
    fault = world.cloud.fault(case.fault)
    node.master()
    world.wait_hits(fault, case.hits)
    eventually(lambda: told(node))
    world.cloud.clear(fault)
    world.wait_holder(node)
    assert world.recovery_s(fault, node) <= BOUND_S
    node.wait_log("address.claimed")
    check_told_once(node)


@pytest.mark.parametrize("case", ASSIGNS_ALONE.values(), ids=ASSIGNS_ALONE)
def test_a_fault_of_the_assign_ends_with_the_address_ours(world: World, case: Case) -> None:
    node = world.running()
    fault = world.cloud.fault(only_assigns(case))
    node.master()
    world.wait_hits(fault, case.hits)
    eventually(lambda: told(node), 30)
    world.cloud.clear(fault)
    world.wait_holder(node)
    assert world.recovery_s(fault, node) <= BOUND_S
    node.wait_log("address.claimed")
    check_told_once(node)


@pytest.mark.parametrize("case", COMMITTED.values(), ids=COMMITTED)
def test_an_assign_that_was_carried_out_is_found_out_by_reading(world: World, case: Case) -> None:
    node = world.running()
    world.cloud.fault(only_assigns(case))
    node.master()
    world.wait_holder(node)
    node.wait_log("address.claimed")
    assert world.cloud.moves(world.web)[-1].cause == node.name
    assert len([assign for assign in world.cloud.assigns() if assign.handled]) >= 1
    check_told_once(node)


def test_a_commit_that_comes_late_is_waited_for_and_not_fought(world: World) -> None:
    node = world.running()
    fault = Fault(method="POST", answer=Answer.RESET, commit=True, late_commit_s=3, count=1)
    world.cloud.fault(fault)
    node.master()
    world.wait_holder(node)
    node.wait_log("address.claimed")


def test_stale_reads_after_a_claim_do_not_count_as_a_loss_for_long(world: World) -> None:
    node = world.running()
    node.master()
    world.wait_holder(node)
    with world.cloud.faulty(Fault(method="GET", stale_s=1.0, path="/floating_ips")):
        node.wait_log("address.claimed")
    world.wait_reads(node)
    assert world.cloud.holder(world.web) == node.server


@pytest.mark.parametrize("kind", [Network.REFUSE, Network.HANDSHAKE_HANG])
def test_a_network_that_is_down_ends_with_the_address_ours(world: World, kind: Network) -> None:
    node = world.running()
    world.drop_connections()
    fault = world.cloud.fault(Fault(network=kind))
    node.master()
    eventually(lambda: told(node))
    outage_ends_s = time.monotonic() + 3.0
    eventually(lambda: time.monotonic() >= outage_ends_s)  # the length of the outage
    world.cloud.clear(fault)
    world.wait_holder(node)
    assert world.recovery_s(fault, node) <= BOUND_S
    node.wait_log("address.claimed")
    check_told_once(node)


def test_a_connection_that_died_unnoticed_costs_one_deadline_and_no_blind_resend(
    world: World,
) -> None:
    node = world.running()
    fault = world.cloud.fault(Fault(network=Network.FREEZE))
    node.master()
    world.wait_holder(node)
    node.wait_log("address.claimed")
    assert [assign.handled for assign in world.cloud.assigns()] == [True]
    world.cloud.clear(fault)


def test_idle_connections_that_the_api_closes_cost_no_claim(world: World) -> None:
    node = world.running()
    world.cloud.fault(Fault(network=Network.IDLE_CLOSE, idle_s=0.1))
    world.cloud.wait_for(lambda: world.cloud.counters().open_connections == 0)
    node.master()
    world.wait_holder(node)
    node.wait_log("address.claimed")
    assert world.assigns() == 1


@pytest.mark.parametrize("fault", [Fault(answer=Answer.NEVER), Fault(drip_s=0.5)], ids=str)
def test_no_call_outlives_its_deadline(world: World, fault: Fault) -> None:
    node = world.running()
    world.cloud.fault(fault)
    connections = {r.connection for r in world.cloud.requests()}
    node.master()
    world.cloud.wait_for(lambda: world.assigns() == 1)
    assign = world.cloud.assigns()[0]
    assert assign.connection in connections
    # The read that must follow comes over another connection, once this call is over.
    follower = world.cloud.wait_for(
        lambda: world.cloud.requests(method="GET", after_seq=assign.seq), 30
    )[0]
    assert follower.received_s - assign.received_s <= TIMEOUT_S + SLACK_S
    assert follower.connection != assign.connection


def test_a_refused_token_is_repaired_without_a_restart(world: World) -> None:
    node = world.running()
    world.wait_quiet(node)
    world.cloud.revoke(node.name)
    node.master()
    node.wait_log("token.rejected")
    node.write_token(world.cloud.add_client(node.name))
    repaired_s = time.monotonic()
    world.wait_holder(node)
    assert world.cloud.moves(world.web)[-1].at_s - repaired_s <= BOUND_S
    node.wait_log("address.claimed")
    check_told_once(node)


def test_a_token_that_hetzner_accepts_again_is_used_again(world: World) -> None:
    node = world.running()
    world.wait_quiet(node)
    world.cloud.revoke(node.name)
    node.master()
    node.wait_log("token.rejected")
    world.cloud.add_client(node.name, token=node.token)
    repaired_s = time.monotonic()
    world.wait_holder(node)
    assert world.cloud.moves(world.web)[-1].at_s - repaired_s <= BOUND_S
    check_told_once(node)


def test_a_token_for_reading_only_is_reported_and_repaired(world: World) -> None:
    node = world.node()
    world.cloud.revoke(node.name)
    node.write_token(world.cloud.add_client(node.name, read_only=True))
    node.start()
    node.master()
    node.wait_log("token.rejected", error_code="token_readonly")
    node.write_token(world.cloud.add_client(node.name))
    repaired_s = time.monotonic()
    world.wait_holder(node)
    assert world.cloud.moves(world.web)[-1].at_s - repaired_s <= BOUND_S
    check_told_once(node)


def test_a_deleted_floating_ip_that_comes_back_is_claimed(world: World) -> None:
    node = world.running()
    world.cloud.remove_floating_ip(world.web)
    node.master()
    node.wait_log("address.unresolved")
    again = world.cloud.add_floating_ip("web", "203.0.113.77", server=world.elsewhere)
    repaired_s = time.monotonic()
    world.wait_holder(node, again)
    assert world.cloud.moves(again)[-1].at_s - repaired_s <= BOUND_S
    node.wait_log("address.claimed")
    check_told_once(node)


def test_an_api_that_is_down_at_the_start_costs_nothing_but_time(world: World) -> None:
    node = world.node()
    node.keepalived.start()
    fault = world.cloud.fault(Fault(network=Network.REFUSE))
    node.daemon.start()
    node.master()
    node.wait_log("api.failed")
    node.wait_log("role.changed", role="MASTER")
    world.cloud.clear(fault)
    world.wait_holder(node)
    assert world.recovery_s(fault, node) <= BOUND_S


def test_a_fault_while_holding_moves_nothing(world: World) -> None:
    node = world.master(interval="1s", standby_interval="1s")
    before = len(world.cloud.moves(world.web))
    with world.cloud.faulty(Fault(status=503)) as fault:
        world.wait_hits(fault, 4)
        assert node.daemon.running
    node.wait_log("api.recovered")
    world.wait_reads(node)
    assert len(world.cloud.moves(world.web)) == before
    assert world.assigns() == 1
    check_told_once(node)
