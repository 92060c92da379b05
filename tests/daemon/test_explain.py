"""`hakeeper explain` and the running daemon: what it foretells comes true, and nothing is sent."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hakeeper.cli.asking import NOT_RUNNING
from tests.daemon.test_alias_ips import Scene
from tests.daemon.test_failover_ips import IP, ME, OTHER, running
from tests.daemon.test_pause import EAGER, pause
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode
from tests.support.robot_listener import RobotListener


def explain(node: DaemonNode, *words: str) -> dict[str, Any]:
    done = node.daemon.command("explain", "--json", *words)
    assert (0, "") == (done.returncode, done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["schema"] == 1
    [instance] = answer["instances"]
    assert isinstance(instance, dict)
    return instance


def foretold(steps: list[dict[str, Any]]) -> list[tuple[str, object]]:
    """Return path and body of the mutating requests of a rehearsal, in their order."""
    requests = [each.split(" ", 2) for step in steps for each in step.get("http", ())]
    return [(path, json.loads(*body)) for method, path, *body in requests if method == "POST"]


def floating_ip(cluster: Cluster) -> DaemonNode:
    return cluster.running(**EAGER)


def alias_ips(cluster: Cluster) -> DaemonNode:
    return Scene(cluster).running()


@pytest.mark.parametrize(
    ("made", "steps"),
    [(floating_ip, ["assign"]), (alias_ips, ["release", "take"])],
    ids=["one step", "two steps"],
)
def test_what_it_foretells_comes_true(
    cluster: Cluster, made: Callable[[Cluster], DaemonNode], steps: list[str]
) -> None:
    node = made(cluster)
    node.backup()
    node.wait_log("server.identified")
    node.wait_log("address.resolved")
    told = explain(node, "VI_1")["as_master"]
    assert told["confirmed"] is True
    assert steps == [step["call"] for step in told["steps"] if step.get("call") in steps]
    assert cluster.cloud.requests(method="POST") == []
    node.master()
    node.wait_log("address.claimed")
    sent = cluster.cloud.requests(client=node.name, method="POST")
    assert foretold(told["steps"]) == [
        (request.path.partition("/v1")[2], json.loads(request.body)) for request in sent
    ]


def test_a_failover_ip_is_foretold_too(cluster: Cluster) -> None:
    with RobotListener(**{IP: OTHER}) as robot:
        node = running(cluster, robot)
        node.backup()
        node.wait_log("address.resolved")
        told = explain(node)["as_master"]
        assert told["confirmed"] is True
        assert [] == robot.asked("POST")
        node.master()
        node.wait_log("address.claimed", address=IP)
        [switch] = robot.asked("POST")
        [(path, body)] = foretold(told["steps"])
    assert (path, {"active_server_ip": ME}) == (switch.path, body)


def test_it_says_what_is_waited_for_and_until_when(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    pause(node)
    node.master()
    node.wait_log("claim.paused")
    told = explain(node)
    [wait] = told["addresses"][0]["waits"]
    assert (wait["code"], wait["text"]) == ("pause", "hakeeper is paused")
    assert 0.0 < wait["in_s"] <= 3600.0
    assert told["as_master"]["confirmed"] is False
    text = node.daemon.command("explain").stdout
    assert "waits:   hakeeper is paused, until " in text
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_an_instance_that_is_not_there_and_a_daemon_that_is_not_there(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    done = node.daemon.command("explain", "VI_9")
    assert done.returncode == 2
    assert done.stderr == (
        "hakeeper refused: explain: there is no instance 'VI_9'; there is VI_1\n"
    )
    assert node.daemon.term() == 0
    assert node.daemon.command("explain").returncode == NOT_RUNNING
