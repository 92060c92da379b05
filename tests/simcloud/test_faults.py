import contextlib
import http.client
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests

from hakeeper.demo.cloud import HTML_502, Answer, Fault
from tests.simcloud.conftest import Scene

LOST = (requests.ConnectionError, requests.Timeout)


def answered_s(scene: Scene) -> float:
    """Return when the only request was answered; the client may know before the log does."""
    return scene.cloud.wait_for(lambda: scene.cloud.requests()[0].answered_s) or 0.0


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (409, "conflict"),
        (412, "resource_unavailable"),
        (422, "invalid_input"),
        (423, "locked"),
        (500, "server_error"),
        (502, "bad_gateway"),
        (503, "unavailable"),
        (504, "timeout"),
        (418, "unknown_error"),
    ],
)
def test_any_status_can_be_answered_and_nothing_is_done(
    scene: Scene, status: int, code: str
) -> None:
    scene.cloud.fault(Fault(status=status))
    response = scene.b.assign(scene.web, scene.server_b)
    assert (status, code) == (response.status_code, response.json()["error"]["code"])
    (entry,) = scene.cloud.assigns()
    assert (status, code, False) == (entry.status, entry.code, entry.handled)
    assert [] == scene.cloud.actions()


def test_code_message_and_details_can_be_chosen(scene: Scene) -> None:
    fault = Fault(status=422, code="service_error", message="no", details={"why": "so"})
    scene.cloud.fault(fault)
    expected = {"code": "service_error", "message": "no", "details": {"why": "so"}}
    assert expected == scene.a.send("GET", "/servers").json()["error"]


def test_details_are_missing_unless_given(scene: Scene) -> None:
    scene.cloud.fault(Fault(status=500))
    assert {"code", "message"} == set(scene.a.send("GET", "/servers").json()["error"])


@pytest.mark.parametrize(("status", "body"), [(502, HTML_502), (503, ""), (504, "")])
def test_a_gateway_answers_with_html_or_with_nothing(scene: Scene, status: int, body: str) -> None:
    scene.cloud.fault(Fault(status=status, body=body))
    response = scene.a.send("GET", "/servers")
    assert (status, body) == (response.status_code, response.text)
    assert "RateLimit-Limit" not in response.headers
    assert "X-Correlation-Id" in response.headers


def test_a_timeout_can_be_answered_although_it_was_done(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0)
    scene.cloud.fault(Fault(status=504, commit=True))
    assert 504 == scene.b.assign(scene.web, scene.server_b).status_code
    assert scene.server_b == scene.cloud.holder(scene.web)
    assert scene.cloud.assigns()[0].handled


def test_a_fault_meets_only_whom_it_names(scene: Scene) -> None:
    scene.cloud.fault(Fault(method="GET", path=r"/floating_ips/\d+$", client="node-a", status=500))
    path = f"/floating_ips/{scene.web}"
    assert 500 == scene.a.send("GET", path).status_code
    assert 200 == scene.b.send("GET", path).status_code
    assert 200 == scene.a.send("GET", path + "/actions").status_code
    assert 201 == scene.a.assign(scene.web, scene.server_b).status_code


def test_a_fault_meets_only_the_method_it_names(scene: Scene) -> None:
    scene.cloud.fault(Fault(method="GET", status=500))
    assert 500 == scene.a.send("GET", f"/floating_ips/{scene.web}").status_code
    assert 201 == scene.a.assign(scene.web, scene.server_b).status_code


def test_a_request_that_meets_a_fault_counts_against_the_rate_limit(scene: Scene) -> None:
    scene.cloud.fault(Fault(status=500, count=1))
    remaining = [scene.a.send("GET", "/servers").headers["RateLimit-Remaining"] for _ in "12"]
    assert ["3599", "3598"] == remaining


def test_a_fault_can_skip_the_first_and_end_by_itself(scene: Scene) -> None:
    scene.cloud.fault(Fault(status=500, skip=1, count=2))
    statuses = [scene.a.send("GET", "/servers").status_code for _ in range(4)]
    assert [200, 500, 500, 200] == statuses
    (record,) = scene.cloud.faults()
    entries = scene.cloud.requests()
    assert 2 == record.hits
    assert record.ended_s is not None
    assert record.started_s <= entries[0].received_s <= entries[2].received_s <= record.ended_s
    assert record.ended_s <= entries[3].received_s
    assert [None, 1, 1, None] == [entry.fault for entry in entries]


def test_a_fault_ends_when_it_is_cleared_and_the_oldest_comes_first(scene: Scene) -> None:
    first, _second = scene.cloud.fault(Fault(status=500)), scene.cloud.fault(Fault(status=503))
    assert 500 == scene.a.send("GET", "/servers").status_code
    scene.cloud.clear(first)
    assert 503 == scene.a.send("GET", "/servers").status_code
    scene.cloud.clear_all()
    assert 200 == scene.a.send("GET", "/servers").status_code
    assert all(record.ended_s is not None for record in scene.cloud.faults())


