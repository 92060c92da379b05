"""A machine that is out of something: disk, descriptors, somebody who reads the log, the time."""

import contextlib
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from hakeeper.adapters.control_client import ask
from hakeeper.adapters.history.reading import read_history
from hakeeper.demo.cloud import Answer, Fault
from tests.crash import launch
from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, DaemonNode, exit_code
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}
ASSIGN = "/actions/assign$"
_SMALL_DISK = 'mount -t tmpfs -o size=64k none "$1"; shift; exec "$@"'
_STANDARD_FILES = 3
LOOKS = 3
TURNS_PER_LOOK = 60
"""A loop that spins makes thousands."""


# --- disk --------------------------------------------------------------------------------------


@pytest.fixture
def small(cluster: Cluster) -> DaemonNode:
    """A node whose state folder is a small disk in a mount namespace of its own."""
    state = cluster.folder / "node-a" / "state"
    own = ["unshare", "--mount", "--propagation", "private"]
    return cluster.node(prefix=[*own, "sh", "-euc", _SMALL_DISK, "sh", str(state)], **EAGER)


def disk(node: DaemonNode) -> Path:
    """Return the small disk, as it is seen from outside."""
    return Path(f"/proc/{node.daemon.pid}/root{node.daemon.state_folder}")


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


def test_a_full_disk_holds_up_nothing_and_leaves_no_role_that_is_no_longer_true(
    cluster: Cluster, small: DaemonNode
) -> None:
    node = small
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    state = disk(node) / "state.json"
    assert "MASTER" in state.read_text()
    fill(disk(node) / "filler")
    node.backup()
    failed = node.wait_log("state.failed", reason="unwritable")
    assert os.strerror(errno.ENOSPC) in str(failed["message"])
    assert not state.exists()
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    node.master()
    cluster.wait_holder(node)
    assert len(node.logged("state.failed")) == 1
    (disk(node) / "filler").unlink()
    eventually(lambda: state.exists() and "MASTER" in state.read_text())


def test_a_disk_that_is_read_only_holds_up_nothing(cluster: Cluster, small: DaemonNode) -> None:
    node = small
    node.start()
    enter = ["nsenter", "--target", str(node.daemon.pid), "--mount"]
    folder = str(node.daemon.state_folder)
    subprocess.run([*enter, "mount", "-o", "remount,ro", folder], check=True)
    node.master()
    cluster.wait_holder(node)
    node.backup()
    failed = node.wait_log("state.failed", reason="unwritable")
    assert os.strerror(errno.EROFS) in str(failed["message"])
    assert len(node.logged("state.failed")) == 1


def test_a_full_disk_costs_the_history_lines_that_are_counted_and_no_claim(
    cluster: Cluster, small: DaemonNode
) -> None:
    node = small
    node.start()
    history = disk(node) / "history.jsonl"
    eventually(history.exists)
    fill(disk(node) / "filler")
    for _ in range(20):  # more lines than its last page has room for
        node.backup()
        seen = node.mark()
        node.master()
        node.wait_log("role.changed", after=seen, role="MASTER")
    failed = node.wait_log("history.failed", reason="unwritable")
    assert "cannot write the history" in str(failed["message"])
    cluster.wait_holder(node)
    (disk(node) / "filler").unlink()
    node.backup()
    lost = eventually(
        lambda: [one for one in read_history(history).entries if one.event == "history.lost"]
    )
    assert len(lost) == len(node.logged("history.failed")) == 1
    roles = [one.fields["role"] for one in read_history(history).entries if "role" in one.fields]
    assert roles[-1] == "BACKUP"


@pytest.fixture
def node_with_a_full_run(cluster: Cluster) -> Iterator[DaemonNode]:
    """A node whose runtime folder has no inode left for the socket."""
    node = cluster.node()
    folder = node.daemon.runtime_folder
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=2", "run", folder], check=True)
    try:
        (folder / "last").touch()
        yield node
        node.daemon.close()
    finally:
        subprocess.run(["umount", folder], check=True)


COMMANDS = (
    ("status",),
    ("explain",),
    ("probe",),
    ("events",),
    ("reload",),
    ("pause",),
    ("resume",),
    ("take", "--yes"),
    ("step-down",),
    ("step-up",),
    ("drill",),
    ("metrics",),
)
"""All that ask the daemon."""


