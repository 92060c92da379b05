"""`hakeeper pause` and `resume` against the running daemon: nothing is moved, and all say so."""

import json
import time
from typing import Any

from hakeeper.demo.cloud import Answer, Fault
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}
ASSIGN = "/actions/assign$"
WHY = "a new kernel"


def pause(node: DaemonNode, *options: str) -> dict[str, Any]:
    """Pause it, and return the answer."""
    done = node.daemon.command("pause", "--reason", WHY, "--json", *options)
    assert done.returncode == 0, done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def left_alone(cluster: Cluster, node: DaemonNode) -> None:
    """It becomes MASTER, reads who has the address, and leaves it there."""
    seen = node.mark()
    node.master()
    entry = node.wait_log("claim.paused", after=seen)
    assert "hakeeper is paused by " in str(entry["message"])
    cluster.wait_reads(node)
    assert cluster.cloud.assigns() == []


def test_a_master_leaves_the_address_and_takes_it_when_the_pause_is_ended(
    cluster: Cluster,
) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    pause(node)
    left_alone(cluster, node)
    done = node.daemon.command("resume")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("the pause by ")
    cluster.wait_holder(node)
    node.wait_log("pause.ended")
    assert node.daemon.command("resume").stdout == "hakeeper is not paused: nothing to end\n"


def test_it_ends_by_itself(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    pause(node, "--for", "3s")
    node.master()
    cluster.wait_holder(node)
    assert node.logged("pause.expired")
    assert not (node.daemon.state_folder / "pause.json").exists()


def test_the_status_says_who_since_when_until_when_why_and_what_to_do(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    answer = pause(node, "--for", "30m")
    status = node.daemon.status()
    assert status["health"] == "degraded"
    shown: Any = status["pause"]
    assert (WHY, answer["pause"]["by"], 0) == (shown["reason"], shown["by"], shown["user_id"])
    assert shown["since"] < shown["until"]
    assert 1700 < shown["left_s"] <= 1800
    problems: Any = status["problems"]
    [problem] = [one for one in problems if one["code"] == "hakeeper.paused"]
    assert "hakeeper resume" == problem["cure"]
    text = " ".join(node.daemon.command("status").stdout.split())
    assert f"PAUSED by {shown['by']} (uid 0) since " in text
    assert f" left): {WHY} " in text
    assert "do: hakeeper resume" in text


def test_the_pause_outlives_the_daemon(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    pause(node)
    node.daemon.kill()
    seen = node.mark()
    node.start(keepalived=False)
    entry = node.wait_log("pause.begun", after=seen)
    assert str(entry["message"]).startswith("still paused for ")
    left_alone(cluster, node)


def test_the_pause_outlives_keepalived_and_a_reload(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    pause(node)
    assert 0 == node.daemon.command("reload").returncode
    node.keepalived.kill()
    node.wait_log("keepalived.gone")
    node.daemon.kill()
    node.start()
    left_alone(cluster, node)


def test_a_pause_that_ended_while_the_daemon_was_away_is_told(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    until_s = time.time() + 2.0
    pause(node, "--for", "1s")
    node.daemon.kill()
    eventually(lambda: time.time() > until_s)
    seen = node.mark()
    node.start(keepalived=False)
    node.wait_log("pause.expired", after=seen)
    node.master()
    cluster.wait_holder(node)


def test_pausing_again_takes_the_place_of_the_pause_before(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    pause(node, "--for", "3s")
    answer = pause(node, "--for", "1h")
    assert WHY == answer["replaced"]["reason"]
    assert answer["pause"]["left_s"] > 3000
    document = json.loads((node.daemon.state_folder / "pause.json").read_text())
    assert 3600 == round(document["until"] - document["since"])


def test_an_assign_that_is_on_the_wire_goes_on(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    slow = cluster.cloud.fault(Fault(method="POST", path=ASSIGN, delay_s=1))
    node.master()
    cluster.wait_hits(slow, 1)
    pause(node)
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    assert not node.logged("claim.paused")


def test_an_assign_whose_outcome_is_unknown_is_not_sent_again(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    lost = cluster.cloud.fault(
        Fault(method="POST", path=ASSIGN, commit=False, answer=Answer.NEVER, action_s=0.0)
    )
    node.master()
    cluster.wait_hits(lost, 1)
    pause(node)
    node.wait_log("claim.paused")
    assert 1 == len(cluster.cloud.requests(client=node.name, method="POST"))


def test_a_pause_that_cannot_be_saved_is_told_and_in_force(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    (node.daemon.state_folder / "pause.json.new").mkdir()
    done = node.daemon.command("pause")
    assert 1 == done.returncode
    assert done.stdout.startswith("paused until ")
    assert done.stderr.startswith("the pause is not saved, and ends with a restart of hakeeper: ")
    node.wait_log("pause.failed")
    left_alone(cluster, node)


def test_a_spoiled_pause_file_is_told_and_done_without(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    node.daemon.kill()
    (node.daemon.state_folder / "pause.json").write_text("{}")
    seen = node.mark()
    node.start(keepalived=False)
    node.wait_log("pause.failed", after=seen)
    node.master()
    cluster.wait_holder(node)
