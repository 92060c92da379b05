"""Every command with a stdout or stderr that is closed, full, or read by nobody."""

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from hakeeper.cli.main import COMMANDS

SOCKET: Final = ("--socket", "/nowhere/control.sock")
CONFIG: Final = ("-c", "/nowhere/hakeeper.yaml")
ROWS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "init": (("--help",), 0),
    "run": (CONFIG, 66),
    "check": (CONFIG, 66),
    "status": (SOCKET, 3),
    "explain": (SOCKET, 3),
    "probe": (SOCKET, 2),
    "metrics": (SOCKET, 0),
    "reload": (SOCKET, 3),
    "take": (("--yes", *SOCKET), 3),
    "pause": (SOCKET, 3),
    "resume": (SOCKET, 3),
    "step-down": (SOCKET, 3),
    "step-up": (SOCKET, 3),
    "drill": (SOCKET, 3),
    "history": (("--file", "/nowhere/history"), 66),
    "events": (SOCKET, 3),
    "hooks": (("--help",), 0),
    "replay": (("/nowhere/recording",), 66),
    "simulate": (("--help",), 0),
    "demo": (("--help",), 0),
    "bugreport": (("--help",), 0),
    "version": ((), 0),
}
"""What ends at once, and how it does if somebody reads it."""
CLOSED: Final = (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-")
LOST: Final = (">/dev/full", ">/dev/full 2>/dev/full", "2>/dev/full")
PRINTS: Final = {"status", "probe", "metrics", "version"}
"""What writes to stdout."""


def ran(name: str, words: tuple[str, ...], how: str) -> tuple[int, str]:
    """Run a command as a shell does, with its stderr where `how` leaves it."""
    argv = (sys.executable, "-m", "hakeeper", name, *words)
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {how}', "bash", *argv],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "unexpected error" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stderr


def test_each_command_has_a_row() -> None:
    assert ROWS.keys() == {command.name for command in COMMANDS}


@pytest.mark.parametrize("name", ROWS)
def test_who_closes_a_stream_gets_the_exit_code_all_the_same(name: str) -> None:
    words, code = ROWS[name]
    assert [code] * len(CLOSED) == [ran(name, words, how)[0] for how in CLOSED]


@pytest.mark.parametrize("name", ROWS)
def test_what_cannot_be_written_is_told_as_that(name: str) -> None:
    words, code = ROWS[name]
    is_lost = name in PRINTS or "--help" in words
    told = [ran(name, words, how) for how in LOST]
    assert [71 if is_lost else code] * 2 + [code] == [one for one, _ in told]
    lost = "hakeeper: cannot write to stdout: No space left on device\n"
    assert not is_lost or told[0][1].endswith(lost)


@pytest.mark.parametrize("name", sorted(PRINTS))
def test_a_reader_that_has_gone_is_141(name: str) -> None:
    assert 141 == ran(name, ROWS[name][0], "| head -c0")[0]


PATIENCE_S = 10.0
"""When it is not there at once, it never comes."""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_is_written_to_stderr_is_there_at_once(unbuffered: str) -> None:
    """The one that runs it waits for that, with PYTHONUNBUFFERED as well."""
    program = (
        "import sys; from hakeeper.cli.streams import prepare_streams; prepare_streams();"
        "print('begun', file=sys.stderr); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        is_there, _, _ = select.select([process.stderr], [], [], PATIENCE_S)
        process.communicate()
    assert is_there


def test_a_file_that_is_opened_gets_the_number_of_no_standard_stream(tmp_path: Path) -> None:
    """Else what is meant for people would end up in it."""
    program = (
        "import sys; from hakeeper.cli.streams import prepare_streams; prepare_streams();"
        f"file = open({str(tmp_path / 'file')!r}, 'w'); print('to nobody', flush=True);"
        "sys.exit(file.fileno())"
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", program], check=False
    )
    assert 3 == done.returncode
    assert "" == (tmp_path / "file").read_text()
