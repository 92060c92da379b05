"""The recording as a file: private, bounded, and never in the daemon's way."""

import errno
import fcntl
import os
import stat
import threading
import typing
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from hakeeper.core.core import Core
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import Report, WriterSeen
from hakeeper.recording.file import MARK, RecordingFile
from hakeeper.recording.reading import read
from hakeeper.recording.recorder import IN_ORDER, Recorder
from hakeeper.recording.replay import Step, replay
from hakeeper.recording.story import Beginning, Ended, Heard, RecordedCore
from tests.recording.scenes import BEGUN_S, SETTINGS, feed_story, plain, story, text_of
from tests.support.waiting import eventually

PATIENCE_S = 30.0
MIB = 1024 * 1024
LIMIT_BYTES = 64 * MIB
WRITER = WriterSeen(present=True)


class Journal:
    """What was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture
def journal() -> Journal:
    return Journal()


def recorder(path: Path, journal: Journal, **options: int) -> Recorder:
    options.setdefault("limit_bytes", LIMIT_BYTES)
    return Recorder(path, redact=plain, tell=journal.tell, **options)


def record(path: Path, journal: Journal, **options: int) -> None:
    """Record the usual story, and close."""
    made = recorder(path, journal, **options)
    feed_story(RecordedCore(made, SETTINGS, 1, BEGUN_S), fails=3)
    made.close(PATIENCE_S)


def steps_of(path: Path) -> list[Step]:
    """Replay a recording; every step must be the same."""
    with path.open("rb") as file:
        steps = [item for item in replay(read(file), plain) if isinstance(item, Step)]
    assert [] == [step for step in steps if not step.same]
    return steps


def lines_of(path: Path) -> list[object]:
    with path.open("rb") as file:
        return [numbered.line for numbered in read(file)]


def ends_of(path: Path) -> list[str]:
    return [line.reason for line in lines_of(path) if isinstance(line, Ended)]


def hear_for_ever(made: Recorder, journal: Journal) -> None:
    """Let time pass until the recording has ended by itself."""
    nothing = Heard(at_s=1.0)

    def more() -> bool:
        made.hear(nothing)
        return journal.told != []

    eventually(more, PATIENCE_S)


# --- what is in the file ---------------------------------------------------------------------


def test_what_a_core_heard_and_answered_is_in_the_file(tmp_path: Path, journal: Journal) -> None:
    record(tmp_path / "r", journal)
    first, *rest = lines_of(tmp_path / "r")
    assert isinstance(first, Beginning)
    assert (SETTINGS, 1, BEGUN_S) == (first.settings, first.seed, first.begun_s)
    assert [*story(fails=3)[1:], Ended(IN_ORDER)] == rest
    assert [] == journal.told


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_the_file_is_for_its_holder_alone(tmp_path: Path, journal: Journal, mask: int) -> None:
    before = os.umask(mask)
    try:
        record(tmp_path / "r", journal)
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE((tmp_path / "r").stat().st_mode)


def test_an_old_recording_that_others_may_read_is_closed_to_them(
    tmp_path: Path, journal: Journal
) -> None:
    record(tmp_path / "r", journal)
    (tmp_path / "r").chmod(0o644)
    record(tmp_path / "r", journal)
    assert 0o600 == stat.S_IMODE((tmp_path / "r").stat().st_mode)


def test_a_second_run_is_added(tmp_path: Path, journal: Journal) -> None:
    record(tmp_path / "r", journal)
    record(tmp_path / "r", journal)
    assert [IN_ORDER, IN_ORDER] == ends_of(tmp_path / "r")
    assert [1, 2] == sorted({step.run for step in steps_of(tmp_path / "r")})


@pytest.mark.parametrize("cut_bytes", [1, 2, 40])
def test_a_run_is_added_after_one_that_was_cut(
    tmp_path: Path, journal: Journal, cut_bytes: int
) -> None:
    record(tmp_path / "r", journal)
    whole = (tmp_path / "r").read_bytes()
    (tmp_path / "r").write_bytes(whole[:-cut_bytes])
    record(tmp_path / "r", journal)
    assert 2 == sum(isinstance(line, Beginning) for line in lines_of(tmp_path / "r"))
    assert 2 == max(step.run for step in steps_of(tmp_path / "r"))


@pytest.mark.parametrize("kept_bytes", [0, 1, len(MARK), len(MARK) + 9])
def test_a_run_is_added_where_only_the_beginning_of_a_first_line_is(
    tmp_path: Path, journal: Journal, kept_bytes: int
) -> None:
    (tmp_path / "r").write_bytes(text_of(story())[:kept_bytes].encode())
    record(tmp_path / "r", journal)
    assert ([], 1) == (journal.told, max(step.run for step in steps_of(tmp_path / "r")))


def test_redaction_goes_over_every_text(tmp_path: Path, journal: Journal) -> None:
    made = Recorder(
        tmp_path / "r",
        redact=lambda text: text.replace("web", "[hidden]"),
        tell=journal.tell,
        limit_bytes=LIMIT_BYTES,
    )
    feed_story(RecordedCore(made, SETTINGS, 1, BEGUN_S), fails=0)
    made.close(PATIENCE_S)
    text = (tmp_path / "r").read_text()
    assert (False, True) == ("web" in text, "[hidden]" in text)


def test_an_exception_of_the_core_is_in_the_file_and_goes_on(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    made = recorder(tmp_path / "r", journal)
    core = RecordedCore(made, SETTINGS, 1, BEGUN_S)
    monkeypatch.setattr(Core, "_dispatch", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        core.handle([WRITER], BEGUN_S)
    made.close(PATIENCE_S)
    heard = Heard(at_s=BEGUN_S, events=(WRITER,), raised="RuntimeError: a bug")
    assert [heard] == [line for line in lines_of(tmp_path / "r") if isinstance(line, Heard)]
    assert 1 == len(steps_of(tmp_path / "r"))


# --- places where nothing can or may be recorded ---------------------------------------------


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    path.with_name("elsewhere").touch()
    path.symlink_to(path.with_name("elsewhere"))


def a_configuration(path: Path) -> None:
    path.write_text("instances: {}\n")


def one_wrong_byte(path: Path) -> None:
    path.write_text("x")


def a_folder_that_is_missing(path: Path) -> None:
    path.parent.rmdir()


PLACES = {
    "a folder": (Path.mkdir, "Is a directory"),
    "a FIFO": (a_fifo, "not a regular file"),
    "a link": (a_link, "symbolic links"),
    "another file": (a_configuration, "something else than a recording"),
    "a file of one byte": (one_wrong_byte, "something else than a recording"),
    "no folder": (a_folder_that_is_missing, "No such file or directory"),
}


@pytest.mark.parametrize(("make", "why"), PLACES.values(), ids=PLACES)
def test_where_nothing_can_be_recorded_it_is_reported_once_and_the_core_goes_on(
    tmp_path: Path, journal: Journal, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / "folder" / "r"
    path.parent.mkdir()
    make(path)
    before = path.read_bytes() if path.is_file() else None
    record(path, journal)
    assert 1 == len(journal.told)
    assert why in journal.told[0]
    assert f"the recording {path} ends here" in journal.told[0]
    assert before == (path.read_bytes() if path.is_file() else None)


def test_a_device_is_no_place_for_a_recording(journal: Journal) -> None:
    record(Path("/dev/full"), journal)
    assert "not a regular file" in journal.told[0]


def test_two_at_a_time_do_not_write_to_one_file(tmp_path: Path, journal: Journal) -> None:
    with (tmp_path / "r").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        record(tmp_path / "r", journal)
    assert "another hakeeper is writing to it" in journal.told[0]
    assert b"" == (tmp_path / "r").read_bytes()


# --- the limit -------------------------------------------------------------------------------


@pytest.mark.parametrize("limit_bytes", [2_000, 2_001, 3_333, 10_000])
def test_the_file_never_grows_beyond_its_limit_and_what_is_in_it_can_be_replayed(
    tmp_path: Path, journal: Journal, limit_bytes: int
) -> None:
    made = recorder(tmp_path / "r", journal, limit_bytes=limit_bytes)
    feed_story(RecordedCore(made, SETTINGS, 1, BEGUN_S), fails=40)
    made.close(PATIENCE_S)
    assert limit_bytes - 1500 < (tmp_path / "r").stat().st_size <= limit_bytes
    reason = f"its limit of {limit_bytes} bytes is reached"
    assert [reason] == ends_of(tmp_path / "r")
    assert [f"the recording {tmp_path / 'r'} ends here: {reason}; hakeeper goes on"] == journal.told
    assert steps_of(tmp_path / "r") != []


def test_a_file_that_is_full_already_stays_as_it_is(tmp_path: Path, journal: Journal) -> None:
    record(tmp_path / "r", journal)
    before = (tmp_path / "r").read_bytes()
    record(tmp_path / "r", journal, limit_bytes=len(before) + 300)
    assert before == (tmp_path / "r").read_bytes()
    assert 1 == len(journal.told)


def test_many_restarts_do_not_grow_a_full_file_beyond_its_limit(
    tmp_path: Path, journal: Journal
) -> None:
    for _ in range(20):
        record(tmp_path / "r", journal, limit_bytes=3_000)
    assert (tmp_path / "r").stat().st_size <= 3_000
    assert 20 == len(journal.told)
    assert steps_of(tmp_path / "r") != []


# --- disks -----------------------------------------------------------------------------------


def test_a_full_disk_ends_the_recording_and_what_was_written_can_be_replayed(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [3_333]

    def write_while_there_is_room(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(fd, data[: min(room[0], 100)])
        room[0] -= written
        return written

    full_disk = SimpleNamespace(**{**vars(os), "write": write_while_there_is_room})
    monkeypatch.setattr("hakeeper.recording.file.os", full_disk)
    record(tmp_path / "r", journal)
    assert 3_333 == (tmp_path / "r").stat().st_size
    assert 1 == len(journal.told)
    assert "ends here: cannot write it: [Errno 28] No space left on device;" in journal.told[0]
    assert steps_of(tmp_path / "r") != []
    assert lines_of(tmp_path / "r")[-1] is None  # cut


class SlowDisk:
    """A disk that holds every write until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        append = RecordingFile.append

        def wait_and_append(file: RecordingFile, line: str, *, spare_bytes: int) -> None:
            self.go_on.wait(PATIENCE_S)
            append(file, line, spare_bytes=spare_bytes)

        monkeypatch.setattr(RecordingFile, "append", wait_and_append)


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    return SlowDisk(monkeypatch)


