"""`hakeeper status --watch`: on a real terminal, and off one."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from hakeeper.cli.status_watch import ENTER, LEAVE, _Screen, essence
from hakeeper.diagnosis.snapshot import Snapshot
from tests.adapters.test_status import NOW, WALL_S, picture, troubled, well
from tests.support.privileges import public_folder
from tests.support.status_daemon import StatusDaemon, plain
from tests.support.waiting import eventually

PATIENCE_S = 60.0
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def daemon() -> Iterator[StatusDaemon]:
    with public_folder() as folder:
        it = StatusDaemon(folder)
        it.status = plain(picture(well()))
        yield it


def watching(daemon: StatusDaemon, *words: str) -> list[str]:
    socket = ["--socket", str(daemon.path)]
    return [sys.executable, "-m", "hakeeper", "status", "--watch", *socket, *words]


def isolated() -> Snapshot:
    taken = picture(well())
    return replace(taken, roles=(replace(taken.roles[0], role_confirmed=False),))


# --- a terminal --------------------------------------------------------------------------------


class Terminal:
    """A pseudo terminal with a watch in it."""

    def __init__(self, daemon: StatusDaemon, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(80, 40)
        self.shown = ""
        self.process = subprocess.Popen(
            # These tests may run under nohup(1).
            ["env", "--default-signal=HUP", *watching(daemon)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", **environ},
            start_new_session=True,
        )
        os.close(theirs)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, met: Callable[[], bool]) -> None:
        """Read until it is so."""

        def read_and_look() -> bool:
            if met():
                return True
            if select.select([self._ours], [], [], 0.0)[0]:
                self._read()
            return met()

        eventually(read_and_look, PATIENCE_S)

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += data.decode()
        return bool(data)

    def frame(self) -> list[str]:
        """The lines of the newest picture that is whole."""
        whole = [part for part in self.shown.split("\x1b[H")[1:] if "\x1b[J" in part]
        if not whole:
            return []
        drawn = COLOUR.sub("", whole[-1].split("\x1b[J")[0])
        return [line.removesuffix("\x1b[K") for line in drawn.split("\r\n")]

    def shows(self, text: str) -> bool:
        return text in " ".join(" ".join(self.frame()).split())

    def ended(self) -> int:
        """Read the rest, and return the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@contextlib.contextmanager
def terminal(daemon: StatusDaemon, **environ: str) -> Iterator[Terminal]:
    made = Terminal(daemon, **environ)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_fills_the_screen_and_gives_it_back(daemon: StatusDaemon, number: int) -> None:
    with daemon.running(), terminal(daemon) as screen:
        screen.until(lambda: screen.shows("OK node1 (id 1)"))
        os.kill(screen.process.pid, number)
        assert screen.ended() == 128 + number
    assert screen.shown.startswith(ENTER)
    assert screen.shown.endswith(LEAVE)
    assert screen.shown.count(ENTER) == screen.shown.count(LEAVE) == 1


def test_a_change_is_drawn_and_so_is_the_time_alone(daemon: StatusDaemon) -> None:
    with daemon.running(), terminal(daemon) as screen:
        screen.until(lambda: screen.shows("OK node1"))
        clock = screen.frame()[0]
        screen.until(lambda: screen.frame()[0] != clock)
        daemon.status = plain(picture(troubled()))
        screen.until(lambda: screen.shows("BROKEN node1"))
        assert max(map(len, screen.frame())) <= 80


def test_a_daemon_that_ends_and_comes_back_is_followed(daemon: StatusDaemon) -> None:
    with terminal(daemon) as screen:
        with daemon.running():
            screen.until(lambda: screen.shows("OK node1"))
        screen.until(lambda: screen.shows("hakeeper does not run: no answer at "))
        screen.until(lambda: screen.shows("; so since "))
        screen.until(lambda: screen.shows("do: systemctl enable --now hakeeper"))
        with daemon.running():
            screen.until(lambda: screen.shows("OK node1"))


def test_another_size_is_another_picture(daemon: StatusDaemon) -> None:
    daemon.status = plain(picture(troubled()))
    with daemon.running(), terminal(daemon) as screen:
        screen.until(lambda: screen.shows("hakeeper 1, runs since"))
        assert not screen.shows("more lines")
        screen.resize(40, 6)
        os.kill(screen.process.pid, signal.SIGWINCH)
        screen.until(lambda: screen.shows("more lines: hakeeper status"))
        assert len(screen.frame()) == 6
        assert max(map(len, screen.frame())) == 40


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_verdicts_have_colours_unless_nobody_wants_them(
    daemon: StatusDaemon, environ: dict[str, str], *, coloured: bool
) -> None:
    with daemon.running(), terminal(daemon, **environ) as screen:
        screen.until(lambda: screen.shows("OK node1"))
    assert ("\x1b[1;32mOK\x1b[0m  node1" in screen.shown) is coloured
    assert bool(COLOUR.search(screen.shown)) is coloured


