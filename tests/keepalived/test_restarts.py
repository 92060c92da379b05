"""hakeeper itself ends and starts, in each role, and long after keepalived."""

import contextlib
import os
import time

import pytest

from hakeeper.adapters.keepalived.bus import SERVICE
from hakeeper.adapters.keepalived.bus_connection import BusConnection
from hakeeper.adapters.keepalived.dbus_roles import RoleReader
from hakeeper.core.model import Role
from hakeeper.demo.lab import HakeeperProcess, LabSettings, Node, VrrpSettings, settle
from tests.support.lab_scene import MakeScene
from tests.support.waiting import eventually


def end(hakeeper: HakeeperProcess, how: str) -> None:
    if how == "TERM":
        assert hakeeper.term() == 0
    else:
        hakeeper.kill()


def throw_lines_away(node: Node, last: bytes) -> None:
    """Empty the pipe, as a reader before hakeeper would have, up to the line with `last`."""
    thrown = bytearray()
    fd = os.open(node.paths.fifo, os.O_RDWR | os.O_NONBLOCK)

    def read() -> bool:
        with contextlib.suppress(BlockingIOError):  # nothing there (yet)
            thrown.extend(os.read(fd, 65536))
        return last in thrown

    try:
        eventually(read, what=f"{last!r} in the pipe")
    finally:
        os.close(fd)


def instances_on_d_bus(node: Node) -> dict[str, Role] | None:
    """What keepalived says of its instances there; None while it is not on the bus."""
    deadline_s = time.monotonic() + 5.0
    link = BusConnection.open(f"unix:path={node.folder / 'bus'}", SERVICE, deadline_s)
    with contextlib.closing(link):
        return RoleReader().read(link, deadline_s) if link.owner else None


@pytest.mark.parametrize("dbus", [True, False], ids=["dbus", "no-dbus"])
@pytest.mark.parametrize("how", ["TERM", "KILL"])
@pytest.mark.parametrize("name", ["a", "b"], ids=["master", "backup"])
def test_a_restart_moves_no_address_and_loses_no_role(
    make_scene: MakeScene, name: str, how: str, *, dbus: bool
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=dbus)))
    scene.go()
    seq = scene.last_seq()

    hakeeper = scene.lab.node(name).hakeeper
    end(hakeeper, how)
    hakeeper.start()
    settle(scene.lab)
    assert scene.assigns_after(seq) == []
    assert scene.holders() == {"web": "a"}

    # What it knows must also be enough to act.
    web = scene.lab.floating_ips["web"]
    scene.cloud.move(web, scene.b.server_id)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}

    scene.a.keepalived.kill_all()
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}


@pytest.mark.parametrize("how", ["TERM", "KILL"])
@pytest.mark.parametrize("dbus", [True, False], ids=["dbus", "no-dbus"])
def test_a_failover_while_both_hakeepers_are_down_is_carried_out_at_their_start(
    make_scene: MakeScene, how: str, *, dbus: bool
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=dbus)))
    scene.go()
    for node in scene.lab.nodes:
        end(node.hakeeper, how)

    scene.a.link_down()
    scene.lab.wait_for_master(scene.b)
    seq = scene.last_seq()
    scene.lab.start_hakeeper()
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    assert {assign.client for assign in scene.assigns_after(seq)} == {"b"}


def test_a_keepalived_whose_d_bus_forgets_is_master_by_its_lines(make_scene: MakeScene) -> None:
    """Started while the VRRP process of the one before still has the name on the bus."""
    scene = make_scene(LabSettings())
    scene.go()
    keepalived = scene.a.keepalived
    keepalived.kill_parent()
    keepalived.start()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    eventually(lambda: instances_on_d_bus(scene.a) == {}, what="a D-Bus tree without instances")
    assert scene.holders() == {"web": "a"}

    settle(scene.lab)  # until hakeeper has asked once more
    scene.cloud.move(scene.lab.floating_ips["web"], scene.b.server_id)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


@pytest.mark.parametrize("dbus", [True, False], ids=["dbus", "no-dbus"])
def test_a_node_whose_keepalived_died_while_hakeeper_was_down_claims_nothing(
    make_scene: MakeScene, *, dbus: bool
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=dbus)))
    scene.go()
    scene.a.hakeeper.kill()
    scene.a.keepalived.kill_all()
    scene.lab.wait_for_master(scene.b)
    seq = scene.last_seq()

    scene.a.hakeeper.start()
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    assert {assign.client for assign in scene.assigns_after(seq)} <= {"b"}


@pytest.mark.parametrize("dbus", [True, False], ids=["dbus", "no-dbus"])
def test_lines_that_waited_long_in_the_pipe_are_enough(
    make_scene: MakeScene, *, dbus: bool
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=dbus)))
    scene.lab.start_keepalived()
    scene.lab.wait_for_master(scene.a)
    scene.a.keepalived.kill_child()
    scene.lab.wait_for_master(scene.a)

    scene.lab.start_hakeeper()
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_a_start_long_after_keepalived_learns_the_role_over_dbus(make_scene: MakeScene) -> None:
    scene = make_scene(LabSettings())
    scene.lab.start_keepalived()
    scene.lab.wait_for_master(scene.a)
    throw_lines_away(scene.a, b"MASTER")

    scene.lab.start_hakeeper()
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_with_no_way_to_learn_the_role_nothing_is_claimed_until_the_next_line(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=False)))
    scene.lab.start_keepalived()
    scene.lab.wait_for_master(scene.a)
    throw_lines_away(scene.a, b"MASTER")
    throw_lines_away(scene.b, b"BACKUP")

    scene.lab.start_hakeeper()
    for name in ("a", "b"):
        scene.cloud.wait_for(lambda name=name: len(scene.cloud.requests(client=name)) > 2)  # type: ignore[misc]
    assert scene.cloud.assigns() == []

    scene.a.link_down()
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    assert scene.lab.witness.role("a", "VI_1") is Role.FAULT


def test_a_keepalived_that_hangs_takes_nothing_back_from_the_new_master(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(LabSettings())
    scene.go()
    seq = scene.last_seq()
    scene.a.keepalived.freeze()
    scene.lab.wait_for_master(scene.b)

    def shown() -> object:
        problems = scene.a.hakeeper.status()["problems"]
        assert isinstance(problems, list)
        return "keepalived.hangs" in [problem["code"] for problem in problems]

    eventually(shown, what="keepalived.hangs in the status")
    eventually(lambda: scene.holders() == {"web": "b"}, what="the address at b")
    looked, taken = scene.last_seq(), len(scene.assigns_after(seq))
    eventually(lambda: scene.last_seq() > looked + 20, 60.0, "both to look for a while")
    assert ({"web": "b"}, taken) == (scene.holders(), len(scene.assigns_after(seq)))

    scene.a.keepalived.thaw()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}
