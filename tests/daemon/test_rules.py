"""The rules that end every test of this folder can fail themselves."""

import json
import urllib.error
import urllib.request

import pytest

from hakeeper.demo.cloud import Answer, Fault
from tests.support.cluster import Cluster
from tests.support.daemon_node import TIMEOUT_S, DaemonNode
from tests.support.request_rules import broken_rules


def send(node: DaemonNode, method: str, path: str, body: object = None) -> None:
    """Send a request as a node that nobody restrains; whatever comes back is not looked at."""
    request = urllib.request.Request(  # noqa: S310  # the simulator's own URL
        node.cloud.url + path,
        method=method,
        headers={"Authorization": f"Bearer {node.token}"},
        data=None if body is None else json.dumps(body).encode(),
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            answer.read()
    except urllib.error.HTTPError as refused:  # as the test wanted
        refused.close()
    except OSError:
        pass  # lost, as the test wanted


def complaints(node: DaemonNode) -> list[str]:
    return broken_rules(node.cloud, {node.name: node.server}, TIMEOUT_S)


def assign(cluster: Cluster, node: DaemonNode, server: int | None = None) -> None:
    path = f"/floating_ips/{cluster.web}/actions/assign"
    send(node, "POST", path, {"server": server or node.server})


@pytest.fixture
def node(cluster: Cluster) -> DaemonNode:
    made = cluster.node()
    cluster.nodes.remove(made)  # its misdeeds are the subject
    return made


def test_an_unassign_is_found(cluster: Cluster, node: DaemonNode) -> None:
    send(node, "POST", f"/floating_ips/{cluster.web}/actions/unassign", {})
    assert len(complaints(node)) == 1
    assert "a write that is no assign" in complaints(node)[0]


def test_an_assign_to_another_server_is_found(cluster: Cluster, node: DaemonNode) -> None:
    assign(cluster, node, cluster.elsewhere)
    assert complaints(node) == [f"node-a assigned to server {cluster.elsewhere}"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", answer=Answer.RESET, count=1),
        Fault(method="POST", status=504, count=1),
        Fault(method="POST", answer=Answer.MALFORMED, count=1),
    ],
    ids=["reset", "504", "unreadable"],
)
def test_a_blind_resend_is_found(cluster: Cluster, node: DaemonNode, fault: Fault) -> None:
    cluster.cloud.fault(fault)
    assign(cluster, node)
    assign(cluster, node)
    assert complaints(node) == ["assign 2 resends 1 without a read between"]


def test_a_resend_after_a_read_is_no_breach(cluster: Cluster, node: DaemonNode) -> None:
    cluster.cloud.fault(Fault(method="POST", answer=Answer.RESET, count=1))
    assign(cluster, node)
    send(node, "GET", f"/floating_ips/{cluster.web}")
    cluster.cloud.wait_for(lambda: cluster.cloud.requests()[-1].answered_s is not None)
    assign(cluster, node)
    assert complaints(node) == []


def test_a_retry_of_what_was_refused_is_no_breach(cluster: Cluster, node: DaemonNode) -> None:
    cluster.cloud.fault(Fault(method="POST", status=503, count=1))
    assign(cluster, node)
    cluster.cloud.wait_for(lambda: cluster.cloud.requests()[-1].answered_s is not None)
    assign(cluster, node)
    assert complaints(node) == []
