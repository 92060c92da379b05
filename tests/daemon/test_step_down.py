"""`hakeeper step-down` and `step-up` against the running daemon, and a keepalived that follows."""

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}
WHY = "a new kernel"


def number(node: DaemonNode) -> str:
    return node.track_file.read_text()


def step_down(
    node: DaemonNode, *options: str, meanwhile: Callable[[], None] = lambda: None
) -> "subprocess.CompletedProcess[str]":
    """Run the command, and once the priority is lowered do `meanwhile`."""
    found: list[subprocess.CompletedProcess[str]] = []
    words = ("step-down", "--reason", WHY, *options)
    thread = threading.Thread(target=lambda: found.append(node.daemon.command(*words)))
    thread.start()
    eventually(lambda: bool(found) or number(node) == "-253\n")
    meanwhile()
    thread.join()
    return found[0]


def peer_takes_over(cluster: Cluster, node: DaemonNode) -> Callable[[], None]:
    """Keepalived hears another MASTER, whose hakeeper claims."""

    def follow() -> None:
        node.backup()
        cluster.cloud.move(cluster.web, cluster.elsewhere)

    return follow


def down(cluster: Cluster) -> DaemonNode:
    node = cluster.master(**EAGER)
    done = step_down(node, meanwhile=peer_takes_over(cluster, node))
    assert (0, "") == (done.returncode, done.stderr)
    return node


def test_it_waits_for_the_other_node_and_its_claim_and_tells_each(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    done = step_down(node, meanwhile=peer_takes_over(cluster, node))
    assert (0, "") == (done.returncode, done.stderr)
    first, second, last = done.stdout.splitlines()
    assert first.endswith(" s  another node is MASTER of VI_1")
    assert second.endswith(" s  other servers have all addresses")
    assert last.startswith("stepped down until ")
    told, _, holder = last.partition(" Now 203.0.113.10 on ")
    assert told.endswith("ends it before.")
    # The list tells a number; whether the name has come too by then is chance, and both are true.
    assert holder in {"elsewhere (id 101)", "server 101"}
    node.wait_log("step_down.done")


def test_step_up_gives_the_priority_back(cluster: Cluster) -> None:
    node = down(cluster)
    done = node.daemon.command("step-up")
    assert (0, "", "0\n") == (done.returncode, done.stderr, number(node))
    assert done.stdout.startswith("the step-down by ")
    assert not kept(node).exists()
    again = node.daemon.command("step-up")
    assert (0, "this server is not stepped down: nothing to end\n") == (
        again.returncode,
        again.stdout,
    )


def test_the_status_says_who_until_when_how_far_and_what_to_do(cluster: Cluster) -> None:
    node = down(cluster)
    status = node.daemon.status()
    shown: Any = status["step_down"]
    assert ("down", WHY, 0, ["VI_1"]) == (
        shown["stage"],
        shown["reason"],
        shown["user_id"],
        shown["instances"],
    )
    assert 500 < shown["left_s"] <= 600
    problems: Any = status["problems"]
    [problem] = [one for one in problems if one["code"] == "hakeeper.stepped_down"]
    assert "hakeeper step-up" == problem["cure"]
    text = " ".join(node.daemon.command("status").stdout.split())
    assert f"STEPPED DOWN by {shown['by']} (uid 0) since " in text
    assert f" left): {WHY}; other servers have all addresses" in text


def test_it_outlives_the_daemon_and_a_reload(cluster: Cluster) -> None:
    node = down(cluster)
    assert 0 == node.daemon.command("reload").returncode
    node.daemon.kill()
    seen = node.mark()
    node.start(keepalived=False)
    entry = node.wait_log("step_down.begun", after=seen)
    assert str(entry["message"]).startswith("still stepped down for ")
    assert "-253\n" == number(node)


def test_a_reload_moves_the_track_file(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    other = node.track_file.with_name("other")
    other.write_text("0\n")
    node.config["keepalived"]["track_file"] = str(other)
    node.write_config()
    assert 0 == node.daemon.command("reload").returncode
    node.track_file = other
    assert 0 == step_down(node, meanwhile=peer_takes_over(cluster, node)).returncode


def test_asked_again_it_lasts_longer(cluster: Cluster) -> None:
    node = down(cluster)
    done = node.daemon.command("step-down", "--for", "1h", "--json")
    assert 0 == done.returncode
    assert 3500 < json.loads(done.stdout)["step_down"]["left_s"] <= 3600
    node.wait_log("step_down.prolonged")


def test_if_this_server_is_master_again_before_the_claim_all_is_as_before(
    cluster: Cluster,
) -> None:
    node = cluster.master(**EAGER)

    def come_back() -> None:
        node.backup()
        node.master()

    done = step_down(node, meanwhile=come_back)
    assert (5, "0\n") == (done.returncode, number(node))
    assert "the node that became MASTER was lost before it had all addresses" in done.stderr
    cluster.wait_holder(node)


@pytest.mark.parametrize(
    ("before", "word", "text"),
    [
        (("pause",), "paused", "hakeeper is paused: end that first, by `hakeeper resume`\n"),
        ((), "no_track_file", "keepalived's track file cannot be written: "),
    ],
    ids=["paused", "no file"],
)
def test_what_stands_in_the_way_is_told_and_nothing_is_done(
    cluster: Cluster, before: tuple[str, ...], word: str, text: str
) -> None:
    node = cluster.master(**EAGER)
    if before:
        assert 0 == node.daemon.command(*before).returncode
    else:
        node.track_file.unlink()
    done = node.daemon.command("step-down")
    assert (5, "") == (done.returncode, done.stdout)
    assert text in done.stderr
    found = json.loads(node.daemon.command("step-down", "--json").stdout)
    assert (False, word) == (found["ok"], found["refused"])
    assert None is node.daemon.status()["step_down"]
    assert not node.logged("step_down.begun")


def kept(node: DaemonNode) -> Path:
    return node.daemon.state_folder / "step-down.json"