def test_a_slow_disk_holds_nobody_up_and_in_the_end_ends_the_recording(
    tmp_path: Path, journal: Journal, slow_disk: SlowDisk
) -> None:
    made = recorder(tmp_path / "r", journal, waiting_limit=50)
    core = RecordedCore(made, SETTINGS, 1, BEGUN_S)
    feed_story(core, fails=100)  # returns although nothing is written
    why = "the disk is too slow: 50 lines wait for it"
    assert [f"the recording {tmp_path / 'r'} ends here: {why}; hakeeper goes on"] == journal.told
    slow_disk.go_on.set()
    made.close(PATIENCE_S)
    assert [why] == ends_of(tmp_path / "r")
    assert 49 <= len(steps_of(tmp_path / "r")) <= 51


def test_a_slow_disk_that_is_full_in_the_end_is_reported_once(
    tmp_path: Path, journal: Journal, slow_disk: SlowDisk
) -> None:
    made = recorder(tmp_path / "r", journal, waiting_limit=50, limit_bytes=3_000)
    feed_story(RecordedCore(made, SETTINGS, 1, BEGUN_S), fails=100)
    slow_disk.go_on.set()
    made.close(PATIENCE_S)
    assert ["its limit of 3000 bytes is reached"] == ends_of(tmp_path / "r")
    assert 1 == len(journal.told)


