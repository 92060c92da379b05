import math

import pytest

from hakeeper.demo.cloud import Fault
from hakeeper.demo.robot import FAILOVER_FAILED, FAILOVER_NOT_COMPLETE, RouteChange, SimRobot
from tests.simcloud.robot_scene import (
    MAIN_A,
    MAIN_B,
    NET_A,
    NET_B,
    WEB,
    WEB6,
    RobotCaller,
    RobotScene,
    code,
    in_background,
)


def test_an_address_is_shown_with_its_owner_and_with_where_it_is_routed(
    robot_scene: RobotScene,
) -> None:
    assert {
        "ip": WEB,
        "netmask": "255.255.255.255",
        "server_ip": MAIN_A,
        "server_ipv6_net": NET_A,
        "server_number": 321,
        "active_server_ip": MAIN_A,
        "status": "ready",
    } == robot_scene.a.failover(WEB)


def test_a_network_is_routed_to_the_main_network_of_a_server(robot_scene: RobotScene) -> None:
    shown = robot_scene.a.failover(WEB6)
    assert (WEB6, "ffff:ffff:ffff:ffff::") == (shown["ip"], shown["netmask"])
    assert (MAIN_B, 322, NET_A) == (
        shown["server_ip"],
        shown["server_number"],
        shown["active_server_ip"],
    )
    answer = robot_scene.b.route(WEB6, NET_B)
    assert NET_B == answer.json()["failover"]["active_server_ip"]
    assert (322, 321) == (robot_scene.robot.holder(WEB6), robot_scene.robot.holder(WEB))


@pytest.mark.parametrize("spelled", ["2001:0db8:000f::", "2001%3Adb8%3Af%3A%3A", "2001:DB8:F::0"])
def test_a_network_may_be_spelled_otherwise(robot_scene: RobotScene, spelled: str) -> None:
    assert WEB6 == robot_scene.a.failover(spelled)["ip"]


def test_the_list_has_all_of_them(robot_scene: RobotScene) -> None:
    listed = robot_scene.a.send("GET", "/failover").json()
    assert [WEB, WEB6] == [each["failover"]["ip"] for each in listed]
    assert robot_scene.a.failover(WEB) == listed[0]["failover"]


def test_status_is_not_documented_and_may_be_missing(robot_scene: RobotScene) -> None:
    robot_scene.robot.set_rules(shows_status=False)
    assert "status" not in robot_scene.a.failover(WEB)


def test_a_post_is_answered_when_the_switch_has_ended(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=0.3)
    answer = robot_scene.b.route(WEB, MAIN_B)
    assert (200, MAIN_B, "ready") == (
        answer.status_code,
        answer.json()["failover"]["active_server_ip"],
        answer.json()["failover"]["status"],
    )
    (post,) = robot.wait_for(lambda: [each for each in robot.switches() if each.answered_s])
    (move,) = robot.moves()
    assert RouteChange(at_s=move.at_s, ip=WEB, old=321, new=322, cause="node-b") == move
    assert 0.3 <= move.at_s - post.received_s
    assert post.answered_s is not None
    assert move.at_s <= post.answered_s


