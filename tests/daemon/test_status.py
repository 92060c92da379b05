"""`hakeeper status` against the running daemon: the verdict, and what stands beneath it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from hakeeper import __version__
from hakeeper.demo.cloud import Fault, Network
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode
from tests.support.waiting import eventually

OK, DEGRADED, BROKEN, NOT_RUNNING = range(4)


def ask(node: DaemonNode, *options: str) -> "subprocess.CompletedProcess[str]":
    return node.daemon.command("status", *options)


def flat(text: str) -> str:
    """Undo the wrapping."""
    return " ".join(text.split())


def verdict(node: DaemonNode) -> int:
    """The exit code, which must be the same in both forms of the answer."""
    return ask(node).returncode


def test_a_master_that_holds_its_address_is_ok(cluster: Cluster) -> None:
    node = cluster.master()
    done = ask(node)
    assert done.returncode == OK, done.stdout
    text = done.stdout
    assert text.startswith(f"OK  node-a (id {node.server})\n")
    assert "VI_1  MASTER since " in text
    assert "keepalived became master" in text
    assert "web = 203.0.113.10: on this server, confirmed; read" in text
    assert "last decision: keepalived became master (line MASTER): claimed" in flat(text)
    assert "API         ok, last answer" in text
    assert "next look in" in text
    assert f"runs, pid {vrrp_pid(node)}" in text
    assert f"hakeeper    {__version__}, runs since" in text
    assert flat(text).endswith(str(node.daemon.config_path))


def vrrp_pid(node: DaemonNode) -> int:
    return int(node.keepalived.pid_file.with_name("vrrp.pid").read_text())


def test_a_backup_is_ok_wherever_the_address_is(cluster: Cluster) -> None:
    node = cluster.running()
    node.backup()
    eventually(lambda: "last known" not in ask(node).stdout, 30)
    done = ask(node)
    assert done.returncode == OK, done.stdout
    assert f"on elsewhere (id {cluster.elsewhere}), read" in flat(done.stdout)


def test_json_says_the_same(cluster: Cluster) -> None:
    node = cluster.master()
    done = ask(node, "--json")
    assert done.returncode == OK
    found = json.loads(done.stdout)
    assert found["health"] == "ok"
    assert found["problems"] == []
    assert found["server_id"] == node.server
    (role,) = found["roles"]
    assert (role["name"], role["role"]) == ("VI_1", "MASTER")
    (address,) = role["addresses"]
    assert (address["ref"], address["holder"]) == ("web", "us")
    assert address["holder_age_s"] >= 0
    assert address["decision"] != ""
    assert address["confirmed"]
    assert address["holder_current"]
    assert {"schema", "version", "started", "config", "time"} <= found.keys()
    assert found["api"] == "ok"
    assert found["next_look_in_s"] >= 0


def test_an_unknown_role_is_degraded(cluster: Cluster) -> None:
    node = cluster.running()
    done = ask(node)
    assert done.returncode == DEGRADED
    assert "VI_1: the role is not known" in done.stdout


def test_a_missing_fifo_is_degraded(cluster: Cluster) -> None:
    node = cluster.running()
    node.backup()
    node.fifo.unlink()
    node.wait_log("fifo.failed")
    done = ask(node)
    assert done.returncode == DEGRADED
    assert "does not exist" in flat(done.stdout)
    shown = flat(done.stdout)
    assert f"do: mkdir -p {node.fifo.parent} && mkfifo -m 0600 {node.fifo} && chown" in shown


def test_a_missing_keepalived_is_degraded(cluster: Cluster) -> None:
    node = cluster.running()
    node.backup()
    node.keepalived.kill()
    node.wait_log("keepalived.gone")
    done = ask(node)
    assert done.returncode == DEGRADED
    assert "keepalived does not run (since " in flat(done.stdout)
    eventually(lambda: verdict(node) == BROKEN, 60)


def test_an_api_outage_is_degraded_at_first_and_broken_for_a_master_later(cluster: Cluster) -> None:
    node = cluster.master(interval="1s", standby_interval="1s")
    with cluster.cloud.faulty(Fault(network=Network.REFUSE)):
        node.wait_log("api.failed")
        assert verdict(node) == DEGRADED
        eventually(lambda: verdict(node) == BROKEN, 60)
        assert "API         failing since" in ask(node).stdout
    node.wait_log("api.recovered")
    eventually(lambda: verdict(node) == OK, 30)


def test_a_refused_token_is_broken(cluster: Cluster) -> None:
    node = cluster.running()
    cluster.cloud.revoke(node.name)
    node.master()
    node.wait_log("token.rejected")
    eventually(lambda: verdict(node) == BROKEN, 30)


def test_a_name_that_leads_nowhere_is_broken(cluster: Cluster) -> None:
    node = cluster.node()
    node.config["instances"]["VI_1"]["floating_ips"] = ["wbe"]
    node.write_config()
    node.keepalived.start()
    node.daemon.start()
    node.wait_log("address.unresolved")
    done = ask(node)
    assert done.returncode == BROKEN
    assert "wbe" in done.stdout


def test_a_claim_that_cannot_be_finished_is_degraded_then_broken(cluster: Cluster) -> None:
    node = cluster.running()
    with cluster.cloud.faulty(Fault(method="POST", status=503)) as fault:
        node.master()
        cluster.wait_hits(fault, 1)
        assert verdict(node) == DEGRADED
        eventually(lambda: verdict(node) == BROKEN, 60)
        shown = flat(ask(node).stdout)
        assert "web = 203.0.113.10 is not confirmed on this server, which is MASTER (since" in shown
        assert "made to fail by the simulator (unavailable)" in shown


def test_a_reload_that_is_refused_is_degraded_until_one_is_taken_over(cluster: Cluster) -> None:
    node = cluster.master()
    right = node.daemon.config_path.read_text()
    node.daemon.config_path.write_text(right + "wrong: key\n")
    node.daemon.reload()
    node.wait_log("config.rejected")
    done = ask(node)
    assert done.returncode == DEGRADED
    assert "the next start would fail" in flat(done.stdout)
    assert "wrong" in flat(done.stdout)
    node.reload()
    assert verdict(node) == OK


def test_a_keepalived_that_has_not_the_fifo_open_is_reported(cluster: Cluster) -> None:
    node = cluster.master()
    node.stop_writing()
    eventually(lambda: verdict(node) == DEGRADED, 60)
    assert f"does not write to {node.fifo}" in flat(ask(node).stdout)
    assert f"# if that is not enough: vrrp_notify_fifo {node.fifo} hakeeper" in flat(
        ask(node).stdout
    )
    node.wait_log("status.degraded", code="fifo.no_writer")
    node.master()
    eventually(lambda: verdict(node) == OK, 60)
    node.wait_log("status.ok")


def test_a_token_that_may_only_read_is_named_as_the_cause(cluster: Cluster) -> None:
    node = cluster.running()
    with cluster.cloud.faulty(Fault(method="POST", status=403, code="token_readonly")) as fault:
        node.master()
        cluster.wait_hits(fault, 1)
        eventually(lambda: verdict(node) == BROKEN, 30)
        shown = flat(ask(node).stdout)
    assert "Hetzner refuses the assign of web = 203.0.113.10 (since" in shown
    assert "the token may only read (token_readonly)" in shown
    assert "do: Hetzner console, Security, API tokens: make one that may read and write" in shown
    node.wait_log("status.broken", code="token.readonly")


def test_every_line_but_the_cures_fits_eighty_columns(cluster: Cluster) -> None:
    node = cluster.running()
    node.fifo.unlink()
    node.wait_log("fifo.failed")
    with cluster.cloud.faulty(Fault(network=Network.REFUSE)):
        cluster.drop_connections()
        lines = ask(node).stdout.splitlines()
    assert [] == [line for line in lines if len(line) > 80 and "do:" not in line]


def test_no_daemon_is_not_running(cluster: Cluster) -> None:
    node = cluster.running()
    assert node.daemon.term() == 0
    done = ask(node)
    assert done.returncode == NOT_RUNNING
    assert "does not run" in done.stdout
    done = ask(node, "--json")
    assert done.returncode == NOT_RUNNING
    assert json.loads(done.stdout)["health"] == "not running"


def test_a_killed_daemon_is_not_running_although_its_socket_is_left(cluster: Cluster) -> None:
    node = cluster.running()
    node.daemon.kill()
    assert (node.daemon.runtime_folder / "control.sock").exists()
    assert verdict(node) == NOT_RUNNING


def test_the_probe_follows_the_daemon(cluster: Cluster) -> None:
    node = cluster.master()
    done = node.daemon.command("probe", "--master", "VI_1")
    assert done.returncode == OK, done.stdout
    assert "HAKEEPER OK - VI_1 MASTER, 1 of 1 addresses confirmed here | held=1" in done.stdout
    assert node.daemon.command("probe").returncode == OK
    node.backup()
    assert node.daemon.command("probe", "--master").returncode == 2
    node.daemon.kill()
    assert node.daemon.command("probe").returncode == 2


def test_many_askers_do_not_hold_up_a_claim(cluster: Cluster) -> None:
    node = cluster.running()
    asking = [
        subprocess.Popen(
            [*node.command_line()[:-5], "status", "--json"],
            env=node.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(6)
    ]
    try:
        node.master()
        cluster.wait_holder(node)
    finally:
        codes = [each.wait(60) for each in asking]
    assert set(codes) <= {OK, DEGRADED}


def test_only_root_and_the_service_itself_may_reload(cluster: Cluster) -> None:
    node = cluster.running()
    os.chmod(node.daemon.runtime_folder, 0o755)  # noqa: PTH101  # as systemd makes it
    for folder in (cluster.folder, node.folder):
        folder.chmod(0o755)
    path = node.daemon.runtime_folder / "control.sock"
    os.chown(path, -1, GROUP)
    assert "only root may reload" in asked_as_nobody(path, "reload", GROUP)
    assert "'schema': 1" in asked_as_nobody(path, "status", GROUP)
    assert "only root and members of the group" in asked_as_nobody(path, "status", GROUP + 1)
    assert [] == node.logged("config.reloaded")


GROUP = 64004
_ASK = """
import os, sys
from hakeeper.adapters.control_client import ControlError, ask
os.setgroups([int(sys.argv[3])]); os.setgid(65534); os.setuid(65534)
try:
    print(ask(sys.argv[1], {'command': sys.argv[2]}, 20.0))
except ControlError as error:
    print(error)
"""


def asked_as_nobody(path: Path, command: str, group: int) -> str:
    """Give a command as another user, who is in this group; return what comes of it."""
    argv = [sys.executable, "-c", _ASK, str(path), command, str(group)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
