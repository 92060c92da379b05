"""The history on its way to the disk: what is kept, how large it gets, what a bad disk costs."""

import json
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hakeeper.adapters.history.file import HistoryFile, older_of
from hakeeper.adapters.history.reading import READ_LIMIT_BYTES, History, read_history
from hakeeper.adapters.history.writer import KEPT, HistoryWriter
from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.records import Record
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
from tests.support.waiting import eventually

PATIENCE_S = 30.0
SECRET = "jEheVytlAoFl7F8MqUQ7jAo2hOXASztX"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def record(event: str = "role.changed", **fields: str | float) -> Record:
    return Record(
        event=event, message=f"the {event}", level=Level.NOTICE, fields=fields, time_s=time.time()
    )


def numbers(history: History) -> list[object]:
    return [entry.fields.get("count") for entry in history.entries]


def written(path: Path, *records: Record, **options: int) -> list[str]:
    """Write the records; return the troubles that were told."""
    told: list[str] = []
    writer = HistoryWriter(path, told.append, **options)
    for one in records:
        writer.keep(one)
    writer.close(PATIENCE_S)
    return told


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# --- what is kept ----------------------------------------------------------------------------


def test_what_is_kept_are_events_of_the_journal_and_all_that_an_operator_should_know() -> None:
    assert KEPT <= EVENTS.keys()
    assert {name for name, kind in EVENTS.items() if kind.operator} <= KEPT
    assert not {"history.failed", "line.rejected", "library.warned"} & KEPT


def test_an_entry_is_read_back_with_all_that_it_had(path: Path) -> None:
    one = record(instance="VI_1", count=3, confirmed_ms=81.5)
    assert [] == written(path, one, record("line.rejected"))
    history = read_history(path)
    assert 0 == history.unreadable
    (entry,) = history.entries
    assert (entry.event, entry.message) == ("role.changed", "the role.changed")
    assert one.fields == entry.fields
    assert abs(entry.at_s - one.time_s) < 0.001
    assert {"v": 1, "level": "notice"}.items() <= entry.line.items()


def test_a_secret_is_hidden_before_it_reaches_the_file(path: Path) -> None:
    writer = HistoryWriter(path, pytest.fail)
    reader, fd = os.pipe()
    reporter = Reporter(
        Target.JSON, redact=lambda text: text.replace(SECRET, "[hidden]"), fd=fd, keep=writer.keep
    )
    reporter.log("claim.failed", f"it said {SECRET}", reason=SECRET, address="\x1b[2J")
    reporter.close(PATIENCE_S)
    writer.close(PATIENCE_S)
    with os.fdopen(reader, "rb") as pipe:
        os.close(fd)
        in_journal = json.loads(pipe.read())
    in_history = json.loads(path.read_bytes())
    assert {"v": 1, **in_journal} == in_history
    assert "it said [hidden]" == in_history["message"]
    assert b"\x1b" not in path.read_bytes()


def test_the_group_may_read_it_and_nobody_else(path: Path) -> None:
    with umask(0o077):
        written(path, record())
    assert 0o640 == stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o600)
    written(path, record())
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)  # whoever runs the machine decides


# --- how large it gets -------------------------------------------------------------------------


def test_two_files_hold_the_newest_lines_however_many_there_are(path: Path) -> None:
    limit_bytes = 4096
    assert [] == written(path, *(record(count=n) for n in range(500)), limit_bytes=limit_bytes)
    sizes = [one.stat().st_size for one in (path, older_of(path))]
    assert max(sizes) <= limit_bytes < sum(sizes)
    assert {path, older_of(path)} == set(path.parent.iterdir())
    kept = numbers(read_history(path))
    assert list(range(500))[-len(kept) :] == kept
    assert 0o640 == stat.S_IMODE(path.stat().st_mode)


def test_the_older_file_alone_is_a_history(path: Path) -> None:
    written(path, record(count=1))
    path.rename(older_of(path))
    assert [1] == numbers(read_history(path))


def test_no_file_is_no_history(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"history\.jsonl'$"):
        read_history(path)


def test_a_file_that_is_far_too_large_is_read_in_part(path: Path) -> None:
    HistoryFile(path).append(b'{"time": "2026-11-30T08:00:00Z", "event": "a", "message": "b"}\n')
    with path.open("ab") as file:
        file.truncate(2 * READ_LIMIT_BYTES)
    history = read_history(path)
    assert (1, 1) == (len(history.entries), history.unreadable)


# --- what a bad disk costs ---------------------------------------------------------------------


def test_a_torn_line_takes_no_other_with_it(path: Path) -> None:
    written(path, record(count=1), record(count=2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    written(path, record(count=3))
    history = read_history(path)
    assert ([1, 3], 1) == (numbers(history), history.unreadable)


def test_a_removed_file_is_begun_anew(path: Path) -> None:
    writer = HistoryWriter(path, pytest.fail)
    writer.keep(record(count=1))
    eventually(path.exists)
    path.unlink()
    writer.keep(record(count=2))
    writer.close(PATIENCE_S)
    assert [2] == numbers(read_history(path))


@pytest.mark.parametrize("kind", ["folder", "fifo", "link"])
def test_something_else_at_its_path_is_told_once_and_left_alone(path: Path, kind: str) -> None:
    elsewhere = path.with_name("elsewhere")
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case _:
            path.symlink_to(elsewhere)
    (told,) = written(path, record(), record())
    assert told.startswith("cannot write the history: ")
    assert str(path) in told
    assert not elsewhere.exists()


def test_what_could_not_be_written_is_counted_where_it_is_missing(path: Path) -> None:
    told: list[str] = []
    writer = HistoryWriter(path, told.append)
    path.mkdir()
    for number in range(3):
        writer.keep(record(count=number))
    eventually(lambda: writer._queue.empty() and told)
    writer.close(PATIENCE_S)
    assert 1 == len(told)
    path.rmdir()
    again = HistoryWriter(path, told.append)
    again._lose(3)
    again.keep(record(count=9))
    again.keep(record(count=10))
    again.close(PATIENCE_S)
    lost, *rest = read_history(path).entries
    assert ("history.lost", 3) == (lost.event, lost.fields["count"])
    assert [9, 10] == [entry.fields["count"] for entry in rest]


def test_a_disk_that_hangs_holds_up_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than may wait is counted; the daemon's thread never waits."""
    hangs, goes_on = os.pipe()

    def append(_file: HistoryFile, _lines: bytes) -> None:
        os.read(hangs, 1)

    monkeypatch.setattr(HistoryFile, "append", append)
    writer = HistoryWriter(path, pytest.fail, waiting_limit=10)
    for _ in range(100):
        writer.keep(record())
    assert writer._lost >= 89
    writer.close(0.0)
    os.write(goes_on, b"x" * 100)
    writer.close(PATIENCE_S)
    assert not writer._writer.is_alive()
    os.close(hangs)
    os.close(goes_on)


FILL = """
import resource, sys
from pathlib import Path
from hakeeper.adapters.history.file import HistoryFile
file = HistoryFile(Path(sys.argv[1]))
line = b'{"time": "2026-11-30T08:00:00Z", "event": "a", "message": "b"}\\n'
file.append(line)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        file.append(line)
    except OSError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file.append(line)
"""


def test_a_line_for_which_there_is_room_in_part_is_an_error_and_spoils_no_other(
    path: Path,
) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", FILL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ["no room for a whole line", "[Errno 27] File too large"] == done.stdout.splitlines()
    history = read_history(path)
    assert (2, 1) == (len(history.entries), history.unreadable)
