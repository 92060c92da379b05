"""`hakeeper probe`: its line, its exit code, and that it can never disagree with the status."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hakeeper.adapters.status import SCHEMA
from hakeeper.cli import probe
from hakeeper.cli.asking import NotDone, look
from hakeeper.cli.main import run_command
from hakeeper.cli.probe import State, judged
from hakeeper.core.model import FifoState
from hakeeper.diagnosis.problems import Health, Trouble
from hakeeper.diagnosis.snapshot import (
    AddressPicture,
    ProblemPicture,
    RolePicture,
    SelectorPicture,
    Snapshot,
)
from tests.adapters.test_status import picture, troubled, well
from tests.adapters.test_troubles import CASES
from tests.support.imports import imported_by
from tests.support.privileges import public_folder, unprivileged
from tests.support.status_daemon import StatusDaemon, plain

LINE_LIMIT = 1024
Probe = Callable[..., tuple[int, str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    with public_folder() as made:
        yield made


@pytest.fixture
def daemon(folder: Path) -> Iterator[StatusDaemon]:
    with StatusDaemon(folder).running() as it:
        yield it


@pytest.fixture
def ask(folder: Path, capfd: pytest.CaptureFixture[str]) -> Probe:
    """Run a command; return its exit code and what it prints. Nothing goes to stderr."""

    def asked(*words: str, command: str = "probe") -> tuple[int, str]:
        code = run_command([command, "--socket", str(folder / "control.sock"), *words])
        out, err = capfd.readouterr()
        assert err == ""
        return code, out

    return asked


def with_role(**changes: object) -> Snapshot:
    taken = picture(well())
    role: RolePicture = replace(taken.roles[0], **changes)  # type: ignore[arg-type]  # by name
    return replace(taken, roles=(role,))


def with_address(**changes: object) -> Snapshot:
    address: AddressPicture = replace(
        picture(well()).roles[0].addresses[0],
        **changes,  # type: ignore[arg-type]  # by name
    )
    return with_role(addresses=(address,))


# --- the verdict -------------------------------------------------------------------------------


def test_a_healthy_master_is_ok_with_its_numbers(daemon: StatusDaemon, ask: Probe) -> None:
    daemon.status = plain(picture(well()))
    code, line = ask()
    assert code == 0
    assert line == (
        "HAKEEPER OK - VI_1 MASTER, 1 of 1 addresses confirmed here"
        " | held=1;;;0;1 oldest_read=3.0s;;;0 problems=0;;;0\n"
    )


def test_the_verdicts_and_the_version_are_those_of_the_status() -> None:
    assert {health.name.lower(): health.value for health in Health} == {
        verdict: state.value for verdict, state in probe.STATES.items()
    }
    assert probe.SCHEMA == SCHEMA


@pytest.mark.parametrize("health", Health)
@pytest.mark.parametrize("trouble", [case[0] for case in CASES])
def test_it_agrees_with_the_status_on_every_trouble(
    daemon: StatusDaemon, ask: Probe, trouble: Trouble, health: Health
) -> None:
    problem = ProblemPicture(health=health, trouble=trouble, age_s=7.0)
    daemon.status = plain(replace(picture(well()), health=health, problems=(problem,)))
    code, line = ask()
    code_of_status, shown = ask(command="status")
    assert code == code_of_status == health.value
    said = " ".join(daemon.status["problems"][0]["text"].split())
    assert line.startswith(f"HAKEEPER {State(code).name} - {said} | ")
    assert said in " ".join(shown.split())


def test_the_worst_problem_is_told_with_how_many_more_there_are(
    daemon: StatusDaemon, ask: Probe
) -> None:
    state = troubled()
    state.fifo = FifoState.MISSING
    daemon.status = plain(picture(state))
    code, line = ask()
    count = len(daemon.status["problems"])
    assert (code, count > 1) == (2, True)
    assert f"{daemon.status['problems'][0]['text']} (and {count - 1} more: " in line
    assert f" problems={count};;;0\n" in line


def test_json_has_the_same_in_one_line(daemon: StatusDaemon, ask: Probe) -> None:
    daemon.status = plain(picture(troubled()))
    code, line = ask("--json")
    assert line.count("\n") == 1
    found = json.loads(line)
    assert (found["state"], found["exit_code"]) == ("CRITICAL", code)
    assert found["text"] == daemon.status["problems"][0]["text"]
    assert found["problems"] == [problem["code"] for problem in daemon.status["problems"]]
    assert (found["held"], found["addresses"], found["oldest_read_s"]) == (0, 1, 26.0)


# --- a load balancer's question ----------------------------------------------------------------

UNLISTED = SelectorPicture(
    ref="label a", resource_kind="floating_ip", noun="floating IP", count=None, listed=None
)


@pytest.mark.parametrize(
    ("taken", "state", "text"),
    [
        (with_role(), State.OK, "VI_1 MASTER, 1 of 1 addresses confirmed here"),
        (with_role(role="BACKUP", role_confirmed=False), State.CRITICAL, "VI_1 BACKUP"),
        (
            with_address(confirmed=False),
            State.CRITICAL,
            "VI_1 MASTER, 0 of 1 addresses confirmed here",
        ),
        (
            with_role(role_confirmed=False),
            State.CRITICAL,
            "VI_1 MASTER, which does not count: keepalived is isolated, 1 of 1 addresses",
        ),
        (
            with_role(addresses=()),
            State.CRITICAL,
            "VI_1 MASTER, 0 of 0 addresses confirmed here",
        ),
        (
            with_role(selectors=(UNLISTED,)),
            State.CRITICAL,
            "VI_1 MASTER, 1 of 1 addresses confirmed here, and what its labels choose is not",
        ),
        (
            replace(picture(well()), roles=()),
            State.UNKNOWN,
            "hakeeper has no instance; it has: none",
        ),
    ],
)
def test_master_asks_for_the_role_with_all_addresses(
    taken: Snapshot, state: State, text: str
) -> None:
    result = judged(plain(taken), probe.ALL)
    assert result.state is state
    assert result.text.startswith(text)


def test_master_is_a_question_of_its_own_whatever_else_is_wrong() -> None:
    taken = replace(with_role(), health=Health.BROKEN, problems=picture(troubled()).problems)
    assert judged(plain(taken)).state is State.CRITICAL
    assert judged(plain(taken), probe.ALL).state is State.OK


def two_of_a_name() -> Snapshot:
    taken = picture(well())
    group = replace(taken.roles[0], kind="GROUP", role="BACKUP", role_confirmed=False)
    other = replace(group, name="VG")
    return replace(taken, roles=(*taken.roles, group, other))


@pytest.mark.parametrize(
    ("asked", "state", "text"),
    [
        ("VI_1", State.OK, "VI_1 MASTER, 1 of 1 addresses confirmed here"),
        ("group VI_1", State.CRITICAL, "group VI_1 BACKUP"),
        ("VG", State.CRITICAL, "group VG BACKUP"),
        (probe.ALL, State.CRITICAL, "group VI_1 BACKUP, group VG BACKUP"),
        (
            "VI_2",
            State.UNKNOWN,
            "hakeeper has no instance 'VI_2'; it has: VI_1, group VI_1, group VG",
        ),
    ],
)
def test_one_instance_or_group_can_be_asked_for(asked: str, state: State, text: str) -> None:
    result = judged(plain(two_of_a_name()), asked)
    assert (result.state, result.text) == (state, text)


def test_the_option_goes_with_and_without_a_name(daemon: StatusDaemon, ask: Probe) -> None:
    daemon.status = plain(two_of_a_name())
    assert ask("--master", "VI_1")[0] == 0
    assert ask("--master")[0] == 2
    assert ask("--master=VI_2")[0] == 3


def test_an_empty_name_is_none_and_does_not_ask_for_all(daemon: StatusDaemon, ask: Probe) -> None:
    daemon.status = plain(picture(well()))
    assert (0, 3) == (ask("--master")[0], ask("--master", "")[0])


# --- a daemon that does not say ----------------------------------------------------------------


def test_no_daemon_is_critical(ask: Probe) -> None:
    code, line = ask()
    assert code == 2
    assert line.startswith("HAKEEPER CRITICAL - hakeeper does not run: no answer at ")
    assert "|" not in line
    assert json.loads(ask("--json")[1])["held"] is None
    assert ask("--master")[0] == 2


def test_a_socket_that_a_killed_daemon_left_is_critical(folder: Path, ask: Probe) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "control.sock"))
    assert ask()[0] == 2


@contextlib.contextmanager
def hung(folder: Path) -> Iterator[socket.socket]:
    """A daemon that listens and never answers."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "control.sock"))
        listener.listen(1)
        yield listener