def test_with_a_full_run_no_command_says_that_the_daemon_does_not_run(
    node_with_a_full_run: DaemonNode,
) -> None:
    node = node_with_a_full_run
    node.keepalived.start()
    node.daemon.start()
    failed = node.wait_log("control.failed")
    assert "No space left on device" in str(failed["message"])
    said = f"hakeeper runs (process {node.daemon.pid}) and moves addresses, but cannot be asked: "
    why = f"(no inode is free in {node.daemon.runtime_folder})"
    for command in COMMANDS:
        done = node.daemon.command(*command)
        shown = " ".join((done.stdout + done.stderr).split())
        assert said in shown, (command, shown)
        assert why in shown, (command, shown)
        assert "may do so later" not in shown, "it was never asked"
    document = json.loads(node.daemon.command("status", "--json").stdout)
    assert ("no answer", "hakeeper.unreachable") == (document["health"], document["code"])
    checked = node.daemon.command("check", "--online", "--json", "-c", str(node.daemon.config_path))
    findings = json.loads(checked.stdout)["online"]["findings"]
    [found] = [one for one in findings if one["check"] == "hakeeper"]
    assert ("warning", document["cure"]) == (found["severity"], found["cure"])
    (node.daemon.runtime_folder / "last").unlink()
    node.wait_log("control.recovered")
    assert 1 == node.daemon.command("status").returncode, "it has no role yet"
    assert len(node.logged("control.failed")) == len(node.logged("control.recovered")) == 1


# --- descriptors -------------------------------------------------------------------------------


def counting(cluster: Cluster) -> DaemonNode:
    """Make a node whose turns are counted."""
    plan = {"trace": str(cluster.folder / "trace"), "counts_turns": True}
    return cluster.node(prefix=launch.prefix(), environment=launch.environment(plan), **EAGER)


