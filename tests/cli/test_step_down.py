"""`hakeeper step-down` and `step-up` as processes: what is asked, what is told of the answers."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hakeeper.cli.asking import NotDone, give_up
from hakeeper.doctor.checks.step_down import track_file_lines
from tests.cli.test_pause import Standin, says
from tests.pictures.terminal import show
from tests.support.control_loop import Loop

DOWN: dict[str, Any] = {
    "by": "ada",
    "user_id": 0,
    "reason": "a new kernel",
    "stage": "awaiting_master",
    "instances": ["VI_1"],
    "age_s": 0.0,
    "left_s": 600.0,
    "since": "2026-06-15T10:00:00Z",
    "until": "2026-06-15T10:10:00Z",
    "yield_s": None,
    "claim_s": None,
}
BEGUN = {"step_down": DOWN, "refused": None, "why": "", "trouble": ""}
ADDRESS = {"address": "203.0.113.10", "holder_label": "web-b (id 102)"}
STATUS: dict[str, Any] = {
    "config": "/nonexistent/hakeeper.yaml",
    "keepalived_pid": None,
    "step_down": None,
    "last_step_down": None,
    "roles": [{"kind": "INSTANCE", "name": "VI_1", "role": "MASTER", "addresses": [ADDRESS]}],
}
YIELDED = {**DOWN, "stage": "awaiting_claim", "yield_s": 0.31}
DONE = {**YIELDED, "stage": "down", "claim_s": 0.876}


class Daemon:
    """Answers a request to step down, and to each one for the status with the next of its list."""

    def __init__(self, begun: Mapping[str, object], *stages: Mapping[str, object]) -> None:
        self.begun = begun
        self.stages = [*stages]
        self.asked: list[Mapping[str, object]] = []

    @contextlib.contextmanager
    def running(self, path: Path) -> Iterator[None]:
        with contextlib.closing(Loop(str(path), self._answer)) as loop:
            loop.start()
            yield

    def _answer(self, request: Mapping[str, object], user_id: int) -> Mapping[str, object]:
        del user_id
        self.asked.append(request)
        if request["command"] != "status":
            return self.begun
        if len(self.asked) == 1:  # the look before
            return STATUS
        return {**STATUS, **(self.stages.pop(0) if len(self.stages) > 1 else self.stages[0])}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def ask(path: Path, daemon: Daemon, *words: str) -> "subprocess.CompletedProcess[str]":
    with daemon.running(path):
        return says("step-down", *words, "--socket", str(path))


def test_each_phase_is_told_when_it_is_over_and_where_the_addresses_are(path: Path) -> None:
    daemon = Daemon(BEGUN, {"step_down": DOWN}, {"step_down": YIELDED}, {"step_down": DONE})
    done = ask(path, daemon, "--for", "30m", "--reason", "a new kernel")
    assert (0, "") == (done.returncode, done.stderr)
    assert [
        "  0.31 s  another node is MASTER of VI_1",
        "  0.88 s  other servers have all addresses",
        (
            "stepped down until 2026-06-15 10:10:00 (10 min); `hakeeper step-up` ends it before."
            " Now 203.0.113.10 on web-b (id 102)"
        ),
    ] == done.stdout.splitlines()
    asked = daemon.asked[1]
    assert ("step-down", 1800.0, "a new kernel") == (
        asked["command"],
        asked["for_s"],
        asked["reason"],
    )


def test_two_phases_that_end_between_two_looks_are_both_told(path: Path) -> None:
    done = ask(path, Daemon(BEGUN, {"step_down": DONE}))
    assert 3 == len(done.stdout.splitlines())


def test_json_has_the_whole_of_it_and_nothing_else(path: Path) -> None:
    done = ask(path, Daemon(BEGUN, {"step_down": YIELDED}, {"step_down": DONE}), "--json")
    assert (0, "") == (done.returncode, done.stderr)
    assert {"ok": True, "step_down": DONE, "trouble": ""} == json.loads(done.stdout)


def test_one_that_is_prolonged_is_done_at_once(path: Path) -> None:
    done = ask(path, Daemon({**BEGUN, "step_down": DONE}, {"step_down": DONE}))
    assert (0, 1) == (done.returncode, len(done.stdout.splitlines()))


@pytest.mark.parametrize(
    ("end", "says_why"),
    [
        ("not_taken_over", "no other node became MASTER"),
        ("not_claimed", "its hakeeper did not claim all addresses in time"),
        ("came_back", "was lost before it had all addresses"),
        ("stepped_up", "somebody ended it"),
    ],
)
def test_one_that_is_taken_back_says_why(path: Path, end: str, says_why: str) -> None:
    over = {"end": end, "lasted_s": 20.02, "yield_s": None, "claim_s": None}
    daemon = Daemon(BEGUN, {"step_down": DOWN}, {"last_step_down": over})
    done = ask(path, daemon)
    assert (5, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("taken back after 20 s: ")
    assert says_why in done.stderr
    path.unlink(missing_ok=True)
    done = ask(path, Daemon(BEGUN, {"last_step_down": over}), "--json")
    assert {"ok": False, "error": json.loads(done.stdout)["error"], "last_step_down": over} == (
        json.loads(done.stdout)
    )


def test_a_refusal_is_told_as_it_is(path: Path) -> None:
    refused = {"step_down": None, "refused": "not_master", "why": "no MASTER", "trouble": ""}
    done = ask(path, Daemon(refused, {}))
    assert (5, "", "no MASTER\n") == (done.returncode, done.stdout, done.stderr)
    path.unlink(missing_ok=True)
    done = ask(path, Daemon(refused, {}), "--json")
    assert {"ok": False, "error": "no MASTER", "refused": "not_master"} == json.loads(done.stdout)


def test_what_is_not_saved_is_told(path: Path) -> None:
    unsaved = {**BEGUN, "trouble": "the step-down is not saved"}
    done = ask(path, Daemon(unsaved, {"step_down": DONE}))
    assert (1, "the step-down is not saved\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("name", ["step-down", "step-up"])
def test_an_old_daemon_is_told(path: Path, name: str) -> None:
    with Standin(path, {"error": f"unknown command {name!r}; known: status, reload"}).running():
        done = says(name, "--socket", str(path))
    assert (3, "") == (done.returncode, done.stdout)
    assert f"is of an older version, and does not know `{name}`" in done.stderr


@pytest.mark.parametrize("name", ["step-down", "step-up"])
def test_without_a_daemon_it_says_so(path: Path, name: str) -> None:
    done = says(name, "--socket", str(path))
    assert (3, "") == (done.returncode, done.stdout)
    assert f"hakeeper does not run: no answer at {path}" in done.stderr


@pytest.mark.parametrize("name", ["step-down", "step-up"])
def test_who_is_not_root_is_told(path: Path, name: str) -> None:
    answer = {"error": f"only root may {name}", "code": "not_permitted"}
    with Standin(path, answer).running():
        done = says(name, "--socket", str(path))
    assert (77, f"only root may do this: sudo hakeeper {name}\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("duration", "text"),
    [("59s", "'59s' is less than a minute"), ("25h", "'25h' is longer than 24h: a step-down")],
)
def test_a_wrong_duration_is_refused_before_anybody_is_asked(
    path: Path, duration: str, text: str
) -> None:
    done = says("step-down", "--for", duration, "--socket", str(path))
    assert 2 == done.returncode
    assert text in done.stderr


def test_step_up_says_whose_step_down_it_ended(path: Path) -> None:
    with Standin(path, {"ended": DONE, "trouble": ""}).running():
        done = says("step-up", "--socket", str(path))
    text = (
        "the step-down by ada (uid 0) is ended, 10 min before its time: keepalived has its own"
        " priority again\n"
    )
    assert (0, text, "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["step-down", "step-up"])
def test_the_help_has_examples_and_all_exit_codes(name: str) -> None:
    done = says(name, "--help")
    for word in ("examples:", "exit codes:", "\n  0  ", "\n  1  ", "\n  3  ", "\n  4  ", "\n 77  "):
        assert word in done.stdout


# --- on a terminal ------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 120])
def test_what_it_says_fits_a_terminal_with_names_of_usual_length(path: Path, columns: int) -> None:
    names = ("203.0.113.110", "203.0.113.220", "2001:db8:1234:5678::/64")
    who = "frontend-web-prod-b1 (id 103)"
    role = {"addresses": [{"address": name, "holder_label": who} for name in names]}
    done = {"step_down": DONE, "roles": [role]}
    with Daemon(BEGUN, {"step_down": YIELDED}, done).running(path):
        argv = [sys.executable, "-m", "hakeeper", "step-down", "--socket", str(path)]
        screen = show(argv, {}, columns)
    assert [] == screen.wrapped
    last = " ".join(" ".join(screen.texts()).split()).partition(" before. ")[2]
    assert f"Now {', '.join(names)} on {who}" == last


def test_the_lines_that_keepalived_needs_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    needed = track_file_lines("/run/hakeeper-step-down/hakeeper")
    text = f"keepalived would not yield. It needs:\n\n{needed}"
    assert 5 == give_up(NotDone(text, 5), as_json=False)
    assert f"{text}\n" == capsys.readouterr().err
    assert [] == [line for line in text.splitlines() if len(line) > 80]
