import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hakeeper.demo.cloud import CommandError, Fault
from hakeeper.demo.robot import Kind, Login, RobotClient, RobotFront, SimRobot
from tests.simcloud.conftest import Certificates
from tests.simcloud.process import simulator_process
from tests.simcloud.robot_scene import MAIN_B, WEB, RobotScene, code, set_the_scene


@contextmanager
def robot_process(*options: str) -> Iterator[tuple[RobotClient, subprocess.Popen[bytes]]]:
    with simulator_process("hakeeper.demo.robot", *options) as (where, process):
        yield RobotClient(**where), process


@pytest.fixture(params=["here", "over http"])
def front(request: pytest.FixtureRequest, robot: SimRobot) -> RobotFront:
    if request.param == "here":
        return robot
    return RobotClient(url=robot.url, control_url=robot.control_url)


@pytest.fixture
def scene(front: RobotFront) -> Iterator[RobotScene]:
    made = set_the_scene(front)
    with made.a.session, made.b.session:
        yield made


def test_both_fronts_tell_the_same_story(robot: SimRobot, scene: RobotScene) -> None:
    scene.robot.set_rules(switch_s=0.05)
    fault = scene.robot.fault(Fault(method="POST", status=503, body="", count=1))
    assert 503 == scene.b.route(WEB, MAIN_B).status_code
    assert 200 == scene.b.route(WEB, MAIN_B).status_code
    scene.robot.move(WEB, None)
    scene.robot.clear(fault)
    assert [503, 200] == [entry.status for entry in scene.robot.switches(client="node-b")]
    assert ["node-b", "operator"] == [change.cause for change in scene.robot.moves()]
    assert (None, None) == (scene.robot.holder(WEB), scene.robot.active_server_ip(WEB))
    assert 48 == scene.robot.left(Kind.POST)
    assert not scene.robot.is_blocked("127.0.0.1")
    assert robot.requests() == scene.robot.requests()
    assert robot.route_changes() == scene.robot.route_changes()
    assert robot.faults() == scene.robot.faults()
    assert robot.counters() == scene.robot.counters()


def test_the_scene_can_be_changed_at_run_time(scene: RobotScene) -> None:
    robot = scene.robot
    robot.set_quota(Kind.GET, 3, left=1)
    assert 1 == robot.left(Kind.GET)
    scene.a.login = robot.add_client("node-a", Login("#ws+other", "secret"))
    assert Login("#ws+other", "secret") == scene.a.login
    assert WEB == scene.a.failover(WEB)["ip"]
    assert (403, "RATE_LIMIT_EXCEEDED") == code(scene.a.send("GET", f"/failover/{WEB}"))
    third = robot.add_server("198.51.100.13", "2001:db8:c::")
    assert "203.0.113.8" == robot.add_failover("203.0.113.8", third)
    assert robot.holder("203.0.113.8") is None
    robot.set_rules(failed_logins=1)
    scene.a.login = Login("nobody", "")
    assert 401 == scene.a.send("GET", "/failover").status_code
    assert robot.is_blocked("127.0.0.1")
    robot.unblock()
    assert not robot.is_blocked("127.0.0.1")


def test_waiting_in_vain_tells_what_happened(scene: RobotScene) -> None:
    scene.robot.move(WEB, 322)
    with pytest.raises(TimeoutError, match=r"'ip': '203\.0\.113\.7', 'old': 321, 'new': 322"):
        scene.robot.wait_for(lambda: False, timeout_s=0)


@pytest.mark.parametrize(
    ("command", "arguments", "reason"),
    [
        ("assign", {}, "no such command"),
        ("move", {"ip": "203.0.113.99", "to": None}, "not found"),
        ("move", {"ip": WEB, "to": 9}, "9 is not there"),
        ("add_server", {"ip": "x", "ipv6_net": "2001:db8::"}, "'x'"),
        ("add_failover", {"network": "203.0.113.0/23", "owner": 321}, "has host bits set"),
        ("add_client", {"name": "x", "user": "y"}, "must be a string"),
        ("set_rules", {"action_s": 5}, "action_s"),
        ("set_quota", {"kind": "PUT", "max_requests": 5}, "PUT"),
        ("set_quota", {"kind": "GET /failover", "max_requests": 5, "left": 6}, "between 0 and"),
        ("set_quota", {"kind": "GET /failover", "max_requests": -1}, "between 0 and"),
        ("use_certificate", {"certfile": "a", "keyfile": "b"}, "does not speak TLS"),
        ("metadata_url", {"server": 321}, "no such command"),
    ],
)
def test_a_wrong_command_is_refused_with_its_reason(
    scene: RobotScene, command: str, arguments: dict[str, object], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        scene.robot.call(command, **arguments)


def test_it_runs_as_a_process_of_its_own_until_its_parent_is_gone() -> None:
    with robot_process("--switch-s", "0") as (client, process):
        scene = set_the_scene(client)
        with scene.a.session, scene.b.session:
            assert 200 == scene.b.route(WEB, MAIN_B).status_code
        assert 322 == client.holder(WEB)
    assert 0 == process.returncode
    with pytest.raises(ConnectionRefusedError):
        client.holder(WEB)


def test_the_process_ends_with_sigterm() -> None:
    with robot_process() as (_, process):
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(20)


def test_the_process_speaks_https_with_the_given_files(certificates: Certificates) -> None:
    certfile, keyfile = certificates.issue("good", "127.0.0.1")
    with robot_process("--certfile", certfile, "--keyfile", keyfile) as (client, _):
        scene = set_the_scene(client)
        with scene.a.session:
            scene.a.session.verify = certificates.ca_file
            scene.a.session.trust_env = False
            assert WEB == scene.a.failover(WEB)["ip"]
        assert client.url.startswith("https://")


def test_it_listens_on_loopback_only() -> None:
    with pytest.raises(ValueError, match="not a loopback address"):
        SimRobot(host="0.0.0.0")
    with SimRobot(host="::1") as robot:
        assert robot.url.startswith("http://[::1]:")
        scene = set_the_scene(robot)
        with scene.a.session:
            assert WEB == scene.a.failover(WEB)["ip"]
        assert ["::1"] == [entry.source for entry in robot.requests()]
