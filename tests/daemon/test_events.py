"""`hakeeper events` and the running daemon: live, across a restart, with readers of all sorts."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

from hakeeper.adapters.history.writer import KEPT
from hakeeper.cli.asking import NOT_RUNNING
from hakeeper.demo.lab.daemon import event_of
from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, DaemonNode
from tests.support.waiting import eventually


class Follower:
    """A `hakeeper events` that goes on."""

    def __init__(self, node: DaemonNode, *words: str) -> None:
        self.out, self.err = node.folder / "events.out", node.folder / "events.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command(node, "--follow", *words), env=node.environment, stdout=out, stderr=err
            )

    def wait_for(self, *texts: str) -> None:
        """Wait until it has written all of these."""
        eventually(lambda: all(text in self.said() for text in texts), PATIENCE_S, f"{texts}")

    def said(self) -> str:
        return self.out.read_text() + self.err.read_text()

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def command(node: DaemonNode, *words: str) -> list[str]:
    socket = str(node.daemon.runtime_folder / "control.sock")
    return [*node.command_line()[:-5], "events", "--socket", socket, *words]


@contextlib.contextmanager
def following(node: DaemonNode, *words: str) -> Iterator[Follower]:
    follower = Follower(node, *words)
    try:
        yield follower
    finally:
        follower.process.kill()
        follower.process.wait()


def events(node: DaemonNode, *words: str) -> list[dict[str, Any]]:
    done = node.daemon.command("events", "--json", *words)
    assert (0, "") == (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_has_all_that_the_journal_has_also_what_the_history_leaves_out(
    cluster: Cluster,
) -> None:
    node = cluster.master()
    told = events(node)
    assert [entry["event"] for entry in told] == [
        event_of(entry) for entry in node.daemon.entries()
    ]
    assert {entry["event"] for entry in told} - KEPT
    assert [entry["seq"] for entry in told] == [*range(1, len(told) + 1)]


def test_what_is_not_asked_for_is_left_out(cluster: Cluster) -> None:
    node = cluster.master()
    assert {"VI_1"} == {entry["fields"]["instance"] for entry in events(node, "--instance", "VI_1")}
    assert [] == events(node, "--instance", "VI_9")
    assert [] == events(node, "--since", "0s")
    assert events(node) == events(node, "--since", "1h")


def test_a_follower_sees_what_happens_and_survives_a_restart(cluster: Cluster) -> None:
    node = cluster.running()
    node.backup()
    with following(node) as follower:
        follower.wait_for("role.changed: VI_1: UNKNOWN to BACKUP")
        node.master()
        follower.wait_for("address.claimed: VI_1: claimed 203.0.113.10")
        assert node.daemon.term() == 0
        follower.wait_for("hakeeper does not run: no answer at", "; waiting for it")
        node.daemon.start()
        follower.wait_for("hakeeper was restarted", "hakeeper answers again")
        assert follower.end() == 130
    assert [line for line in follower.out.read_text().splitlines() if len(line) > 80] == []


def test_a_follower_whose_reader_has_gone_ends(cluster: Cluster) -> None:
    node = cluster.running()
    reading, writing = os.pipe()
    with subprocess.Popen(command(node, "-f"), env=node.environment, stdout=writing) as process:
        os.close(writing)
        assert os.read(reading, 1)
        os.close(reading)
        assert process.wait(PATIENCE_S) == 141


def test_a_follower_that_stands_still_holds_up_nothing_and_learns_what_it_missed(
    cluster: Cluster,
) -> None:
    node = cluster.running()
    with following(node, "--json") as follower:
        follower.wait_for("fifo.opened")
        follower.process.send_signal(signal.SIGSTOP)
        node.master()
        cluster.wait_holder(node)
        node.wait_log("address.claimed")
        follower.process.send_signal(signal.SIGCONT)
        follower.wait_for("address.claimed")
        assert follower.end(signal.SIGINT) == 130
    told = [json.loads(line)["seq"] for line in follower.out.read_text().splitlines()]
    assert [*range(told[0], told[-1] + 1)] == told


def test_no_daemon_is_said(cluster: Cluster) -> None:
    node = cluster.running()
    assert node.daemon.term() == 0
    for words in ((), ("--follow",)):
        done = node.daemon.command("events", *words)
        assert (NOT_RUNNING, "") == (done.returncode, done.stdout)
        assert "hakeeper does not run" in done.stderr
