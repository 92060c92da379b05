"""keepalived ends, or loses its link or its health: the address goes with the VRRP master."""

import pytest

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.lab import Cable, LabSettings, Node, VrrpInstance, VrrpSettings, is_event, settle
from tests.support.lab_scene import MakeScene

TRACKED = (VrrpInstance(tracked=True),)


def role_in_status(node: Node) -> object:
    """The role of the one instance, as `hakeeper status --json` says it."""
    roles = node.hakeeper.status()["roles"]
    assert isinstance(roles, list)
    (role,) = roles
    assert role["name"] == "VI_1"
    return role["role"]


def test_a_graceful_stop_moves_the_address_and_a_start_brings_it_back(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(LabSettings())
    scene.go()
    assert scene.holders() == {"web": "a"}

    assert scene.a.keepalived.stop() == 0
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}

    scene.a.keepalived.start()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_kill_9_of_everything_moves_the_address_though_no_line_is_written(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(LabSettings())
    scene.go()

    scene.a.keepalived.kill_all()
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    assert scene.a.has_vip("10.99.0.100/32"), "the dead one left its VIP, as it does"
    scene.a.hakeeper.wait_for_log(is_event("keepalived.gone"), timeout_s=5)
    assert role_in_status(scene.a) == "UNKNOWN"
    assert role_in_status(scene.b) == "MASTER"

    scene.a.keepalived.start()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_kill_9_moves_the_address_with_vrrp_version_2_and_whole_seconds(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(version=2, advert_int_s=1)))
    scene.go()

    scene.a.keepalived.kill_all()
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}


@pytest.mark.parametrize("dbus", [True, False], ids=["dbus", "no-dbus"])
def test_kill_9_of_the_vrrp_child_ends_with_the_address_at_the_master(
    make_scene: MakeScene, *, dbus: bool
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(dbus=dbus)))
    scene.go()

    killed = scene.a.keepalived.kill_child()
    scene.a.keepalived.wait_for_child(other_than=killed)
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_link_down_moves_the_address_and_link_up_brings_it_back(make_scene: MakeScene) -> None:
    scene = make_scene(LabSettings())
    scene.go()

    scene.a.link_down()
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    assert scene.lab.vrrp_roles() == {"a": Role.FAULT, "b": Role.MASTER}

    scene.a.link_up()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


@pytest.mark.parametrize(
    ("weight", "role"), [(None, Role.FAULT), (-101, Role.BACKUP)], ids=["no-weight", "weight"]
)
def test_a_failed_script_moves_the_address_and_its_repair_brings_it_back(
    make_scene: MakeScene, weight: int | None, role: Role
) -> None:
    vrrp = VrrpSettings(instances=TRACKED, script_weight=weight)
    scene = make_scene(LabSettings(vrrp=vrrp))
    scene.go()

    scene.a.set_healthy(healthy=False)
    scene.lab.wait_for_master(scene.b)
    scene.lab.witness.wait_for_role("a", "VI_1", {role}, timeout_s=10)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}

    scene.a.set_healthy(healthy=True)
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


@pytest.mark.parametrize("cable", [Cable.CUT, Cable.ISOLATED], ids=lambda cable: cable.value)
def test_after_a_split_brain_the_surviving_master_has_the_address(
    make_scene: MakeScene, cable: Cable
) -> None:
    scene = make_scene(LabSettings())
    scene.go()

    scene.b.set_cable(cable)
    scene.lab.wait_for_master(scene.b)
    web = scene.lab.floating_ips["web"]
    scene.cloud.wait_for(lambda: scene.cloud.assigns(client="b", floating_ip=web))
    assert scene.lab.vrrp_roles() == {"a": Role.MASTER, "b": Role.MASTER}

    scene.b.set_cable(Cable.WHOLE)
    scene.lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_without_preemption_the_address_stays_when_the_first_master_returns(
    make_scene: MakeScene,
) -> None:
    vrrp = VrrpSettings(instances=(VrrpInstance(nopreempt=True),))
    scene = make_scene(LabSettings(vrrp=vrrp))
    scene.go()

    assert scene.a.keepalived.stop() == 0
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    seq = scene.last_seq()
    scene.a.keepalived.start()
    scene.lab.witness.wait_for_role("a", "VI_1", {Role.BACKUP}, timeout_s=10)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    assert scene.assigns_after(seq) == []


GROUP = VrrpId(VrrpKind.GROUP, "VG 1")


def test_the_addresses_of_a_sync_group_follow_the_group(make_scene: MakeScene) -> None:
    instances = (
        VrrpInstance(name="VI 1", vrid=51, vips=("10.99.0.100/32",), tracked=True),
        VrrpInstance(name="VI_2", vrid=52, vips=("10.99.0.101/32",)),
    )
    vrrp = VrrpSettings(instances=instances, sync_groups={GROUP.name: ("VI 1", "VI_2")})
    scene = make_scene(
        LabSettings(vrrp=vrrp, floating_ips={}, group_floating_ips={GROUP.name: ("web", "mail")})
    )
    scene.go()
    assert scene.holders() == {"web": "a", "mail": "a"}

    scene.a.set_healthy(healthy=False)
    scene.lab.wait_for_master(scene.b, GROUP)
    settle(scene.lab)
    assert scene.holders() == {"web": "b", "mail": "b"}

    scene.a.set_healthy(healthy=True)
    scene.lab.wait_for_master(scene.a, GROUP)
    settle(scene.lab)
    assert scene.holders() == {"web": "a", "mail": "a"}

    scene.a.keepalived.kill_all()
    scene.lab.wait_for_master(scene.b, GROUP)
    settle(scene.lab)
    assert scene.holders() == {"web": "b", "mail": "b"}


def test_two_instances_each_take_their_own_addresses_along(make_scene: MakeScene) -> None:
    instances = (
        VrrpInstance(name="VI_1", vrid=51, vips=("10.99.0.100/32",), priorities=(150, 100)),
        VrrpInstance(name="VI_2", vrid=52, vips=("10.99.0.101/32",), priorities=(100, 150)),
    )
    addresses = {"VI_1": ("web", "mail"), "VI_2": ("db",)}
    scene = make_scene(LabSettings(vrrp=VrrpSettings(instances=instances), floating_ips=addresses))
    scene.lab.start_hakeeper()
    scene.lab.start_keepalived()
    scene.lab.wait_for_master(scene.a, "VI_1")
    scene.lab.wait_for_master(scene.b, "VI_2")
    settle(scene.lab)
    assert scene.holders() == {"web": "a", "mail": "a", "db": "b"}

    scene.b.keepalived.kill_all()
    scene.lab.wait_for_master(scene.a, "VI_2")
    settle(scene.lab)
    assert scene.holders() == {"web": "a", "mail": "a", "db": "a"}

    scene.b.keepalived.start()
    scene.lab.wait_for_master(scene.b, "VI_2")
    settle(scene.lab)
    assert scene.holders() == {"web": "a", "mail": "a", "db": "b"}
