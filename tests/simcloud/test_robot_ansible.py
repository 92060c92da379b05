"""Ansible's modules for failover IPs, a client that nobody here wrote. Debian has them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hakeeper.demo.cloud import Fault
from hakeeper.demo.robot import Kind, Login
from tests.simcloud.robot_scene import MAIN_A, MAIN_B, NET_A, NET_B, WEB, WEB6, RobotScene

MODULES = Path(__file__).parents[2] / ".ansible"
"""Where .ci/ansible-modules has put them."""
ROBOT = "ansible_collections/community/hrobot/plugins/module_utils/robot.py"
WAITS = "rate_limit_retry_timeout"
"""Newer modules wait until the quota allows more, by default for ever."""
RUNNER = Path(__file__).with_name("ansible_module.py")


class Ansible:
    """Runs modules as Ansible does on a managed machine: a process, JSON in and out."""

    def __init__(self, home: Path, scene: RobotScene) -> None:
        self._scene = scene
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}

    def run(self, module: str, ip: str, **arguments: object) -> dict[str, Any]:
        login = self._scene.a.login
        given = {"failover_ip": ip, "hetzner_user": login.user, "hetzner_password": login.password}
        if WAITS in (MODULES / ROBOT).read_text():
            arguments = {WAITS: 0} | arguments
        done = subprocess.run(
            ["/usr/bin/python3", str(RUNNER), str(MODULES), self._scene.robot.url, module],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": given | arguments}),
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def route(self, ip: str, to: str, **arguments: object) -> dict[str, Any]:
        return self.run("failover_ip", ip, value=to, **arguments)


@pytest.fixture
def ansible(robot_scene: RobotScene, tmp_path: Path) -> Ansible:
    return Ansible(tmp_path, robot_scene)


@pytest.mark.parametrize(
    ("ip", "netmask", "value", "server_ip", "number"),
    [
        (WEB, "255.255.255.255", MAIN_A, MAIN_A, 321),
        (WEB6, "ffff:ffff:ffff:ffff::", NET_A, MAIN_B, 322),
    ],
)
def test_ansible_reads_an_address(
    ansible: Ansible, ip: str, netmask: str, value: str, server_ip: str, number: int
) -> None:
    result = ansible.run("failover_ip_info", ip)
    # What is Ansible's own differs between its versions.
    told = {key: value for key, value in result.items() if not key.startswith("_ansible_")}
    told.pop("invocation", None)
    assert {
        "changed": False,
        "failover_ip": ip,
        "failover_netmask": netmask,
        "server_ip": server_ip,
        "server_number": number,
        "state": "routed",
        "value": value,
    } == told


@pytest.mark.parametrize(("ip", "to"), [(WEB, MAIN_B), (WEB6, NET_B)])
def test_ansible_routes_an_address(
    ansible: Ansible, robot_scene: RobotScene, ip: str, to: str
) -> None:
    result = ansible.route(ip, to)
    assert (True, to, "routed") == (result["changed"], result["value"], result["state"])
    assert [(321, 322, "node-a")] == [
        (each.old, each.new, each.cause) for each in robot_scene.robot.moves(ip)
    ]
    result = ansible.route(ip, to)
    assert (False, to) == (result["changed"], result["value"])
    assert ["GET", "POST", "GET"] == [each.method for each in robot_scene.robot.requests()]


def test_ansible_takes_a_route_away(ansible: Ansible, robot_scene: RobotScene) -> None:
    result = ansible.run("failover_ip", WEB, state="unrouted")
    assert (True, None, "unrouted") == (result["changed"], result["value"], result["state"])
    assert robot_scene.robot.holder(WEB) is None
    assert "unrouted" == ansible.run("failover_ip_info", WEB)["state"]
    assert ansible.route(WEB, MAIN_A)["changed"]
    assert 321 == robot_scene.robot.holder(WEB)


def test_ansible_sends_nothing_when_it_only_checks(
    ansible: Ansible, robot_scene: RobotScene
) -> None:
    assert ansible.route(WEB, MAIN_B, _ansible_check_mode=True)["changed"]
    assert [] == robot_scene.robot.switches()


def test_ansible_takes_already_routed_for_success(
    ansible: Ansible, robot_scene: RobotScene
) -> None:
    robot = robot_scene.robot
    with robot.faulty(Fault(method="GET", stale_s=3600)):
        robot.move(WEB, 322)
        result = ansible.route(WEB, MAIN_B)
    assert (False, MAIN_B) == (result["changed"], result["value"])
    assert ["FAILOVER_ALREADY_ROUTED"] == [each.code for each in robot.switches()]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(action_error="FAILOVER_FAILED"), "500 FAILOVER_FAILED"),
        (Fault(method="POST", status=409, code="FAILOVER_LOCKED"), "409 FAILOVER_LOCKED"),
        (Fault(status=503), "503 MAINTENANCE"),
        (Fault(status=503, body=""), "HTTP status code 503"),
    ],
)
def test_ansible_says_what_went_wrong(
    ansible: Ansible, robot_scene: RobotScene, fault: Fault, message: str
) -> None:
    robot_scene.robot.fault(fault)
    result = ansible.route(WEB, MAIN_B)
    assert result["failed"]
    assert message in result["msg"]
    assert [] == robot_scene.robot.moves()


def test_ansible_says_that_a_server_or_an_address_is_not_there(ansible: Ansible) -> None:
    result = ansible.route(WEB, "198.51.100.99")
    assert "404 FAILOVER_NEW_SERVER_NOT_FOUND" in result["msg"]
    assert "404 NOT_FOUND" in ansible.run("failover_ip_info", "203.0.113.99")["msg"]
    assert "400 INVALID_INPUT" in ansible.route(WEB, "node-b")["msg"]


def test_ansible_says_that_login_or_quota_does_not_do(
    ansible: Ansible, robot_scene: RobotScene
) -> None:
    robot_scene.robot.set_quota(Kind.POST, 50, left=0)
    assert "403 RATE_LIMIT_EXCEEDED" in ansible.route(WEB, MAIN_B)["msg"]
    robot_scene.robot.add_client("node-a", Login(robot_scene.a.login.user, "x"))
    assert "401 UNAUTHORIZED" in ansible.run("failover_ip_info", WEB)["msg"]