def test_a_disk_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, journal: Journal, slow_disk: SlowDisk
) -> None:
    made = recorder(tmp_path / "r", journal)
    feed_story(RecordedCore(made, SETTINGS, 1, BEGUN_S), fails=1)
    made.close(0.01)  # returns
    assert made._writer.is_alive()
    assert made._writer.daemon
    slow_disk.go_on.set()
    made.close(PATIENCE_S)
    assert not made._writer.is_alive()


def test_what_waits_is_let_go_when_the_recording_has_ended(
    tmp_path: Path, journal: Journal
) -> None:
    (tmp_path / "r").mkdir()
    made = recorder(tmp_path / "r", journal)
    hear_for_ever(made, journal)
    made._writer.join(PATIENCE_S)
    hear_for_ever(made, journal)
    assert made._queue.empty()


# --- our own mistakes ------------------------------------------------------------------------


def test_what_cannot_be_written_ends_the_recording_and_nothing_else(
    tmp_path: Path, journal: Journal
) -> None:
    made = recorder(tmp_path / "r", journal)
    made.begin(SETTINGS, 1, BEGUN_S)
    odd = Report(typing.cast("Decision", object()))
    made.hear(Heard(at_s=1.0, effects=(odd,)))
    made.close(PATIENCE_S)
    assert 1 == len(journal.told)
    assert "a bug in hakeeper, please report it: CodecError: " in journal.told[0]


def test_a_bug_in_the_recorder_ends_the_recording_and_nothing_else(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(RecordingFile, "append", fail)
    record(tmp_path / "r", journal)
    assert 1 == len(journal.told)
    assert "a bug in hakeeper, please report it: MemoryError: no room" in journal.told[0]
