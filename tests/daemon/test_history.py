"""`hakeeper history` of the real daemon: what happened, before and after it was started again."""

import errno
import json
from typing import Any

from hakeeper.demo.cloud import Fault
from hakeeper.demo.lab.daemon import event_of
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode, leaks
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}


def kept(node: DaemonNode, *options: str) -> list[dict[str, Any]]:
    done = node.daemon.command("history", "--json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def events(node: DaemonNode) -> list[str]:
    return [entry["event"] for entry in kept(node)]


def text(node: DaemonNode, *options: str) -> str:
    done = node.daemon.command("history", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    return done.stdout


def flat(shown: str) -> str:
    return " ".join(shown.split())


def test_a_failover_before_and_an_outage_after_a_restart_are_both_in_the_history(
    cluster: Cluster,
) -> None:
    node = cluster.master(**EAGER)
    assert node.daemon.term() == 0
    assert events(node)[-1] == "daemon.stopped"
    seen = node.mark()
    node.start(keepalived=False)
    node.wait_log("address.confirmed", after=seen)
    fault = cluster.cloud.fault(Fault(status=503))
    node.wait_log("api.failed", after=seen)
    cluster.cloud.clear(fault)
    node.wait_log("api.recovered", after=seen)
    node.backup()
    node.daemon.kill()

    story = events(node)
    for event in ("role.changed", "claim.started", "address.claimed", "daemon.stopped"):
        assert event in story[: story.index("daemon.stopped") + 1]
    rest = story[story.index("daemon.stopped") + 1 :]
    assert rest[0] == "daemon.started"
    assert [event for event in rest if event in {"address.confirmed", "api.failed"}]
    assert rest.index("api.failed") < rest.index("api.recovered")
    assert rest[-1] == "role.changed"

    shown = text(node)
    claim = node.logged("address.claimed")[0]
    assert str(claim["message"]).removeprefix("VI_1: ") in flat(shown)
    assert "gave no usable answer for " in flat(shown)
    assert "answers again" not in shown  # it is one line with the failure
    row = next(line for line in shown.splitlines() if line.startswith("VI_1 "))
    assert "M" in row
    assert shown.count("hakeeper stops; all addresses stay where they are") == 1
    assert leaks(node) == []


def test_the_history_has_what_the_journal_has_with_the_same_fields(cluster: Cluster) -> None:
    node = cluster.master()
    node.daemon.term()
    told = [entry for entry in node.daemon.entries() if event_of(entry) in set(events(node))]
    assert told == [{name: line[name] for name in told[0]} for line in kept(node)]


def test_a_history_that_cannot_be_written_is_told_once_and_costs_no_claim(
    cluster: Cluster,
) -> None:
    node = cluster.node()
    blocked = node.daemon.state_folder / "history.jsonl"
    blocked.mkdir()
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    node.backup()
    failed = node.logged("history.failed", reason="unwritable")
    assert len(failed) == 1
    assert f"[Errno {errno.EISDIR}]" in str(failed[0]["message"])
    blocked.rmdir()
    node.master()
    eventually(blocked.is_file, what="the history to be written again")
    node.daemon.term()
    first = kept(node)[0]
    assert first["event"] == "history.lost"
    assert first["fields"]["count"] >= 4
    assert len(node.logged("history.failed")) == 1
