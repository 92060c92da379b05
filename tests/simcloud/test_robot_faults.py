import threading

import pytest
import requests

from hakeeper.demo.cloud import HTML_502, Answer, Fault, Network
from hakeeper.demo.robot import FAILOVER_FAILED, Kind, SimRobot
from tests.simcloud.robot_scene import MAIN_A, MAIN_B, WEB, WEB6, RobotScene, code, in_background

LOST = (requests.ConnectionError, requests.Timeout)


def test_a_client_that_went_away_has_switched_nevertheless(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=1.0)
    with pytest.raises(requests.Timeout):
        robot_scene.b.route(WEB, MAIN_B, timeout_s=0.2)
    robot_scene.b.session.close()
    robot.wait_for(lambda: 322 == robot.holder(WEB))
    (post,) = robot.switches()
    (move,) = robot.moves()
    assert (False, "node-b") == (move.late, move.cause)
    assert 1.0 <= move.at_s - post.received_s


def test_who_waits_for_a_switch_to_begin_is_woken_by_it(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=5)  # the wait looks again by itself after ten seconds
    robot.fault(Fault(method="POST", delay_s=0.3))
    with in_background(lambda: robot_scene.b.route(WEB, MAIN_B)) as post:
        robot.wait_for(
            lambda: "processing" == robot.call("failover", ip=WEB)["status"], timeout_s=30
        )
        robot.drop_connections()
        assert isinstance(post.exception(), requests.ConnectionError)
    assert [] == robot.moves()  # it goes on, and nobody waits for it


@pytest.mark.parametrize("answer", [Answer.RESET, Answer.CLOSE])
def test_an_answer_can_be_lost_while_the_switch_goes_on(
    robot_scene: RobotScene, answer: Answer
) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=60)
    robot.fault(Fault(method="POST", answer=answer, commit=True, count=1))
    with pytest.raises(LOST):
        robot_scene.b.route(WEB, MAIN_B)
    shown = robot_scene.a.failover(WEB)
    assert (MAIN_A, "processing") == (shown["active_server_ip"], shown["status"])
    assert (409, "FAILOVER_LOCKED") == code(robot_scene.a.route(WEB, MAIN_B))
    (lost, _) = robot.switches()
    assert (True, None) == (lost.handled, lost.answered_s)


def test_an_answer_can_be_lost_and_the_switch_is_made(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.fault(Fault(method="POST", answer=Answer.NEVER, commit=True))
    with pytest.raises(requests.Timeout):
        robot_scene.b.route(WEB, MAIN_B, timeout_s=0.2)
    robot.wait_for(lambda: 322 == robot.holder(WEB))


def test_a_lost_request_changes_nothing(robot_scene: RobotScene) -> None:
    robot_scene.robot.set_rules(switch_s=0)
    robot_scene.robot.fault(Fault(method="POST", answer=Answer.RESET, count=1))
    with pytest.raises(LOST):
        robot_scene.b.route(WEB, MAIN_B)
    assert [] == robot_scene.robot.moves()
    assert not robot_scene.robot.switches()[0].handled


def test_a_gateway_gives_up_before_the_switch_has_ended(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=0.5)
    robot.fault(Fault(method="POST", status=504, body=HTML_502, commit=True, count=1))
    answer = robot_scene.b.route(WEB, MAIN_B)
    assert (504, HTML_502) == (answer.status_code, answer.text)
    robot.wait_for(lambda: 322 == robot.holder(WEB))
    (post,) = robot.switches()
    assert 0.5 <= robot.moves()[0].at_s - post.received_s
    assert post.handled


def test_a_late_commit_comes_after_the_answer(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=0)
    robot.fault(Fault(method="POST", late_commit_s=0.3, count=1))
    answer = robot_scene.b.route(WEB, MAIN_B)
    assert (200, MAIN_A) == (answer.status_code, answer.json()["failover"]["active_server_ip"])
    assert [] == robot.moves()
    (move,) = robot.wait_for(robot.moves)
    assert (322, True) == (move.new, move.late)


def test_a_fault_can_make_one_switch_slow(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.set_rules(switch_s=0)
    robot.fault(Fault(path=WEB, action_s=0.3))
    for ip in (WEB, WEB6):
        robot_scene.a.unroute(ip)
    robot.wait_for(lambda: all(each.answered_s for each in robot.requests()))
    slow, quick = robot.requests()
    assert 0.3 <= robot.moves(WEB)[0].at_s - slow.received_s
    assert quick.answered_s is not None
    assert robot.moves(WEB6)[0].at_s <= quick.answered_s


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "INVALID_INPUT"),
        (401, "UNAUTHORIZED"),
        (403, "RATE_LIMIT_EXCEEDED"),
        (404, "NOT_FOUND"),
        (409, "FAILOVER_LOCKED"),
        (500, FAILOVER_FAILED),
        (503, "MAINTENANCE"),
    ],
)
def test_any_status_can_be_answered_and_nothing_is_done(
    robot_scene: RobotScene, status: int, expected: str
) -> None:
    robot_scene.robot.fault(Fault(status=status))
    assert (status, expected) == code(robot_scene.b.route(WEB, MAIN_B))
    (post,) = robot_scene.robot.switches()
    assert (status, expected, False) == (post.status, post.code, post.handled)
    assert [] == robot_scene.robot.moves()


