"""The pause file: what is read is what was written, by whatever clock; or it is told."""

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.pausefile import LIMIT_BYTES, VERSION, PauseFile
from hakeeper.core.model import Pause

PAUSE = Pause(by="ada", user_id=0, reason="a new kernel", since_s=100.0, until_s=1900.0)
TODAY_S = 1_800_000_000.0


@dataclass(slots=True)
class Machine:
    """A disk and two clocks."""

    path: Path
    wall_s: float = TODAY_S
    clock_s: float = 100.0
    troubles: list[tuple[str, str]] = field(default_factory=list)

    def file(self) -> PauseFile:
        return PauseFile(
            self.path,
            lambda word, text: self.troubles.append((word, text)),
            wall=lambda: self.wall_s,
            clock=lambda: self.clock_s,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "pause.json")


def document(machine: Machine) -> dict[str, object]:
    machine.file().save(PAUSE)
    found: dict[str, object] = json.loads(machine.path.read_text())
    return found


def test_a_pause_comes_back_as_it_was(machine: Machine) -> None:
    file = machine.file()
    file.save(PAUSE)
    assert (PAUSE, "", []) == (machine.file().load(), file.trouble, machine.troubles)
    assert 0o600 == stat.S_IMODE(machine.path.stat().st_mode)
    assert [machine.path] == list(machine.path.parent.iterdir())


def test_after_a_reboot_the_other_clock_counts(machine: Machine) -> None:
    machine.file().save(PAUSE)
    machine.wall_s, machine.clock_s = TODAY_S + 600.0, 7.0
    kept = machine.file().load()
    assert kept is not None
    assert (-593.0, 1207.0) == (kept.since_s, kept.until_s)


@pytest.mark.parametrize("by_s", [-1e8, -60.0, 0.0, 60.0, 1799.0, 1800.0, 1e8])
def test_no_clock_makes_it_longer_than_it_was(machine: Machine, by_s: float) -> None:
    machine.file().save(PAUSE)
    machine.wall_s += by_s
    kept = machine.file().load()
    assert kept is not None
    assert kept.until_s - machine.clock_s == min(1800.0, 1800.0 - by_s)
    assert kept.since_s <= machine.clock_s


def test_its_end_removes_the_file(machine: Machine) -> None:
    file = machine.file()
    file.save(PAUSE)
    file.save(None)
    file.save(None)
    assert (False, None, "", []) == (
        machine.path.exists(),
        machine.file().load(),
        file.trouble,
        machine.troubles,
    )


def test_without_a_file_there_is_no_pause_and_no_trouble(machine: Machine) -> None:
    assert (None, []) == (machine.file().load(), machine.troubles)


def test_a_pause_that_cannot_be_saved_is_told_and_leaves_no_older_one(machine: Machine) -> None:
    file = machine.file()
    file.save(PAUSE)
    machine.path.with_name("pause.json.new").mkdir()
    file.save(PAUSE)
    [(word, text)] = machine.troubles
    assert "unwritable" == word
    assert text == file.trouble
    assert text.startswith("the pause is not saved, and ends with a restart of hakeeper: ")
    assert not machine.path.exists()
    machine.path.with_name("pause.json.new").rmdir()
    file.save(PAUSE)
    assert "" == file.trouble


def test_an_end_that_cannot_be_saved_is_told(machine: Machine) -> None:
    machine.path.mkdir()
    file = machine.file()
    file.save(None)
    [(word, text)] = machine.troubles
    assert ("unwritable", text) == (word, file.trouble)
    assert text.startswith("the pause is over, but a restart may begin it again: ")


SPOILED: dict[str, list[object]] = {
    "version": [VERSION + 1, None],
    "by": [None, 5, "a\nb", "x" * 65],
    "user_id": [None, True, "0", 1.5],
    "reason": [None, "x" * 201, "\x1b"],
    "since": [None, True, "1", -1.0, float("nan"), 10**400, TODAY_S - 86400.0],
    "until": [None, float("inf"), TODAY_S, TODAY_S - 1.0, TODAY_S + 86400.5],
}


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, values in SPOILED.items() for value in values],
    ids=lambda each: str(each)[:20],
)
def test_a_spoiled_file_is_told_and_done_without(machine: Machine, key: str, value: object) -> None:
    machine.path.write_text(json.dumps({**document(machine), key: value}))
    assert None is machine.file().load()
    [(word, text)] = machine.troubles
    assert "unreadable" == word
    assert text.startswith(f"{machine.path} is unusable (")
    assert text.endswith("): starting without a pause")


@pytest.mark.parametrize("key", SPOILED)
def test_a_file_that_lacks_something_is_spoiled(machine: Machine, key: str) -> None:
    found = document(machine)
    del found[key]
    machine.path.write_text(json.dumps(found))
    assert None is machine.file().load()
    assert ["unreadable"] == [word for word, _ in machine.troubles]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"5", b"\xff", b"[" * 9999, b" " * LIMIT_BYTES + b"{}"]
)
def test_what_is_no_pause_at_all_is_spoiled(machine: Machine, data: bytes) -> None:
    machine.path.write_bytes(data)
    assert None is machine.file().load()
    assert ["unreadable"] == [word for word, _ in machine.troubles]


def test_a_link_is_not_followed(machine: Machine, tmp_path: Path) -> None:
    machine.file().save(PAUSE)
    os.rename(machine.path, tmp_path / "elsewhere")  # noqa: PTH104
    machine.path.symlink_to(tmp_path / "elsewhere")
    assert None is machine.file().load()
    assert ["unreadable"] == [word for word, _ in machine.troubles]


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    machine = Machine(tmp_path_factory.getbasetemp() / "any.json")
    machine.path.write_bytes(data)
    assert None is machine.file().load()