@contextlib.contextmanager
def no_descriptor_free(node: DaemonNode) -> Iterator[None]:
    """Let the daemon open nothing more; what is open stays open."""
    limits = resource.prlimit(node.daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(node.daemon.pid, resource.RLIMIT_NOFILE, (_STANDARD_FILES, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(node.daemon.pid, resource.RLIMIT_NOFILE, limits)


def wait_quiet(cluster: Cluster) -> None:
    """Wait for some looks around, and demand that there were few turns between them."""
    trace = cluster.folder / "trace"
    seen = len(trace.read_text())
    words = eventually(
        lambda: [line.split()[1] for line in trace.read_text()[seen:].splitlines()[:-1]],
        what="any turn",
    )
    while words.count("look") < LOOKS:
        assert words.count("turn") < TURNS_PER_LOOK * (words.count("look") + 1)
        time.sleep(0.05)
        words = [line.split()[1] for line in trace.read_text()[seen:].splitlines()[:-1]]
    assert words.count("turn") < TURNS_PER_LOOK * (LOOKS + 1)


def test_a_claim_needs_no_descriptor_and_clients_that_wait_keep_nobody_awake(
    cluster: Cluster,
) -> None:
    node = counting(cluster)
    node.start()
    cluster.wait_reads(node)  # the connection is warm
    with no_descriptor_free(node):
        node.master()
        cluster.wait_holder(node)
        node.wait_log("address.claimed")
        node.wait_log("state.failed", reason="unwritable")
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE_S)
        client.connect(str(node.daemon.runtime_folder / "control.sock"))
        client.sendall(b'{"command": "status"}\n')
        wait_quiet(cluster)
    with client, client.makefile("rb") as answer:
        assert json.loads(answer.readline())["roles"][0]["role"] == "MASTER"
    state = node.daemon.state_folder / "state.json"
    eventually(lambda: state.exists() and "MASTER" in state.read_text())


def sockets(node: DaemonNode) -> int:
    """Count the daemon's sockets of now."""
    names = []
    for fd in Path(f"/proc/{node.daemon.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            names.append(str(fd.readlink()))
    return sum(name.startswith("socket:") for name in names)


def test_a_claim_without_a_descriptor_for_its_connection_waits_and_does_not_spin(
    cluster: Cluster,
) -> None:
    node = counting(cluster)
    node.start()
    cluster.wait_reads(node)
    with no_descriptor_free(node):
        before = sockets(node)
        connections = cluster.cloud.counters().open_connections
        cluster.drop_connections()
        # A claim that meets the reset itself is one whose outcome is unknown: another story.
        eventually(lambda: sockets(node) == before - connections, what="the daemon to see the end")
        node.master()
        node.wait_log("claim.failed")
        wait_quiet(cluster)
    cluster.wait_holder(node)
    node.wait_log("address.claimed")


# --- the log -------------------------------------------------------------------------------------


def test_a_log_that_nobody_reads_holds_up_no_claim(cluster: Cluster) -> None:
    node = cluster.node(**EAGER)
    node.keepalived.start()
    unread, stderr = os.pipe()
    fcntl.fcntl(unread, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(stderr, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(stderr, b"\n" * 4096)
    os.set_blocking(stderr, True)
    daemon = subprocess.Popen(
        node.command_line(),
        env=node.environment | {"PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )
    try:
        control = node.daemon.runtime_folder / "control.sock"
        eventually(control.exists, PATIENCE_S)
        assert ask(str(control), {"command": "status"}, PATIENCE_S)["fifo"] == "open"
        node.write(b"nonsense\n" * 5000)
        node.master()
        cluster.wait_holder(node)
        daemon.terminate()
        assert daemon.wait(PATIENCE_S) == 0
    finally:
        daemon.kill()
        daemon.wait()
        os.close(unread)
        os.close(stderr)


# --- time ----------------------------------------------------------------------------------------


def test_a_wall_clock_that_jumps_by_years_changes_nothing_that_tls_does_not_ask_it(
    tls_cluster: Cluster, authority: trustme.CA, folder: Path
) -> None:
    cluster = tls_cluster
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    clock = folder / "clock"
    clock.write_text("+0")
    node = cluster.node(environment=fake_time(clock), **EAGER)
    node.config["hetzner"]["ca_file"] = str(folder / "ca.pem")
    node.start()
    node.master()
    cluster.wait_holder(node)
    clock.write_text("+20y")
    cluster.wait_reads(node, 3)
    cluster.cloud.drop_connections()
    cluster.wait_reads(node, 3)
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_holder(node)
    seen = node.mark()
    clock.write_text("-40y")
    cluster.cloud.drop_connections()  # no certificate is valid yet
    node.wait_log("api.failed", after=seen, error_code="tls")
    clock.write_text("+0")
    node.wait_log("api.recovered", after=seen)
    cluster.wait_reads(node)
    assert cluster.assigns() == 2
    assert len(node.logged("role.changed")) == 1


def fake_time(clock: Path) -> dict[str, str]:
    """Have libfaketime read the wall clock's offset from a file, every time anew."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


# --- another daemon ------------------------------------------------------------------------------


def test_a_second_daemon_does_not_act_on_what_dbus_says_until_the_first_is_gone(
    cluster: Cluster,
) -> None:
    first = cluster.master("node-a", **EAGER)
    bus = cluster.folder / "bus"
    bus.write_text("VI_1 MASTER")
    plan = {"trace": str(cluster.folder / "trace"), "bus": str(bus)}
    second = cluster.node(
        "node-b", prefix=launch.prefix(), environment=launch.environment(plan), **EAGER
    )
    second.config["keepalived"] |= {"fifo": str(first.fifo), "state": "auto"}
    second.write_config()
    second.keepalived.start()
    second.daemon.start(ready=False)
    failed = second.wait_log("fifo.failed", reason="held by another reader")
    assert f"process {first.daemon.pid} " in str(failed["message"])
    second.wait_log("address.resolved")
    cluster.wait_reads(second, 3)
    assert cluster.assigns(second) == 0
    assert second.logged("role.changed") == []
    first.daemon.kill()
    second.wait_log("fifo.recovered")
    cluster.wait_holder(second)


# --- signals -------------------------------------------------------------------------------------


def test_a_storm_of_signals_in_the_middle_of_a_call_neither_ends_nor_repeats_it(
    cluster: Cluster,
) -> None:
    node = cluster.running(**EAGER)
    fault = cluster.cloud.fault(Fault(method="POST", path=ASSIGN, commit=True, answer=Answer.NEVER))
    node.master()
    cluster.wait_hits(fault, 1)
    for _ in range(300):
        node.daemon.reload()
    node.wait_log("config.reloaded")
    cluster.cloud.clear(fault)
    node.wait_log("address.claimed")
    assert cluster.assigns() == 1
    node.daemon._started().signal(signal.SIGHUP)
    node.daemon._started().signal(signal.SIGTERM)
    assert exit_code(node) == 0
