"""SIGTERM ends it in any state and moves nothing; SIGHUP takes a configuration over, or none."""

import json
import os
import signal
import time

import pytest

from hakeeper.demo.cloud import ON_LOOPBACK, Answer, Fault, Network, SimCloud
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode, exit_code
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}
ASSIGN = "/actions/assign$"


def stop(cluster: Cluster, node: DaemonNode) -> None:
    """SIGTERM: exit code 0, and no request after it."""
    signalled_s = time.monotonic()
    assert node.daemon.term() == 0
    late = [r for r in cluster.cloud.requests(client=node.name) if r.received_s > signalled_s]
    assert late == []
    assert len(node.logged("daemon.stopped")) == 1


def settled(cluster: Cluster) -> DaemonNode:
    """Start a node; the last thing it asks at its start, whom it saw holding, is answered."""
    node = cluster.running()
    holder = f"/v1/servers/{cluster.elsewhere}"
    cluster.cloud.wait_for(
        lambda: any(r.path == holder and r.answered_s for r in cluster.cloud.requests())
    )
    return node


def test_it_can_be_stopped_before_any_line_arrived(cluster: Cluster) -> None:
    stop(cluster, settled(cluster))


def test_stopped_as_backup(cluster: Cluster) -> None:
    node = settled(cluster)
    node.backup()
    stop(cluster, node)


def test_stopped_while_holding_leaves_the_address_where_it_is(cluster: Cluster) -> None:
    node = cluster.master()
    cluster.cloud.wait_for(lambda: cluster.cloud.requests()[-1].answered_s)
    node.wait_log("address.claimed")
    assert node.daemon.term() == 0
    assert cluster.cloud.holder(cluster.web) == node.server
    assert len(cluster.cloud.moves(cluster.web)) == 1


HANGS = {
    "an assign hangs": Fault(method="POST", path=ASSIGN, answer=Answer.NEVER),
    "an assign waits": Fault(method="POST", path=ASSIGN, delay_s=90),
    "an answer drips": Fault(method="POST", path=ASSIGN, drip_s=1),
    "an action runs": Fault(method="POST", path=ASSIGN, action_never_ends=True),
    "a claim backs off": Fault(method="POST", path=ASSIGN, status=403, code="forbidden"),
    "a 429 is waited for": Fault(method="POST", path=ASSIGN, status=429),
}


@pytest.mark.parametrize("fault", HANGS.values(), ids=HANGS)
def test_stopped_in_the_middle_of_a_claim(cluster: Cluster, fault: Fault) -> None:
    node = cluster.node()
    node.config["hetzner"]["timeout"] = "60s"  # longer than anybody waits for the end
    node.start()
    number = cluster.cloud.fault(fault)
    node.master()
    cluster.wait_hits(number, 1)
    assert node.daemon.term() == 0
    cluster.cloud.clear_all()
    assert cluster.assigns() == 1


def test_stopped_while_the_api_is_away(cluster: Cluster) -> None:
    node = cluster.running()
    with cluster.cloud.faulty(Fault(network=Network.REFUSE)):
        cluster.cloud.wait_for(lambda: cluster.cloud.counters().open_connections == 0)
        node.master()
        node.wait_log("claim.failed")
        stop(cluster, node)


def test_stopped_while_connecting_hangs(cluster: Cluster) -> None:
    node = cluster.node()
    node.config["hetzner"]["timeout"] = "60s"
    node.start()
    cluster.drop_connections()
    with cluster.cloud.faulty(Fault(network=Network.HANDSHAKE_HANG)):
        node.master()
        node.wait_log("claim.started")
        stop(cluster, node)


def test_sigint_stops_as_well(cluster: Cluster) -> None:
    node = cluster.running()
    os.kill(node.daemon.pid, signal.SIGINT)
    assert exit_code(node) == 0


def test_many_signals_at_once_are_survived(cluster: Cluster) -> None:
    node = cluster.master()
    for _ in range(50):
        node.daemon.reload()
    node.wait_log("config.reloaded")
    node.reload()
    process = node.daemon._started()
    while process.running:  # to the very last moment of the interpreter's own end
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGINT)
    assert process.exit_code == 0
    assert cluster.assigns() == 1


# --- SIGHUP ----------------------------------------------------------------------------------


