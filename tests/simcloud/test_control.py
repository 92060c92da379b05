import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from hakeeper.demo.cloud import CloudClient, CloudFront, CommandError, Fault, Network, SimCloud
from tests.simcloud.conftest import (
    LAN,
    NO_PROXIES,
    VIP,
    Certificates,
    Scene,
    add_lan,
    set_the_scene,
)
from tests.simcloud.process import simulator_process


@contextmanager
def cloud_process(*options: str) -> Iterator[tuple[CloudClient, subprocess.Popen[bytes]]]:
    with simulator_process("hakeeper.demo.cloud", *options) as (where, process):
        yield CloudClient(**where), process


@pytest.fixture(params=["here", "over http"])
def front(request: pytest.FixtureRequest, cloud: SimCloud) -> CloudFront:
    if request.param == "here":
        return cloud
    return CloudClient(url=cloud.url, control_url=cloud.control_url)


@pytest.fixture
def scene(front: CloudFront) -> Iterator[Scene]:
    made = set_the_scene(front)
    with made.a.session, made.b.session:
        yield made


def test_both_fronts_tell_the_same_story(cloud: SimCloud, scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0.05)
    fault = scene.cloud.fault(Fault(method="POST", status=503, body="", count=1))
    assert 503 == scene.b.assign(scene.web, scene.server_b).status_code
    assert 201 == scene.b.assign(scene.web, scene.server_b).status_code
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)
    scene.cloud.move(scene.web, None)
    scene.cloud.clear(fault)
    assert [503, 201] == [entry.status for entry in scene.cloud.assigns(client="node-b")]
    assert ["node-b", "operator"] == [change.cause for change in scene.cloud.moves()]
    assert [1] == [record.hits for record in scene.cloud.faults()]
    assert cloud.requests() == scene.cloud.requests()
    assert cloud.holder_changes() == scene.cloud.holder_changes()
    assert cloud.faults() == scene.cloud.faults()
    assert cloud.actions() == scene.cloud.actions()
    assert cloud.counters() == scene.cloud.counters()


def test_both_fronts_tell_the_same_story_of_alias_ips(cloud: SimCloud, scene: Scene) -> None:
    add_lan(scene)
    scene.cloud.set_rules(action_s=0.05)
    assert 201 == scene.b.write_aliases(scene.server_a, LAN).status_code
    scene.cloud.wait_for(lambda: not scene.cloud.aliases(LAN))
    scene.cloud.set_alias_ips(scene.server_b, LAN, [VIP])
    assert {VIP: scene.server_b} == scene.cloud.aliases(LAN)
    scene.cloud.detach(scene.server_b, LAN)
    assert ["node-b", "operator", "operator"] == [each.cause for each in scene.cloud.alias_moves()]
    assert cloud.alias_changes() == scene.cloud.alias_changes()
    assert cloud.alias_writes() == scene.cloud.alias_writes(server=scene.server_a)


def test_waiting_in_vain_tells_what_happened(scene: Scene) -> None:
    add_lan(scene)
    scene.cloud.set_alias_ips(scene.server_a, LAN, [])
    with pytest.raises(TimeoutError, match=r"'ip': '10\.0\.1\.100', 'old': 42, 'new': None"):
        scene.cloud.wait_for(lambda: False, timeout_s=0)


def test_the_scene_can_be_changed_at_run_time(scene: Scene) -> None:
    cloud = scene.cloud
    cloud.set_server_status(scene.server_b, "off")
    cloud.set_blocked(scene.web, blocked=True)
    cloud.set_labels(scene.web, {"role": "web"})
    cloud.set_rate_limit(7200, remaining=5)
    scene.a.token = cloud.rotate("node-a")
    answer = scene.a.send("GET", f"/floating_ips/{scene.web}")
    assert answer.json()["floating_ip"]["blocked"]
    assert {"role": "web"} == answer.json()["floating_ip"]["labels"]
    assert "7200" == answer.headers["RateLimit-Limit"]
    assert "off" == scene.a.get("/servers/43")["server"]["status"]
    cloud.remove_server(scene.server_b)
    cloud.remove_floating_ip(scene.web)
    assert [] == scene.a.get("/floating_ips")["floating_ips"]
    answer = requests.get(cloud.metadata_url(42), timeout=20, proxies=NO_PROXIES)
    assert "instance-id: 42" in answer.text


def test_a_refusing_port_is_still_controlled(scene: Scene) -> None:
    with (
        scene.cloud.faulty(Fault(network=Network.REFUSE)),
        pytest.raises(requests.ConnectionError),
    ):
        scene.a.send("GET", "/servers")
    scene.a.get("/servers")
    scene.cloud.drop_connections()


