"""`hakeeper take` and the running daemon: claimed at once, only on a master, and who is told."""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

from hakeeper.demo.cloud import Fault
from tests.daemon.test_pause import ASSIGN, EAGER, pause
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode, fields_of
from tests.support.markdown import blocks


def take(node: DaemonNode, *words: str, code: int = 0) -> dict[str, Any]:
    done = node.daemon.command("take", "--yes", "--json", *words)
    assert (code, "") == (done.returncode, done.stderr), done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_claim_that_waits_for_its_next_try_goes_out_at_once(cluster: Cluster) -> None:
    node = cluster.running()
    with cluster.cloud.faulty(Fault(status=422, code="invalid_input", path=ASSIGN)):
        node.master()
        node.wait_log("claim.refused")
        seen = node.mark()
    told = take(node)
    assert {"ok": True, "claimed": ["203.0.113.10"], "here": [], "refused": []} == told
    cluster.wait_holder(node)
    entry = node.wait_log("take.begun", after=seen)
    assert (0, "203.0.113.10") == (fields_of(entry)["user_id"], fields_of(entry)["address"])
    node.wait_log("address.claimed", after=seen)
    assert ["203.0.113.10"] == take(node, "--instance", "VI_1", "--address", "web")["here"]
    assert "has 203.0.113.10 claimed now" in history(node)


def history(node: DaemonNode) -> str:
    file = str(node.daemon.state_folder / "history.jsonl")
    return " ".join(node.daemon.command("history", "--file", file).stdout.split())


def test_a_backup_refuses_and_says_why(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    told = take(node, code=1)
    [refused] = told["refused"]
    assert ("VI_1", "203.0.113.10") == (refused["instance"], refused["address"])
    assert "keepalived does not say MASTER here, but BACKUP: " in refused["why"]
    done = node.daemon.command("take", "--yes")
    assert done.returncode == 1
    assert done.stdout.startswith("not claiming 203.0.113.10 of VI_1: keepalived does not say")
    assert [] == cluster.cloud.assigns()


def test_while_paused_it_refuses_and_names_the_way_out(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    pause(node)
    node.master()
    node.wait_log("claim.paused")
    [refused] = take(node, code=1)["refused"]
    assert refused["why"] == "hakeeper is paused; to end that: hakeeper resume"
    assert [] == cluster.cloud.assigns()


def test_what_is_not_there_is_refused_with_what_there_is(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    for words, text in (
        (("--instance", "VI_9"), "there is no instance 'VI_9'; there is VI_1"),
        (("--address", "mail"), "there is no address 'mail'; there is "),
        (("--address", ""), "the address is empty; without one, all are meant"),
    ):
        told = take(node, *words, code=2)
        assert (False, True) == (told["ok"], text in told["error"])


PAGE = Path(__file__).parents[2] / "docs/take.md"


def test_what_the_page_does_by_hand_on_a_server_that_is_not_master_stays(cluster: Cluster) -> None:
    """It is left there, the status says so, and a MASTER has nothing to move."""
    section = PAGE.read_text().split("\n## On a server that is not MASTER\n")[1]
    by_hand = " ".join(blocks(section, "sh")).splitlines()
    [assign] = [line for line in by_hand if line.startswith("hcloud ")]
    node = cluster.running("web-b", **EAGER)
    node.backup()
    node.role("STOP")
    node.wait_log("role.changed", role="STOPPED")
    node.keepalived.kill()
    node.wait_log("keepalived.stopped")

    token = cluster.cloud.add_client("operator")
    environment = {**os.environ, "HCLOUD_ENDPOINT": cluster.cloud.url, "HCLOUD_TOKEN": token}
    subprocess.run(shlex.split(assign), env=environment, check=True)
    node.wait_log("status.degraded", code="address.left_here")
    node.keepalived.start()
    node.master()
    node.wait_log("address.confirmed")
    assert [node.server] == [move.new for move in cluster.cloud.moves(cluster.web)]
    assert 0 == cluster.assigns(node)