def test_meanwhile_it_is_processing_and_locked(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    stuck = robot.fault(Fault(method="POST", path=WEB, action_never_ends=True, count=1))
    with in_background(lambda: robot_scene.b.route(WEB, MAIN_B)) as first:
        robot.wait_for(lambda: "processing" == robot_scene.a.failover(WEB)["status"])
        assert MAIN_A == robot_scene.a.failover(WEB)["active_server_ip"]
        for target in (MAIN_A, MAIN_B):
            assert (409, "FAILOVER_LOCKED") == code(robot_scene.a.route(WEB, target))
        assert (409, "FAILOVER_LOCKED") == code(robot_scene.a.unroute(WEB))
        assert 200 == robot_scene.a.route(WEB6, NET_B).status_code
        robot.clear(stuck)
        assert (500, "FAILOVER_FAILED") == code(first.result())
    assert (321, "ready") == (robot.holder(WEB), robot_scene.a.failover(WEB)["status"])
    assert 200 == robot_scene.a.route(WEB, MAIN_B).status_code


def test_a_refused_post_is_answered_at_once(robot_scene: RobotScene) -> None:
    robot_scene.robot.set_rules(switch_s=math.inf)
    assert (409, "FAILOVER_ALREADY_ROUTED") == code(robot_scene.a.route(WEB, MAIN_A))
    assert [] == robot_scene.robot.moves()


@pytest.mark.parametrize(
    ("ip", "target", "status", "expected"),
    [
        (WEB, "198.51.100.99", 404, "FAILOVER_NEW_SERVER_NOT_FOUND"),
        (WEB, NET_B, 404, "FAILOVER_NEW_SERVER_NOT_FOUND"),
        (WEB6, MAIN_B, 404, "FAILOVER_NEW_SERVER_NOT_FOUND"),
        (WEB6, "2001:db8:b::1", 404, "FAILOVER_NEW_SERVER_NOT_FOUND"),
        (WEB, WEB, 404, "FAILOVER_NEW_SERVER_NOT_FOUND"),
        ("203.0.113.99", MAIN_B, 404, "NOT_FOUND"),
        ("web", MAIN_B, 404, "NOT_FOUND"),
        ("web", "nothing", 404, "NOT_FOUND"),
        (WEB, "node-b", 400, "INVALID_INPUT"),
        (WEB, "2001:db8:b::/64", 400, "INVALID_INPUT"),
    ],
)
def test_a_wrong_post_is_refused(
    robot_scene: RobotScene, ip: str, target: str, status: int, expected: str
) -> None:
    assert (status, expected) == code(robot_scene.b.route(ip, target))
    assert [] == robot_scene.robot.moves()


@pytest.mark.parametrize(
    ("data", "missing", "invalid"),
    [
        ("", ["active_server_ip"], None),
        ("active_server_ip=", ["active_server_ip"], None),
        ("server=198.51.100.12", ["active_server_ip"], None),
        ('{"active_server_ip": "198.51.100.12"}', ["active_server_ip"], None),
        ("active_server_ip=x", None, ["active_server_ip"]),
    ],
)
def test_an_invalid_input_is_named(
    robot_scene: RobotScene, data: str, missing: list[str] | None, invalid: list[str] | None
) -> None:
    answer = robot_scene.a.send("POST", f"/failover/{WEB}", data=data)
    error = answer.json()["error"]
    assert (400, missing, invalid) == (answer.status_code, error["missing"], error["invalid"])


def test_a_route_is_taken_away_and_given_again(robot_scene: RobotScene) -> None:
    answer = robot_scene.a.unroute(WEB)
    assert (200, None) == (answer.status_code, answer.json()["failover"]["active_server_ip"])
    assert robot_scene.robot.holder(WEB) is None
    assert robot_scene.robot.active_server_ip(WEB) is None
    again = robot_scene.a.unroute(WEB)
    assert (200, answer.json()) == (again.status_code, again.json())
    assert 200 == robot_scene.b.route(WEB, MAIN_B).status_code
    assert [(321, None), (None, 322)] == [
        (each.old, each.new) for each in robot_scene.robot.moves(WEB)
    ]


@pytest.mark.parametrize("failure", [FAILOVER_FAILED, FAILOVER_NOT_COMPLETE])
def test_a_switch_that_fails_changes_nothing(robot_scene: RobotScene, failure: str) -> None:
    robot_scene.robot.fault(Fault(method="POST", action_error=failure, count=1))
    assert (500, failure) == code(robot_scene.b.route(WEB, MAIN_B))
    assert [] == robot_scene.robot.moves()
    assert 200 == robot_scene.b.route(WEB, MAIN_B).status_code


def test_a_switch_that_is_not_complete_may_be_done_later(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=0)
    robot.fault(Fault(action_error=FAILOVER_NOT_COMPLETE, late_commit_s=0.2))
    assert (500, FAILOVER_NOT_COMPLETE) == code(robot_scene.b.route(WEB, MAIN_B))
    (move,) = robot.wait_for(robot.moves)
    assert (322, True) == (move.new, move.late)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/failover/"), ("PUT", f"/failover/{WEB}"), ("POST", "/failover")],
)
def test_what_is_not_there_is_not_found(robot_scene: RobotScene, method: str, path: str) -> None:
    assert (404, "NOT_FOUND") == code(robot_scene.a.send(method, path))


def test_somebody_in_the_web_interface_moves_it_at_once(robot_scene: RobotScene) -> None:
    robot_scene.robot.move(WEB, 322)
    assert MAIN_B == robot_scene.a.failover(WEB)["active_server_ip"]
    robot_scene.robot.move(WEB, None)
    assert robot_scene.a.failover(WEB)["active_server_ip"] is None
    assert ["operator", "operator"] == [each.cause for each in robot_scene.robot.moves()]


def test_what_is_routed_to_a_server_that_is_gone_is_routed_to_none(
    robot_scene: RobotScene,
) -> None:
    third = robot_scene.robot.add_server("198.51.100.13", "2001:db8:c::", number=400)
    robot_scene.robot.move(WEB, third)
    assert "198.51.100.13" == robot_scene.robot.active_server_ip(WEB)
    robot_scene.robot.remove_server(third)
    assert robot_scene.a.failover(WEB)["active_server_ip"] is None
    assert (404, "FAILOVER_NEW_SERVER_NOT_FOUND") == code(robot_scene.a.route(WEB, "198.51.100.13"))


def test_an_account_without_failover_ips_has_no_list(robot: SimRobot) -> None:
    caller = RobotCaller(robot.url, robot.add_client("node-a"))
    with caller.session:
        assert (404, "NOT_FOUND") == code(caller.send("GET", "/failover"))
