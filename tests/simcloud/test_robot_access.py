from typing import Any

import pytest
import requests

from hakeeper.demo.cloud import Fault
from hakeeper.demo.robot import Kind, Login
from tests.simcloud.robot_scene import MAIN_A, MAIN_B, NO_PROXIES, WEB, RobotScene, code

FROM = "127.0.0.1"


def test_a_wrong_login_is_refused_and_the_third_blocks_its_source(robot_scene: RobotScene) -> None:
    right = robot_scene.a.login
    robot_scene.a.login = Login(right.user, "wrong")
    for blocked in (False, False, True):
        answer = robot_scene.a.send("GET", "/failover")
        assert (401, "UNAUTHORIZED") == code(answer)
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert blocked == robot_scene.robot.is_blocked(FROM)
    robot_scene.a.login = right
    assert (401, "UNAUTHORIZED") == code(robot_scene.a.send("GET", "/failover"))
    assert (401, "UNAUTHORIZED") == code(robot_scene.b.route(WEB, MAIN_B))
    assert not robot_scene.robot.is_blocked("127.0.0.2")
    robot_scene.robot.unblock()
    assert 200 == robot_scene.a.send("GET", "/failover").status_code
    assert [] == robot_scene.robot.moves()


def test_block_and_its_threshold_can_be_changed(robot_scene: RobotScene) -> None:
    robot_scene.robot.set_rules(failed_logins=1, block_s=0.1)
    right = robot_scene.a.login
    robot_scene.a.login = Login("nobody", "wrong")
    assert 401 == robot_scene.a.send("GET", "/failover").status_code
    robot_scene.a.login = right
    robot_scene.robot.wait_for(
        lambda: 200 == robot_scene.a.send("GET", "/failover").status_code, timeout_s=60
    )


def test_a_request_without_a_login_is_refused_and_is_no_failed_login(
    robot_scene: RobotScene,
) -> None:
    for _ in range(4):
        answer = requests.get(robot_scene.robot.url + "/failover", timeout=20, proxies=NO_PROXIES)
        assert (401, "UNAUTHORIZED") == code(answer)
    assert 200 == robot_scene.a.send("GET", "/failover").status_code
    assert ["", "", "", "", "node-a"] == [each.client for each in robot_scene.robot.requests()]


def test_a_new_password_makes_the_old_one_wrong(robot_scene: RobotScene) -> None:
    user = robot_scene.a.login.user
    new = robot_scene.robot.add_client("node-a", Login(user, "new"))
    assert 401 == robot_scene.a.send("GET", "/failover").status_code
    robot_scene.a.login = new
    assert 200 == robot_scene.a.send("GET", "/failover").status_code


@pytest.mark.parametrize(
    ("kind", "method", "path", "max_request"),
    [
        (Kind.LIST, "GET", "/failover", 100),
        (Kind.GET, "GET", f"/failover/{WEB}", 100),
        (Kind.POST, "POST", f"/failover/{WEB}", 50),
        (Kind.DELETE, "DELETE", f"/failover/{WEB}", 50),
    ],
)
def test_each_kind_of_request_has_its_quota(
    robot_scene: RobotScene, kind: Kind, method: str, path: str, max_request: int
) -> None:
    robot = robot_scene.robot
    robot.set_quota(kind, max_request, left=1)
    before = {each: robot.left(each) for each in Kind}
    assert 403 != robot_scene.a.send(method, path).status_code
    assert before | {kind: 0} == {each: robot.left(each) for each in Kind}
    moves = robot.moves()
    answer = robot_scene.b.send(method, path, data="active_server_ip=" + MAIN_B)
    error = answer.json()["error"]
    assert (403, "RATE_LIMIT_EXCEEDED", max_request, 3600) == (
        answer.status_code,
        error["code"],
        error["max_request"],
        error["interval"],
    )
    assert moves == robot.moves()
    for other in Kind:
        if other is not kind:
            robot.set_quota(other, 1, left=1)
    assert 1 == sum(
        each == 403
        for each in (
            robot_scene.a.send("GET", "/failover").status_code,
            robot_scene.a.send("GET", f"/failover/{WEB}").status_code,
            robot_scene.a.send("POST", f"/failover/{WEB}").status_code,
            robot_scene.a.unroute(WEB).status_code,
        )
    )


def test_a_quota_comes_back_when_its_window_has_passed(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(interval_s=0.2)
    robot.set_quota(Kind.LIST, 1, left=0)
    robot.wait_for(lambda: 200 == robot_scene.a.send("GET", "/failover").status_code, timeout_s=60)


def test_what_a_fault_answers_counts_and_a_failed_login_does_not(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_quota(Kind.POST, 50, left=50)
    with robot.faulty(Fault(status=503)):
        assert 503 == robot_scene.a.route(WEB, MAIN_B).status_code
    assert 49 == robot.left(Kind.POST)
    assert 409 == robot_scene.a.route(WEB, MAIN_A).status_code
    assert 48 == robot.left(Kind.POST)
    robot_scene.a.login = Login(robot_scene.a.login.user, "wrong")
    assert 401 == robot_scene.a.route(WEB, MAIN_B).status_code
    assert 48 == robot.left(Kind.POST)


def test_the_log_has_client_and_source_and_no_password(robot_scene: RobotScene) -> None:
    robot_scene.b.session.mount("http://", SourceAdapter("127.0.0.9"))
    robot_scene.b.route(WEB, MAIN_B)
    robot_scene.a.failover(WEB)
    post, get = robot_scene.robot.requests()
    assert ("node-b", "127.0.0.9", "POST", f"/failover/{WEB}", f"active_server_ip={MAIN_B}") == (
        post.client,
        post.source,
        post.method,
        post.path,
        post.body,
    )
    assert ("node-a", FROM, "GET", 200) == (get.client, get.source, get.method, get.status)
    assert [post] == robot_scene.robot.switches(client="node-b", ip=WEB)
    assert [] == robot_scene.robot.switches(ip="203.0.113.8")
    everything = f"{robot_scene.robot.requests()} {robot_scene.robot.route_changes()}"
    assert robot_scene.b.login.password not in everything
    assert robot_scene.b.login.password not in repr(robot_scene.b.login)


class SourceAdapter(requests.adapters.HTTPAdapter):
    """Connects from another loopback address."""

    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - as requests has it
        **named: Any,  # noqa: ANN401 - likewise
    ) -> None:
        named["source_address"] = (self._source, 0)
        super().init_poolmanager(connections, maxsize, block, **named)
