"""`hakeeper drill` with real keepalived: there and back, and what ends it in its middle."""

import json
import signal

import pytest

from hakeeper.demo.lab import LabSettings, VrrpInstance, VrrpSettings, is_event, settle
from tests.support.lab_scene import MakeScene

SETTINGS = LabSettings(vrrp=VrrpSettings(steps_down=True))


def test_it_goes_there_and_back_and_says_how_long_each_part_took(make_scene: MakeScene) -> None:
    scene = make_scene(SETTINGS)
    scene.go()
    done = scene.a.hakeeper.command("drill", "--stay", "0", "--json", "--port", "9")
    assert (0, "") == (done.returncode, done.stderr)
    told = json.loads(done.stdout)
    assert ["yielded", "claimed", "master_again", "confirmed_here"] == [*told["seconds"]]
    assert all(seconds >= 0 for seconds in told["seconds"].values())
    assert 1 == told["addresses"]
    assert told["connections"]["failed"] == told["connections"]["tried"], "nobody listens there"
    for secret in ("203.0.113.10", "node-a", "node-b", "VI_1"):
        assert secret not in done.stdout, "it can be published"
    settle(scene.lab)
    assert {"web": "a"} == scene.holders()
    moves = [change.new for change in scene.cloud.holder_changes()][-3:]
    assert [node.server_id for node in (scene.a, scene.b, scene.a)] == moves


def test_the_table_is_for_people(make_scene: MakeScene) -> None:
    scene = make_scene(SETTINGS)
    scene.go()
    done = scene.a.hakeeper.command("drill", "--stay", "0.2")
    assert (0, "") == (done.returncode, done.stderr)
    texts = [line.split(" s  ")[1] for line in done.stdout.splitlines()]
    assert [
        "another node is MASTER",
        "it has all addresses",
        "this node is MASTER",
        "it has all addresses",
    ] == texts


def test_without_another_node_nothing_moves(make_scene: MakeScene) -> None:
    vrrp = VrrpSettings(instances=(VrrpInstance(nopreempt=True),), steps_down=True)
    scene = make_scene(LabSettings(vrrp=vrrp))
    scene.go()
    seq = scene.last_seq()
    done = scene.a.hakeeper.command("drill")
    assert (5, "") == (done.returncode, done.stdout)
    assert "taken back" in done.stderr
    assert ({"web": "a"}, []) == (scene.holders(), scene.assigns_after(seq))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_ctrl_c_and_a_terminal_that_goes_away_step_up(
    make_scene: MakeScene, number: signal.Signals
) -> None:
    scene = make_scene(SETTINGS)
    scene.go()
    drilling = scene.a.hakeeper.begin("drill", "--stay", "300")
    scene.a.hakeeper.wait_for_log(is_event("step_down.done"), timeout_s=30)
    drilling.send_signal(number)
    drilling.communicate(timeout=30)
    assert 128 + number == drilling.returncode
    scene.a.hakeeper.wait_for_log(is_event("step_down.ended"), timeout_s=30)
    settle(scene.lab)
    assert {"web": "a"} == scene.holders()
