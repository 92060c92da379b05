"""Real daemons that record: what they did replays identically, and no token is in the file."""

import argparse
import contextlib
import stat
from pathlib import Path
from typing import Any, cast

import pytest

from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.wording import entry_of
from hakeeper.adapters.signals import Signals
from hakeeper.cli import run
from hakeeper.cli.main import run_command
from hakeeper.core.core import Core
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import Report
from hakeeper.core.model import Settings
from hakeeper.demo.cloud import Answer, Fault
from hakeeper.recording.codec import codec_of
from tests.recording.taping import (
    effects_of,
    events_of,
    lines_of,
    recording_node,
    replay,
    replay_json,
)
from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, DaemonNode, holds_secret
from tests.support.waiting import eventually

EAGER: dict[str, Any] = {"interval": "1s", "standby_interval": "1s"}
ASSIGN = "/actions/assign$"


def stop(node: DaemonNode) -> None:
    assert node.daemon.term() == 0


def check(path: Path, **environ: str) -> dict[str, object]:
    """Replay a recording, which must be identical."""
    found = replay_json(path, **environ)
    assert None is found.get("difference")
    assert found["identical"]
    return found


def calls_of(path: Path) -> list[str]:
    return [effect["request"]["is"] for effect in effects_of(path) if effect["is"] == "StartCall"]


def reports_of(path: Path) -> set[str]:
    made = (effect["decision"] for effect in effects_of(path) if effect["is"] == "Report")
    decisions = (codec_of(Decision).decode(decision, "decision") for decision in made)
    return {entry_of(Report(decision)).event for decision in decisions}


def a_whole_life(cluster: Cluster, node: DaemonNode) -> None:
    """Claim, drift, faults of the API, demotion, a reload, a bad line, keepalived's death."""
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_holder(node)
    node.wait_log("address.claimed", reason="drift")
    for fault in (Fault(status=503), Fault(status=429), Fault(answer=Answer.RESET)):
        with cluster.cloud.faulty(fault) as number:
            cluster.wait_hits(number, 2)
    cluster.wait_reads(node)
    node.backup()
    seen = node.mark()
    with cluster.cloud.faulty(Fault(method="POST", path=ASSIGN, status=504, body="")) as number:
        cluster.cloud.move(cluster.web, cluster.elsewhere)
        node.master()
        cluster.wait_hits(number, 1)
        node.wait_log("claim.unknown", after=seen)
    cluster.wait_holder(node)
    node.config["instances"]["VI_2"] = {"floating_ips": ["203.0.113.99"]}
    node.reload()
    node.wait_log("address.unresolved")
    node.say("nonsense")
    node.wait_log("line.rejected")
    node.keepalived.kill()
    node.wait_log("keepalived.gone")


