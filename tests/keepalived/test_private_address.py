"""keepalived without its private address hears nobody and thinks it is MASTER: what comes of it.

The same tests run with a newer keepalived: `make newer-keepalived`. From 2.3.3 on it no longer
insists on its address at the start.
"""

import re
import subprocess

from hakeeper.core.model import Role
from hakeeper.demo.lab import LabSettings, Node, is_event, settle
from hakeeper.demo.lab.daemon import LogEntry
from hakeeper.demo.lab.keepalived import find_keepalived
from tests.support.lab_scene import MakeScene, Scene

CHECKED = LabSettings(vrrp_address=True)
UNCHECKED = LabSettings()
SPEAKS_UNHEARD = (2, 3, 3)
"""The first version that starts without its address, and not in FAULT."""


def keepalived_version() -> tuple[int, ...]:
    program = find_keepalived() or "keepalived"
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"Keepalived v(\d+)\.(\d+)\.(\d+)", told)
    assert found is not None, told
    return tuple(map(int, found.groups()))


def wait_for_missing(node: Node, role: Role) -> str:
    """Wait until hakeeper has said why it does not believe this role; return the message."""

    def wanted(entry: LogEntry) -> bool:
        fields = entry.get("fields")
        return is_event("vrrp_address.missing")(entry) and (
            isinstance(fields, dict) and fields["role"] == role.value
        )

    return str(node.hakeeper.wait_for_log(wanted, timeout_s=10)["message"])


def wait_for_more_looks(scene: Scene, node: Node) -> None:
    """Wait until this hakeeper has asked the cloud so often that a claim would be among it."""
    seq = scene.last_seq()
    scene.cloud.wait_for(
        lambda: len(scene.cloud.requests(client=node.name, after_seq=seq)) > 3, timeout_s=30
    )


def role_of(node: Node) -> dict[str, object]:
    """The one role of `hakeeper status --json`."""
    roles = node.hakeeper.status()["roles"]
    assert isinstance(roles, list)
    [role] = roles
    assert isinstance(role, dict)
    return role


def test_a_backup_that_loses_its_address_says_master_and_hakeeper_claims_nothing(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(CHECKED)
    scene.go()
    seq = scene.last_seq()

    scene.b.remove_address()
    scene.lab.wait_for_master(scene.b)
    said = wait_for_missing(scene.b, Role.MASTER)
    assert f"says MASTER, but is isolated: vrrp_address {scene.b.station.ip} is not" in said
    wait_for_more_looks(scene, scene.b)
    assert scene.lab.vrrp_roles() == {"a": Role.MASTER, "b": Role.MASTER}
    assert scene.holders() == {"web": "a"}
    role = role_of(scene.b)
    assert ("MASTER", False, [scene.b.station.ip]) == (
        role["role"],
        role["role_confirmed"],
        role["vrrp_missing"],
    )
    status = scene.b.hakeeper.command("status")
    missing = f"nothing is claimed: vrrp_address {scene.b.station.ip} is not on this machine"
    assert missing in " ".join(status.stdout.split())

    scene.b.restore_address()
    scene.lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)
    scene.b.hakeeper.wait_for_log(is_event("vrrp_address.found"), timeout_s=10)
    settle(scene.lab)
    assert scene.assigns_after(seq) == []


def test_without_the_key_it_does_claim_and_the_better_master_has_to_take_it_back(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(UNCHECKED)
    scene.go()
    web = scene.lab.floating_ips["web"]
    seq = scene.last_seq()

    scene.b.remove_address()
    scene.lab.wait_for_master(scene.b)
    scene.cloud.wait_for(lambda: scene.cloud.assigns(client="b", floating_ip=web))
    scene.cloud.wait_for(lambda: [one for one in scene.assigns_after(seq) if one.client == "a"])
    taken, *later = scene.assigns_after(seq)
    assert "b" == taken.client
    assert "a" == later[0].client

    scene.b.restore_address()
    scene.lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_a_master_that_loses_its_address_gives_nothing_up_and_repairs_nothing_until_it_is_back(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(CHECKED)
    scene.go()
    seq = scene.last_seq()

    scene.a.remove_address()
    wait_for_missing(scene.a, Role.MASTER)
    wait_for_more_looks(scene, scene.a)
    assert scene.holders() == {"web": "a"}
    scene.cloud.move(scene.lab.floating_ips["web"], scene.b.server_id)
    wait_for_more_looks(scene, scene.a)
    assert scene.assigns_after(seq) == []

    scene.a.restore_address()
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}
    assert {"a"} == {one.client for one in scene.assigns_after(seq)}


def start_without_address(scene: Scene) -> int:
    """Have `b` take over, then start `a` without its address; return the last request before."""
    scene.a.remove_address()
    scene.lab.start_hakeeper()
    wait_for_missing(scene.a, Role.UNKNOWN)
    scene.b.keepalived.start()
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    seq = scene.last_seq()
    scene.a.keepalived.start()
    return seq


def test_a_better_node_that_starts_without_its_address_claims_only_when_it_has_it(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(CHECKED)
    seq = start_without_address(scene)
    wrongly = keepalived_version() >= SPEAKS_UNHEARD
    role = Role.MASTER if wrongly else Role.FAULT
    scene.lab.witness.wait_for_role("a", "VI_1", {role}, timeout_s=10)
    if wrongly:
        wait_for_missing(scene.a, Role.MASTER)
        scene.lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)
    wait_for_more_looks(scene, scene.a)
    assert scene.assigns_after(seq) == []
    assert scene.holders() == {"web": "b"}

    scene.a.restore_address()
    if not wrongly:
        scene.a.hakeeper.wait_for_log(is_event("vrrp_address.found"), timeout_s=10)
        assert scene.lab.vrrp_roles()["a"] is Role.FAULT, "it does not recover by itself"
        scene.a.keepalived.reload()
        scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}
    assert {"a"} == {one.client for one in scene.assigns_after(seq)}