@pytest.mark.parametrize(
    ("command", "arguments", "reason"),
    [
        ("dance", {}, "no such command"),
        ("move", {"floating_ip": 99, "server": 42}, "'99' not found"),
        ("move", {"floating_ip": "web"}, "must be an integer"),
        ("move", {"floating_ip": 4711, "server": 99}, "'99' not found"),
        ("add_server", {"name": 5}, "must be a string"),
        ("add_server", {"name": "x", "location": "moon"}, "location"),
        ("add_server", {"name": "x", "labels": "y"}, "must be an object"),
        ("add_server", {"name": "x", "ipv4": 5}, "must be a string"),
        ("add_server", {"name": "x", "private_ips": ["10.0.0.2", 5]}, "must be a list of strings"),
        ("add_floating_ip", {"name": "x", "ip": "y"}, "'ip'"),
        ("fault", {"fault": {"stauts": 500}}, "stauts"),
        ("fault", {"fault": {"answer": "maybe"}}, "maybe"),
        ("fault", {"fault": {"path": "("}}, "unterminated"),
        ("fault", {}, "fault"),
        ("clear", {"id": 99}, "99"),
        ("set_rules", {"action": 5}, "action"),
        ("set_rate_limit", {"limit_per_hour": 0}, "at least 1"),
        ("wait", {"after_version": 0, "timeout_s": "x"}, "must be a number"),
    ],
)
def test_a_wrong_command_is_refused_with_its_reason(
    scene: Scene, command: str, arguments: dict[str, object], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        scene.cloud.call(command, **arguments)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/other", "{}", 404), ("/_control/holder", "[]", 400), ("/_control/holder", "{", 400)],
)
def test_the_control_port_refuses_what_it_does_not_know(
    cloud: SimCloud, path: str, body: str, status: int
) -> None:
    url = cloud.control_url + path
    answer = requests.post(url, data=body, timeout=20, proxies=NO_PROXIES)
    assert status == answer.status_code
    assert "error" in answer.json()


def test_every_fault_survives_the_way_through_json() -> None:
    fault = Fault(method="POST", count=3, status=500, details={"a": [1]}, network=Network.FREEZE)
    assert fault == Fault.from_json(json.loads(json.dumps(fault.to_json())))
    assert Fault() == Fault.from_json({})


def test_it_runs_as_a_process_of_its_own_until_its_parent_is_gone() -> None:
    with cloud_process("--action-s", "0", "--limit-per-hour", "7200") as (client, process):
        scene = set_the_scene(client)
        with scene.a.session, scene.b.session:
            answer = scene.b.assign(scene.web, scene.server_b)
            assert ("7200", "success") == (
                answer.headers["RateLimit-Limit"],
                answer.json()["action"]["status"],
            )
        client.wait_for(lambda: client.holder(scene.web) == scene.server_b)
    assert 0 == process.returncode
    with pytest.raises(ConnectionRefusedError):
        client.holder(scene.web)


def test_the_process_ends_with_sigterm_also_while_a_request_hangs() -> None:
    with cloud_process() as (client, process):
        client.fault(Fault(network=Network.FREEZE))
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(20)


def test_the_process_speaks_https_with_the_given_files(certificates: Certificates) -> None:
    certfile, keyfile = certificates.issue("good", "127.0.0.1")
    with cloud_process("--certfile", certfile, "--keyfile", keyfile) as (client, _):
        scene = set_the_scene(client)
        with scene.a.session:
            scene.a.session.verify = certificates.ca_file
            scene.a.session.trust_env = False
            assert 2 == len(scene.a.get("/servers")["servers"])
        assert client.url.startswith("https://")


def test_the_process_refuses_to_listen_elsewhere_than_on_loopback() -> None:
    command = [sys.executable, "-m", "hakeeper.demo.cloud", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert 0 != done.returncode
    assert "not a loopback address" in done.stderr


def test_it_listens_on_ipv6_too() -> None:
    with SimCloud(host="::1") as cloud:
        assert cloud.url.startswith("http://[::1]:")
        scene = set_the_scene(cloud)
        with scene.a.session:
            assert 2 == len(scene.a.get("/servers")["servers"])
        client = CloudClient(url=cloud.url, control_url=cloud.control_url)
        assert 42 == client.holder(scene.web)


def test_a_control_url_must_be_one() -> None:
    with pytest.raises(ValueError, match="not a control URL"):
        CloudClient(url="", control_url="localhost:80")


def test_a_client_that_waits_does_not_keep_the_cloud_from_stopping() -> None:
    with SimCloud() as cloud:
        client = CloudClient(url=cloud.url, control_url=cloud.control_url)
        version = client.call("wait", after_version=-1, timeout_s=0)

        def wait() -> None:
            with contextlib.suppress(OSError):
                client.call("wait", after_version=version, timeout_s=29)

        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.1)  # most likely it waits by now; the test holds if it does not
        cloud.close()
        left = [each for each in threading.enumerate() if each.name.startswith("sim-cloud")]
        waiting.join()
    assert [] == left
