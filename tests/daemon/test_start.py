"""How `hakeeper run` begins: its exit codes, what it tells systemd, and how it logs plainly."""

import contextlib
import errno
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.demo.lab.process import LabProcess
from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, DaemonNode
from tests.support.waiting import eventually

NO_CONFIG, SYSTEM, NO_PERMISSION, BAD_CONFIG, USAGE = 66, 71, 77, 78, 2


def run(node: DaemonNode, *arguments: str, prefix: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run `hakeeper run` to its end, which must come soon; return exit code and output."""
    done = subprocess.run(
        [*prefix, *node.command_line()[:-5], "run", *arguments],
        env={"PATH": os.environ["PATH"], **node.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def powerless() -> tuple[str, ...]:
    """Take from root the right to open every file; others do not have it anyway."""
    return ("setpriv", "--bounding-set", "-all", "--") if os.geteuid() == 0 else ()


def test_no_configuration(cluster: Cluster) -> None:
    node = cluster.node()
    missing = str(node.folder / "missing.yaml")
    code, text = run(node, "-c", missing)
    assert code == NO_CONFIG
    assert missing in text


def test_a_configuration_that_may_not_be_read(cluster: Cluster) -> None:
    node = cluster.node()
    node.daemon.config_path.chmod(0o000)
    code, text = run(node, "-c", str(node.daemon.config_path), prefix=powerless())
    assert code == NO_PERMISSION
    assert str(node.daemon.config_path) in text


def test_a_token_that_may_not_be_read(cluster: Cluster) -> None:
    node = cluster.node()
    node.token_file.chmod(0o000)
    code, text = run(node, "-c", str(node.daemon.config_path), prefix=powerless())
    assert code == NO_PERMISSION
    assert str(node.token_file) in text


def test_a_bad_configuration_with_every_error_and_its_place(cluster: Cluster) -> None:
    node = cluster.node()
    path = node.daemon.config_path
    path.write_text("instances:\n  VI_1:\n    floating_ip: [web]\nreconcile: {interval: no}\n")
    code, text = run(node, "-c", str(path))
    assert code == BAD_CONFIG
    assert f"{path}:3:5" in text
    assert f"{path}:4:" in text


def test_no_token(cluster: Cluster) -> None:
    node = cluster.node()
    del node.config["hetzner"]["token_file"]
    node.write_config()
    code, text = run(node, "-c", str(node.daemon.config_path))
    assert code == BAD_CONFIG
    assert "token" in text


def test_a_token_that_everybody_may_read(cluster: Cluster) -> None:
    node = cluster.node()
    node.token_file.chmod(0o644)
    code, text = run(node, "-c", str(node.daemon.config_path))
    assert code == BAD_CONFIG
    assert f"chmod o-rwx {node.token_file}" in text


@pytest.mark.parametrize("kind", ["not a certificate", "missing", "a folder", "denied"])
def test_a_ca_file_that_cannot_be_used_is_named(cluster: Cluster, kind: str) -> None:
    node = cluster.node()
    path = node.folder / "ca.pem"
    match kind:
        case "not a certificate":
            path.write_text("nothing to trust\n")
        case "a folder":
            path.mkdir()
        case "denied":
            path.touch(0o000)
        case _:
            pass
    node.config["hetzner"]["endpoint"] = "https://127.0.0.1/v1"
    node.config["hetzner"]["ca_file"] = str(path)
    node.write_config()
    code, text = run(node, "-c", str(node.daemon.config_path), prefix=powerless())
    assert code == (NO_PERMISSION if kind == "denied" else BAD_CONFIG)
    assert f"{path}: cannot be used as hetzner.ca_file" in text


def test_without_a_status_socket_addresses_are_claimed_and_it_is_made_when_it_can_be(
    cluster: Cluster,
) -> None:
    node = cluster.node()
    folder = node.daemon.runtime_folder
    folder.rmdir()
    node.keepalived.start()
    node.daemon.start(ready=False)
    failed = node.wait_log("control.failed")
    assert "No such file or directory" in str(failed["message"])
    assert str(folder) in str(failed["message"])
    node.wait_log("address.resolved")
    node.master()
    cluster.wait_holder(node)
    folder.mkdir()
    eventually(lambda: node.daemon.command("status").returncode == 0, PATIENCE_S)
    assert len(node.logged("control.failed")) == 1
    assert len(node.logged("control.recovered")) == 1


def test_a_daemon_beside_another_waits_for_its_end_and_spoils_nothing(cluster: Cluster) -> None:
    first = cluster.master()
    state = first.daemon.state_folder / "state.json"
    known = eventually(lambda: "MASTER" in state.read_text() and state.read_text())
    log = first.folder / "second.log"
    second = LabProcess("second", first.command_line(), log_path=log, environment=first.environment)
    try:
        eventually(lambda: "fifo.failed" in log.read_text(), PATIENCE_S)
        assert f"another hakeeper (process {first.daemon.pid}) already listens" in log.read_text()
        assert first.daemon.command("status").returncode == 0
        assert first.daemon.term() == 0
        assert known == state.read_text()
        eventually(
            lambda: first.daemon.command("status").returncode == 1, PATIENCE_S
        )  # no role yet
    finally:
        second.signal(15)
        assert second.wait(30) == 0


@pytest.mark.parametrize("name", ["configuration", "token", "CA file"])
def test_what_the_system_refuses_while_files_are_read_is_no_fault_of_theirs(
    cluster: Cluster, name: str
) -> None:
    """Code 71 is started again; a disk that failed for a moment must not end it for good."""
    node = cluster.node()
    paths = {
        "configuration": node.daemon.config_path,
        "token": node.token_file,
        "CA file": node.folder / "ca.pem",
    }
    path = str(paths[name])
    if name == "CA file":
        node.config["hetzner"] |= {"endpoint": "https://127.0.0.1/v1", "ca_file": path}
        paths[name].touch()
    node.write_config()
    refuse = ("strace", "-qq", "-o", "/dev/null", "-P", path, "-e", "inject=openat:error=EIO")
    code, text = run(node, "-c", str(node.daemon.config_path), prefix=refuse)
    assert code == SYSTEM
    assert f"{path}: " in text
    assert os.strerror(errno.EIO) in text


@pytest.mark.parametrize("arguments", [("--nonsense",), ("-c",), ("--log", "nowhere"), ("extra",)])
def test_wrong_usage(cluster: Cluster, arguments: tuple[str, ...]) -> None:
    code, text = run(cluster.node(), *arguments)
    assert code == USAGE
    assert "usage:" in text


def test_file_warnings_are_reported_once_and_again_only_when_new(
    cluster: Cluster,
) -> None:
    node = cluster.node()
    node.daemon.config_path.chmod(0o666)
    node.start()
    told = node.wait_log("config.warning")
    assert f"{node.daemon.config_path}: every user may write to it" in str(told["message"])
    node.reload()
    assert len(node.logged("config.warning")) == 1
    node.folder.chmod(0o777)
    node.reload()
    eventually(lambda: len(node.logged("config.warning")) == 2)


# --- systemd -----------------------------------------------------------------------------------


class Systemd:
    """The receiving end of sd_notify(3)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(30)
        self.messages: list[dict[str, str]] = []

    def wait_for(self, key: str, part: str = "") -> dict[str, str]:
        """Return the next message with this key, whose value holds `part`."""
        while True:
            lines = self.socket.recv(65536).decode().splitlines()
            message = dict(line.partition("=")[::2] for line in lines)
            self.messages.append(message)
            if part in message.get(key, "\0") and key in message:
                return message


@pytest.fixture
def systemd(folder: Path) -> Iterator[Systemd]:
    made = Systemd(folder / "notify")
    yield made
    made.socket.close()


def test_systemd_is_notified_of_readiness_and_status(cluster: Cluster, systemd: Systemd) -> None:
    node = cluster.node(environment={"NOTIFY_SOCKET": str(systemd.path)})
    node.start()
    ready = systemd.wait_for("READY")
    assert ready["READY"] == "1"
    assert "VI_1 UNKNOWN" in ready["STATUS"]
    assert systemd.messages[0] == ready or "STATUS" in systemd.messages[0]
    node.master()
    status = systemd.wait_for("STATUS", "VI_1 MASTER, 1/1 confirmed here")
    assert status["STATUS"].startswith("ok: ")
    node.daemon.reload()
    systemd.wait_for("RELOADING")
    systemd.wait_for("READY")
    assert node.daemon.term() == 0
    systemd.wait_for("STOPPING")


def test_a_refused_reload_ends_as_well(cluster: Cluster, systemd: Systemd) -> None:
    """Type=notify-reload waits for the end, and wants to know when the reload began."""
    node = cluster.node(environment={"NOTIFY_SOCKET": str(systemd.path)})
    node.start()
    systemd.wait_for("READY")
    node.daemon.config_path.write_text("instances: nonsense\n")
    node.daemon.reload()
    assert systemd.wait_for("RELOADING")["MONOTONIC_USEC"].isdigit()
    systemd.wait_for("READY")
    node.wait_log("config.rejected")


def test_ready_comes_even_without_fifo_api_and_keepalived(
    cluster: Cluster, systemd: Systemd
) -> None:
    node = cluster.node(environment={"NOTIFY_SOCKET": str(systemd.path)})
    node.fifo.unlink()
    node.config["hetzner"]["endpoint"] = "http://127.0.0.1:9/v1"
    node.write_config()
    node.daemon.start(ready=False)
    systemd.wait_for("READY")


def test_the_watchdog_is_fed_while_nothing_happens(cluster: Cluster, systemd: Systemd) -> None:
    environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "400000"}
    node = cluster.node(environment=environment)
    node.start()
    for _ in range(4):
        assert systemd.wait_for("WATCHDOG")["WATCHDOG"] == "1"


