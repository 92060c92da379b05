"""`hakeeper status` against the running daemon: the verdict, and what stands beneath it."""

import json
import subprocess

from helpers import eventually

from daemon.world import Node, World
from hakeeper.sim.cloud import Fault, Network

OK, DEGRADED, BROKEN, NOT_RUNNING = range(4)


def ask(node: Node, *options: str) -> "subprocess.CompletedProcess[str]":
    return node.daemon.command("status", *options)


def verdict(node: Node) -> int:
    """The exit code, which must be the same in both forms of the answer."""
    return ask(node).returncode


def test_a_master_that_holds_its_address_is_ok(world: World) -> None:
    node = world.master()
    done = ask(node)
    assert done.returncode == OK, done.stdout
    text = done.stdout
    assert text.startswith(f"OK  server node-a (id {node.server})")
    assert "VI_1  MASTER for" in text
    assert "because keepalived became master" in text
    assert "web = 203.0.113.10: on this server, read" in text
    assert "last decision: keepalived became master (line MASTER): claimed and confirmed" in text
    assert "API         ok, last answer" in text
    assert "next look in" in text
    assert f"runs, pid {vrrp_pid(node)}" in text


def vrrp_pid(node: Node) -> int:
    return int(node.keepalived.pid_file.with_name("vrrp.pid").read_text())


def test_a_backup_is_ok_wherever_the_address_is(world: World) -> None:
    node = world.running()
    node.backup()
    done = ask(node)
    assert done.returncode == OK, done.stdout
    assert f"on server {world.elsewhere}, read" in done.stdout


def test_json_says_the_same(world: World) -> None:
    node = world.master()
    done = ask(node, "--json")
    assert done.returncode == OK
    found = json.loads(done.stdout)
    assert found["health"] == "ok"
    assert found["problems"] == []
    assert found["server_id"] == node.server
    (role,) = found["roles"]
    assert (role["name"], role["role"]) == ("VI_1", "MASTER")
    (address,) = role["addresses"]
    assert (address["ref"], address["owner"]) == ("web", "mine")
    assert address["owner_age_s"] >= 0
    assert address["decision"] != ""
    assert found["api"] == "ok"
    assert found["next_look_in_s"] >= 0


def test_an_unknown_role_is_degraded(world: World) -> None:
    node = world.running()
    done = ask(node)
    assert done.returncode == DEGRADED
    assert "VI_1: the role is unknown: nothing heard yet" in done.stdout


def test_a_missing_fifo_is_degraded(world: World) -> None:
    node = world.running()
    node.backup()
    node.fifo.unlink()
    node.wait_log("fifo.failed")
    done = ask(node)
    assert done.returncode == DEGRADED
    assert "does not exist" in done.stdout


def test_a_missing_keepalived_is_degraded(world: World) -> None:
    node = world.running()
    node.backup()
    node.keepalived.kill()
    node.wait_log("keepalived.gone")
    done = ask(node)
    assert done.returncode == DEGRADED
    assert "no keepalived process is known" in done.stdout


def test_an_api_outage_is_degraded_at_first_and_broken_for_a_master_later(world: World) -> None:
    node = world.master(interval="1s", standby_interval="1s")
    with world.cloud.faulty(Fault(network=Network.REFUSE)):
        node.wait_log("api.failed")
        assert verdict(node) == DEGRADED
        eventually(lambda: verdict(node) == BROKEN, 60)
        assert "failing for" in ask(node).stdout
    node.wait_log("api.recovered")
    eventually(lambda: verdict(node) == OK, 30)


def test_a_refused_token_is_broken(world: World) -> None:
    node = world.running()
    world.cloud.revoke(node.name)
    node.master()
    node.wait_log("token.rejected")
    eventually(lambda: verdict(node) == BROKEN, 30)


def test_a_name_that_leads_nowhere_is_broken(world: World) -> None:
    node = world.node()
    node.config["instances"]["VI_1"]["floating_ips"] = ["wbe"]
    node.write_config()
    node.keepalived.start()
    node.daemon.start()
    node.wait_log("address.unresolved")
    done = ask(node)
    assert done.returncode == BROKEN
    assert "wbe" in done.stdout


def test_a_claim_that_cannot_be_finished_is_degraded_then_broken(world: World) -> None:
    node = world.running()
    with world.cloud.faulty(Fault(method="POST", status=503)) as fault:
        node.master()
        world.wait_hits(fault, 1)
        assert verdict(node) == DEGRADED
        eventually(lambda: verdict(node) == BROKEN, 60)
        assert "MASTER, but not confirmed here yet" in ask(node).stdout


def test_no_daemon_is_not_running(world: World) -> None:
    node = world.running()
    assert node.daemon.term() == 0
    done = ask(node)
    assert done.returncode == NOT_RUNNING
    assert "does not run" in done.stdout
    done = ask(node, "--json")
    assert done.returncode == NOT_RUNNING
    assert json.loads(done.stdout)["health"] == "not running"


def test_a_killed_daemon_is_not_running_although_its_socket_is_left(world: World) -> None:
    node = world.running()
    node.daemon.kill()
    assert (node.daemon.runtime_folder / "control.sock").exists()
    assert verdict(node) == NOT_RUNNING


def test_many_askers_do_not_hold_up_a_claim(world: World) -> None:
    node = world.running()
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
        world.wait_owner(node)
    finally:
        codes = [each.wait(60) for each in asking]
    assert set(codes) <= {OK, DEGRADED}