def test_a_whole_life_replays_identically_over_a_restart(cluster: Cluster) -> None:
    node, path = recording_node(cluster, **EAGER)
    a_whole_life(cluster, node)
    eventually(lambda: b"KeepalivedGone" in path.read_bytes())  # its log is ahead of that
    node.daemon.kill()
    node.start()
    node.role("BACKUP")
    node.wait_log("role.changed", role="BACKUP")
    stop(node)

    found = check(path)
    assert 2 == found["runs"]
    assert "hakeeper stopped" in str(found["ends"])
    assert {
        "Started", "LinesRead", "FifoChanged", "KeepalivedGone", "CallResult",
        "SettingsChanged",
    } <= set(events_of(path))  # fmt: skip
    assert [] in [line["events"] for line in lines_of(path) if line["is"] == "Heard"]
    assert {"Identify", "ReadAll", "Mutate", "ReadActions"} <= set(calls_of(path))
    assert {"address.drifted", "api.throttled", "claim.unknown", "role.changed"} <= reports_of(path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def recorded(cluster: Cluster) -> Path:
    """The recording of a claim that met faults."""
    node, path = recording_node(cluster, **EAGER)
    node.start()
    with cluster.cloud.faulty(Fault(method="POST", path=ASSIGN, status=503)) as number:
        node.master()
        cluster.wait_hits(number, 3)
    cluster.wait_holder(node)
    node.wait_log("address.claimed")
    stop(node)
    return path


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_order_of_hashes_does_not_matter(recorded: Path, hash_seed: str) -> None:
    check(recorded, PYTHONHASHSEED=hash_seed)


def test_one_altered_effect_is_found(recorded: Path) -> None:
    text = recorded.read_text()
    mutation = '"is":"Mutate","resource":{"kind":"floating_ip","key":4711}'
    assert 1 <= text.count(mutation)
    recorded.write_text(text.replace(mutation, mutation.replace("4711", "4712"), 1))
    done = replay(recorded)
    assert (1, "") == (done.returncode, done.stderr)
    assert "different at line" in done.stdout


def test_every_second_of_a_recording_that_is_cut_replays(recorded: Path) -> None:
    data = recorded.read_bytes()
    end_of_line = data.index(b"\n", len(data) * 2 // 3)
    recorded.write_bytes(data[: end_of_line - 1])
    found = check(recorded)
    assert "was cut off, as by kill -9" in str(found["ends"])


# --- the token -------------------------------------------------------------------------------


@pytest.mark.parametrize("credential", [False, True], ids=["file", "credential"])
def test_no_token_is_in_the_recording_whatever_the_api_says(
    cluster: Cluster, *, credential: bool
) -> None:
    node, path = recording_node(cluster, credential=credential, **EAGER)
    node.start()
    with cluster.cloud.faulty(Fault(status=429)):  # its message quotes half of the token
        node.master()
        node.wait_log("api.throttled")
    cluster.cloud.revoke(node.name)
    node.wait_log("token.rejected")
    fresh = cluster.cloud.add_client(node.name)
    with cluster.cloud.faulty(Fault(status=400, code="invalid_input", message=f"bad: {fresh}")):
        node.write_token(fresh)
        node.backup()
        node.master()
        node.wait_log("claim.refused", error_code="invalid_input")
    node.say(fresh[:60], f'INSTANCE "{fresh}" MASTER 100')
    node.wait_log("instance.unknown")
    stop(node)

    data = path.read_bytes()
    assert [] == [token for token in (*node.tokens, fresh) if token.encode() in data]
    assert not holds_secret(node, data)
    for word in (b'"http_status":429', b'"http_status":401', b'"http_status":400', b"[hidden]"):
        assert word in data
    check(path)


def test_a_token_in_a_recording_would_be_found(cluster: Cluster) -> None:
    node, path = recording_node(cluster)
    path.write_text(f"half of it is enough: {node.token[:32]}")
    assert holds_secret(node, path.read_bytes())
    path.unlink()


# --- the daemon goes on ----------------------------------------------------------------------


def check_claims(cluster: Cluster, node: DaemonNode) -> None:
    """The daemon does its work; it is asked in the end."""
    node.master()
    cluster.wait_holder(node)
    node.wait_log("address.claimed")


def stopped_recording(node: DaemonNode) -> str:
    """Why it says that the recording ended; once."""
    entry = node.wait_log("recording.failed")
    assert 1 == len(node.logged("recording.failed"))
    return str(entry["message"])


def test_a_recording_that_reaches_its_limit_ends_and_the_daemon_goes_on(cluster: Cluster) -> None:
    node, path = recording_node(cluster, options="--record-limit 1", **EAGER)
    node.start()

    def many_lines_end_it() -> bool:
        node.say(*['INSTANCE "VI_1" BACKUP 100'] * 1000)
        return node.logged("recording.failed") != []

    eventually(many_lines_end_it, PATIENCE_S)
    why = stopped_recording(node)
    assert "its limit of 1048576 bytes is reached; hakeeper goes on" in why
    check_claims(cluster, node)
    stop(node)
    assert path.stat().st_size <= 1024 * 1024
    assert ["its limit of 1048576 bytes is reached"] == check(path)["ends"]


def test_a_recording_that_cannot_grow_ends_and_the_daemon_goes_on(cluster: Cluster) -> None:
    """No file of the daemon may grow beyond 8 KiB; its log does not in such a short time."""
    node, path = recording_node(cluster, before="ulimit -f 16", **EAGER)
    node.start()
    check_claims(cluster, node)
    assert "File too large" in stopped_recording(node)
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    cluster.wait_holder(node)
    stop(node)
    assert 8192 == path.stat().st_size
    check(path)


def test_a_place_that_cannot_be_written_to_ends_the_recording_and_the_daemon_starts(
    cluster: Cluster,
) -> None:
    node, path = recording_node(cluster)
    path.mkdir()
    node.start()
    assert f"the recording {path} ends here: cannot write it" in stopped_recording(node)
    check_claims(cluster, node)
    stop(node)


def test_two_daemons_do_not_record_to_one_file(cluster: Cluster) -> None:
    first, path = recording_node(cluster, "node-a")
    second, _ = recording_node(cluster, "node-b", path=path)
    first.start()
    second.start()
    assert "another hakeeper is writing to it" in stopped_recording(second)
    stop(second)
    stop(first)
    assert 1 == check(path)["runs"]


def test_the_limit_has_to_be_a_number_of_mebibytes(capfd: pytest.CaptureFixture[str]) -> None:
    for word in ("0", "-1", "1k", ""):
        with pytest.raises(SystemExit) as raised:
            run_command(["run", "--record", "r", "--record-limit", word])
        assert 2 == raised.value.code
        assert "--record-limit: invalid" in capfd.readouterr().err


# --- who does not record pays nothing --------------------------------------------------------


def test_without_the_option_the_core_is_the_plain_one() -> None:
    arguments = argparse.Namespace(record=None)
    with run._recording(arguments, cast("Reporter", None), cast("Signals", None)) as maker:
        core = maker(Settings(resources={}), 1, 0.0)
    assert Core is type(core)


def test_without_the_option_there_is_no_thread_and_no_file_more(cluster: Cluster) -> None:
    plain = cluster.running("node-a")
    taped, path = recording_node(cluster, "node-b")
    taped.start()
    eventually(lambda: str(path) in open_files(taped))
    assert [] == [name for name in open_files(plain) if "recording" in name]
    assert threads_of(plain) + 1 == threads_of(taped)


def threads_of(node: DaemonNode) -> int:
    return len(list(Path("/proc", str(node.daemon.pid), "task").iterdir()))


def open_files(node: DaemonNode) -> list[str]:
    names = []
    for fd in Path("/proc", str(node.daemon.pid), "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.append(str(fd.readlink()))
    return names