def test_a_delayed_request_is_handled_late(scene: Scene) -> None:
    with scene.cloud.faulty(Fault(delay_s=0.2)):
        scene.b.assign(scene.web, scene.server_b)
    (assign,) = scene.cloud.assigns()
    (action,) = scene.cloud.actions()
    (move,) = scene.cloud.wait_for(scene.cloud.moves)
    assert 1 == action["id"]
    assert 0.3 <= move.at_s - assign.received_s
    assert 0.2 <= answered_s(scene) - assign.received_s


def test_a_delayed_request_is_handled_even_if_the_client_has_left(scene: Scene) -> None:
    fault = scene.cloud.fault(Fault(method="POST", delay_s=0.5))
    parts = urlsplit(scene.cloud.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    with contextlib.closing(connection):  # the whole request is on its way, and the end follows
        connection.request(
            "POST",
            f"/v1/floating_ips/{scene.web}/actions/assign",
            body=json.dumps({"server": scene.server_b}),
            headers={"Authorization": f"Bearer {scene.b.token}"},
        )
    scene.cloud.wait_for(lambda: scene.cloud.faults()[fault - 1].hits)
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)


def test_an_answer_can_be_delayed_after_it_was_done(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0)
    scene.cloud.fault(Fault(method="POST", answer_delay_s=0.3))
    scene.b.assign(scene.web, scene.server_b)
    (move,) = scene.cloud.moves()
    assert 0.3 <= answered_s(scene) - move.at_s


@pytest.mark.parametrize(("commit", "expected"), [(False, 42), (True, 43)])
def test_a_request_can_hang_for_ever_done_or_not(
    scene: Scene, *, commit: bool, expected: int
) -> None:
    scene.cloud.set_rules(action_s=0)
    fault = scene.cloud.fault(Fault(method="POST", answer=Answer.NEVER, commit=commit, count=1))
    with concurrently(lambda: scene.b.assign(scene.web, scene.server_b)) as failed:
        scene.cloud.wait_for(lambda: any(entry.status for entry in scene.cloud.requests()))
        assert expected == scene.cloud.holder(scene.web)
        assert [] == failed
        scene.cloud.clear(fault)
    assert isinstance(failed[0], LOST)
    assert scene.cloud.assigns()[0].answered_s is None


def test_a_hanging_request_ends_when_the_client_leaves(scene: Scene) -> None:
    scene.cloud.fault(Fault(answer=Answer.NEVER))
    with pytest.raises(requests.Timeout):
        scene.a.send("GET", "/servers", timeout_s=0.2)
    scene.cloud.wait_for(lambda: scene.cloud.counters().open_connections == 0)


@pytest.mark.parametrize("answer", [Answer.RESET, Answer.CLOSE])
@pytest.mark.parametrize(("commit", "expected"), [(False, 42), (True, 43)])
def test_a_connection_can_end_instead_of_an_answer(
    scene: Scene, answer: Answer, *, commit: bool, expected: int
) -> None:
    scene.cloud.set_rules(action_s=0)
    scene.cloud.fault(Fault(method="POST", answer=answer, commit=commit))
    with pytest.raises(requests.ConnectionError) as caught:
        scene.b.assign(scene.web, scene.server_b)
    assert (answer is Answer.RESET) == ("ConnectionResetError" in str(caught.value))
    assert expected == scene.cloud.holder(scene.web)
    assert [commit] == [entry.handled for entry in scene.cloud.assigns()]


def test_an_answer_can_come_byte_by_byte(scene: Scene) -> None:
    scene.cloud.fault(Fault(drip_s=0.0005))
    response = scene.a.send("GET", "/floating_ips?name=none")
    assert [] == response.json()["floating_ips"]
    (entry,) = scene.cloud.requests()
    assert len(response.content) * 0.0005 <= answered_s(scene) - entry.received_s


def test_a_body_can_be_malformed(scene: Scene) -> None:
    scene.cloud.fault(Fault(answer=Answer.MALFORMED))
    response = scene.a.send("GET", "/servers")
    assert int(response.headers["Content-Length"]) == len(response.content)
    with pytest.raises(ValueError, match="column"):
        json.loads(response.content)