def test_message_code_and_the_other_fields_can_be_chosen(robot_scene: RobotScene) -> None:
    details = {"max_request": 50, "interval": 3600}
    fault = Fault(status=403, code="RATE_LIMIT_EXCEEDED", message="no", details=details)
    robot_scene.robot.fault(fault)
    expected = {"status": 403, "code": "RATE_LIMIT_EXCEEDED", "message": "no"} | details
    assert expected == robot_scene.a.send("GET", "/failover").json()["error"]


def test_a_reading_can_be_stale(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    robot.move(WEB, 322)
    with robot.faulty(Fault(method="GET", client="node-a", stale_s=3600)):
        assert MAIN_A == robot_scene.a.failover(WEB)["active_server_ip"]
        assert MAIN_B == robot_scene.b.failover(WEB)["active_server_ip"]
        listed = robot_scene.a.send("GET", "/failover").json()
        assert MAIN_A == listed[0]["failover"]["active_server_ip"]


def test_the_port_can_refuse_and_connections_can_be_dropped(robot_scene: RobotScene) -> None:
    robot = robot_scene.robot
    with robot.faulty(Fault(network=Network.REFUSE)), pytest.raises(requests.ConnectionError):
        robot_scene.a.failover(WEB)
    assert WEB == robot_scene.a.failover(WEB)["ip"]
    robot.drop_connections()
    robot.wait_for(lambda: 0 == robot.counters().open_connections)


def test_a_switch_that_hangs_does_not_keep_robot_from_stopping(
    robot: SimRobot, robot_scene: RobotScene
) -> None:
    robot.fault(Fault(action_never_ends=True, method="POST"))
    with in_background(lambda: robot_scene.b.route(WEB, MAIN_B)) as post:
        robot.wait_for(lambda: "processing" == robot_scene.a.failover(WEB)["status"])
        robot.close()
        assert post.exception() is not None or MAIN_A in post.result().text
    assert [] == [each for each in threading.enumerate() if each.name.startswith("sim-cloud")]


def test_unknown_fields_and_broken_json_can_be_answered(robot_scene: RobotScene) -> None:
    with robot_scene.robot.faulty(Fault(answer=Answer.EXTRA_FIELDS)):
        assert "of" == robot_scene.a.failover(WEB)["unheard_of"]
    with robot_scene.robot.faulty(Fault(answer=Answer.MALFORMED)), pytest.raises(ValueError):
        robot_scene.a.failover(WEB)
    assert 98 == robot_scene.robot.left(Kind.GET)
