"""Hooks: the real daemon tells the real service, which runs real commands."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.demo.cloud import Fault
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode
from tests.support.hook_service import HookService, fill, hooks_environment, send, with_hooks
from tests.support.waiting import eventually

MOMENTS = ("on_master", "on_claimed", "on_lost_role", "on_contested", "on_failed")
_BLOCK = '#!/bin/sh\necho "begun $HAKEEPER_REASON"\nread -r _ <"$1"\necho over\n'


@pytest.fixture
def node(cluster: Cluster) -> DaemonNode:
    made = cluster.node(environment=hooks_environment(cluster.folder))
    made.write_config()
    return made


@pytest.fixture
def service(cluster: Cluster, node: DaemonNode) -> Iterator[HookService]:
    made = HookService(cluster.folder, node.daemon.config_path)
    yield made
    made.close()
    _let_go(made.seen / "go")


def _let_go(fifo: Path) -> None:
    """End a command that waits at it still: its service is gone, and here no unit ends the rest."""
    with contextlib.suppress(FileNotFoundError):
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody waits
                raise


def all_recorded(node: DaemonNode, service: HookService) -> None:
    with_hooks(node, **{moment: service.recorder() for moment in MOMENTS})


def blocking(service: HookService) -> tuple[list[str], Path]:
    """Return a command that runs until somebody writes to the FIFO, and the FIFO."""
    fifo = service.seen / "go"
    os.mkfifo(fifo)
    return [str(service.script("block", _BLOCK)), str(fifo)], fifo


def test_the_commands_of_a_failover_are_run_in_order(
    node: DaemonNode, service: HookService
) -> None:
    all_recorded(node, service)
    service.start(OF_A_DROP_IN="yes", NOTIFY_SOCKET="/run/of/systemd")
    node.start()
    node.master()
    claimed = service.wait_environment("on_claimed")
    node.backup()
    lost = service.wait_environment("on_lost_role")

    assert service.order() == ["on_master ", "on_claimed 203.0.113.10", "on_lost_role "]
    master = service.wait_environment("on_master")
    assert (master["HAKEEPER_ROLE"], lost["HAKEEPER_ROLE"]) == ("MASTER", "BACKUP")
    assert lost["HAKEEPER_PREVIOUS_ROLE"] == "MASTER"
    assert claimed["HAKEEPER_ADDRESS"] == "203.0.113.10"
    assert claimed["HAKEEPER_MESSAGE"] == node.logged("address.claimed")[0]["message"]
    for each in (master, claimed, lost):
        assert each["HAKEEPER_INSTANCE"] == "VI_1"
        assert each["HAKEEPER_KIND"] == "INSTANCE"
        assert each["HAKEEPER_SERVER"] == socket.gethostname()
        assert each["HAKEEPER_TIME"].endswith("Z")
        assert each["OF_A_DROP_IN"] == "yes"
        assert not {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"} & each.keys()
    service.wait_log("hook.ended", hook="on_lost_role")
    assert service.logged("hook.failed") == []
    assert node.logged("hook.unsent") == []


def test_a_claim_is_done_while_a_hook_still_runs(
    cluster: Cluster, node: DaemonNode, service: HookService
) -> None:
    command, fifo = blocking(service)
    with_hooks(node, on_master=command, on_claimed=service.recorder())
    service.start()
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    service.wait_log("hook.output", hook="on_master")
    assert service.logged("hook.ended") == []
    assert service.order() == [], "one at a time"
    fifo.write_text("\n")
    service.wait_environment("on_claimed")
    assert [entry["message"] for entry in service.logged("hook.output")] == [
        "VI_1: on_master: begun keepalived became master (line MASTER)",
        "VI_1: on_master: over",
    ]


def test_a_service_that_reads_nothing_costs_no_claim_and_is_told_of_once(
    cluster: Cluster, node: DaemonNode, service: HookService
) -> None:
    all_recorded(node, service)
    fill(service)
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    (unsent,) = node.logged("hook.unsent")
    assert "Resource temporarily unavailable" in str(unsent["message"])

    service.start()
    send(service)  # read after all that filled the socket
    service.wait_environment("on_master")
    node.backup()
    again = node.wait_log("hook.unsent", after=node.daemon.entries().index(unsent) + 1)
    assert "hooks are run again" in str(again["message"])


def test_without_a_socket_the_way_out_is_told_once(cluster: Cluster, node: DaemonNode) -> None:
    with_hooks(node, on_master=["/usr/bin/true"])
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.backup()
    node.master()
    node.wait_log("address.claimed")
    (unsent,) = node.logged("hook.unsent")
    assert "VI_1: on_master is not run" in str(unsent["message"])
    assert "No such file or directory" in str(unsent["message"])
    assert "systemctl enable --now hakeeper-hooks.socket" in str(unsent["message"])


def test_what_has_no_hook_is_not_sent(node: DaemonNode, service: HookService) -> None:
    with_hooks(node, on_contested=["/usr/bin/true"])
    node.start()
    node.master()
    node.wait_log("address.claimed")
    with pytest.raises(BlockingIOError):
        service.listening.recv(20000, socket.MSG_DONTWAIT)
    assert node.logged("hook.unsent") == []


def test_a_claim_that_fails_again_and_again_is_one_failure(
    cluster: Cluster, node: DaemonNode, service: HookService
) -> None:
    all_recorded(node, service)
    service.start()
    node.start()
    unavailable = cluster.cloud.fault(Fault(method="POST", status=503, count=2))
    locked = cluster.cloud.fault(Fault(method="POST", status=423, count=2))
    node.master()
    cluster.wait_hits(unavailable, 2)
    cluster.wait_hits(locked, 2)
    failed = service.wait_environment("on_failed")
    service.wait_environment("on_claimed")
    assert failed["HAKEEPER_ADDRESS"] == "203.0.113.10"
    assert len(node.logged("claim.failed")) == 2, "one for each code"
    assert [line.split()[0] for line in service.order()] == ["on_master", "on_failed", "on_claimed"]


def test_what_waits_in_the_socket_outlives_a_killed_service(
    node: DaemonNode, service: HookService
) -> None:
    command, _ = blocking(service)
    with_hooks(node, on_master=command, on_failed=service.recorder())
    service.start()
    send(service)
    service.wait_log("hook.output", hook="on_master")
    service.kill()
    send(service, moment="on_failed", address="a")
    service.start()
    assert service.wait_environment("on_failed")["HAKEEPER_ADDRESS"] == "a"


def test_of_a_flood_the_newest_role_is_run_and_the_rest_is_told(
    node: DaemonNode, service: HookService
) -> None:
    command, fifo = blocking(service)
    with_hooks(node, on_master=command, on_lost_role=service.recorder())
    service.start()
    send(service, reason="the first")
    service.wait_log("hook.output", hook="on_master")
    for count in range(200):
        send(service, reason=f"{count}")
        send(service, moment="on_lost_role", reason=f"{count}")
    # Of another instance, and so known to be read after them.
    send(service, instance="VI_2")
    service.wait_log("hook.failed", instance="VI_2")
    fifo.write_text("\n")
    assert service.wait_environment("on_lost_role")["HAKEEPER_REASON"] == "199"
    service.wait_log("hook.dropped", instance="VI_1", count=399)
    assert service.order() == ["on_lost_role "]


def test_an_instance_does_not_wait_for_another(node: DaemonNode, service: HookService) -> None:
    command, _ = blocking(service)
    with_hooks(node, on_master=command)
    hooks = {"on_master": service.recorder()}
    node.config["instances"]["VI_2"] = {"floating_ips": ["other"], "hooks": hooks}
    node.write_config()
    service.start()
    send(service)
    service.wait_log("hook.output", hook="on_master", instance="VI_1")
    send(service, instance="VI_2")
    assert service.wait_environment("on_master")["HAKEEPER_INSTANCE"] == "VI_2"
    assert service.logged("hook.ended", instance="VI_1") == []


def test_a_command_that_takes_too_long_is_ended_with_its_children(
    node: DaemonNode, service: HookService
) -> None:
    text = '#!/bin/sh\nsleep 1000 &\necho "$!" >"$1/pid.new"; mv "$1/pid.new" "$1/pid"\nwait\n'
    script = service.script("slow", text)
    with_hooks(node, on_master=[str(script), str(service.seen)], timeout="1s")
    service.start()
    send(service)
    failed = service.wait_log("hook.failed", hook="on_master")
    assert "it took longer than 1 s" in str(failed["message"])
    child = (service.seen / "pid").read_text().strip()
    eventually(lambda: not Path(f"/proc/{child}/cmdline").exists(), what="its child is gone")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\nexit 3\n", "exit code 3"),
        ("#!/bin/sh\nkill -9 $$\n", "ended by SIGKILL"),
        ("#!/nowhere\n", "No such file or directory"),
    ],
)
def test_a_command_that_fails_is_told(
    node: DaemonNode, service: HookService, text: str, reason: str
) -> None:
    with_hooks(node, on_master=str(service.script("fail", text)))
    service.start()
    send(service)
    assert reason in str(service.wait_log("hook.failed", hook="on_master")["message"])


def test_what_comes_from_outside_is_no_command_and_one_line(
    node: DaemonNode, service: HookService
) -> None:
    all_recorded(node, service)
    service.start()
    hostile = "web\n; touch /x \x1b[31m\u202e$(reboot)`id`\x00"
    more = {"LD_PRELOAD": "/x.so", "PATH": "/x"}
    send(service, moment="on_claimed", address=hostile, message=hostile, holder="-rf /", **more)
    seen = service.wait_environment("on_claimed")
    safe = "web\\n; touch /x \\x1b[31m\\u202e$(reboot)`id`\\x00"
    assert (seen["HAKEEPER_ADDRESS"], seen["HAKEEPER_HOLDER"]) == (safe, "-rf /")
    assert (seen["PATH"], "LD_PRELOAD" in seen) == (os.environ["PATH"], False)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 8000,
        b'{"v": 2}',
        b'{"v": 1, "moment": "on_fire", "kind": "INSTANCE", "instance": "VI_1", "time": 1}',
        b'{"v": 1, "moment": "on_master", "kind": "INSTANCE", "instance": [], "time": 1}',
        b'{"v": 1, "moment": "on_master", "kind": "INSTANCE", "instance": "VI_1", "time": NaN}',
        b"x" * 20000,
    ],
)
def test_what_is_no_notice_is_refused_and_the_service_goes_on(
    node: DaemonNode, service: HookService, datagram: bytes
) -> None:
    all_recorded(node, service)
    service.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(datagram, str(service.path))
    refused = service.wait_log("hook.failed")
    assert "a notice cannot be read" in str(refused["message"])
    send(service)
    service.wait_environment("on_master")


def test_nothing_is_run_that_others_may_change(node: DaemonNode, service: HookService) -> None:
    all_recorded(node, service)
    (service.path.parent / "record").chmod(0o777)
    service.start()
    send(service)
    refused = service.wait_log("hook.failed", hook="on_master")
    assert "others may write to" in str(refused["message"])
    assert "chmod go-w" in str(refused["message"])

    (service.path.parent / "record").chmod(0o755)
    node.daemon.config_path.chmod(0o666)
    send(service, moment="on_failed")
    refused = service.wait_log("hook.failed", hook="on_failed")
    assert f"others may write to {node.daemon.config_path}" in str(refused["message"])
    assert service.order() == []


def test_a_broken_configuration_is_told_and_a_mended_one_is_read(
    node: DaemonNode, service: HookService
) -> None:
    all_recorded(node, service)
    good = node.daemon.config_path.read_text()
    node.daemon.config_path.write_text("instances: [")
    service.start()
    send(service)
    assert "hakeeper.yaml:1:" in str(service.wait_log("hook.failed")["message"])
    node.daemon.config_path.write_text(good)
    send(service)
    service.wait_environment("on_master")


def test_a_stop_says_what_is_left_undone(node: DaemonNode, service: HookService) -> None:
    command, _ = blocking(service)
    with_hooks(node, on_master=command, on_failed=service.recorder())
    service.start()
    send(service)
    service.wait_log("hook.output", hook="on_master")
    send(service, moment="on_failed")
    send(service, instance="VI_2")
    service.wait_log("hook.failed", instance="VI_2")
    assert service.term() == 0
    service.wait_log("hook.dropped", instance="VI_1", count=1, reason="the service stops")


def test_a_role_that_was_lost_while_the_daemon_was_away_is_told_when_it_is_back(
    node: DaemonNode, service: HookService
) -> None:
    all_recorded(node, service)
    service.start()
    node.start()
    node.master()
    service.wait_environment("on_claimed")
    assert node.daemon.term() == 0
    node.role("BACKUP")
    node.start(keepalived=False)
    lost = service.wait_environment("on_lost_role")
    assert (lost["HAKEEPER_PREVIOUS_ROLE"], lost["HAKEEPER_ROLE"]) == ("MASTER", "BACKUP")


def test_a_restart_tells_of_the_role_again_and_of_no_claim(
    node: DaemonNode, service: HookService
) -> None:
    all_recorded(node, service)
    service.start()
    node.start()
    node.master()
    service.wait_environment("on_claimed")
    assert node.daemon.term() == 0
    node.start(keepalived=False)
    eventually(lambda: service.order()[2:] == ["on_master "], what="the role to be told again")
    node.backup()
    service.wait_environment("on_lost_role")
    moments = [line.split()[0] for line in service.order()]
    assert moments == ["on_master", "on_claimed", "on_master", "on_lost_role"]


def test_a_reload_takes_over_the_hooks(node: DaemonNode, service: HookService) -> None:
    node.start()
    with_hooks(node, on_master=service.recorder())
    node.reload()
    service.start()
    node.master()
    service.wait_environment("on_master")


def test_an_operator_has_a_hook_run_to_see_it(node: DaemonNode, service: HookService) -> None:
    with_hooks(node, on_contested=service.recorder())
    service.start()
    config = ("-c", str(node.daemon.config_path))
    done = node.daemon.command("hooks", *config, "--try", "VI_1", "on_contested")
    assert (done.returncode, done.stderr) == (0, "")
    assert "journalctl -u hakeeper-hooks" in done.stdout
    assert service.wait_environment("on_contested")["HAKEEPER_REASON"] == "a try"

    other = node.daemon.command("hooks", *config, "--try", "VI_1", "on_master")
    assert other.returncode == 2
    assert "has no on_master of VI_1; it has: VI_1 on_contested" in other.stderr
    service.path.unlink()
    gone = node.daemon.command("hooks", *config, "--try", "VI_1", "on_contested")
    assert gone.returncode == 71
    assert "systemctl enable --now hakeeper-hooks.socket" in gone.stderr
    missing = node.daemon.command("hooks", "-c", "/nowhere", "--try", "VI_1", "on_master")
    assert missing.returncode == 66


def test_the_service_alone_says_how_it_is_started(node: DaemonNode) -> None:
    done = node.daemon.command("hooks")
    assert done.returncode == 2
    assert "systemctl enable --now hakeeper-hooks.socket" in done.stderr
