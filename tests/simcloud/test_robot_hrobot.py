"""The program `hrobot` of the package hrobot-py, another client that nobody here wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hakeeper.demo.robot import Kind
from tests.simcloud.robot_scene import MAIN_B, NET_B, WEB, WEB6, RobotScene

PROGRAM = Path(sys.executable).with_name("hrobot")


class Hrobot:
    """It has an option for the URL; what it has no command for goes by `raw`."""

    def __init__(self, home: Path, scene: RobotScene) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HROBOT_BASE_URL": scene.robot.url,
            "HROBOT_USER": scene.a.login.user,
            "HROBOT_PASSWORD": scene.a.login.password,
            "NO_PROXY": "*",
        }

    def run(self, *words: str) -> tuple[int, Any]:
        """Return status and body of the answer."""
        done = subprocess.run(
            [PROGRAM, "--show-status", *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        shown = json.loads(done.stdout)
        return shown["status_code"], shown["data"]

    def route(self, ip: str, to: str) -> tuple[int, Any]:
        data = f"active_server_ip={to}"
        return self.run("raw", "POST", f"/failover/{ip}", "--data", data, "--yes")


@pytest.fixture
def hrobot(robot_scene: RobotScene, tmp_path: Path) -> Hrobot:
    return Hrobot(tmp_path, robot_scene)


def test_hrobot_lists_and_shows(hrobot: Hrobot, robot_scene: RobotScene) -> None:
    status, listed = hrobot.run("failovers")
    assert (200, [WEB, WEB6]) == (status, [each["failover"]["ip"] for each in listed])
    for ip in (WEB, WEB6):
        shown = robot_scene.a.failover(ip)
        assert (200, {"failover": shown}) == hrobot.run("failover", ip)


def test_hrobot_routes_and_takes_away(hrobot: Hrobot, robot_scene: RobotScene) -> None:
    for ip, to in ((WEB, MAIN_B), (WEB6, NET_B)):
        status, answer = hrobot.route(ip, to)
        assert (200, to) == (status, answer["failover"]["active_server_ip"])
        assert 322 == robot_scene.robot.holder(ip)
    status, answer = hrobot.run("raw", "DELETE", f"/failover/{WEB}", "--yes")
    assert (200, None) == (status, answer["failover"]["active_server_ip"])


def test_hrobot_shows_what_was_refused(hrobot: Hrobot, robot_scene: RobotScene) -> None:
    assert (404, "NOT_FOUND") == _code(hrobot.run("failover", "203.0.113.99"))
    assert (400, "INVALID_INPUT") == _code(hrobot.route(WEB, "node-b"))
    robot_scene.robot.set_quota(Kind.LIST, 100, left=0)
    status, answer = hrobot.run("failovers")
    assert (403, 100, 3600) == (status, answer["error"]["max_request"], answer["error"]["interval"])


def _code(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]