def test_a_body_can_be_cut_off(scene: Scene) -> None:
    scene.cloud.fault(Fault(answer=Answer.TRUNCATED))
    parts = urlsplit(scene.cloud.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    with contextlib.closing(connection):  # with urllib3 1.26, requests would not notice
        connection.request(
            "GET", "/v1/servers", headers={"Authorization": f"Bearer {scene.a.token}"}
        )
        response = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    assert scene.cloud.requests()[0].answered_s is None


def test_a_body_can_be_huge(scene: Scene) -> None:
    scene.cloud.fault(Fault(answer=Answer.HUGE, size_bytes=5_000_000))
    response = scene.a.send("GET", "/servers")
    assert 5_000_000 < len(response.content)
    assert 2 == len(response.json()["servers"])


def test_objects_can_have_fields_that_nobody_knows(scene: Scene) -> None:
    scene.cloud.fault(Fault(answer=Answer.EXTRA_FIELDS))
    body = scene.a.send("GET", "/floating_ips").json()
    assert "unheard_of" in body
    assert "unheard_of" in body["floating_ips"][0]["home_location"]
    assert "unheard_of" not in body["meta"]["pagination"]


def test_an_action_can_fail_after_its_201(scene: Scene) -> None:
    scene.cloud.fault(Fault(action_error="unknown_error", count=1))
    action = scene.b.assign(scene.web, scene.server_b).json()["action"]
    assert ("running", None) == (action["status"], action["error"])
    path = f"/actions/{action['id']}"
    done = scene.cloud.wait_for(
        lambda: [each for each in scene.cloud.actions() if each["status"] == "error"]
    )
    assert done[0] == scene.b.get(path)["action"]
    assert {"code": "unknown_error", "message": "Action failed"} == done[0]["error"]
    assert scene.server_a == scene.cloud.holder(scene.web)
    assert 201 == scene.b.assign(scene.web, scene.server_b).status_code


def test_an_action_can_run_for_ever_and_fails_when_the_fault_is_cleared(scene: Scene) -> None:
    fault = scene.cloud.fault(Fault(method="POST", action_never_ends=True, count=1))
    scene.b.assign(scene.web, scene.server_b)
    assert 423 == scene.b.assign(scene.web, scene.server_b).status_code
    scene.cloud.clear(fault)
    (action,) = scene.cloud.actions()
    assert ("error", "action_failed") == (action["status"], action["error"]["code"])
    assert 201 == scene.b.assign(scene.web, scene.server_b).status_code


def test_an_endless_action_need_not_lock(scene: Scene) -> None:
    fault = Fault(method="POST", action_never_ends=True, action_locks=False, count=1)
    scene.cloud.fault(fault)
    statuses = [scene.b.assign(scene.web, scene.server_b).status_code for _ in range(2)]
    assert [201, 201] == statuses
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)


def test_an_action_can_take_its_time(scene: Scene) -> None:
    scene.cloud.fault(Fault(method="POST", action_s=0.4, count=1))
    scene.b.assign(scene.web, scene.server_b)
    (move,) = scene.cloud.wait_for(scene.cloud.moves)
    assert 0.4 <= move.at_s - scene.cloud.assigns()[0].received_s


def test_the_holder_can_change_long_after_action_and_answer(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0)
    scene.cloud.fault(Fault(client="node-b", method="POST", late_commit_s=0.5))
    action = scene.b.assign(scene.web, scene.server_b).json()["action"]
    assert ("success", scene.server_a) == (action["status"], scene.cloud.holder(scene.web))
    third = scene.cloud.add_server("node-c")
    scene.a.assign(scene.web, third)
    assert third == scene.cloud.holder(scene.web)
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)
    last = scene.cloud.moves()[-1]
    assert (True, "node-b", third) == (last.late, last.cause, last.old)


def test_a_lost_answer_and_a_late_commit_combine(scene: Scene) -> None:
    fault = Fault(method="POST", answer=Answer.RESET, commit=True, late_commit_s=0.3)
    scene.cloud.fault(fault)
    with pytest.raises(requests.ConnectionError):
        scene.b.assign(scene.web, scene.server_b)
    assert scene.server_a == scene.cloud.holder(scene.web)
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)


def test_readings_can_show_the_past(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0)
    scene.cloud.fault(Fault(method="GET", stale_s=3600))
    action = scene.b.assign(scene.web, scene.server_b).json()["action"]["id"]
    assert scene.server_a == scene.a.get(f"/floating_ips/{scene.web}")["floating_ip"]["server"]
    assert [scene.web] == scene.a.get("/servers/42")["server"]["public_net"]["floating_ips"]
    assert [] == scene.a.get(f"/actions?id={action}")["actions"]
    scene.cloud.clear_all()
    assert scene.server_b == scene.a.get(f"/floating_ips/{scene.web}")["floating_ip"]["server"]


def test_many_clients_at_once_are_each_logged_once(scene: Scene) -> None:
    parts = urlsplit(scene.cloud.url)

    def ask() -> None:
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        with contextlib.closing(connection):
            for _ in range(20):
                headers = {"Authorization": f"Bearer {scene.a.token}"}
                connection.request("GET", "/v1/servers/42", headers=headers)
                assert b'"id":42' in connection.getresponse().read()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = scene.cloud.requests()
    assert list(range(1, 161)) == [entry.seq for entry in entries]
    assert {20} == {
        len(list(group))
        for _, group in itertools.groupby(sorted(entry.connection for entry in entries))
    }


@contextlib.contextmanager
def concurrently(call: Callable[[], object]) -> Iterator[list[OSError]]:
    """Run a call beside the block; yields a list that its OSError goes into."""
    failed: list[OSError] = []

    def run() -> None:
        try:
            call()
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield failed
    finally:
        thread.join()
