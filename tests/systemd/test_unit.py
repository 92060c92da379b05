"""The unit by systemd's own judgement; tests/package boots machines with it."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hakeeper import exits
from hakeeper.adapters import login
from hakeeper.adapters.token import CREDENTIAL_NAME, SERVICE_TOKEN
from hakeeper.cli.options import DEFAULT_CONFIG, DEFAULT_RUNTIME_FOLDER
from hakeeper.config import KeepalivedConfig

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT = FOLDER / "hakeeper.service"
MOST_EXPOSED = 12
"""Tenths of `systemd-analyze security`."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is on this machine; verify looks whether it is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("=/usr/bin/hakeeper ", f"={sys.executable} "))
    return copy


def directives(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def verify(path: Path) -> "subprocess.CompletedProcess[str]":
    argv = ["systemd-analyze", "verify", "--man=no", str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def exposure(path: Path, most: int = MOST_EXPOSED) -> "subprocess.CompletedProcess[str]":
    argv = ["systemd-analyze", "security", "--offline=yes", f"--threshold={most}"]
    argv += ["--no-pager", str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_systemd_finds_no_fault_with_the_unit(unit: Path) -> None:
    done = verify(unit)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("WatchdogSec=20s", "WatchdogSec=soon"), ("RemoveIPC=", "RemoveIPCs="), ("run\n", "\n=")],
)
def test_systemd_would_tell_of_a_mistake(unit: Path, right: str, wrong: str) -> None:
    assert right in unit.read_text()
    unit.write_text(unit.read_text().replace(right, wrong, 1))

    assert UNIT.name in verify(unit).stderr


def test_the_service_is_hardly_exposed() -> None:
    done = exposure(UNIT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "line", ["PrivateUsers=yes", "SystemCallFilter=~@privileged @resources", "ProtectSystem=strict"]
)
def test_a_unit_with_less_around_it_would_be_refused(tmp_path: Path, line: str) -> None:
    weaker = tmp_path / UNIT.name
    weaker.write_text(UNIT.read_text().replace(f"{line}\n", ""))

    assert f"{line}\n" in UNIT.read_text()
    assert exposure(weaker).returncode != 0


def test_the_unit_names_the_paths_that_the_program_has() -> None:
    assert directives("ConditionPathExists") == [str(DEFAULT_CONFIG)]
    assert directives("LoadCredential") == [
        f"{CREDENTIAL_NAME}:{SERVICE_TOKEN}",
        f"{login.CREDENTIAL_NAME}:{login.SERVICE_LOGIN}",
    ]
    assert directives("SetCredential") == [
        f"{CREDENTIAL_NAME}:\\n",
        f"{login.CREDENTIAL_NAME}:\\n",
    ]


def test_what_repetition_cannot_cure_is_not_repeated_and_all_else_is() -> None:
    hopeless = (exits.USAGE, exits.NO_CONFIG, exits.NO_PERMISSION, exits.BAD_CONFIG)

    assert directives("RestartPreventExitStatus") == [" ".join(map(str, hopeless))]
    assert directives("Restart") == ["always"]
    assert directives("StartLimitIntervalSec") == ["0"]


def test_it_stands_before_keepalived_and_neither_needs_the_other() -> None:
    assert directives("Before") == ["keepalived.service"]
    for name in ("Requires", "Requisite", "BindsTo", "PartOf", "Upholds", "Wants", "Conflicts"):
        assert not any("keepalived" in value for value in directives(name))


def test_the_sandbox_shows_proc_since_keepalived_is_watched_there() -> None:
    """With ProcSubset=pid there is no boot id, with ProtectProc= no start time of a process."""
    assert directives("ProcSubset") == []
    assert directives("ProtectProc") == []


def test_the_fifo_is_made_where_the_program_looks_and_for_its_user() -> None:
    (user,) = directives("User")
    lines = [line.split() for line in (FOLDER / "tmpfiles.conf").read_text().splitlines()]
    fifo = str(KeepalivedConfig().fifo)

    assert ["p", fifo, "0600", user, user, "-"] in lines
    assert (FOLDER / "sysusers.conf").read_text().split()[:2] == ["u", user]


def test_the_folder_of_the_fifo_is_roots_and_the_daemons_own_lies_below_it() -> None:
    lines = [line.split() for line in (FOLDER / "tmpfiles.conf").read_text().splitlines()]
    folder = KeepalivedConfig().fifo.parent
    (own,) = directives("RuntimeDirectory")

    assert ["d", str(folder), "0755", "root", "root", "-"] in lines
    assert folder == Path("/run", own).parent
    assert DEFAULT_RUNTIME_FOLDER == f"/run/{own}"


def test_no_directive_stands_twice_by_mistake() -> None:
    lists = {"SystemCallFilter", "SocketBindDeny", "LoadCredential", "SetCredential"}
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    for section in parser.sections():
        for name in parser.options(section):
            assert len(directives(name)) == 1 or name in lists, name


# --- the service of the metrics -------------------------------------------------------------------

METRICS = FOLDER / "hakeeper-metrics.service"
METRICS_MOST_EXPOSED = 10
"""It has a supplementary group, by which it may ask the daemon."""


def test_systemd_finds_no_fault_with_the_unit_of_the_metrics(tmp_path: Path) -> None:
    copy = tmp_path / METRICS.name
    copy.write_text(METRICS.read_text().replace("=/usr/bin/hakeeper ", f"={sys.executable} "))
    done = verify(copy)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_it_is_hardly_exposed_and_less_would_be_told() -> None:
    assert 0 == exposure(METRICS, METRICS_MOST_EXPOSED).returncode
    assert 0 != exposure(METRICS, METRICS_MOST_EXPOSED - 1).returncode


def test_nobody_from_outside_reaches_it_and_the_daemon_does_not_need_it() -> None:
    text = METRICS.read_text()
    assert "IPAddressAllow=localhost\nIPAddressDeny=any\n" in text
    assert "DynamicUser=yes\n" in text
    assert METRICS.name not in UNIT.read_text()
