"""The lab's own instruments: what they break is broken, and what they judge can be found guilty."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.lab import (
    Cable,
    LabSettings,
    LabTimeoutError,
    Node,
    VrrpInstance,
    VrrpSettings,
    Way,
    settle,
    wrongful_assigns,
)
from tests.support.lab_scene import MakeScene, Scene
from tests.support.waiting import eventually

VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")

ASSIGN = """
import json, sys, urllib.request
endpoint, token, floating_ip, server = sys.argv[1:]
request = urllib.request.Request(
    f"{endpoint}/floating_ips/{floating_ip}/actions/assign",
    data=json.dumps({"server": int(server)}).encode(),
    headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
)
try:
    print(urllib.request.urlopen(request, timeout=1).status)
except OSError as error:
    print(type(error.reason if hasattr(error, "reason") else error).__name__)
"""


def assign_by_hand(scene: Scene, node: Node, server_id: int) -> str:
    """Do what hakeeper does, over the node's own way to the cloud."""
    endpoint = node.endpoint
    token = (node.folder / "token").read_text().strip()
    web = str(scene.lab.floating_ips["web"])
    script = [sys.executable, "-c", ASSIGN, endpoint, token, web, str(server_id)]
    return node.namespace.run(*script).strip()


def with_keepalived(make_scene: MakeScene) -> Scene:
    scene = make_scene(LabSettings())
    scene.lab.start_keepalived()
    scene.lab.wait_for_master(scene.a)
    return scene


def test_an_assign_by_a_backup_is_found_guilty(make_scene: MakeScene) -> None:
    scene = with_keepalived(make_scene)
    assert assign_by_hand(scene, scene.a, scene.a.server_id) == "201"
    assert wrongful_assigns(scene.lab) == []
    scene.cloud.wait_for(lambda: scene.holders() == {"web": "a"})

    assert assign_by_hand(scene, scene.b, scene.b.server_id) == "201"
    (wrong,) = wrongful_assigns(scene.lab)
    assert "b assigned" in wrong
    assert "while not MASTER" in wrong


def test_an_assign_to_another_server_is_found_guilty(make_scene: MakeScene) -> None:
    scene = with_keepalived(make_scene)
    assert assign_by_hand(scene, scene.a, scene.b.server_id) == "201"
    (wrong,) = wrongful_assigns(scene.lab)
    assert "which is not its own" in wrong


def test_an_address_with_the_wrong_node_does_not_settle(make_scene: MakeScene) -> None:
    scene = with_keepalived(make_scene)
    scene.cloud.move(scene.lab.floating_ips["web"], scene.b.server_id)
    with pytest.raises(LabTimeoutError, match="a MASTER, b BACKUP"):
        settle(scene.lab, timeout_s=0.1)


def test_the_way_to_the_cloud_can_be_refused_silent_and_open_again(make_scene: MakeScene) -> None:
    scene = with_keepalived(make_scene)
    scene.a.set_api(Way.REFUSED)
    assert assign_by_hand(scene, scene.a, scene.a.server_id) == "ConnectionRefusedError"
    scene.a.set_api(Way.SILENT)
    assert assign_by_hand(scene, scene.a, scene.a.server_id) == "TimeoutError"
    assert scene.cloud.requests() == []
    scene.a.set_api(Way.OPEN)
    assert assign_by_hand(scene, scene.a, scene.a.server_id) == "201"


def test_a_cut_makes_two_masters_and_a_isolated_backup_is_heard(make_scene: MakeScene) -> None:
    scene = with_keepalived(make_scene)
    both = {"a": Role.MASTER, "b": Role.MASTER}

    scene.b.set_cable(Cable.CUT)
    scene.lab.wait_for_master(scene.b)
    assert scene.lab.vrrp_roles() == both
    scene.b.set_cable(Cable.WHOLE)
    scene.lab.witness.wait_for_role("b", VI_1, {Role.BACKUP}, timeout_s=10)

    def lower_priority_heard() -> bool:
        return any(
            heard.node == "a" and heard.line.state.value == "MASTER_RX_LOWER_PRI"
            for heard in scene.lab.witness.heard()
        )

    before = len(scene.lab.witness.heard())
    scene.b.set_cable(Cable.ISOLATED)
    scene.lab.wait_for_master(scene.b)
    eventually(lower_priority_heard, what="a to hear the lower master")
    assert scene.lab.vrrp_roles() == both
    assert len(scene.lab.witness.heard()) > before


def test_a_dead_keepalived_has_no_role_but_its_vip(make_scene: MakeScene) -> None:
    scene = with_keepalived(make_scene)
    child = scene.a.keepalived.child_pid()
    scene.a.keepalived.kill_all()
    assert scene.lab.witness.role("a", VI_1) is Role.UNKNOWN
    assert scene.a.has_vip("10.99.0.100/32")
    assert not Path(f"/proc/{child}").exists()
    (span,) = scene.lab.witness.master_spans("a", VI_1)
    assert span.by_death


def test_a_lost_private_address_comes_back(make_scene: MakeScene) -> None:
    scene = with_keepalived(make_scene)
    scene.b.remove_address()
    scene.lab.wait_for_master(scene.b)  # keepalived 2.2: isolated without its source address
    scene.b.restore_address()
    scene.lab.witness.wait_for_role("b", VI_1, {Role.BACKUP}, timeout_s=10)


def test_keepalived_and_the_witness_agree_on_names_with_spaces(make_scene: MakeScene) -> None:
    vrrp = VrrpSettings(instances=(VrrpInstance(name="VI 1"),))
    scene = make_scene(LabSettings(vrrp=vrrp, floating_ips={"VI 1": ("web",)}))
    scene.lab.start_keepalived()
    scene.lab.wait_for_master(scene.a, "VI 1")
    assert scene.lab.vrrp_roles("VI 1") == {"a": Role.MASTER, "b": Role.BACKUP}


KILLED_LAB = """
import json, os, signal
from hakeeper.demo.lab import Lab, LabSettings
with Lab(LabSettings()) as lab:
    lab.start_keepalived()
    pids = [pid for node in lab.nodes for pid in (node.namespace.pid, node.keepalived.pid)]
    print(json.dumps([str(lab.nodes[0].folder.parent), pids]), flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_lab_that_is_interrupted_or_killed_leaves_no_process(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_LAB], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        folder, pids = json.loads(process.stdout.readline())
        process.send_signal(how)
        process.wait()
    eventually(lambda: not any(runs(pid) for pid in pids), what="all processes to end")
    if how is signal.SIGINT:
        assert not Path(folder).exists()
    else:
        subprocess.run(["rm", "-r", folder], check=True)


def runs(pid: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_nothing_of_the_lab_is_in_the_namespace_of_the_host(make_scene: MakeScene) -> None:
    before = sorted(Path("/sys/class/net").iterdir())
    make_scene(LabSettings())
    assert sorted(Path("/sys/class/net").iterdir()) == before
