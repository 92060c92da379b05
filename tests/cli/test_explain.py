"""`hakeeper explain` as people see it, with daemons that are old, busy, dead or out of reach."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hakeeper.adapters.control_server import BUSY
from hakeeper.adapters.explanation import explained
from hakeeper.cli.explain import WIDTH, lines
from hakeeper.core.calls import FailureKind, Mutate
from hakeeper.core.events import Paused
from hakeeper.diagnosis.rehearsal import rehearse
from tests.cli.test_pause import ask, says
from tests.core.driver import WEB, Node, World, instance, one_node
from tests.core.faults import failure
from tests.core.operator.test_pause import pause

WALL_S = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def answer(world: World, node: Node) -> Mapping[str, object]:
    told = rehearse(node.core, instance("VI_1"), world.now, 16)
    one = explained(node.snapshot().roles[0], replace(told, left_out=3), WALL_S)
    found: Mapping[str, object] = json.loads(json.dumps({"schema": 1, "instances": [one, one]}))
    return found


def backup(*, is_paused: bool = False) -> tuple[World, Node]:
    world, node = one_node()
    world.cloud.nature.latency_s = 0.02
    node.warm()
    world.run_for(60.0)
    if is_paused:
        node.feed(Paused(pause(world)))
    return world, node


def test_it_tells_where_things_are_and_what_would_follow(path: Path) -> None:
    said = answer(*backup())
    done, asked = ask(path, said, "explain")
    assert (0, "", {"command": "explain"}) == (done.returncode, done.stderr, asked)
    text = " ".join(done.stdout.split())
    assert "VI_1 BACKUP: keepalived is backup (line BACKUP)" in text
    assert "web = 203.0.113.10: on node2 (id 2), idle decided: leaving it alone" in text
    assert "waits: keepalived does not say MASTER" in text
    assert "and 3 more addresses, left out here" in text
    assert "→ assign 203.0.113.10: this server has it then POST /floating_ips/4711" in text
    assert "All would be confirmed here after " in text


def test_it_tells_what_would_stand_in_the_way(path: Path) -> None:
    said = answer(*backup(is_paused=True))
    done, _ = ask(path, said, "explain", "VI_1")
    text = " ".join(done.stdout.split())
    assert "Not all would be confirmed here. 203.0.113.10 would wait: hakeeper is paused" in text


def without_a_token() -> tuple[World, Node]:
    world, node = backup()
    refused = replace(failure(FailureKind.AUTH, "unauthorized"), message="unable to authenticate")
    world.cloud.fail(refused)
    world.run_for(90.0)
    return world, node


def test_what_fails_now_is_no_promise(path: Path) -> None:
    done, _ = ask(path, answer(*without_a_token()), "explain")
    text = " ".join(done.stdout.split())
    assert "if each call succeeded. Calls fail now: unable to authenticate (unauthorized)." in text
    assert "if the API answers as fast as it did last" not in text


def test_a_claim_that_fails_now_is_no_promise_either(path: Path) -> None:
    world, node = backup()
    world.cloud.fail(failure(FailureKind.LOCKED, "locked"), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(3.0)
    done, _ = ask(path, answer(world, node), "explain")
    assert "Calls fail now: it is locked (locked)." in " ".join(done.stdout.split())


def test_where_an_address_was_before_this_role_is_told_as_last_known(path: Path) -> None:
    world, node = backup()
    node.line("VI_1", "FAULT")
    done, _ = ask(path, answer(world, node), "explain")
    text = " ".join(done.stdout.split())
    assert "web = 203.0.113.10: last known on node2 (id 2), idle" in text


def test_an_address_of_nobody_has_the_words_of_the_status(path: Path) -> None:
    world, node = backup()
    world.cloud.move(WEB, None)
    world.run_for(90.0)
    done, _ = ask(path, answer(world, node), "explain")
    assert "web = 203.0.113.10: on no server, idle" in " ".join(done.stdout.split())


def test_it_fits_a_terminal() -> None:
    for made in (backup(), backup(is_paused=True), without_a_token()):
        told = [*lines(answer(*made), WALL_S)]
        assert [line for line in told if len(line) > WIDTH] == []


def test_json_is_what_the_daemon_says(path: Path) -> None:
    said = answer(*backup())
    done, asked = ask(path, said, "explain", "VI_1", "--json")
    assert (0, said) == (done.returncode, json.loads(done.stdout))
    assert asked["instance"] == "VI_1"


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        (BUSY, 4, "hakeeper runs, but is busy with other clients"),
        ({"error": "unknown command 'explain'; known: status"}, 3, "is of an older version"),
        ({"error": "explain: there is no instance 'X'", "code": "bad_request"}, 2, "no instance"),
        (None, 3, "gave no usable answer"),
    ],
)
def test_a_daemon_that_does_not_say_it_is_told_of(
    path: Path,
    said: Mapping[str, object] | None,
    code: int,
    text: str,
) -> None:
    done, _ = ask(path, said, "explain")
    assert code == done.returncode
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_no_daemon_is_not_running(path: Path) -> None:
    done = says("explain", "--socket", str(path))
    assert (3, "") == (done.returncode, done.stdout)
    assert "hakeeper does not run" in done.stderr
