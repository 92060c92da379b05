"""What may be in the FIFO, and what may happen to it: logged, bounded, survived."""

import contextlib
import os
import random
from itertools import pairwise

import pytest

from hakeeper.demo.lab.process import LabProcess
from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, at_s, exit_code, fields_of
from tests.support.privileges import powerless
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}
DEGRADED = 1
MOST_ENTRIES = 60
"""More log entries than this about garbage is a flood."""
TOLD_GAP_S = 9.9
"""Between two log entries about overflows; the log cuts times to milliseconds."""

GARBAGE = {
    "binary": random.Random(7).randbytes(20_000) + b"\n",  # noqa: S311  # noise
    "a megabyte without a newline": b"x" * (1 << 20) + b"\n",
    "NUL bytes": b"\0" * 5000 + b"\n",
    "escape sequences": b"\x1b[2J\x1b]0;owned\x07\n" * 50,
    "an endless storm of bad lines": b"INSTANCE VI_1 MASTER\n" * 20_000,
    "unknown words": b'INSTANCE "VI_1" EMPEROR 100\n',
    "unknown kinds": b'CLUSTER "VI_1" MASTER 100\n',
    "too many numbers": b'INSTANCE "VI_1" MASTER 100 100\n',
    "half a line and no more of it": b'INSTANCE "VI_1" MAS\n',
    "empty lines": b"\n" * 1000,
    "lines that are none for us": b"VS [1.2.3.4]:tcp:80 UP\nRS x DOWN\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_survived_and_the_next_good_line_works(cluster: Cluster, garbage: bytes) -> None:
    node = cluster.running()
    seen = node.mark()
    node.write(garbage)
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    about = node.mark() - seen
    assert about <= MOST_ENTRIES
    assert cluster.assigns() == 1


def test_garbage_is_reported_with_its_reason(cluster: Cluster) -> None:
    node = cluster.running()
    node.say("nonsense")
    entry = node.wait_log("line.rejected")
    assert "nonsense" in str(entry["message"])
    assert fields_of(entry)["reason"] != ""


def test_garbage_moves_no_role(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.write(
        b"\xff\xfe garbage\n" + b'INSTANCE "VI_1" BACKUPS 1\n' + b'INSTANCE "VI_1 BACKUP 1\n'
    )
    node.wait_log("line.rejected")
    cluster.wait_reads(node)
    assert len(node.logged("role.changed")) == 1
    assert cluster.assigns() == 1


def test_a_line_may_come_in_two_halves(cluster: Cluster) -> None:
    node = cluster.running()
    node.write(b'INSTANCE "VI_1" MAS')
    node.write(b"TER 100\n")
    cluster.wait_holder(node)


def test_an_unknown_instance_is_reported_once_and_changes_nothing(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    for _ in range(5):
        node.master("VI_other")
    node.wait_log("instance.unknown", instance="VI_other")
    cluster.wait_reads(node)
    assert len(node.logged("instance.unknown")) == 1
    assert cluster.assigns() == 0


def test_a_storm_of_good_lines_ends_in_the_role_of_the_last(cluster: Cluster) -> None:
    node = cluster.running()
    node.say(*['INSTANCE "VI_1" MASTER 100', 'INSTANCE "VI_1" BACKUP 100'] * 20_000)
    node.role("FAULT")
    node.wait_log("role.changed", role="FAULT")
    node.master()
    cluster.wait_holder(node)


# --- what happens to the path ----------------------------------------------------------------


def test_a_deleted_fifo_is_reported_and_a_new_one_is_read(cluster: Cluster) -> None:
    node = cluster.running()
    node.fifo.unlink()
    failed = node.wait_log("fifo.failed")
    assert "mkfifo" in str(failed["message"])
    os.mkfifo(node.fifo, 0o600)
    node.wait_log("fifo.replaced")
    node.master()
    cluster.wait_holder(node)


def test_a_replaced_fifo_is_noticed_and_the_old_one_still_read(cluster: Cluster) -> None:
    node = cluster.running()
    old = os.open(node.fifo, os.O_WRONLY)
    try:
        node.fifo.unlink()
        os.mkfifo(node.fifo, 0o600)
        node.wait_log("fifo.replaced")
        os.write(old, b'INSTANCE "VI_1" MASTER 100\n')
        cluster.wait_holder(node)
    finally:
        os.close(old)
    node.backup()


def test_a_file_in_the_place_of_the_fifo_is_reported_and_not_touched(cluster: Cluster) -> None:
    node = cluster.running()
    node.fifo.unlink()
    node.fifo.write_text('INSTANCE "VI_1" MASTER 100\n')
    failed = node.wait_log("fifo.failed", reason="not a FIFO")
    assert "regular file" in str(failed["message"])
    assert node.fifo.read_text() == 'INSTANCE "VI_1" MASTER 100\n'
    node.fifo.unlink()
    os.mkfifo(node.fifo, 0o600)
    node.wait_log("fifo.replaced")
    assert cluster.assigns() == 0
    node.master()
    cluster.wait_holder(node)


def test_a_fifo_missing_at_the_start_is_waited_for(cluster: Cluster) -> None:
    node = cluster.node()
    node.fifo.unlink()
    node.keepalived.start()
    node.daemon.start(ready=False)
    node.wait_log("fifo.failed")
    node.wait_log("address.resolved")  # the rest works meanwhile
    os.mkfifo(node.fifo, 0o600)
    node.wait_log("fifo.recovered")
    node.master()
    cluster.wait_holder(node)


def test_a_fifo_that_may_not_be_opened_is_reported_and_waited_for(cluster: Cluster) -> None:
    node = cluster.node(prefix=powerless())
    node.fifo.chmod(0o000)
    node.keepalived.start()
    node.daemon.start(ready=False)
    failed = node.wait_log("fifo.failed", reason="permission denied")
    assert "chown" in str(failed["message"])
    node.fifo.chmod(0o600)
    node.wait_log("fifo.recovered")
    node.master()
    cluster.wait_holder(node)


def test_a_second_daemon_on_the_fifo_reports_that_and_reads_nothing(cluster: Cluster) -> None:
    first = cluster.running("node-a", **EAGER)
    second = cluster.node("node-b", **EAGER)
    second.config["keepalived"]["fifo"] = str(first.fifo)
    second.write_config()
    second.keepalived.start()
    second.daemon.start(ready=False)
    failed = second.wait_log("fifo.failed", reason="held by another reader")
    assert str(first.daemon.pid) in str(failed["message"])
    second.wait_log("address.resolved")
    for _ in range(3):
        first.master()
        first.wait_log("role.changed", role="MASTER")
        first.backup()
    first.master()
    cluster.wait_holder(first)
    cluster.wait_reads(second)
    assert cluster.assigns(second) == 0
    assert second.logged("role.changed") == []
    first.daemon.term()
    second.wait_log("fifo.recovered")


def test_a_second_daemon_in_the_same_folders_acts_not(cluster: Cluster) -> None:
    first = cluster.running()
    second = LabProcess(
        "second",
        first.command_line(),
        log_path=first.folder / "second.log",
        environment=first.environment,
    )
    try:
        eventually(lambda: "fifo.failed" in second.log_text(), PATIENCE_S)
        assert "another hakeeper" in second.log_text()
        assert first.daemon.command("status").returncode != 3
        first.master()
        cluster.wait_holder(first)
        first.wait_log("address.claimed")
        assert cluster.assigns() == 1
        assert "role.changed" not in second.log_text()
    finally:
        second.close()
    assert first.daemon.command("status").returncode != 3


def fill(fd: int, line: bytes) -> None:
    """Write a line until the pipe is full."""
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, line)


def test_lines_that_were_lost_make_every_role_unknown(cluster: Cluster) -> None:
    node = cluster.running()
    node.master()
    cluster.wait_holder(node)
    node.daemon.term()
    fd = os.open(node.fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        fill(fd, b'INSTANCE "VI_1" MASTER 100\n')
        node.start(keepalived=False)
    finally:
        os.close(fd)
    node.wait_log("fifo.overflowed")
    node.wait_log("role.changed", role="UNKNOWN")
    node.role("MASTER_RX_LOWER_PRI")
    node.wait_log("address.confirmed")
    assert cluster.assigns() == 1


def test_a_signal_ends_a_daemon_that_has_no_fifo(cluster: Cluster) -> None:
    node = cluster.node()
    node.fifo.unlink()
    node.daemon.start(ready=False)
    node.wait_log("fifo.failed")
    assert node.daemon.term() == 0
    assert exit_code(node) == 0


@pytest.mark.parametrize("source", ["cat /dev/zero", "yes nonsense", "yes 'VS x UP'"])
def test_a_writer_of_garbage_that_never_pauses_is_outlived(cluster: Cluster, source: str) -> None:
    node = cluster.running()
    writer = LabProcess(
        "writer",
        ["sh", "-c", f'exec {source} > "$0"', str(node.fifo)],
        log_path=node.folder / "writer.log",
    )
    try:
        node.wait_log("fifo.overflowed")
        for _ in range(5):
            assert node.daemon.command("status").returncode == DEGRADED
    finally:
        writer.close()
    told_s = [at_s(entry) for entry in node.logged("fifo.overflowed")]
    assert all(later_s - earlier_s >= TOLD_GAP_S for earlier_s, later_s in pairwise(told_s))
    node.write(b"\n")  # it was killed in the middle of a line
    node.role("FAULT")
    node.wait_log("role.changed", role="FAULT")
    node.master()
    cluster.wait_holder(node)
