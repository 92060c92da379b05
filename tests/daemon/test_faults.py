"""One fault each: after its end one assign at most makes the address ours; the log tells it once.

How long a real daemon takes depends on the machine. That it never waits too long is tested in
virtual time (`RECOVERED_WITHIN_S` in tests/core/answers/test_faults.py).

`Cluster.complaints` holds every one of these against the rules (no blind resend above all).
"""

import time
from dataclasses import dataclass

import pytest

from hakeeper.demo.cloud import HTML_502, Answer, Fault, Network
from hakeeper.demo.lab.daemon import event_of
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode, fields_of
from tests.support.waiting import eventually

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


def told(node: DaemonNode) -> list[tuple[str, object]]:
    """The troubles in the log: kind of entry and error code."""
    return [
        (event_of(entry), fields_of(entry).get("error_code", fields_of(entry).get("reason")))
        for entry in node.daemon.entries()
        if event_of(entry) in TROUBLE
    ]


def check_told_once(node: DaemonNode) -> None:
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
def test_a_fault_of_the_whole_api_ends_with_the_address_ours(cluster: Cluster, case: Case) -> None:
    node = cluster.running()
    cluster.wait_quiet(node)  # what the fault meets is the claim
    fault = cluster.cloud.fault(case.fault)
    node.master()
    cluster.wait_hits(fault, case.hits)
    eventually(lambda: told(node))
    cluster.cloud.clear(fault)
    cluster.wait_holder(node)
    assert cluster.assigns_after(fault, node) <= 1
    node.wait_log("address.claimed")
    check_told_once(node)


@pytest.mark.parametrize("case", ASSIGNS_ALONE.values(), ids=ASSIGNS_ALONE)
def test_a_fault_of_the_assign_ends_with_the_address_ours(cluster: Cluster, case: Case) -> None:
    node = cluster.running()
    fault = cluster.cloud.fault(only_assigns(case))
    node.master()
    cluster.wait_hits(fault, case.hits)
    eventually(lambda: told(node), 30)
    cluster.cloud.clear(fault)
    cluster.wait_holder(node)
    assert cluster.assigns_after(fault, node) <= 1
    node.wait_log("address.claimed")
    check_told_once(node)


@pytest.mark.parametrize("case", COMMITTED.values(), ids=COMMITTED)
def test_an_assign_that_was_carried_out_is_found_out_by_reading(
    cluster: Cluster, case: Case
) -> None:
    node = cluster.running()
    cluster.cloud.fault(only_assigns(case))
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    assert cluster.cloud.moves(cluster.web)[-1].cause == node.name
    assert len([assign for assign in cluster.cloud.assigns() if assign.handled]) >= 1
    check_told_once(node)


def test_a_commit_that_comes_late_is_waited_for_and_not_fought(cluster: Cluster) -> None:
    node = cluster.running()
    fault = Fault(method="POST", answer=Answer.RESET, commit=True, late_commit_s=3, count=1)
    cluster.cloud.fault(fault)
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")


def test_stale_reads_after_a_claim_do_not_count_as_a_loss_for_long(cluster: Cluster) -> None:
    node = cluster.running()
    node.master()
    cluster.wait_holder(node)
    with cluster.cloud.faulty(Fault(method="GET", stale_s=1.0, path="/floating_ips")):
        node.wait_log("address.claimed")
    cluster.wait_reads(node)
    assert cluster.cloud.holder(cluster.web) == node.server


@pytest.mark.parametrize("kind", [Network.REFUSE, Network.HANDSHAKE_HANG])
def test_a_network_that_is_down_ends_with_the_address_ours(cluster: Cluster, kind: Network) -> None:
    node = cluster.running()
    cluster.drop_connections()
    fault = cluster.cloud.fault(Fault(network=kind))
    node.master()
    eventually(lambda: told(node))
    outage_ends_s = time.monotonic() + 3.0
    eventually(lambda: time.monotonic() >= outage_ends_s)  # the length of the outage
    cluster.cloud.clear(fault)
    cluster.wait_holder(node)
    assert cluster.assigns_after(fault, node) <= 1
    node.wait_log("address.claimed")
    check_told_once(node)


