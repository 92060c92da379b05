"""`hakeeper step-down` with real keepalived: another node takes over, or nothing has changed."""

import json
import re
import subprocess

import pytest

from hakeeper.demo.lab import LabSettings, Node, VrrpInstance, VrrpSettings, is_event, settle
from tests.support.lab_scene import MakeScene, Scene

STEPS_DOWN = VrrpSettings(steps_down=True)


def say(node: Node, *words: str) -> "subprocess.CompletedProcess[str]":
    return node.hakeeper.command(*words)


def event(node: Node, name: str) -> None:
    node.hakeeper.wait_for_log(is_event(name), timeout_s=15)


def number(node: Node) -> str:
    return node.paths.track_file.read_text()


def went(make_scene: MakeScene, settings: LabSettings) -> Scene:
    scene = make_scene(settings)
    scene.go()
    return scene


def test_down_and_up_move_the_address_there_and_back(make_scene: MakeScene) -> None:
    scene = went(make_scene, LabSettings(vrrp=STEPS_DOWN))
    done = say(scene.a, "step-down", "--reason", "a new kernel")
    assert (0, "") == (done.returncode, done.stderr)
    assert {"web": "b"} == scene.holders()
    assert "s  another node is MASTER of VI_1\n" in done.stdout
    assert "s  other servers have all addresses\n" in done.stdout
    assert "203.0.113.10 on node-b" in done.stdout
    assert "-253\n" == number(scene.a)
    event(scene.a, "step_down.done")

    done = say(scene.a, "step-up")
    assert (0, "") == (done.returncode, done.stderr)
    assert "0\n" == number(scene.a)
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert {"web": "a"} == scene.holders()


def test_a_sync_group_steps_down_as_a_whole(make_scene: MakeScene) -> None:
    two = (VrrpInstance(), VrrpInstance(name="VI_2", vrid=52, vips=("10.99.0.101/32",)))
    vrrp = VrrpSettings(instances=two, sync_groups={"G": ("VI_1", "VI_2")}, steps_down=True)
    settings = LabSettings(
        vrrp=vrrp, floating_ips={"VI_1": ("web",)}, group_floating_ips={"G": ("mail",)}
    )
    scene = went(make_scene, settings)
    assert 0 == say(scene.a, "step-down").returncode
    assert {"web": "b", "mail": "b"} == scene.holders()


def test_if_the_other_node_dies_this_one_takes_over_though_it_stepped_down(
    make_scene: MakeScene,
) -> None:
    scene = went(make_scene, LabSettings(vrrp=STEPS_DOWN))
    assert 0 == say(scene.a, "step-down").returncode
    scene.b.keepalived.kill_all()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert {"web": "a"} == scene.holders()
    event(scene.a, "step_down.overtaken")
    assert "-253\n" == number(scene.a), "the other one goes first when it is back"


@pytest.mark.parametrize("why", ["dead", "nopreempt"])
def test_if_no_other_node_takes_over_all_is_as_before(make_scene: MakeScene, why: str) -> None:
    one = VrrpInstance(nopreempt=why == "nopreempt")
    scene = went(make_scene, LabSettings(vrrp=VrrpSettings(instances=(one,), steps_down=True)))
    if why == "dead":
        scene.b.keepalived.kill_all()
    seq = scene.last_seq()
    done = say(scene.a, "step-down", "--json")
    found = json.loads(done.stdout)
    assert (5, "not_taken_over") == (done.returncode, found["last_step_down"]["end"])
    assert "0\n" == number(scene.a)
    assert ({"web": "a"}, []) == (scene.holders(), scene.assigns_after(seq))
    assert [scene.a] == [*scene.lab.masters()]


def test_a_step_down_outlives_hakeeper_and_keepalived(make_scene: MakeScene) -> None:
    scene = went(make_scene, LabSettings(vrrp=STEPS_DOWN))
    assert 0 == say(scene.a, "step-down").returncode
    scene.a.hakeeper.kill()
    scene.a.keepalived.stop()
    scene.a.keepalived.start()
    scene.a.hakeeper.start()
    settle(scene.lab)
    assert {"web": "b"} == scene.holders()
    found = scene.a.hakeeper.status()["step_down"]
    assert isinstance(found, dict)
    assert "down" == found["stage"]


def test_without_the_lines_it_says_which_and_asks_for_nothing(make_scene: MakeScene) -> None:
    scene = went(make_scene, LabSettings())
    done = say(scene.a, "step-down")
    assert (5, "") == (done.returncode, done.stdout)
    assert "keepalived would not yield: VI_1 does not track" in done.stderr
    assert f'file "{scene.a.paths.track_file}"' in done.stderr
    assert None is scene.a.hakeeper.status()["step_down"]


def test_a_backup_has_nothing_to_step_down_from(make_scene: MakeScene) -> None:
    scene = went(make_scene, LabSettings(vrrp=STEPS_DOWN))
    done = say(scene.b, "step-down")
    assert (5, "") == (done.returncode, done.stdout)
    assert "this server is MASTER of nothing: there is nothing to step down from\n" == done.stderr


def test_the_lines_come_into_force_by_a_reload_that_moves_nothing(make_scene: MakeScene) -> None:
    scene = make_scene(LabSettings(vrrp=STEPS_DOWN))
    whole = scene.a.keepalived.own_conf
    without = re.sub(r" *track_file [^}]*}\n", "", whole)
    assert "track_file" not in without
    scene.a.keepalived.write_conf(without)
    scene.go()
    assert 5 == say(scene.a, "step-down").returncode
    seq, roles = scene.last_seq(), len(scene.lab.witness.changes())
    scene.a.keepalived.write_conf(whole)
    scene.a.keepalived.reload()
    scene.lab.wait_until(
        lambda: "Reloading" in scene.a.keepalived.log_text(), timeout_s=10, what="the reload"
    )
    settle(scene.lab)
    assert ([], roles) == (scene.assigns_after(seq), len(scene.lab.witness.changes()))
    done = say(scene.a, "step-down")
    assert (0, "") == (done.returncode, done.stderr)
    assert {"web": "b"} == scene.holders()
