"""Somebody tampers with the FIFO under a running pair."""

from collections.abc import Callable

import pytest

from hakeeper.demo.lab import LabSettings, Node, VrrpSettings, is_event, settle
from tests.support.lab_scene import MakeScene, Scene
from tests.support.waiting import eventually


def repair(node: Node) -> None:
    """Do as the log says: a FIFO at the path, and keepalived told to open it."""
    seen = len(node.hakeeper.entries())
    if node.paths.fifo.exists():
        node.remove_fifo()
    node.make_fifo()
    good = is_event("fifo.opened", "fifo.replaced", "fifo.recovered")
    node.hakeeper.wait_for_log(good, timeout_s=10, after=seen)
    reopen(node)


def reopen(node: Node) -> None:
    """Have keepalived open what is at the path now."""
    node.keepalived.reload()
    eventually(lambda: node.keepalived.has_open(node.paths.fifo), what="keepalived to open it")


def fail_over_and_back(scene: Scene) -> None:
    scene.a.link_down()
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    scene.a.link_up()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def delete(node: Node) -> None:
    node.remove_fifo()


def put_a_file_there(node: Node) -> None:
    node.remove_fifo()
    node.paths.fifo.write_text("not a FIFO\n")


@pytest.mark.parametrize("dbus", [True, False], ids=["dbus", "no-dbus"])
@pytest.mark.parametrize("tamper", [delete, put_a_file_there])
@pytest.mark.parametrize("name", ["a", "b"], ids=["master", "backup"])
def test_a_fifo_that_is_no_more_is_complained_of_and_its_repair_is_noticed(
    make_scene: MakeScene, name: str, tamper: Callable[[Node], None], *, dbus: bool
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=dbus)))
    scene.go()
    seq = scene.last_seq()
    node = scene.lab.node(name)

    seen = len(node.hakeeper.entries())
    tamper(node)
    node.hakeeper.wait_for_log(is_event("fifo.failed"), timeout_s=10, after=seen)
    settle(scene.lab)
    assert scene.assigns_after(seq) == []

    repair(node)
    assert node.hakeeper.running
    fail_over_and_back(scene)


@pytest.mark.parametrize("dbus", [True, False], ids=["dbus", "no-dbus"])
@pytest.mark.parametrize("name", ["a", "b"], ids=["master", "backup"])
def test_another_fifo_in_its_place_is_opened(
    make_scene: MakeScene, name: str, *, dbus: bool
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=dbus)))
    scene.go()
    node = scene.lab.node(name)

    seen = len(node.hakeeper.entries())
    node.remove_fifo()
    node.make_fifo()
    node.hakeeper.wait_for_log(is_event("fifo.replaced"), timeout_s=10, after=seen)
    reopen(node)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}
    fail_over_and_back(scene)
