"""Every answer that is described is given by the simulated Robot, and no other one."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from hakeeper.demo.cloud import Fault
from hakeeper.demo.robot import FAILOVER_FAILED, FAILOVER_NOT_COMPLETE, Kind, Login, SimRobot
from tests.simcloud.robot_scene import MAIN_A, MAIN_B, WEB, RobotCaller, RobotScene, in_background
from tests.simcloud.robot_schema import ONE, Reached, RobotChecker

NOT_REACHED: dict[Reached, str] = {}
"""What is described and cannot be made here, with its reason."""


def ask_all(caller: RobotCaller, ip: str = WEB) -> None:
    caller.send("GET", "/failover")
    caller.send("GET", f"/failover/{ip}")
    caller.route(ip, MAIN_B)
    caller.unroute(ip)


def no_answer_but_errors(scene: RobotScene) -> None:
    ask_all(scene.a, ip="203.0.113.99")
    scene.a.route(WEB, "198.51.100.99")
    scene.a.route(WEB, "x")
    scene.a.route(WEB, MAIN_A)


def a_lock(scene: RobotScene) -> None:
    stuck = scene.robot.fault(Fault(method="POST", action_never_ends=True, count=1))
    with in_background(lambda: scene.b.route(WEB, MAIN_B)) as first:
        scene.robot.wait_for(lambda: "processing" == scene.a.failover(WEB)["status"])
        scene.a.route(WEB, MAIN_B)
        scene.a.unroute(WEB)
        scene.robot.clear(stuck)
        first.result()


def failures(scene: RobotScene) -> None:
    for failure in (FAILOVER_FAILED, FAILOVER_NOT_COMPLETE):
        with scene.robot.faulty(Fault(action_error=failure)):
            scene.a.route(WEB, MAIN_B)
            scene.a.unroute(WEB)


def maintenance(scene: RobotScene) -> None:
    with scene.robot.faulty(Fault(status=503)):
        ask_all(scene.a)


def wrong_logins(scene: RobotScene) -> None:
    right, scene.a.login = scene.a.login, Login("nobody", "wrong")
    ask_all(scene.a)
    scene.a.login = right
    scene.robot.unblock()


def spent_quotas(scene: RobotScene) -> None:
    for kind in Kind:
        scene.robot.set_quota(kind, 50, left=0)
    ask_all(scene.a)


STORY: tuple[Callable[[RobotScene], None], ...] = (
    no_answer_but_errors,
    a_lock,
    failures,
    maintenance,
    wrong_logins,
    lambda scene: ask_all(scene.a),
    spent_quotas,
)


def test_every_described_answer_is_given(
    robot_scene: RobotScene,
    empty_list: Reached,
    answers: list[Reached],
    robot_checker: RobotChecker,
) -> None:
    for part in STORY:
        part(robot_scene)
    assert robot_checker.described() - set(NOT_REACHED) == {*answers, empty_list}
    assert set(NOT_REACHED) <= robot_checker.described()


def test_the_description_has_what_it_is_said_to_have(robot_checker: RobotChecker) -> None:
    described = robot_checker.described()
    assert 29 == len(described)
    assert ("POST", ONE, 409, "FAILOVER_ALREADY_ROUTED") in described
    assert ("DELETE", ONE, 503, "") in described


GOOD: dict[str, Any] = {
    "failover": {
        "ip": WEB,
        "netmask": "255.255.255.255",
        "server_ip": MAIN_A,
        "server_ipv6_net": "2001:db8:a::",
        "server_number": 321,
        "active_server_ip": None,
        "status": "ready",
    }
}
LOCKED = {"error": {"status": 409, "code": "FAILOVER_LOCKED", "message": "locked"}}


def test_right_answers_have_no_problems(robot_checker: RobotChecker) -> None:
    assert [] == robot_checker.problems("GET", f"/failover/{WEB}", 200, GOOD)
    assert [] == robot_checker.problems("GET", "/failover", 200, [GOOD, GOOD])
    assert [] == robot_checker.problems("DELETE", f"/failover/{WEB}", 409, LOCKED)


@pytest.mark.parametrize(
    ("key", "value"),
    [("ip", None), ("server_number", "321"), ("status", "busy"), ("unheard_of", 1)],
)
def test_a_wrong_value_is_noticed(robot_checker: RobotChecker, key: str, value: object) -> None:
    body = copy.deepcopy(GOOD)
    body["failover"][key] = value
    assert robot_checker.problems("GET", f"/failover/{WEB}", 200, body)
    assert robot_checker.problems("GET", "/failover", 200, [GOOD, body])


def test_a_missing_field_is_noticed(robot_checker: RobotChecker) -> None:
    body = copy.deepcopy(GOOD)
    del body["failover"]["active_server_ip"]
    (problem,) = robot_checker.problems("POST", f"/failover/{WEB}", 200, body)
    assert "'active_server_ip' is a required property" in problem


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"code": "failover_locked"}, "its code is none of"),
        ({"code": "FAILOVER_ALREADY_ROUTED"}, "its code is none of"),
        ({"status": 400}, "its status is another one"),
        ({"details": {}}, "Additional properties are not allowed"),
        ({"message": None}, "None for not nullable"),
    ],
)
def test_a_wrong_error_is_noticed(
    robot_checker: RobotChecker, change: dict[str, object], expected: str
) -> None:
    body = {"error": LOCKED["error"] | change}
    problems = robot_checker.problems("DELETE", f"/failover/{WEB}", 409, body)
    assert any(expected in problem for problem in problems)


def test_an_undescribed_answer_is_noticed(robot_checker: RobotChecker) -> None:
    assert robot_checker.problems("POST", f"/failover/{WEB}", 201, GOOD)
    assert robot_checker.problems("GET", f"/failover/{WEB}", 409, LOCKED)
    assert robot_checker.problems("GET", "/server", 200, [])
    assert robot_checker.problems("GET", "/failover", 401, {"error": "no"})


@pytest.fixture
def empty_list(robot_checker: RobotChecker) -> Reached:
    """The one answer that an account with failover IPs cannot give."""
    given: list[Reached] = []

    def observe(method: str, path: str, status: int, body: object) -> None:
        assert [] == robot_checker.problems(method, path, status, body)
        given.append(robot_checker.reached(method, path, status, body))

    with SimRobot(observer=observe) as robot:
        caller = RobotCaller(robot.url, robot.add_client("node-a"))
        with caller.session:
            caller.send("GET", "/failover")
    (only,) = given
    return only
