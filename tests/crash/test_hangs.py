"""A daemon that stands still for longer than its watchdog, and goes on as if nothing was."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from hakeeper.demo.cloud import Answer, Fault
from tests.support.cluster import Cluster
from tests.support.daemon_node import TIMEOUT_S, DaemonNode
from tests.support.stall import Stall, claim_in_a_handshake
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}
ASSIGN = "/actions/assign$"
WATCHDOG_S = 0.4


class Systemd:
    """The receiving end of sd_notify(3): a service manager that does not kill."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}

    def wait_fed(self) -> None:
        """Wait until the watchdog is fed."""
        self.socket.settimeout(30)
        while b"WATCHDOG=1" not in self.socket.recv(65536):
            pass

    def wait_starved(self, silence_s: float = 2 * WATCHDOG_S) -> None:
        """Wait until nothing has come for so long."""
        self.socket.settimeout(silence_s)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return


@pytest.fixture
def systemd(folder: Path) -> Iterator[Systemd]:
    made = Systemd(folder / "notify")
    yield made
    made.socket.close()


def stop(node: DaemonNode) -> None:
    """SIGSTOP, and wait until every thread stands still."""
    os.kill(node.daemon.pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{node.daemon.pid}/task")
    eventually(
        lambda: all(
            (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
            for task in tasks.iterdir()
        )
    )


def go_on(node: DaemonNode) -> None:
    os.kill(node.daemon.pid, signal.SIGCONT)


def test_what_came_meanwhile_is_heard_and_nothing_else_is_done(
    cluster: Cluster, systemd: Systemd
) -> None:
    node = cluster.master(environment=systemd.environment(), **EAGER)
    systemd.wait_fed()
    stop(node)
    node.role("BACKUP")
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    systemd.wait_starved()
    go_on(node)
    node.wait_log("role.changed", role="BACKUP")
    systemd.wait_fed()
    cluster.wait_reads(node)
    assert cluster.assigns() == 1
    assert cluster.elsewhere == cluster.cloud.holder(cluster.web)


def test_a_claim_that_came_meanwhile_is_made_up_for(cluster: Cluster, systemd: Systemd) -> None:
    node = cluster.running(environment=systemd.environment(), **EAGER)
    systemd.wait_fed()
    stop(node)
    node.master()
    systemd.wait_starved()
    go_on(node)
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    assert cluster.assigns() == 1


@pytest.mark.parametrize("answer", [Answer.WHOLE, Answer.NEVER])
def test_an_assign_that_was_under_way_leads_to_no_other_after_a_demotion(
    cluster: Cluster, systemd: Systemd, answer: Answer
) -> None:
    node = cluster.running(environment=systemd.environment(), **EAGER)
    fault = cluster.cloud.fault(
        Fault(method="POST", path=ASSIGN, answer_delay_s=0.2, answer=answer, commit=True)
    )
    node.master()
    cluster.wait_hits(fault, 1)
    stop(node)
    node.role("BACKUP")
    cluster.wait_holder(node)  # the action ends as well
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    systemd.wait_starved(TIMEOUT_S + 0.5)  # the call's time is over too
    go_on(node)
    node.wait_log("role.changed", role="BACKUP")
    cluster.wait_reads(node, 3)
    assert cluster.assigns() == 1
    assert cluster.elsewhere == cluster.cloud.holder(cluster.web)


@pytest.fixture
def stall(tls_cluster: Cluster) -> Iterator[Stall]:
    """A way to the cloud that can stand still."""
    made = Stall(("127.0.0.1", urlsplit(tls_cluster.cloud.url).port or 0))
    yield made
    made.close()


def test_an_assign_whose_time_ran_out_meanwhile_is_not_sent(
    tls_cluster: Cluster, authority: trustme.CA, stall: Stall, folder: Path, systemd: Systemd
) -> None:
    cluster = tls_cluster
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    node = cluster.node(environment=systemd.environment(), **EAGER)
    node.config["hetzner"] |= {
        "endpoint": f"https://127.0.0.1:{stall.port}/v1",
        "ca_file": str(folder / "ca.pem"),
    }
    node.start()
    node.backup()
    claim_in_a_handshake(stall, node)
    seen = node.mark()
    stop(node)
    stall.release()
    node.role("BACKUP")
    systemd.wait_starved(TIMEOUT_S + 0.5)
    go_on(node)
    node.wait_log("role.changed", role="BACKUP", after=seen)
    cluster.wait_reads(node, 3)
    assert cluster.cloud.assigns() == []
