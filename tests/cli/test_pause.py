"""`hakeeper pause` and `resume` as processes: what is asked of the daemon, and what is answered."""

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hakeeper.adapters.control_server import BUSY
from tests.cli.test_main import HAKEEPER

PAUSE = {
    "by": "ada",
    "user_id": 0,
    "reason": "a new kernel",
    "age_s": 0.0,
    "left_s": 1800.0,
    "since": "2026-06-15T10:00:00Z",
    "until": "2026-06-15T10:30:00Z",
}
PAUSED = {"pause": PAUSE, "replaced": None, "trouble": ""}
ENDED = {"ended": PAUSE, "trouble": ""}
UNSAVED = "the pause is not saved, and ends with a restart of hakeeper: No space left on device"


@dataclass(slots=True)
class Standin:
    """Answers as a daemon would, always the same; None: not at all."""

    path: Path
    answer: Mapping[str, object] | None
    asked: list[dict[str, object]] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.path))
            listener.listen()
            thread = threading.Thread(target=self._serve, args=(listener,))
            thread.start()
            try:
                yield
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the end of the test
            while True:
                client, _ = listener.accept()
                with client:
                    self.asked.append(json.loads(client.makefile().readline()))
                    if self.answer is not None:
                        client.sendall(json.dumps(self.answer).encode() + b"\n")