def test_a_connection_that_died_unnoticed_costs_one_deadline_and_no_blind_resend(
    cluster: Cluster,
) -> None:
    node = cluster.running()
    fault = cluster.cloud.fault(Fault(network=Network.FREEZE))
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    assert [assign.handled for assign in cluster.cloud.assigns()] == [True]
    cluster.cloud.clear(fault)


def test_idle_connections_that_the_api_closes_cost_no_claim(cluster: Cluster) -> None:
    node = cluster.running()
    cluster.cloud.fault(Fault(network=Network.IDLE_CLOSE, idle_s=0.1))
    cluster.cloud.wait_for(lambda: cluster.cloud.counters().open_connections == 0)
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    assert cluster.assigns() == 1


@pytest.mark.parametrize("fault", [Fault(answer=Answer.NEVER), Fault(drip_s=0.5)], ids=str)
def test_no_call_outlives_its_deadline(cluster: Cluster, fault: Fault) -> None:
    node = cluster.running()
    cluster.cloud.fault(fault)
    connections = {r.connection for r in cluster.cloud.requests()}
    node.master()
    cluster.cloud.wait_for(lambda: cluster.assigns() == 1)
    assign = cluster.cloud.assigns()[0]
    assert assign.connection in connections
    # The read that must follow comes over another connection, and the fault goes on.
    follower = cluster.cloud.wait_for(
        lambda: cluster.cloud.requests(method="GET", after_seq=assign.seq), 30
    )[0]
    assert follower.connection != assign.connection
    assert cluster.cloud.assigns()[0].answered_s is None


def test_a_refused_token_is_repaired_without_a_restart(cluster: Cluster) -> None:
    node = cluster.running()
    cluster.wait_quiet(node)
    cluster.cloud.revoke(node.name)
    node.master()
    node.wait_log("token.rejected")
    node.write_token(cluster.cloud.add_client(node.name))
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    check_told_once(node)


def test_a_token_that_hetzner_accepts_again_is_used_again(cluster: Cluster) -> None:
    node = cluster.running()
    cluster.wait_quiet(node)
    cluster.cloud.revoke(node.name)
    node.master()
    node.wait_log("token.rejected")
    cluster.cloud.add_client(node.name, token=node.token)
    cluster.wait_holder(node)
    check_told_once(node)


def test_a_token_for_reading_only_is_reported_and_repaired(cluster: Cluster) -> None:
    node = cluster.node()
    cluster.cloud.revoke(node.name)
    node.write_token(cluster.cloud.add_client(node.name, read_only=True))
    node.start()
    node.master()
    node.wait_log("token.rejected", error_code="token_readonly")
    node.write_token(cluster.cloud.add_client(node.name))
    cluster.wait_holder(node)
    check_told_once(node)


def test_a_deleted_floating_ip_that_comes_back_is_claimed(cluster: Cluster) -> None:
    node = cluster.running()
    cluster.cloud.remove_floating_ip(cluster.web)
    node.master()
    node.wait_log("address.unresolved")
    again = cluster.cloud.add_floating_ip("web", "203.0.113.77", server=cluster.elsewhere)
    cluster.wait_holder(node, again)
    node.wait_log("address.claimed")
    check_told_once(node)


def test_an_api_that_is_down_at_the_start_costs_nothing_but_time(cluster: Cluster) -> None:
    node = cluster.node()
    node.keepalived.start()
    fault = cluster.cloud.fault(Fault(network=Network.REFUSE))
    node.daemon.start()
    node.master()
    node.wait_log("api.failed")
    node.wait_log("role.changed", role="MASTER")
    cluster.cloud.clear(fault)
    cluster.wait_holder(node)
    assert cluster.assigns_after(fault, node) <= 1


def test_a_fault_while_holding_moves_nothing(cluster: Cluster) -> None:
    node = cluster.master(interval="1s", standby_interval="1s")
    before = len(cluster.cloud.moves(cluster.web))
    with cluster.cloud.faulty(Fault(status=503)) as fault:
        cluster.wait_hits(fault, 4)
        assert node.daemon.running
    node.wait_log("api.recovered")
    cluster.wait_reads(node)
    assert len(cluster.cloud.moves(cluster.web)) == before
    assert cluster.assigns() == 1
    check_told_once(node)
