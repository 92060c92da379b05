"""The token is nowhere. `Cluster.complaints` looks for it in every file of every other test too."""

from pathlib import Path

import pytest

from hakeeper.demo.cloud import Fault
from hakeeper.demo.lab.process import LabProcess
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode, holds_secret, leaks


def check_nothing_shows(node: DaemonNode) -> None:
    """Look at everything that others can see of the daemon."""
    process = Path("/proc", str(node.daemon.pid))
    for name in ("cmdline", "environ", "comm", "status"):
        assert not holds_secret(node, (process / name).read_bytes()), name
    for arguments in (["status"], ["status", "--json"]):
        done = node.daemon.command(*arguments)
        assert not holds_secret(node, (done.stdout + done.stderr).encode()), arguments
    assert leaks(node) == []


@pytest.mark.parametrize("credential", [False, True], ids=["file", "credential"])
def test_no_token_in_normal_operation(cluster: Cluster, *, credential: bool) -> None:
    node = cluster.master(credential=credential)
    check_nothing_shows(node)


@pytest.mark.parametrize("credential", [False, True], ids=["file", "credential"])
def test_no_token_when_hetzner_quotes_it_or_refuses_it(
    cluster: Cluster, *, credential: bool
) -> None:
    node = cluster.running(credential=credential)
    with cluster.cloud.faulty(Fault(status=429)):  # its message quotes half of the token
        node.master()
        node.wait_log("api.throttled")
        check_nothing_shows(node)
    cluster.cloud.revoke(node.name)
    node.wait_log("token.rejected")
    check_nothing_shows(node)
    fresh = cluster.cloud.add_client(node.name)
    with cluster.cloud.faulty(Fault(status=400, code="invalid_input", message=f"bad: {fresh}")):
        node.write_token(fresh)
        node.backup()
        node.master()  # acts at once, without the long wait for a repair
        node.wait_log("claim.refused", error_code="invalid_input")
        check_nothing_shows(node)


def test_no_token_with_debug_output(cluster: Cluster) -> None:
    node = cluster.node()
    node.keepalived.start()
    node.write_config()
    program, *arguments = node.command_line()
    at = arguments.index("run")
    process = LabProcess(
        "debugged",
        [program, *arguments[:at], "--debug", *arguments[at:]],
        log_path=node.folder / "debug.log",
        environment=node.environment,
    )
    try:
        with cluster.cloud.faulty(Fault(status=429)) as fault:
            cluster.wait_hits(fault, 1)
        cluster.cloud.wait_for(lambda: cluster.cloud.requests(path="/floating_ips", method="GET"))
    finally:
        process.signal(15)
        assert process.wait(30) == 0
    assert leaks(node) == []


@pytest.mark.parametrize("debug", [False, True])
def test_a_token_in_the_configuration_is_refused_and_not_repeated(
    cluster: Cluster, *, debug: bool
) -> None:
    node = cluster.node()
    path = node.folder.parent / "with-token.yaml"
    path.write_text(
        f"hetzner:\n  token: {node.token}\ninstances: {{VI_1: {{floating_ips: [web]}}}}\n"
    )
    done = node.daemon.command(*(["--debug"] if debug else []), "run", "-c", str(path))
    assert done.returncode == 78
    assert not holds_secret(node, (done.stdout + done.stderr).encode())


def test_a_token_on_the_command_line_is_not_repeated(cluster: Cluster) -> None:
    node = cluster.node()
    done = node.daemon.command("run", "--token", node.token)
    assert done.returncode == 2
    assert not holds_secret(node, (done.stdout + done.stderr).encode())


def test_a_token_that_got_out_would_be_found(cluster: Cluster) -> None:
    node = cluster.node()
    leak = node.daemon.state_folder / "leak"
    leak.write_text(f"half a token is enough: {node.token[:32]}")
    assert leaks(node) == [str(leak)]
    leak.unlink()
