"""Demoted at any moment of a claim: not one assign is sent afterwards.

Each test brings a claim to one moment, says BACKUP, lets the trouble end, and then waits for reads
that come later than the claim's next step could have come.
"""

import time

import pytest

from hakeeper.demo.cloud import Answer, Fault
from hakeeper.demo.lab.daemon import LogEntry
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode, at_s

LONGEST_PAUSE_S = 4.5
"""More than a claim waits after the few failures that these tests give it."""
ASSIGN = "/actions/assign$"
EAGER = {"interval": "1s", "standby_interval": "1s"}


def settled(cluster: Cluster, node: DaemonNode, demoted: LogEntry) -> None:
    """Wait until a step of the claim that was due at the demotion would have been seen."""
    assert at_s(demoted) <= time.monotonic() + 0.001  # the log counts in milliseconds
    cluster.wait_read(node, not_before_s=time.monotonic() + LONGEST_PAUSE_S, count=2)


def assigns_after(cluster: Cluster, demoted: LogEntry) -> list[float]:
    """When assigns were received after the demotion was taken in."""
    return [a.received_s for a in cluster.cloud.assigns() if a.received_s > at_s(demoted)]


def fault_on_assigns(cluster: Cluster, **fields: object) -> int:
    return cluster.cloud.fault(Fault.from_json({**fields, "method": "POST", "path": ASSIGN}))


def test_while_the_assign_is_under_way(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = fault_on_assigns(cluster, delay_s=60, status=503)
    node.master()
    cluster.wait_hits(fault, 1)
    demoted = node.backup()
    cluster.cloud.clear(fault)
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []
    assert cluster.assigns() == 1
    assert len(node.logged("claim.abandoned")) == 1


def test_while_the_assign_is_under_way_and_gets_lost(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = fault_on_assigns(cluster, answer=Answer.NEVER.value)
    node.master()
    cluster.wait_hits(fault, 1)
    demoted = node.backup()
    settled(cluster, node, demoted)
    cluster.cloud.clear(fault)
    cluster.wait_reads(node)
    assert assigns_after(cluster, demoted) == []
    assert cluster.assigns() == 1


@pytest.mark.parametrize("status", [503, 504, 423])
def test_while_backing_off(cluster: Cluster, status: int) -> None:
    node = cluster.running(**EAGER)
    fault = fault_on_assigns(cluster, status=status)
    node.master()
    cluster.wait_hits(fault, 4)  # so the next one is at least a second away
    demoted = node.backup()
    cluster.cloud.clear(fault)
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []


def test_while_the_action_runs(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = fault_on_assigns(cluster, action_never_ends=True)
    node.master()
    cluster.wait_hits(fault, 1)
    cluster.cloud.wait_for(lambda: cluster.cloud.requests(path="/actions", method="GET"))
    demoted = node.backup()
    cluster.cloud.clear(fault)  # the action fails now
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []
    assert cluster.cloud.holder(cluster.web) == cluster.elsewhere


def test_while_the_action_goes_on_to_success(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    cluster.cloud.set_rules(action_s=2)
    node.master()
    cluster.cloud.wait_for(lambda: cluster.cloud.requests(path="/actions", method="GET"))
    demoted = node.backup()
    cluster.wait_holder(node)  # nobody can stop it; and nobody else must be robbed of it again
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []
    assert cluster.cloud.holder(cluster.web) == cluster.elsewhere


def test_while_confirming(cluster: Cluster) -> None:
    node = cluster.running(interval="1s", standby_interval="1s")
    fault = cluster.cloud.fault(Fault(method="GET", path="/floating_ips", answer=Answer.NEVER))
    node.master()
    cluster.wait_holder(node)
    cluster.wait_hits(fault, 1)
    demoted = node.backup()
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.cloud.clear(fault)
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []


def test_while_waiting_for_a_429(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = fault_on_assigns(cluster, status=429)
    node.master()
    node.wait_log("api.throttled")
    demoted = node.backup()
    cluster.cloud.clear(fault)
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []


def test_while_the_holder_is_not_known_yet(cluster: Cluster) -> None:
    node = cluster.node(**EAGER)
    node.keepalived.start()
    fault = cluster.cloud.fault(Fault(answer=Answer.NEVER))
    node.daemon.start()
    node.master()
    node.wait_log("role.changed", role="MASTER")
    cluster.wait_hits(fault, 1)
    demoted = node.backup()
    cluster.cloud.clear(fault)
    settled(cluster, node, demoted)
    assert cluster.assigns() == 0
    assert assigns_after(cluster, demoted) == []


@pytest.mark.parametrize("word", ["FAULT", "STOP"])
def test_every_role_but_master_ends_the_claim(cluster: Cluster, word: str) -> None:
    node = cluster.running(**EAGER)
    fault = fault_on_assigns(cluster, status=503)
    node.master()
    cluster.wait_hits(fault, 4)
    node.role(word)
    demoted = node.wait_log("role.changed", previous_role="MASTER")
    cluster.cloud.clear(fault)
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []


def test_the_end_of_keepalived_ends_the_claim(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = fault_on_assigns(cluster, status=503)
    node.master()
    cluster.wait_hits(fault, 4)
    node.keepalived.kill()
    demoted = node.wait_log("role.changed", previous_role="MASTER", role="UNKNOWN")
    cluster.cloud.clear(fault)
    settled(cluster, node, demoted)
    assert assigns_after(cluster, demoted) == []


def test_a_new_term_claims_at_once_whatever_was_pending(cluster: Cluster) -> None:
    node = cluster.running()
    fault = fault_on_assigns(cluster, status=503)
    node.master()
    cluster.wait_hits(fault, 5)
    node.backup()
    cluster.cloud.clear(fault)
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