def test_no_watchdog_messages_are_sent_unless_systemd_wants_them(
    cluster: Cluster, systemd: Systemd
) -> None:
    node = cluster.node(environment={"NOTIFY_SOCKET": str(systemd.path)})
    node.start()
    node.daemon.term()
    systemd.wait_for("STOPPING")
    assert [message for message in systemd.messages if "WATCHDOG" in message] == []


def filled(path: Path) -> int:
    """Fill systemd's queue, as any user of the machine can; return the count."""
    count = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as other:
        other.connect(str(path))
        with contextlib.suppress(BlockingIOError):
            while True:
                other.send(b"X=1")
                count += 1
    return count


def test_ready_and_beats_that_found_no_room_are_repeated(
    cluster: Cluster, systemd: Systemd
) -> None:
    filled(systemd.path)
    environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "20000000"}
    node = cluster.node(environment=environment)
    node.daemon.start(ready=False)
    node.wait_log("notify.failed")
    assert systemd.wait_for("READY")["READY"] == "1"
    systemd.wait_for("WATCHDOG")
    beats = len([message for message in systemd.messages if "WATCHDOG" in message])
    assert beats == 1


# --- plain logs --------------------------------------------------------------------------------


def test_without_systemd_and_terminal_the_log_is_plain_lines_with_a_level(cluster: Cluster) -> None:
    node = cluster.node()
    node.write_config()
    process = LabProcess(
        "plain",
        node.command_line(log="auto"),
        log_path=node.folder / "plain.log",
        environment=node.environment,
    )
    try:
        cluster.wait_reads(node, 1)
    finally:
        process.signal(15)
        assert process.wait(30) == 0
    lines = process.log_text().splitlines()
    assert [line for line in lines if not line.startswith("<") or line[2] != ">"] == []
    assert any("event=daemon.started" in line for line in lines)
    assert any("event=daemon.stopped" in line for line in lines)