def test_a_reload_without_a_change_disturbs_nothing(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.reload()
    cluster.wait_reads(node, 3)
    assert cluster.assigns() == 1
    assert len(node.logged("role.changed")) == 1


def test_a_reload_that_changes_a_timeout_keeps_the_identity(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.config["hetzner"]["timeout"] = "4s"
    node.reload()
    cluster.wait_reads(node, 3)
    assert len(node.logged("server.identified")) == 1


def test_an_address_that_is_added_is_claimed_and_one_removed_is_let_be(cluster: Cluster) -> None:
    mail = cluster.cloud.add_floating_ip("mail", "203.0.113.11", server=cluster.elsewhere)
    node = cluster.master(**EAGER)
    node.config["instances"]["VI_1"]["floating_ips"] = ["web", "mail"]
    node.reload()
    cluster.wait_holder(node, mail)
    node.wait_log("address.claimed", address="203.0.113.11")
    node.config["instances"]["VI_1"]["floating_ips"] = ["mail"]
    node.reload()
    assert cluster.cloud.holder(cluster.web) == node.server
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_reads(node, 3)
    assert cluster.cloud.holder(cluster.web) == cluster.elsewhere
    assert cluster.cloud.holder(mail) == node.server
    assert cluster.assigns() == 2


def test_an_added_instance_needs_its_own_role(cluster: Cluster) -> None:
    mail = cluster.cloud.add_floating_ip("mail", "203.0.113.11", server=cluster.elsewhere)
    node = cluster.master(**EAGER)
    node.config["instances"]["VI_2"] = {"floating_ips": ["mail"]}
    node.reload()
    cluster.wait_reads(node)
    assert cluster.cloud.holder(mail) == cluster.elsewhere
    node.master("VI_2")
    cluster.wait_holder(node, mail)


def test_a_broken_configuration_is_refused_as_a_whole(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.daemon.config_path.write_text(
        "instances:\n  VI_1: {floating_ips: [mail]}\nreconcile: {interval: fast}\nhetznr: {}\n"
    )
    node.daemon.reload()
    eventually(lambda: len(node.logged("config.rejected")) >= 2)
    told = " ".join(str(entry["message"]) for entry in node.logged("config.rejected"))
    assert "interval" in told
    assert "hetznr" in told
    assert str(node.daemon.config_path) in told
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_holder(node)  # the old one goes on
    assert node.logged("config.reloaded") == []
    node.reload()
    cluster.wait_reads(node)
    assert cluster.assigns() == 2


def test_a_missing_configuration_is_refused(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.daemon.config_path.unlink()
    node.daemon.reload()
    node.wait_log("config.rejected")
    cluster.wait_reads(node)
    assert cluster.assigns() == 1


def test_a_token_that_cannot_be_used_is_refused(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.token_file.chmod(0o644)
    node.daemon.reload()
    node.wait_log("config.rejected")
    node.token_file.chmod(0o600)
    node.reload()
    cluster.wait_reads(node)
    assert cluster.assigns() == 1


def test_a_rotated_token_is_used_from_the_reload_on(cluster: Cluster) -> None:
    node = cluster.master()
    node.write_token(cluster.cloud.add_client(node.name))
    node.reload()
    cluster.wait_reads(node)
    cluster.cloud.call("revoke", client="nobody")  # no effect: shows that the next line has one
    before = cluster.seq()
    revoke_old(cluster, node)
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_holder(node)
    after = cluster.cloud.requests(client=node.name, after_seq=before)
    assert {request.status for request in after} <= {200, 201}
    assert node.logged("token.rejected") == []


def revoke_old(cluster: Cluster, node: DaemonNode) -> None:
    """Make every token of the node invalid but the newest."""
    cluster.cloud.revoke(node.name)
    cluster.cloud.add_client(node.name, token=node.tokens[-1])


def test_another_endpoint_is_taken_over_with_its_holders(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    with SimCloud() as other:
        elsewhere = other.add_server("elsewhere", server_id=cluster.elsewhere)
        other.add_server(node.name, server_id=node.server, private_ips=ON_LOOPBACK)
        web = other.add_floating_ip("web", "203.0.113.10", server=elsewhere)
        other.add_client(node.name, token=node.token)
        node.config["hetzner"]["endpoint"] = other.url
        node.reload()
        other.wait_for(lambda: other.holder(web) == node.server, 30)
        node.wait_log("address.drifted")
        asked = cluster.seq()
        asked_there = len(other.requests())
        other.wait_for(lambda: len(other.requests()) >= asked_there + 3, 30)
        assert cluster.seq() == asked
        assert cluster.assigns() == 1
        assert len(other.assigns()) == 1
        node.daemon.term()


def test_another_fifo_is_listened_to_from_the_reload_on(cluster: Cluster) -> None:
    node = cluster.running()
    node.fifo = node.folder / "other.fifo"
    os.mkfifo(node.fifo, 0o600)
    node.config["keepalived"]["fifo"] = str(node.fifo)
    node.reload()
    node.master()
    cluster.wait_holder(node)


def test_a_pid_file_that_leads_nowhere_makes_the_role_unknown_at_the_reload(
    cluster: Cluster,
) -> None:
    node = cluster.running()
    node.master()
    cluster.wait_holder(node)
    node.config["keepalived"]["pid_file"] = str(node.folder / "nobody.pid")
    node.reload()
    node.wait_log("keepalived.gone")
    roles = node.daemon.status()["roles"]

    assert isinstance(roles, list)
    assert ["UNKNOWN"] == [role["role"] for role in roles]


def test_a_reload_in_the_middle_of_a_claim_does_not_send_it_twice(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = cluster.cloud.fault(Fault(method="POST", path=ASSIGN, answer_delay_s=1.0))
    node.master()
    cluster.wait_hits(fault, 1)
    node.reload()
    node.wait_log("address.claimed")
    cluster.wait_reads(node)
    assert cluster.assigns() == 1


# --- the command that systemctl runs -----------------------------------------------------------


def test_the_command_reports_a_successful_reload(cluster: Cluster) -> None:
    node = cluster.running()
    seen = node.mark()
    done = node.daemon.command("reload")
    assert (0, "configuration reloaded\n", "") == (done.returncode, done.stdout, done.stderr)
    node.wait_log("config.reloaded", after=seen)


def test_the_command_fails_with_the_reason_where_the_files_are_refused(cluster: Cluster) -> None:
    node = cluster.running()
    node.daemon.config_path.write_text("instances: {}\nwrong: key\n")
    done = node.daemon.command("reload")
    assert 78 == done.returncode
    assert "" == done.stdout
    assert f"{node.daemon.config_path}:2:1: wrong" in done.stderr
    told = json.loads(node.daemon.command("reload", "--json").stdout)
    assert (False, done.stderr.splitlines()) == (told["ok"], told["reasons"])


def test_the_command_reports_that_no_daemon_runs(cluster: Cluster) -> None:
    node = cluster.running()
    assert 0 == node.daemon.term()
    done = node.daemon.command("reload")
    assert 3 == done.returncode
    assert "does not run" in done.stderr