def test_a_hung_daemon_is_unknown_at_the_deadline(folder: Path, ask: Probe) -> None:
    with hung(folder):
        code, line = ask("--timeout", "0.2")
        code_of_status, shown = ask("--json", command="status")
    assert code == 3
    assert line.startswith("HAKEEPER UNKNOWN - hakeeper does not answer at ")
    # It runs: to start it would do nothing.
    found = json.loads(shown)
    assert (3, "no answer", "hakeeper.silent") == (code_of_status, found["health"], found["code"])
    assert "systemctl enable" not in found["cure"]


def test_a_daemon_whose_queue_is_full_is_unknown(folder: Path, ask: Probe) -> None:
    with hung(folder), contextlib.ExitStack() as waiting:
        with contextlib.suppress(BlockingIOError):
            while True:
                one = waiting.enter_context(socket.socket(socket.AF_UNIX))
                one.settimeout(0)
                one.connect(str(folder / "control.sock"))
        code, line = ask("--timeout", "0.2")
    assert code == 3
    assert "hakeeper runs, but is busy with other clients" in line


def test_a_socket_that_one_may_not_reach_is_unknown(folder: Path, ask: Probe) -> None:
    with hung(folder):
        folder.chmod(0)
        with unprivileged():
            code, line = ask()
            code_of_status, shown = ask(command="status")
            with pytest.raises(NotDone) as not_done:
                look(str(folder / "control.sock"), {"command": "explain"})
        folder.chmod(0o755)
    assert code == 3
    assert "cannot connect to hakeeper" in line
    assert (77, 77) == (code_of_status, not_done.value.exit_code), "whether it runs is not known"
    assert "run this with sudo" in " ".join(shown.split())
    assert "systemctl" not in shown


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_stranger_is_told_the_way_in(daemon: StatusDaemon, ask: Probe) -> None:
    daemon.status = plain(picture(well()))
    os.chown(daemon.path, -1, 64004)
    with unprivileged():
        code, line = ask()
        code_of_status, shown = ask(command="status")
        plain_status = json.loads(ask("--json", command="status")[1])
    assert (code, code_of_status) == (3, 77)
    assert "have root run `adduser nobody 64004`, and log in again" in line
    assert "sudo adduser NAME hakeeper" in shown
    assert ("not permitted", "hakeeper.denied") == (plain_status["health"], plain_status["code"])
    assert daemon.asked == 0


