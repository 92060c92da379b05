"""The rules that end every test of this folder can fail themselves."""

import json
import urllib.request

import pytest

from hakeeper.demo.cloud import Answer, Fault
from tests.daemon.rules import broken_rules
from tests.daemon.world import TIMEOUT_S, Node, World


def send(node: Node, method: str, path: str, body: object = None) -> None:
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
    except OSError:
        pass  # refused or lost, as the test wanted


def complaints(node: Node) -> list[str]:
    return broken_rules(node.cloud, {node.name: node.server}, TIMEOUT_S)


def assign(world: World, node: Node, server: int | None = None) -> None:
    path = f"/floating_ips/{world.web}/actions/assign"
    send(node, "POST", path, {"server": server or node.server})


@pytest.fixture
def node(world: World) -> Node:
    made = world.node()
    world.nodes.remove(made)  # its misdeeds are the subject
    return made


def test_an_unassign_is_found(world: World, node: Node) -> None:
    send(node, "POST", f"/floating_ips/{world.web}/actions/unassign", {})
    assert len(complaints(node)) == 1
    assert "a write that is no assign" in complaints(node)[0]


def test_an_assign_to_another_server_is_found(world: World, node: Node) -> None:
    assign(world, node, world.elsewhere)
    assert complaints(node) == [f"node-a assigned to server {world.elsewhere}"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", answer=Answer.RESET, count=1),
        Fault(method="POST", status=504, count=1),
        Fault(method="POST", answer=Answer.MALFORMED, count=1),
    ],
    ids=["reset", "504", "unreadable"],
)
def test_a_blind_resend_is_found(world: World, node: Node, fault: Fault) -> None:
    world.cloud.fault(fault)
    assign(world, node)
    assign(world, node)
    assert complaints(node) == ["assign 2 resends 1 without a read between"]


def test_a_resend_after_a_read_is_no_breach(world: World, node: Node) -> None:
    world.cloud.fault(Fault(method="POST", answer=Answer.RESET, count=1))
    assign(world, node)
    send(node, "GET", f"/floating_ips/{world.web}")
    world.cloud.wait_for(lambda: world.cloud.requests()[-1].answered_s is not None)
    assign(world, node)
    assert complaints(node) == []


def test_a_retry_of_what_was_refused_is_no_breach(world: World, node: Node) -> None:
    world.cloud.fault(Fault(method="POST", status=503, count=1))
    assign(world, node)
    world.cloud.wait_for(lambda: world.cloud.requests()[-1].answered_s is not None)
    assign(world, node)
    assert complaints(node) == []
