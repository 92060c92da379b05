import dataclasses
import time

import pytest

from hakeeper.demo.cloud import Fault, LoggedRequest
from hakeeper.demo.cloud.log import RequestLog
from tests.simcloud.conftest import Scene


def test_every_request_is_logged_with_what_became_of_it(scene: Scene) -> None:
    before_s = time.monotonic()
    answer = scene.b.assign(scene.web, scene.server_b)
    after_s = time.monotonic()
    (entry,) = scene.cloud.wait_for(
        lambda: [each for each in scene.cloud.requests() if each.answered_s is not None]
    )
    assert (
        LoggedRequest(
            seq=1,
            connection=1,
            client="node-b",
            source="127.0.0.1",
            method="POST",
            path=f"/v1/floating_ips/{scene.web}/actions/assign",
            query="",
            body='{"server": 43}',
            correlation_id=answer.headers["X-Correlation-Id"],
            received_s=entry.received_s,
            answered_s=entry.answered_s,
            status=201,
            code="",
            handled=True,
            fault=None,
        )
        == entry
    )
    assert entry.answered_s is not None
    assert before_s <= entry.received_s <= entry.answered_s
    assert entry.received_s <= after_s
    assert (True, True, 43, scene.web) == (
        entry.is_assign,
        entry.is_write,
        entry.server,
        entry.floating_ip,
    )


def test_a_reading_is_no_write_and_has_no_target(scene: Scene) -> None:
    scene.a.get("/servers?name=node-a")
    (entry,) = scene.cloud.requests()
    assert ("name=node-a", False, None, None) == (
        entry.query,
        entry.is_write,
        entry.server,
        entry.floating_ip,
    )


def test_requests_can_be_asked_for_by_client_method_path_and_number(scene: Scene) -> None:
    scene.a.get("/servers")
    scene.a.assign(scene.web, scene.server_b)
    scene.b.assign(99, scene.server_b)
    cloud = scene.cloud
    assert [1, 2] == [entry.seq for entry in cloud.requests(client="node-a")]
    assert [2, 3] == [entry.seq for entry in cloud.requests(method="POST")]
    assert [1] == [entry.seq for entry in cloud.requests(path="/servers")]
    assert [3] == [entry.seq for entry in cloud.requests(after_seq=2)]
    assert [3] == [entry.seq for entry in cloud.assigns(client="node-b")]
    assert [2] == [entry.seq for entry in cloud.assigns(floating_ip=scene.web)]
    assert [201, 404] == [entry.status for entry in cloud.assigns()]


def test_ownership_is_kept_per_address(scene: Scene) -> None:
    other = scene.cloud.add_floating_ip("other", "203.0.113.11")
    scene.cloud.move(other, scene.server_b)
    scene.cloud.move(scene.web, None)
    assert [(None, None), (None, 43)] == [
        (change.old, change.new) for change in scene.cloud.holder_changes(other)
    ]
    assert [other, scene.web] == [change.floating_ip for change in scene.cloud.moves()]
    stamps = [change.at_s for change in scene.cloud.holder_changes()]
    assert sorted(stamps) == stamps


def test_the_log_holds_no_token(scene: Scene) -> None:
    scene.a.get("/servers")
    everything = f"{scene.cloud.requests()} {scene.cloud.faults()} {scene.cloud.holder_changes()}"
    assert scene.a.token not in everything


def test_waiting_ends_with_the_story_if_it_does_not_happen(scene: Scene) -> None:
    scene.a.get("/servers/43")
    with pytest.raises(TimeoutError, match="/v1/servers/43"):
        scene.cloud.wait_for(lambda: False, timeout_s=0.05)


def test_waiting_sees_what_time_alone_brings(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0.2)
    scene.b.assign(scene.web, scene.server_b)
    done = scene.cloud.wait_for(
        lambda: scene.cloud.actions()[0]["status"] == "success" and scene.cloud.moves()
    )
    assert isinstance(done, list)
    assert scene.server_b == done[0].new


def entry(seq: int) -> LoggedRequest:
    return LoggedRequest(
        seq=seq,
        connection=1,
        client="",
        method="GET",
        path="/",
        query="",
        body="",
        correlation_id="",
        received_s=float(seq),
    )


def test_a_full_log_drops_the_oldest_and_says_so() -> None:
    log = RequestLog(capacity=3)
    for seq in range(1, 6):
        assert seq == log.next_seq()
        log.add(entry(seq))
    assert 2 == log.dropped
    log.update(4, status=200)
    log.update(1, status=500)
    expected = [entry(3), dataclasses.replace(entry(4), status=200), entry(5)]
    assert expected == log.entries()
    assert expected[1:] == log.entries(after_seq=3)


def test_waiting_wakes_when_something_is_due_and_not_only_at_its_end(scene: Scene) -> None:
    other = scene.cloud.add_floating_ip("other", "203.0.113.11")
    scene.cloud.fault(Fault(path=f"/{other}/", late_commit_s=6))
    scene.b.assign(other, scene.server_b)
    scene.cloud.set_rules(action_s=0.2)
    scene.b.assign(scene.web, scene.server_b)
    assert [scene.web] == [
        move.floating_ip for move in scene.cloud.wait_for(scene.cloud.moves, timeout_s=9)
    ]
