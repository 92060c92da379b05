"""`hakeeper metrics` beside the real daemon: printed, scraped, written to a file."""

import contextlib
import http.client
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hakeeper.adapters.counts import CLAIM_BOUNDS_S
from hakeeper.demo.cloud import Fault
from hakeeper.demo.lab.daemon import HAKEEPER
from hakeeper.metrics.listener import CONNECTIONS, DEADLINE_S
from tests.metrics.listening import Listening
from tests.metrics.prometheus import running
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode
from tests.support.privileges import powerless
from tests.support.waiting import eventually

VI_1 = {"vrrp": "VI_1", "vrrp_kind": "instance"}
WEB = {**VI_1, "address": "web", "address_kind": "floating_ip"}


class Metrics:
    """One exposition."""

    def __init__(self, text: str) -> None:
        self._samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self._samples}

    def value(self, name: str, **labels: str) -> float:
        """The value of the one sample that has these labels, and perhaps others."""
        [found] = [
            sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return found

    def true(self, name: str, label: str) -> list[str]:
        """The words of a label for which a metric is 1; all others are 0."""
        found = [one for one in self._samples if one.name == name]
        assert {one.value for one in found} <= {0.0, 1.0}
        return [one.labels[label] for one in found if one.value]


def printed(node: DaemonNode) -> Metrics:
    done = node.daemon.command("metrics")
    assert (0, "") == (done.returncode, done.stderr)
    return Metrics(done.stdout)


@pytest.fixture
def node(cluster: Cluster) -> DaemonNode:
    return cluster.running()


@pytest.fixture
def listener(node: DaemonNode) -> Iterator[Listening]:
    with Listening(node, "127.0.0.1:0") as listener:
        yield listener


def asked(listener: Listening, method: str = "GET", path: str = "/metrics") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


# --- what they say ----------------------------------------------------------------------------


def test_all_is_there_at_zero_before_anything_has_happened(node: DaemonNode) -> None:
    now = printed(node)
    assert 1.0 == now.value("hakeeper_up")
    assert ["UNKNOWN"] == now.true("hakeeper_vrrp_role", "role")
    for outcome in ("claimed", "already_here", "abandoned"):
        assert 0.0 == now.value("hakeeper_claims_total", **VI_1, outcome=outcome)
    assert 0.0 == now.value("hakeeper_claim_duration_seconds_count", **VI_1)
    assert 0.0 == now.value("hakeeper_address_confirmed", **WEB)
    calls = {"api": "cloud", "call": "step"}
    assert 0.0 == now.value("hakeeper_api_calls_total", **calls, result="throttled")
    assert 0.0 == now.value("hakeeper_problems", code="api.unreachable", health="broken")


def test_a_claim_is_counted_and_timed(cluster: Cluster) -> None:
    node = cluster.master()
    now = printed(node)
    assert ["MASTER"] == now.true("hakeeper_vrrp_role", "role")
    assert ["here"] == now.true("hakeeper_address_holder", "holder")
    assert 1.0 == now.value("hakeeper_address_confirmed", **WEB)
    assert 1.0 == now.value("hakeeper_claims_total", **VI_1, outcome="claimed")
    assert 1.0 == now.value("hakeeper_api_calls_total", api="cloud", call="step", result="ok")
    assert 1.0 <= now.value("hakeeper_api_calls_total", api="cloud", call="read", result="ok")
    assert 1.0 == now.value("hakeeper_fifo_lines_total", result="accepted")
    assert 3600.0 == now.value("hakeeper_api_quota_limit", api="cloud")
    assert 0.0 < now.value("hakeeper_api_quota_remaining", api="cloud") < 3600.0
    took_s = node.wait_log("address.claimed")["fields"]["confirmed_ms"] / 1000  # type: ignore[index]
    assert took_s == pytest.approx(
        now.value("hakeeper_claim_duration_seconds_sum", **VI_1), abs=0.001
    )
    for bound_s in CLAIM_BOUNDS_S:
        within = now.value("hakeeper_claim_duration_seconds_bucket", **VI_1, le=str(bound_s))
        assert within == float(took_s <= bound_s)


def test_what_goes_wrong_is_counted(cluster: Cluster, node: DaemonNode) -> None:
    with cluster.cloud.faulty(Fault(method="POST", status=503, code="unavailable")) as fault:
        node.say("nonsense")
        node.master()
        cluster.wait_hits(fault, 1)
        node.wait_log("claim.failed")
        now = printed(node)
        node.backup()
        node.wait_log("claim.abandoned")
    assert 1.0 <= now.value(
        "hakeeper_api_calls_total", api="cloud", call="step", result="transient"
    )
    assert 1.0 == now.value("hakeeper_claim_failures_total", **VI_1)
    assert 1.0 == now.value("hakeeper_fifo_lines_total", result="rejected")
    now = printed(node)
    assert 1.0 == now.value("hakeeper_claims_total", **VI_1, outcome="abandoned")
    assert 2.0 == now.value("hakeeper_vrrp_role_changes_total", **VI_1)


def test_drift_and_reloads_are_counted(cluster: Cluster) -> None:
    node = cluster.master(interval="1s")
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    node.wait_log("address.drifted")
    node.reload()
    good = node.daemon.config_path.read_text()
    node.daemon.config_path.write_text("nonsense: 1\n")
    assert 78 == node.daemon.command("reload").returncode
    node.daemon.config_path.write_text(good)
    now = printed(node)
    assert 1.0 == now.value("hakeeper_drifts_total", **VI_1)
    assert 1.0 == now.value("hakeeper_reloads_total", result="accepted")
    assert 1.0 == now.value("hakeeper_reloads_total", result="refused")
    assert 1.0 == now.value("hakeeper_problems", code="config.refused", health="degraded")


def test_a_pause_shows_and_ends(node: DaemonNode) -> None:
    assert 0.0 == printed(node).value("hakeeper_pause_end_time_seconds")
    assert 0 == node.daemon.command("pause", "--for", "10m", "--reason", "test").returncode
    now = printed(node)
    assert 1.0 == now.value("hakeeper_paused")
    left_s = now.value("hakeeper_pause_end_time_seconds") - now.value("hakeeper_start_time_seconds")
    assert 600.0 <= left_s
    assert 0 == node.daemon.command("resume").returncode
    assert 0.0 == printed(node).value("hakeeper_paused")


def test_without_a_daemon_only_that_is_said(node: DaemonNode) -> None:
    assert 0 == node.daemon.term()
    done = node.daemon.command("metrics")
    assert 0 == done.returncode
    assert "hakeeper does not run" in done.stderr
    now = Metrics(done.stdout)
    assert {"hakeeper_up"} == now.names
    assert 0.0 == now.value("hakeeper_up")


def test_there_is_no_secret_among_them(cluster: Cluster) -> None:
    node = cluster.master()
    done = node.daemon.command("metrics")
    assert not [token for token in node.tokens if token[:32] in done.stdout + done.stderr]


# --- over HTTP --------------------------------------------------------------------------------


def test_a_scrape_on_loopback(listener: Listening) -> None:
    status, content_type, text = asked(listener)
    assert 200 == status
    assert content_type.startswith("text/plain; version=")
    assert 1.0 == Metrics(text).value("hakeeper_up")


def test_only_reading_and_only_this_path(listener: Listening) -> None:
    assert 405 == asked(listener, "POST")[0]
    assert (404, "the metrics are at /metrics\n") == asked(listener, path="/")[::2]
    assert (200, "") == asked(listener, "HEAD")[::2]


def test_a_scrape_over_a_unix_socket_also_after_a_kill(node: DaemonNode, tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    with Listening(node, f"unix:{path}") as first:
        first.kill()
    with Listening(node, f"unix:{path}"), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = client.makefile("rb").read().decode()
    head, _, text = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ")
    assert 1.0 == Metrics(text).value("hakeeper_up")


def test_a_socket_that_is_in_use_and_a_file_stay(node: DaemonNode, tmp_path: Path) -> None:
    path, file = tmp_path / "metrics.sock", tmp_path / "file"
    file.write_text("mine")
    with Listening(node, f"unix:{path}"):
        for each in (path, file):
            done = node.daemon.command("metrics", "--listen", f"unix:{each}")
            assert 71 == done.returncode
            assert f"{each}" in done.stderr
    assert "mine" == file.read_text()


def test_the_listener_follows_the_daemon(node: DaemonNode, listener: Listening) -> None:
    assert 1.0 == Metrics(asked(listener)[2]).value("hakeeper_up")
    assert 0 == node.daemon.term()
    eventually(lambda: Metrics(asked(listener)[2]).value("hakeeper_up") == 0.0, 30)
    node.daemon.start()
    eventually(lambda: Metrics(asked(listener)[2]).value("hakeeper_up") == 1.0, 30)


def test_a_listener_that_may_not_ask_fails_the_scrape(node: DaemonNode) -> None:
    path = node.daemon.runtime_folder / "control.sock"
    mode = path.stat().st_mode
    with Listening(node, prefix=powerless()) as listener:
        path.chmod(0)
        status, _, text = asked(listener)
        path.chmod(mode)
        assert 200 == asked(listener)[0]
    assert (503, True) == (status, text.startswith("cannot connect to hakeeper at "))


def test_silent_clients_are_cut_off_and_scrapes_go_on(listener: Listening) -> None:
    silent = [listener.connected() for _ in range(CONNECTIONS + 1)]
    assert 200 == asked(listener)[0]  # it waits for the first of them to be cut off
    for each in silent:
        each.settimeout(30 + DEADLINE_S)
        assert b"" == each.recv(1)
        each.close()


@pytest.mark.parametrize(
    "sent", [b"GET /" + b"a" * 70000, b"\x16\x03\x01\x00\xff" * 9, b"GET / HTTP/1.1\r\n\r\n", b"\n"]
)
def test_what_is_no_request_is_not_answered(listener: Listening, sent: bytes) -> None:
    with listener.connected() as client, contextlib.suppress(ConnectionError):
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200" not in client.recv(100)
    assert 200 == asked(listener)[0]


def test_a_request_in_drops_is_cut_off(listener: Listening) -> None:
    def is_cut_off() -> bool:
        try:
            return client.send(b"a") == 0
        except ConnectionError:
            return True

    with listener.connected() as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        eventually(is_cut_off, 30)


def test_an_answer_that_nobody_reads_holds_nothing_up(listener: Listening) -> None:
    greedy = [listener.connected() for _ in range(8)]
    for each in greedy:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        each.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert 200 == asked(listener)[0]
    for each in greedy:
        each.close()


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("0.0.0.0:9939", "can be reached by others"),
        ("[::]:9939", "can be reached by others"),
        ("10.0.0.2:9939", "use 127.0.0.1 or unix:PATH, and a proxy in front"),
        ("web-a:9939", "'web-a' is no address; expected 127.0.0.1, [::1] or unix:PATH"),
        ("127.0.0.1", "names no port; expected such as 127.0.0.1:9939"),
        ("127.0.0.1:65536", "names no port"),
        ("unix:metrics.sock", "has no absolute path"),
    ],
)
def test_it_listens_to_this_machine_alone(cluster: Cluster, at: str, why: str) -> None:
    done = cluster.node().daemon.command("metrics", "--listen", at)
    assert 2 == done.returncode
    assert why in done.stderr


