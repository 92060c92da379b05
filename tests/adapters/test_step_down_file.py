"""The files of a step-down: what is read is what was written, in the same boot; or it is told."""

import json
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hakeeper.adapters.step_down_file import LIMIT_BYTES, VERSION, StepDownFile
from hakeeper.adapters.timed_request import LONGEST_S
from hakeeper.adapters.track_file import TrackFile
from hakeeper.core.model import StepDown, VrrpId, VrrpKind

STEP_DOWN = StepDown(
    by="ada",
    user_id=0,
    reason="a new kernel",
    since_s=100.0,
    until_s=700.0,
    vrrps=(VrrpId(VrrpKind.INSTANCE, "VI_1"), VrrpId(VrrpKind.GROUP, "G")),
    yielded_s=101.5,
)


@dataclass(slots=True)
class Machine:
    """A disk, a clock and a boot."""

    folder: Path
    boot: str = "one"
    clock_s: float = 100.0
    troubles: list[tuple[str, str]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "step-down.json"

    @property
    def track(self) -> Path:
        return self.folder / "step-down"

    def file(self) -> StepDownFile:
        return StepDownFile(
            self.path,
            TrackFile(self.track),
            self.boot,
            lambda word, text: self.troubles.append((word, text)),
            clock=lambda: self.clock_s,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.track.write_text("0\n")
    return made


def test_a_step_down_comes_back_as_it_was_and_lowers_the_priority(machine: Machine) -> None:
    for step_down in (STEP_DOWN, replace(STEP_DOWN, claimed_s=103.0, back_s=200.0)):
        file = machine.file()
        file.save(step_down)
        assert ("-253\n", "") == (machine.track.read_text(), file.trouble)
        machine.track.write_text("0\n")
        assert step_down == machine.file().load()
        assert "-253\n" == machine.track.read_text()
    assert 0o600 == stat.S_IMODE(machine.path.stat().st_mode)
    assert [] == machine.troubles


def test_its_end_gives_the_priority_back_and_leaves_no_file(machine: Machine) -> None:
    file = machine.file()
    file.save(STEP_DOWN)
    file.save(None)
    assert ("0\n", False) == (machine.track.read_text(), machine.path.exists())
    assert None is machine.file().load()


def test_a_boot_ends_it(machine: Machine) -> None:
    machine.file().save(STEP_DOWN)
    machine.boot = "two"
    assert (None, []) == (machine.file().load(), machine.troubles)
    assert "0\n" == machine.track.read_text()


def test_a_number_that_no_step_down_stands_for_is_taken_back(machine: Machine) -> None:
    machine.track.write_text("-253\n")
    assert None is machine.file().load()
    assert "0\n" == machine.track.read_text()


def test_it_lasts_no_longer_than_one_may_ask_for(machine: Machine) -> None:
    machine.file().save(replace(STEP_DOWN, until_s=1e9))
    found = machine.file().load()
    assert found is not None
    assert machine.clock_s + LONGEST_S == found.until_s


def test_without_a_track_file_nobody_misses_it(machine: Machine) -> None:
    machine.track.unlink()
    file = machine.file()
    assert None is file.load()
    file.save(None)
    assert ("", []) == (file.trouble, machine.troubles)


def test_a_track_file_that_cannot_be_written_is_told_once_and_tried_again(
    machine: Machine,
) -> None:
    machine.track.unlink()
    file = machine.file()
    file.save(STEP_DOWN)
    file.look()
    [(word, text)] = machine.troubles
    assert ("track_file", text) == (word, file.trouble)
    assert text.startswith("keepalived keeps the priority that it has: ")
    machine.track.write_text("0\n")
    file.look()
    assert "-253\n" == machine.track.read_text()
    machine.track.unlink()
    file.look()
    assert 1 == len(machine.troubles), "it is done"


@pytest.mark.parametrize("step_down", [STEP_DOWN, None])
def test_a_disk_that_refuses_is_told(machine: Machine, step_down: StepDown | None) -> None:
    machine.path.mkdir()
    file = machine.file()
    file.save(step_down)
    [(word, text)] = machine.troubles
    assert ("unwritable", text) == (word, file.trouble)
    assert ("restart of hakeeper" in text) is True
    assert ("-253\n" if step_down else "0\n") == machine.track.read_text()


def wrong(**keys: object) -> str:
    good = {
        "version": VERSION,
        "boot": "one",
        "by": "ada",
        "user_id": 0,
        "reason": "",
        "since_s": 100.0,
        "until_s": 700.0,
        "vrrps": [["INSTANCE", "VI_1"]],
        "yielded_s": None,
        "claimed_s": None,
        "back_s": None,
    }
    return json.dumps({**good, **keys})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[" * 100_000,
        " " * LIMIT_BYTES + wrong(),
        wrong(version=VERSION + 1),
        wrong(user_id=True),
        wrong(user_id="0"),
        wrong(by="a\nb"),
        wrong(reason="x" * 201),
        wrong(since_s=-1.0),
        wrong(until_s=float("inf")),
        wrong(until_s=float("nan")),
        wrong(since_s=10**400),
        wrong(since_s=True),
        wrong(vrrps=[["ROUTER", "VI_1"]]),
        wrong(vrrps=[["INSTANCE"]]),
        wrong(yielded_s="1"),
    ],
)
def test_what_makes_no_sense_is_told_and_is_no_step_down(machine: Machine, text: str) -> None:
    machine.path.write_text(text)
    assert None is machine.file().load()
    [(word, told)] = machine.troubles
    assert "unreadable" == word
    assert f"{machine.path} is unusable" in told