@pytest.mark.parametrize("schema", [None, 0, 2, "1"])
def test_another_version_of_the_status_is_unknown(
    daemon: StatusDaemon, ask: Probe, schema: int
) -> None:
    daemon.status = plain(picture(well())) | {"schema": schema}
    code, line = ask()
    assert code == 3
    assert f"the daemon says version {schema} of the status, and this is for 1; systemctl" in line


@pytest.mark.parametrize("key", ["health", "roles", "problems"])
@pytest.mark.parametrize("value", [None, 7, "x", ["x"], [None], {"x": 1}, [{}]])
def test_a_status_that_is_not_understood_is_unknown(key: str, value: object) -> None:
    for master in (None, probe.ALL):
        result = judged(plain(picture(troubled())) | {key: value}, master)
        assert result.state is State.UNKNOWN, (key, value)
        assert "not understood" in result.text


@pytest.mark.parametrize("sent", [b"\n", b"[]\n", b"[" * 100_000 + b"\n", b"\xff\n", b'{"a": 1\n'])
def test_an_answer_that_is_no_status_is_unknown(folder: Path, sent: bytes) -> None:
    with hung(folder) as listener:
        words = [sys.executable, "-m", "hakeeper", "probe", "--timeout", "60", "--socket"]
        with subprocess.Popen(
            [*words, str(folder / "control.sock")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(sent)
                out, err = process.communicate()
    assert (process.returncode, err) == (3, b"")
    assert out.startswith(b"HAKEEPER UNKNOWN - hakeeper ")
    assert out.count(b"\n") == 1


# --- the line ----------------------------------------------------------------------------------


def test_the_line_is_one_bounded_and_printable_whatever_names_there_are() -> None:
    name = "a|b\nc\x1b[2J\u202e" + "x" * 5000
    for taken in (with_role(name=name), with_role(name=name, role="BACKUP")):
        for master in (None, probe.ALL, "other"):
            line = probe._as_line(judged(plain(taken), master))
            assert len(line) < LINE_LIMIT
            assert line.endswith("\n")
            assert line[:-1].isprintable()
            assert line.count("|") <= 1


def test_numbers_are_as_monitoring_reads_them(daemon: StatusDaemon, ask: Probe) -> None:
    daemon.status = plain(picture(troubled()))
    numbers = ask()[1].rstrip("\n").split(" | ")[1].split(" ")
    assert [one for one in numbers if not re.fullmatch(r"[a-z_]+=[\d.]+s?;;;0(;\d+)?", one)] == []


def test_an_address_that_was_never_read_has_no_age() -> None:
    result = judged(plain(with_address(holder_age_s=None)))
    assert result.oldest_read_s is None
    assert "oldest_read" not in probe._as_line(result)


@pytest.mark.parametrize(
    "words", [["--timeout", "0"], ["--timeout", "61"], ["--timeout", "soon"], ["--nonsense"]]
)
def test_a_wrong_command_line_is_unknown_and_not_critical(
    capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(["probe", *words])
    assert ended.value.code == 3
    assert "usage: hakeeper" in capfd.readouterr().err


def test_it_imports_next_to_nothing() -> None:
    assert imported_by("probe", "--socket", "/nowhere") == [
        "hakeeper",
        "hakeeper.adapters",
        "hakeeper.adapters.control_client",
        "hakeeper.adapters.control_codes",
        "hakeeper.adapters.control_rights",
        "hakeeper.adapters.daemon_process",
        "hakeeper.adapters.redaction",
        "hakeeper.adapters.users",
        "hakeeper.cli",
        "hakeeper.cli.main",
        "hakeeper.cli.options",
        "hakeeper.cli.probe",
        "hakeeper.cli.streams",
        "hakeeper.exits",
        "hakeeper.hide_secrets",
        "hakeeper.printable",
    ]