# --- to Prometheus itself ---------------------------------------------------------------------


def test_a_real_prometheus_scrapes_it_and_has_its_alerts(
    node: DaemonNode, listener: Listening, tmp_path: Path
) -> None:
    with running(tmp_path, {"node-a": f"127.0.0.1:{listener.port}"}) as prometheus:
        up = 'hakeeper_up{job="hakeeper",instance="node-a",cluster="web"} == '
        eventually(lambda: prometheus.now(f"{up} 1"), 60)
        assert prometheus.now('hakeeper_vrrp_role{vrrp="VI_1",role="UNKNOWN"} == 1')
        assert 0 == node.daemon.term()
        eventually(lambda: prometheus.now(f"{up} 0"), 60)
        pending = 'ALERTS{alertname="HakeeperDown",alertstate="pending",instance="node-a"}'
        eventually(lambda: prometheus.now(pending), 60)
        assert [] == prometheus.now("hakeeper_vrrp_role"), "nothing old is shown as current"


# --- to a file --------------------------------------------------------------------------------


def test_the_file_is_replaced_as_a_whole_and_readable(node: DaemonNode, tmp_path: Path) -> None:
    path = tmp_path / "hakeeper.prom"
    assert 0 == node.daemon.command("metrics", "--textfile", str(path)).returncode
    before = path.stat()
    assert 0o644 == before.st_mode & 0o777
    assert 0 == node.daemon.command("metrics", "--textfile", str(path)).returncode
    assert before.st_ino != path.stat().st_ino
    assert [path] == [*tmp_path.iterdir()]
    assert 1.0 == Metrics(path.read_text()).value("hakeeper_up")


