"""Failover IPs: a daemon that uses Robot alone, and one that uses both APIs."""

import os
from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, DaemonNode, files_of
from tests.support.robot_listener import BASIC, LOGIN, PASSWORD, RobotListener
from tests.support.waiting import eventually

IP = "203.0.113.7"
ME, OTHER = "127.0.0.2", "198.51.100.2"
"""Our main address must be on this machine."""


@pytest.fixture
def robot() -> Iterator[RobotListener]:
    with RobotListener(**{IP: OTHER}) as listener:
        yield listener


def write_login(node: DaemonNode, login: str) -> None:
    """Put a login where the daemon reads it."""
    path = node.folder / "robot-login"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123  # the mode counts
        file.write(login + "\n")


def node_on(cluster: Cluster, robot: RobotListener, *, alone: bool = True) -> DaemonNode:
    """Make a node with a failover IP, perhaps beside its floating IP; nothing of it runs yet."""
    node = cluster.node()
    write_login(node, LOGIN)
    node.config["robot"] = {
        "endpoint": robot.url,
        "credentials_file": str(node.folder / "robot-login"),
        "server": ME,
    }
    node.config["instances"]["VI_1"]["failover_ips"] = [IP]
    if alone:
        del node.config["instances"]["VI_1"]["floating_ips"]
        del node.config["hetzner"]
        node.token_file.unlink()
    return node


def running(cluster: Cluster, robot: RobotListener) -> DaemonNode:
    node = node_on(cluster, robot)
    node.start()
    return node


def complaints(node: DaemonNode) -> list[str]:
    """Return the files that hold a part of the login."""
    parts = (PASSWORD.encode(), BASIC.encode())
    files = (path for path in files_of(node) if path.name != "robot-login")
    return [str(path) for path in files if any(part in path.read_bytes() for part in parts)]


def test_a_master_routes_it_to_its_main_address_and_reads_it_back(
    cluster: Cluster, robot: RobotListener
) -> None:
    node = running(cluster, robot)
    node.master()
    node.wait_log("address.claimed", address=IP)
    assert ME == robot.holders[IP]
    (switch,) = robot.asked("POST")
    assert (f"/failover/{IP}", f"active_server_ip={ME}".encode()) == (switch.path, switch.body)
    assert "GET" in [seen.method for seen in robot.seen[robot.seen.index(switch) + 1 :]]
    assert [] == cluster.cloud.requests(client=node.name)
    assert [] == complaints(node)


def test_a_backup_routes_nothing(cluster: Cluster, robot: RobotListener) -> None:
    node = running(cluster, robot)
    node.backup()
    assert [] == robot.asked("POST")


def test_a_server_that_is_another_machine_routes_nothing(
    cluster: Cluster, robot: RobotListener
) -> None:
    node = node_on(cluster, robot)
    node.config["robot"]["server"] = "198.51.100.77"
    node.keepalived.start()
    node.write_config()
    node.daemon.start()
    node.wait_log("server.unidentified")
    node.master()
    node.wait_log("role.changed", role="MASTER")
    assert [] == robot.asked("POST")
    node.config["robot"]["server"] = ME
    node.reload()
    node.wait_log("address.claimed", address=IP)


def test_after_a_refused_login_nothing_is_asked_until_a_reload(
    cluster: Cluster, robot: RobotListener
) -> None:
    node = node_on(cluster, robot)
    write_login(node, f"{LOGIN}-of-yesterday")
    node.keepalived.start()
    node.write_config()
    node.daemon.start()
    node.wait_log("server.identified")
    eventually(lambda: robot.seen, PATIENCE_S)
    node.wait_log("login.rejected")
    node.master()
    node.wait_log("role.changed", role="MASTER")
    node.backup()
    node.master()
    assert 1 == len(robot.seen)
    write_login(node, LOGIN)
    node.reload()
    node.wait_log("address.claimed", address=IP)
    right = [seen.headers["authorization"] == f"Basic {BASIC}" for seen in robot.seen]
    assert 1 == right.count(False)
    assert [] == complaints(node)


def test_a_switch_that_hangs_delays_no_floating_ip(cluster: Cluster, robot: RobotListener) -> None:
    node = node_on(cluster, robot, alone=False)
    robot.switches.clear()
    seen = node.mark()
    node.keepalived.start()
    node.write_config()
    node.daemon.start()
    for address in (IP, "203.0.113.10"):
        node.wait_log("address.resolved", after=seen, address=address)
    for _ in range(2):
        node.wait_log("server.identified", after=seen)
    node.master()
    eventually(lambda: robot.asked("POST"), PATIENCE_S)
    cluster.wait_holder(node)
    node.wait_log("address.claimed", address="203.0.113.10")
    assert OTHER == robot.holders[IP]
    assert [] == node.logged("address.claimed", address=IP)
    robot.switches.set()
    node.wait_log("address.claimed", address=IP)
    assert 1 == len(robot.asked("POST"))


def test_a_reload_adds_an_api_and_drops_it_again(cluster: Cluster, robot: RobotListener) -> None:
    node = node_on(cluster, robot, alone=False)
    del node.config["instances"]["VI_1"]["failover_ips"]
    node.start()
    node.master()
    cluster.wait_holder(node)
    assert 0 == robot.accepted
    node.config["instances"]["VI_1"]["failover_ips"] = [IP]
    node.reload()
    node.wait_log("address.claimed", address=IP)
    robot.login = "nobody:is-let-in"
    del node.config["instances"]["VI_1"]["failover_ips"]
    asked = len(robot.seen)
    node.reload()
    node.backup()
    assert asked == len(robot.seen)


def test_a_reload_with_a_bad_login_changes_nothing(cluster: Cluster, robot: RobotListener) -> None:
    node = running(cluster, robot)
    write_login(node, "no colon")
    node.write_config()
    node.daemon.reload()
    refused = node.wait_log("config.rejected")
    assert "has no colon" in str(refused)
    node.master()
    node.wait_log("address.claimed", address=IP)