def test_a_terminal_that_can_do_nothing_gets_blocks(daemon: StatusDaemon) -> None:
    with daemon.running(), terminal(daemon, TERM="dumb") as screen:
        screen.until(lambda: "OK  node1" in screen.shown)
    assert "\x1b" not in screen.shown


def test_stopped_by_the_shell_it_gives_the_screen_back_for_that_time(daemon: StatusDaemon) -> None:
    with daemon.running(), terminal(daemon) as screen:
        screen.until(lambda: screen.shows("OK node1"))
        os.kill(screen.process.pid, signal.SIGTSTP)
        _, status = os.waitpid(screen.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        screen.until(lambda: screen.shown.endswith(LEAVE))
        os.kill(screen.process.pid, signal.SIGCONT)
        screen.until(lambda: screen.shown.count(ENTER) == 2 and screen.shown.endswith("\x1b[J"))
        os.kill(screen.process.pid, signal.SIGINT)
        assert screen.ended() == 130


def test_a_screen_that_was_given_back_is_drawn_whole_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = _Screen(lambda _document, _now_s: ["a line"])
    for _ in range(2):
        with screen.taken():
            screen.show({})
    assert capsys.readouterr().out.count("a line") == 2


def test_a_terminal_that_goes_ends_it(daemon: StatusDaemon) -> None:
    with daemon.running(), terminal(daemon) as screen:
        screen.until(lambda: screen.shows("OK node1"))
        os.close(screen._ours)
        screen._ours = os.open(os.devnull, os.O_RDONLY)
        assert screen.process.wait(PATIENCE_S) == 141


# --- a pipe ------------------------------------------------------------------------------------


@contextlib.contextmanager
def piped(daemon: StatusDaemon, *words: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        watching(daemon, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def block(process: "subprocess.Popen[str]") -> str:
    """The next block, which ends with an empty line before the next `---`."""
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    assert re.fullmatch(r"--- \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", lines[0])
    last = ("hakeeper    1", "    do:     systemctl enable")
    while not lines[-1].startswith(last):
        lines.append(process.stdout.readline())
    while lines[-1] != "\n":
        lines.append(process.stdout.readline())
    return "".join(lines)


def test_off_a_terminal_each_change_is_a_block(daemon: StatusDaemon) -> None:
    with piped(daemon) as process:
        with daemon.running():
            first = block(process)
            assert "\nOK  node1 (id 1)\n" in first
            daemon.status = plain(picture(troubled()))
            second = block(process)
            assert "\nBROKEN  node1 (id 1)\n" in second
        gone = block(process)
        assert "\nhakeeper does not run: " in gone
        assert "; so since " in " ".join(gone.split())
        with daemon.running():
            assert "\nBROKEN  node1 (id 1)\n" in block(process)
        assert "\x1b" not in first + second + gone


def test_json_is_an_object_a_line_for_each_change(daemon: StatusDaemon) -> None:
    with daemon.running(), piped(daemon, "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["health"] == "ok"
        daemon.status = plain(picture(well(), NOW + 9.0), WALL_S + 9.0)  # just older
        seen = daemon.asked
        eventually(lambda: daemon.asked > seen + 1, PATIENCE_S)
        daemon.status = plain(isolated())
        changed = json.loads(process.stdout.readline())
        assert (changed["health"], changed["roles"][0]["role_confirmed"]) == ("ok", False)
    with piped(daemon, "--json") as process:
        assert process.stdout is not None
        gone = json.loads(process.stdout.readline())
    assert (gone["health"], gone["code"]) == ("not running", "hakeeper.gone")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", gone["since"])


def test_a_reader_that_has_gone_ends_it_although_nothing_changes(daemon: StatusDaemon) -> None:
    with daemon.running(), piped(daemon, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 141
        assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly(daemon: StatusDaemon, number: int) -> None:
    with daemon.running(), piped(daemon, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 128 + number
        assert process.stderr.read() == ""


# --- what a change is --------------------------------------------------------------------------


def changed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  # any value of the JSON
    return plain(picture(well())) | changes


@pytest.mark.parametrize("make", [well, troubled])
def test_time_alone_changes_nothing(make: Callable[[], Any]) -> None:
    early, late = (plain(picture(make(), NOW + by), WALL_S + 2 * by) for by in (0.0, 3.0))
    assert early != late
    assert essence(early) == essence(late)


@pytest.mark.parametrize(
    "other",
    [
        plain(isolated()),
        plain(picture(troubled())),
        changed(health="degraded"),
        changed(started="2026-11-29T00:00:00Z"),
        changed(fifo="missing"),
        changed(api="connect_timeout"),
        changed(keepalived_pid=77),
        changed(roles=[]),
        changed(error="gone"),
    ],
)
def test_what_happens_is_a_change(other: dict[str, Any]) -> None:
    assert essence(plain(picture(well()))) != essence(other)


def test_the_watch_and_the_legend_are_not_asked_for_at_once(daemon: StatusDaemon) -> None:
    done = subprocess.run(watching(daemon, "--legend"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "not allowed with argument" in done.stderr