def says(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC", **environ}
    return subprocess.run(
        [HAKEEPER, *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def ask(
    path: Path, answer: Mapping[str, object] | None, *words: str, **environ: str
) -> tuple["subprocess.CompletedProcess[str]", dict[str, object]]:
    """Run the command beside a daemon that answers so; return what was asked as well."""
    daemon = Standin(path, answer)
    with daemon.running():
        done = says(*words, "--socket", str(path), **environ)
    return done, daemon.asked[0] if daemon.asked else {}


# --- what is asked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "for_s"),
    [
        ((), 3600.0),
        (("--for", "30m"), 1800.0),
        (("--for", "90s"), 90.0),
        (("--for", "24h"), 86400.0),
        (("--for", "1h30m"), 5400.0),
        (("--for", "30min"), 1800.0),
        (("--for", "1h1m1s"), 3661.0),
    ],
)
def test_the_duration_is_asked_for_in_seconds(
    path: Path, words: tuple[str, ...], for_s: float
) -> None:
    done, asked = ask(path, PAUSED, "pause", *words)
    assert (0, "") == (done.returncode, done.stderr)
    assert ("pause", for_s, "") == (asked["command"], asked["for_s"], asked["reason"])


def test_the_reason_goes_along(path: Path) -> None:
    _, asked = ask(path, PAUSED, "pause", "--reason", "kernel update")
    assert "kernel update" == asked["reason"]


@pytest.mark.skipif(os.geteuid() != 0, reason="sudo makes one root")
def test_root_by_sudo_is_told_by_the_name_of_who_called_it(path: Path) -> None:
    _, asked = ask(path, PAUSED, "pause", SUDO_USER="ada")
    assert "ada" == asked["user"]
    path.unlink()
    _, asked = ask(path, ENDED, "resume", SUDO_USER="\x1b[2J" + "x" * 99)
    assert "\\x1b[2J" + "x" * 57 == asked["user"]
    path.unlink()
    _, asked = ask(path, PAUSED, "pause")
    assert "root" == asked["user"]


# --- what is answered ---------------------------------------------------------------------------


def test_a_pause_says_until_when_and_how_to_end_it(path: Path) -> None:
    done, _ = ask(path, PAUSED, "pause")
    text = "paused until 2026-06-15 10:30:00 (30 min); `hakeeper resume` ends it before\n"
    assert (0, text, "") == (done.returncode, done.stdout, done.stderr)


def test_a_pause_in_place_of_another_says_whose(path: Path) -> None:
    done, _ = ask(path, {**PAUSED, "replaced": {**PAUSE, "by": "bob", "user_id": 7}}, "pause")
    assert done.stdout.endswith("; the pause by bob (uid 7) is replaced\n")


def test_an_end_says_whose_pause_it_was(path: Path) -> None:
    done, _ = ask(path, ENDED, "resume")
    text = "the pause by ada (uid 0) is ended, 30 min before its time\n"
    assert (0, text, "") == (done.returncode, done.stdout, done.stderr)


def test_an_end_of_nothing_is_none_and_no_failure(path: Path) -> None:
    done, _ = ask(path, {"ended": None, "trouble": ""}, "resume")
    assert (0, "hakeeper is not paused: nothing to end\n") == (done.returncode, done.stdout)


@pytest.mark.parametrize(("name", "answer"), [("pause", PAUSED), ("resume", ENDED)])
def test_json_has_the_answer(path: Path, name: str, answer: Mapping[str, object]) -> None:
    done, _ = ask(path, answer, name, "--json")
    assert {"ok": True, **answer} == json.loads(done.stdout)


@pytest.mark.parametrize(("name", "answer"), [("pause", PAUSED), ("resume", ENDED)])
def test_what_is_not_saved_is_told(path: Path, name: str, answer: Mapping[str, object]) -> None:
    unsaved = {**answer, "trouble": UNSAVED}
    done, _ = ask(path, unsaved, name)
    assert (1, f"{UNSAVED}\n") == (done.returncode, done.stderr)
    assert done.stdout
    path.unlink()
    done, _ = ask(path, unsaved, name, "--json")
    assert (1, "", UNSAVED) == (done.returncode, done.stderr, json.loads(done.stdout)["trouble"])


# --- what goes wrong ----------------------------------------------------------------------------

OLD = "unknown command 'pause'; known: status, reload"
REFUSALS = {
    "not root": ({"error": "only root may pause", "code": "not_permitted"}, 77, "only root may do"),
    "an old daemon": ({"error": OLD}, 3, "is of an older version, and does not know `pause`"),
    "a newer daemon": (
        {"error": "pause: for_s is odd", "code": "bad_request"},
        2,
        "hakeeper refused: pause: for_s is odd",
    ),
    "cut off": (None, 3, "hakeeper gave no usable answer at"),
    "busy": (BUSY, 4, "hakeeper runs, but is busy with other clients"),
}


@pytest.mark.parametrize(("answer", "code", "text"), REFUSALS.values(), ids=REFUSALS)
def test_a_daemon_that_does_not_do_it_is_told(
    path: Path, answer: Mapping[str, object] | None, code: int, text: str
) -> None:
    done, _ = ask(path, answer, "pause")
    assert (code, "") == (done.returncode, done.stdout)
    assert text in done.stderr
    assert 1 == done.stderr.count("\n")


def test_a_failure_is_json_as_well(path: Path) -> None:
    done, _ = ask(path, {"error": OLD}, "pause", "--json")
    found = json.loads(done.stdout)
    assert (3, "", False) == (done.returncode, done.stderr, found["ok"])
    assert "older version" in found["error"]


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_without_a_daemon_it_says_so(path: Path, name: str) -> None:
    done = says(name, "--socket", str(path))
    assert (3, "") == (done.returncode, done.stdout)
    assert f"hakeeper does not run: no answer at {path}" in done.stderr


def test_a_daemon_that_hangs_may_do_it_later(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        done = says("pause", "--socket", str(path))
    assert (3, "") == (done.returncode, done.stdout)
    assert "hakeeper does not answer at" in done.stderr
    assert "it may do so later: see `hakeeper status`" in done.stderr


WRONG = {
    "25h": "'25h' is longer than 24h",
    "24h1s": "'24h1s' is longer than 24h",
    "999999h": "'999999h' is longer than 24h",
    "0s": "'0s' is no time at all",
    "30": "'30' is not a duration such as 90s, 30m or 1h30m: 30m?",
    "": "'' is not a duration such as 90s, 30m or 1h30m",
    "1.5h": "'1.5h' is not a duration",
    "30m1h": "'30m1h' is not a duration",
    "-5m": "'-5m' is not a duration",
    "٣m": "is not a duration",
}


@pytest.mark.parametrize(("duration", "text"), WRONG.items(), ids=WRONG)
def test_a_wrong_duration_is_refused_before_anybody_is_asked(
    path: Path, duration: str, text: str
) -> None:
    done = says("pause", f"--for={duration}", "--socket", str(path))
    assert 2 == done.returncode
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("x" * 201, "it has 201 characters, at most 200"),
        ("a\nb", "it has characters that cannot be"),
    ],
    ids=["long", "unprintable"],
)
def test_a_wrong_reason_is_refused_before_anybody_is_asked(
    path: Path, reason: str, text: str
) -> None:
    done = says("pause", "--reason", reason, "--socket", str(path))
    assert 2 == done.returncode
    assert f"argument --reason: {text}" in done.stderr


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_the_help_has_examples_and_all_exit_codes(name: str) -> None:
    done = says(name, "--help")
    assert 0 == done.returncode
    for word in ("examples:", "exit codes:", "\n  0  ", "\n  1  ", "\n  3  ", "\n  4  ", "\n 77  "):
        assert word in done.stdout