def test_the_file_is_written_again_and_again(node: DaemonNode, tmp_path: Path) -> None:
    path = tmp_path / "hakeeper.prom"
    command = [*HAKEEPER, "metrics", "--textfile", str(path), "--interval", "1"]
    with subprocess.Popen(command, env={"PATH": "/bin", **node.environment}) as writer:
        eventually(path.exists, 30)
        assert 0 == node.daemon.term()
        eventually(lambda: Metrics(path.read_text()).value("hakeeper_up") == 0.0, 30)
        writer.terminate()


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["--textfile", "/tmp/hakeeper.txt"], 2, "does not end in .prom"),
        (["--interval", "15"], 2, "--interval goes with --textfile"),
        (["--textfile", "/tmp/x.prom", "--interval", "0"], 2, "a number of seconds from 1 to 3600"),
        (["--textfile", "/nowhere/x.prom"], 71, "the system refuses it: "),
    ],
)
def test_a_wrong_use_says_what_is_right(
    cluster: Cluster, words: list[str], code: int, why: str
) -> None:
    done = cluster.node().daemon.command("metrics", *words)
    assert code == done.returncode
    assert why in done.stderr


def test_a_missing_library_is_named(cluster: Cluster, tmp_path: Path) -> None:
    broken = tmp_path / "prometheus_client"
    broken.mkdir()
    (broken / "__init__.py").write_text(
        "raise ModuleNotFoundError('gone', name='prometheus_client')\n"
    )
    node = cluster.node(environment={"PYTHONPATH": str(tmp_path)})
    done = node.daemon.command("metrics")
    assert 71 == done.returncode
    assert "apt install python3-prometheus-client" in done.stderr
