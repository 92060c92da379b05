import contextlib
import errno
import fcntl
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters import fifo as fifo_module
from hakeeper.adapters import fifo_pipe, pipes
from hakeeper.adapters.fifo import BAD_LINES_KEPT, RETIRED_LIMIT, NotifyFifo
from hakeeper.core.events import Drained, FifoChanged
from hakeeper.core.model import FifoState, VrrpId, VrrpKind
from hakeeper.core.roles.lines import LineState, NotifyLine
from tests.support.waiting import eventually

MASTER = b'INSTANCE "VI_1" MASTER 150\n'
BACKUP = b'INSTANCE "VI_1" BACKUP 150\n'
VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")
MASTER_LINE = NotifyLine(VI_1, LineState.MASTER, 150)
BACKUP_LINE = NotifyLine(VI_1, LineState.BACKUP, 150)


class Writer:
    """Holds a FIFO open as keepalived does and writes to it, never blocking."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def write(self, data: bytes) -> bool:
        try:
            return os.write(self.fd, data) == len(data)
        except BlockingIOError:
            return False

    def fill(self, line: bytes) -> int:
        count = 0
        while self.write(line):
            count += 1
        return count

    def close(self) -> None:
        os.close(self.fd)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "notify.fifo"
    os.mkfifo(path, 0o600)
    return path


@pytest.fixture(params=["tee", "no tee"])
def fifo(
    path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NotifyFifo]:
    """Both ways to read; what only one of them can do asks for `showing`."""
    if request.param == "no tee":
        monkeypatch.setattr(fifo_module, "open_window", lambda: None)
    fifo = NotifyFifo(str(path))
    yield fifo
    fifo.close()


@pytest.fixture
def showing(path: Path) -> Iterator[NotifyFifo]:
    """One that reads with tee(2), and leaves lines in the pipe until they are settled."""
    fifo = NotifyFifo(str(path))
    assert fifo._window is not None
    yield fifo
    fifo.close()


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(path)
    yield writer
    writer.close()


def state_of(change: FifoChanged | None) -> FifoState | None:
    return None if change is None else change.state


def turn(fifo: NotifyFifo) -> Drained:
    """Drain once and settle, as the loop does."""
    drained = fifo.drain()
    fifo.settle()
    return drained


def readable(fifo: NotifyFifo) -> bool:
    """Say whether the loop would wake up."""
    poll = select.poll()
    for fd in fifo.filenos():
        poll.register(fd, select.POLLIN)
    return poll.poll(0) != []


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_lines_that_waited_before_we_came_are_read_in_order(
    fifo: NotifyFifo, writer: Writer
) -> None:
    writer.write(BACKUP)
    writer.write(MASTER)
    assert state_of(fifo.look()) is FifoState.OPEN
    assert Drained((BACKUP_LINE, MASTER_LINE)) == turn(fifo)


def test_a_second_look_at_an_unchanged_path_yields_no_event(fifo: NotifyFifo) -> None:
    assert state_of(fifo.look()) is FifoState.OPEN
    assert fifo.look() is None


def test_a_writer_that_leaves_and_returns_is_read_through_the_same_descriptor(
    fifo: NotifyFifo, path: Path
) -> None:
    fifo.look()
    before = fifo.filenos()
    for _ in range(3):
        writer = Writer(path)
        writer.write(MASTER)
        writer.close()
        assert fifo.look() is None
        assert turn(fifo).lines == (MASTER_LINE,)
    assert before == fifo.filenos()


def test_a_line_in_two_pieces_is_put_together(fifo: NotifyFifo, writer: Writer) -> None:
    fifo.look()
    writer.write(MASTER[:9])
    assert Drained() == turn(fifo)
    writer.write(MASTER[9:])
    assert turn(fifo).lines == (MASTER_LINE,)


@pytest.mark.parametrize("length", [25, 27, 63, 70, 100, 500])
def test_a_full_pipe_is_thrown_away_whatever_the_length_of_its_lines(
    fifo: NotifyFifo, writer: Writer, length: int
) -> None:
    line = BACKUP.replace(b"VI_1", b"x" * (length - len(BACKUP) + 4))
    written = writer.fill(line)
    assert not writer.write(line)  # this is the newest line, and it is lost
    assert state_of(fifo.look()) is FifoState.OPEN
    drained = turn(fifo)
    assert drained.overflow is not None
    assert f"{written * length} bytes" in drained.overflow
    assert drained.lines == ()
    writer.write(MASTER)
    assert Drained((MASTER_LINE,)) == turn(fifo)
    assert writer.fill(line) > written, "the pipe was not enlarged"


def test_a_pipe_with_room_left_is_no_overflow(fifo: NotifyFifo, writer: Writer) -> None:
    for _ in range(60_000 // len(BACKUP)):
        assert writer.write(BACKUP)
    fifo.look()
    drained = turn(fifo)
    assert drained.overflow is None
    assert (BACKUP_LINE,) * (60_000 // len(BACKUP)) == drained.lines


def test_a_pipe_that_fills_up_while_we_listen_is_an_overflow_too(
    fifo: NotifyFifo, writer: Writer
) -> None:
    fifo.look()
    written = writer.fill(BACKUP)
    assert written > 30_000, "the pipe was enlarged"
    drained = turn(fifo)
    assert drained.overflow is not None
    assert drained.lines == ()
    assert turn(fifo) == Drained()


def test_half_a_line_from_before_an_overflow_spoils_no_line_after_it(
    fifo: NotifyFifo, writer: Writer
) -> None:
    fifo.look()
    writer.write(MASTER[:9])
    turn(fifo)
    writer.fill(BACKUP)
    assert turn(fifo).overflow is not None
    writer.write(MASTER)
    assert turn(fifo) == Drained((MASTER_LINE,))


def test_lines_read_before_an_overflow_in_the_same_call_are_void(
    fifo: NotifyFifo, path: Path, writer: Writer
) -> None:
    fifo.look()
    writer.write(MASTER)
    path.unlink()
    os.mkfifo(path, 0o600)
    newer = Writer(path)
    newer.fill(BACKUP)
    fifo.look()
    drained = turn(fifo)
    assert drained.overflow is not None
    assert drained.lines == ()
    newer.close()


def test_a_million_lines_come_in_bounded_portions_and_none_is_missing(
    fifo: NotifyFifo, path: Path
) -> None:
    fifo.look()
    count = 1_000_000

    def storm() -> None:
        with path.open("wb", buffering=0) as pipe:
            for _ in range(count // 100):
                pipe.write(BACKUP * 100)  # whole lines and blocking: a writer that loses nothing

    thread = threading.Thread(target=storm)
    thread.start()
    seen = 0
    overflows = 0
    most = 0
    while thread.is_alive() or readable(fifo):
        drained = turn(fifo)
        overflows += drained.overflow is not None
        seen += len(drained.lines)
        most = max(most, len(drained.lines))
    thread.join()
    assert most <= fifo_module.DRAIN_BYTES // len(BACKUP) + 1
    assert overflows > 0 or seen == count
    assert turn(fifo) == Drained()


def test_more_is_set_while_lines_are_left_and_one_settle_removes_all(
    fifo: NotifyFifo, writer: Writer
) -> None:
    fifo.look()
    count = 3 * fifo_module.DRAIN_BYTES // len(BACKUP)
    for _ in range(count):
        assert writer.write(BACKUP)
    drains = [fifo.drain()]
    while drains[-1].more:
        drains.append(fifo.drain())
    assert len(drains) == 3
    assert count == sum(len(drained.lines) for drained in drains)
    assert fifo.drain() == Drained()
    fifo.settle()
    assert not readable(fifo)
    assert turn(fifo) == Drained()


def test_bad_lines_are_counted_and_only_the_first_are_kept(
    fifo: NotifyFifo, writer: Writer
) -> None:
    fifo.look()
    for number in range(100):
        writer.write(b"nonsense %d\n" % number)
    writer.write(MASTER)
    drained = turn(fifo)
    assert drained.lines == (MASTER_LINE,)
    assert drained.bad_count == 100
    assert len(drained.bad_lines) == BAD_LINES_KEPT
    assert drained.bad_lines[0].shown == "nonsense 0"


def test_a_replaced_path_is_reopened_and_both_pipes_are_read_old_lines_first(
    fifo: NotifyFifo, path: Path, writer: Writer
) -> None:
    fifo.look()
    writer.write(BACKUP)
    path.unlink()
    os.mkfifo(path, 0o600)
    newer = Writer(path)
    newer.write(MASTER)
    change = fifo.look()
    assert change == FifoChanged(FifoState.OPEN, f"{path} was replaced: reopened", reopened=True)
    assert fifo.look() is None
    assert turn(fifo).lines == (BACKUP_LINE, MASTER_LINE)
    # keepalived may still write to the pipe that it holds, though its path is gone.
    writer.write(MASTER)
    assert turn(fifo).lines == (MASTER_LINE,)
    newer.close()


def test_the_old_pipe_is_let_go_when_its_last_writer_leaves(fifo: NotifyFifo, path: Path) -> None:
    writer = Writer(path)
    fifo.look()
    path.unlink()
    os.mkfifo(path, 0o600)
    fifo.look()
    assert turn(fifo) == Drained()
    assert len(fifo.filenos()) == 2
    writer.write(MASTER)
    writer.close()
    assert turn(fifo).lines == (MASTER_LINE,)
    assert len(fifo.filenos()) == 1


def test_an_old_pipe_without_a_writer_is_let_go_at_the_next_drain(
    fifo: NotifyFifo, path: Path
) -> None:
    fifo.look()
    path.unlink()
    os.mkfifo(path, 0o600)
    fifo.look()
    turn(fifo)
    assert len(fifo.filenos()) == 1


def test_a_path_replaced_again_and_again_keeps_a_bounded_number_open(
    fifo: NotifyFifo, path: Path
) -> None:
    writers = []
    for _ in range(3 * RETIRED_LIMIT):
        writers.append(Writer(path))
        fifo.look()
        turn(fifo)
        path.unlink()
        os.mkfifo(path, 0o600)
    assert len(fifo.filenos()) == RETIRED_LIMIT + 1
    for writer in writers:
        writer.close()


def test_a_deleted_path_is_reported_and_the_old_pipe_still_read(
    fifo: NotifyFifo, path: Path, writer: Writer
) -> None:
    fifo.look()
    path.unlink()
    change = fifo.look()
    assert state_of(change) is FifoState.MISSING
    assert change is not None
    assert f"{path} does not exist" == change.detail
    assert fifo.look() is None
    writer.write(MASTER)
    assert turn(fifo).lines == (MASTER_LINE,)
    os.mkfifo(path, 0o600)
    again = fifo.look()
    assert again is not None
    assert again.state is FifoState.OPEN
    assert again.reopened


def test_a_path_that_was_only_moved_away_for_a_while_is_the_same_pipe(
    fifo: NotifyFifo, path: Path, writer: Writer
) -> None:
    fifo.look()
    path.rename(path.with_suffix(".away"))
    assert state_of(fifo.look()) is FifoState.MISSING
    path.with_suffix(".away").rename(path)
    change = fifo.look()
    assert state_of(change) is FifoState.OPEN
    assert change is not None
    assert not change.reopened
    writer.write(MASTER)
    assert turn(fifo).lines == (MASTER_LINE,)


@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
@pytest.mark.parametrize("listening", [False, True])
def test_anything_but_a_fifo_is_refused_by_name_and_not_touched(
    fifo: NotifyFifo, path: Path, kind: str, *, listening: bool
) -> None:
    if listening:
        fifo.look()
    real = path.rename(path.with_suffix(".real"))
    match kind:
        case "file":
            path.write_text("kept")
        case "directory":
            path.mkdir()
        case _:
            path.symlink_to(real)
    change = fifo.look()
    assert state_of(change) is FifoState.NOT_A_FIFO
    assert change is not None
    words = {"file": "a regular file", "directory": "a directory", "symlink": "a symbolic link"}
    assert f"{path} is {words[kind]}, not a FIFO" == change.detail
    assert listening == bool(fifo.filenos())
    assert fifo.look() is None
    if kind == "file":
        assert path.read_text() == "kept"
    path.rename(path.with_suffix(".wrong"))
    real.rename(path)
    assert state_of(fifo.look()) is FifoState.OPEN


def test_a_missing_folder_is_missing_and_not_a_crash(tmp_path: Path) -> None:
    fifo = NotifyFifo(str(tmp_path / "no" / "such" / "fifo"))
    change = fifo.look()
    assert state_of(change) is FifoState.MISSING
    assert turn(fifo) == Drained()
    assert fifo.filenos() == ()


def test_a_file_in_place_of_the_directory_is_a_clear_failure(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    change = NotifyFifo(str(tmp_path / "folder" / "fifo")).look()
    assert state_of(change) is FifoState.FAILED
    assert change is not None
    assert "Not a directory" in change.detail


_LOOK_AS_NOBODY = """
import os, sys
from hakeeper.adapters.fifo import NotifyFifo
os.setgid(65534); os.setuid(65534)
change = NotifyFifo(sys.argv[1]).look()
print(change.state.name, change.detail)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_fifo_of_somebody_else_is_denied(path: Path) -> None:
    for folder in list(path.parents)[:-1]:
        if folder.name.startswith(("pytest-", "test_")):
            folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", _LOOK_AS_NOBODY, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"DENIED no permission to open {path}\n" == done.stdout


_HOLD = """
import sys
from hakeeper.adapters.fifo import NotifyFifo
fifo = NotifyFifo(sys.argv[1])
print(fifo.look().state.name, flush=True)
sys.stdin.read()
"""


def test_a_second_reader_learns_who_reads_and_takes_over_when_that_one_dies(
    fifo: NotifyFifo, path: Path, writer: Writer
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "OPEN\n"
        change = fifo.look()
        assert state_of(change) is FifoState.BUSY
        assert change is not None
        assert f"process {holder.pid} " in change.detail
        assert fifo.look() is None
        writer.write(MASTER)
        assert turn(fifo) == Drained()
        holder.kill()
        holder.wait()
    assert state_of(fifo.look()) is FifoState.OPEN
    assert turn(fifo).lines == (MASTER_LINE,)


def test_two_readers_in_one_process_are_kept_apart_as_well(fifo: NotifyFifo, path: Path) -> None:
    other = NotifyFifo(str(path))
    fifo.look()
    change = other.look()
    assert state_of(change) is FifoState.BUSY
    assert change is not None
    assert f"process {os.getpid()} " in change.detail
    fifo.close()
    assert state_of(other.look()) is FifoState.OPEN
    other.close()


def test_refused_looks_leak_no_descriptors(fifo: NotifyFifo, path: Path) -> None:
    fifo.look()
    other = NotifyFifo(str(path))
    before = open_files()
    for _ in range(20):
        other.look()
    assert before == open_files()


def test_it_moves_to_another_path_and_gives_back_the_first(fifo: NotifyFifo, path: Path) -> None:
    before = open_files()
    fifo.look()
    other = path.with_name("other.fifo")
    fifo.move_to(str(other))
    assert () == fifo.filenos()
    assert before == open_files()
    assert FifoState.MISSING is state_of(fifo.look())
    os.mkfifo(other, 0o600)
    assert FifoState.OPEN is state_of(fifo.look())
    with contextlib.closing(Writer(other)) as writer:
        writer.write(MASTER)
        assert (MASTER_LINE,) == turn(fifo).lines
    with contextlib.closing(NotifyFifo(str(path))) as successor:
        assert FifoState.OPEN is state_of(successor.look())


def test_close_gives_back_every_descriptor_and_the_lock(path: Path) -> None:
    before = open_files()
    writer = Writer(path)
    fifo = NotifyFifo(str(path))
    fifo.look()
    path.unlink()
    os.mkfifo(path, 0o600)
    fifo.look()
    assert len(fifo.filenos()) == 2
    fifo.close()
    writer.close()
    assert before == open_files()
    assert fifo.filenos() == ()


def test_no_descriptor_is_left_readable_after_a_turn(fifo: NotifyFifo, path: Path) -> None:
    """A descriptor that stays readable (HUP) would spin the daemon's loop."""
    writer = Writer(path)
    fifo.look()
    path.unlink()
    os.mkfifo(path, 0o600)
    fifo.look()
    writer.close()
    assert readable(fifo)
    turn(fifo)
    assert not readable(fifo)


_ENLARGE_AS_NOBODY = """
import fcntl, os, sys
from hakeeper.adapters import fifo_pipe, pipes
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
before = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
os.setgid(65534); os.setuid(65534)
pipes.PIPE_BYTES = 2 * int(open("/proc/sys/fs/pipe-max-size").read())
pipes.enlarge(fd)
print(before == fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_kernel_that_refuses_a_larger_pipe_changes_nothing_else(path: Path) -> None:
    argv = [sys.executable, "-c", _ENLARGE_AS_NOBODY, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_lines_waiting_at_close_stay_for_the_next_reader(path: Path, writer: Writer) -> None:
    first = NotifyFifo(str(path))
    first.look()
    writer.write(MASTER)
    first.close()
    second = NotifyFifo(str(path))
    second.look()
    assert turn(second).lines == (MASTER_LINE,)
    second.close()


def test_a_line_echoed_by_an_operator_is_read(fifo: NotifyFifo, path: Path) -> None:
    fifo.look()
    subprocess.run(
        ["sh", "-c", f"echo 'INSTANCE \"VI_1\" MASTER 100' > {path}"], check=True, timeout=20
    )
    drained = eventually(lambda: turn(fifo).lines)
    assert (NotifyLine(VI_1, LineState.MASTER, 100),) == drained


# --- lines stay in the pipe until they are settled -------------------------------------------


def reader_after_a_kill(fifo: NotifyFifo, path: Path) -> NotifyFifo:
    """End one reader before it settled, as a kill does, and start the next one."""
    fifo.close()
    other = NotifyFifo(str(path))
    other.look()
    return other


def test_lines_that_were_not_settled_are_there_after_a_kill(
    showing: NotifyFifo, path: Path, writer: Writer
) -> None:
    showing.look()
    writer.write(BACKUP)
    turn(showing)
    writer.write(MASTER)
    writer.write(BACKUP)
    assert Drained((MASTER_LINE, BACKUP_LINE)) == showing.drain()
    second = reader_after_a_kill(showing, path)
    assert Drained((MASTER_LINE, BACKUP_LINE)) == turn(second)
    third = reader_after_a_kill(second, path)
    assert Drained() == turn(third)
    third.close()


def test_settle_removes_only_what_drain_returned(fifo: NotifyFifo, writer: Writer) -> None:
    fifo.look()
    writer.write(BACKUP)
    assert Drained((BACKUP_LINE,)) == fifo.drain()
    writer.write(MASTER)
    fifo.settle()
    assert readable(fifo)
    assert Drained((MASTER_LINE,)) == turn(fifo)
    assert not readable(fifo)


def test_no_line_is_returned_twice_before_it_is_settled(fifo: NotifyFifo, writer: Writer) -> None:
    fifo.look()
    writer.write(BACKUP)
    assert Drained((BACKUP_LINE,)) == fifo.drain()
    writer.write(MASTER)
    assert Drained((MASTER_LINE,)) == fifo.drain()
    assert Drained() == fifo.drain()


def test_half_a_line_does_not_keep_the_loop_awake(fifo: NotifyFifo, writer: Writer) -> None:
    fifo.look()
    writer.write(MASTER[:9])
    turn(fifo)
    assert not readable(fifo)


def test_an_overflow_that_was_not_settled_is_found_again_after_a_kill(
    showing: NotifyFifo, path: Path, writer: Writer
) -> None:
    writer.fill(MASTER)  # before anybody enlarged the pipe
    showing.look()
    assert showing.drain().overflow is not None
    second = reader_after_a_kill(showing, path)
    assert second.drain().overflow is not None
    assert second.drain() == Drained()  # told once
    second.settle()
    assert turn(second) == Drained()
    second.close()


def test_a_pipe_that_fills_up_between_drain_and_settle_is_an_overflow(
    showing: NotifyFifo, path: Path, writer: Writer
) -> None:
    showing.look()
    for _ in range(1000):  # several pages, so that taking them out would make room
        writer.write(MASTER)
    assert (MASTER_LINE,) * 1000 == showing.drain().lines
    writer.fill(BACKUP)
    showing.settle()
    assert readable(showing)
    second = reader_after_a_kill(showing, path)  # and a kill does not hide it
    drained = turn(second)
    assert drained.overflow is not None
    assert drained.lines == ()
    assert not readable(second)
    second.close()


def test_a_line_that_another_reader_left_behind_is_not_swallowed(
    showing: NotifyFifo, writer: Writer
) -> None:
    showing.look()
    writer.write(MASTER)
    assert Drained((MASTER_LINE,)) == showing.drain()
    assert os.read(writer.fd, 100) == MASTER  # an operator's cat
    writer.write(BACKUP)
    showing.settle()
    assert Drained((BACKUP_LINE,)) == turn(showing)
    assert not readable(showing)


def test_a_pipe_that_another_reader_emptied_is_no_trouble(
    showing: NotifyFifo, writer: Writer
) -> None:
    showing.look()
    writer.write(MASTER)
    showing.drain()
    assert os.read(writer.fd, 100) == MASTER
    showing.settle()
    assert not readable(showing)
    assert Drained() == turn(showing)


def test_more_than_the_window_holds_comes_whole_and_once(
    showing: NotifyFifo, writer: Writer
) -> None:
    assert showing._window is not None
    fcntl.fcntl(showing._window._entrance, fcntl.F_SETPIPE_SZ, 4096)
    showing.look()
    for _ in range(1000):
        assert writer.write(BACKUP)
    writer.write(MASTER)
    assert (*[BACKUP_LINE] * 1000, MASTER_LINE) == showing.drain().lines
    showing.settle()
    assert not readable(showing)


@pytest.mark.parametrize("step", ["drain", "settle"])
def test_a_kernel_without_memory_for_a_look_costs_no_line(
    showing: NotifyFifo, writer: Writer, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: int) -> int:
        raise OSError(errno.ENOMEM, "no memory")

    showing.look()
    writer.write(MASTER)
    if step == "settle":
        assert Drained((MASTER_LINE,)) == showing.drain()
    monkeypatch.setattr(showing._window, "_tee", refuse)
    showing.settle()
    assert Drained((MASTER_LINE,)) == turn(showing)
    assert not readable(showing)


# --- where there is no tee(2) ----------------------------------------------------------------


def test_without_ctypes_there_is_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert pipes.open_window() is None


def test_a_tee_that_is_forbidden_makes_no_window_and_leaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbid(*_: int) -> int:
        raise PermissionError(errno.EPERM, "seccomp")

    monkeypatch.setattr(pipes, "_find_tee", lambda: forbid)
    before = open_files()
    assert pipes.open_window() is None
    assert before == open_files()


def test_a_tee_that_shows_nothing_makes_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "_find_tee", lambda: lambda *_: 0)
    assert pipes.open_window() is None


_LOOK_WITHOUT_EXECUTABLE_MEMORY = """
import ctypes, os, sys
PR_SET_MDWE = 65
if ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0:
    print("too old")
else:
    look = "from hakeeper.adapters.pipes import open_window; print(open_window() is not None)"
    os.execv(sys.executable, [sys.executable, "-c", look])
"""


def test_tee_works_where_the_unit_forbids_executable_memory() -> None:
    """As MemoryDenyWriteExecute of systemd does, by the kernel's own means (Linux 6.3)."""
    argv = [sys.executable, "-c", _LOOK_WITHOUT_EXECUTABLE_MEMORY]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout in {"True\n", "too old\n"}


# --- does anybody write? -----------------------------------------------------------------------


def test_a_writer_is_seen_while_it_has_the_fifo_open(fifo: NotifyFifo, path: Path) -> None:
    fifo.look()
    assert fifo.has_writer() is False
    writer = Writer(path)
    assert fifo.has_writer() is True
    writer.close()
    assert fifo.has_writer() is False


def test_a_writer_of_another_fifo_at_the_path_is_none_of_ours(
    fifo: NotifyFifo, path: Path, writer: Writer
) -> None:
    fifo.look()
    path.unlink()
    os.mkfifo(path, 0o600)
    fifo.look()
    assert fifo.has_writer() is False
    writer.write(MASTER)
    assert turn(fifo).lines == (MASTER_LINE,), "the old one is heard as long as it is written to"


def test_looking_for_a_writer_costs_no_line_no_lock_and_no_descriptor(
    fifo: NotifyFifo, path: Path
) -> None:
    fifo.look()
    writer = Writer(path)
    writer.write(MASTER)
    writer.close()
    before = open_files()
    for _ in range(50):
        assert fifo.has_writer() is False
    assert before == open_files()
    rival = NotifyFifo(str(path))
    assert state_of(rival.look()) is FifoState.BUSY
    rival.close()
    assert turn(fifo).lines == (MASTER_LINE,)
    assert not readable(fifo), "the end of file that a moment without a writer brings is gone"
    assert fifo.look() is None


def test_a_fifo_that_is_not_open_has_no_writer_that_is_known(path: Path) -> None:
    fifo = NotifyFifo(str(path.with_name("none")))
    fifo.look()
    assert fifo.has_writer() is None


def test_where_the_pipe_cannot_be_opened_twice_a_writer_cannot_be_seen(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fifo_module, "reopen_for_reading", lambda _fd: None)
    fifo = NotifyFifo(str(path))
    fifo.look()
    assert fifo.has_writer() is None
    writer = Writer(path)
    writer.write(MASTER)
    assert turn(fifo).lines == (MASTER_LINE,)
    writer.close()
    fifo.close()


def test_what_was_drained_is_not_heard_again_when_its_pipe_is_given_up_before_it_is_settled(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = NotifyFifo(str(path))
    fifo.look()
    writer = Writer(path)
    writer.write(MASTER)
    assert fifo.drain().lines == (MASTER_LINE,)
    writer.write(BACKUP)
    with monkeypatch.context() as patch:
        patch.setattr(fifo_pipe, "_READ_WRITE_FLAGS", -1)
        assert fifo.has_writer() is None
    fifo.settle()
    assert state_of(fifo.look()) is FifoState.OPEN
    assert turn(fifo).lines == (BACKUP_LINE,)
    writer.close()
    fifo.close()


def test_a_pipe_that_cannot_be_opened_again_is_given_up_and_opened_by_its_path(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = NotifyFifo(str(path))
    fifo.look()
    before = open_files()
    with monkeypatch.context() as patch:
        patch.setattr(fifo_pipe, "_READ_WRITE_FLAGS", -1)
        assert fifo.has_writer() is None
    assert fifo.filenos() == ()
    assert state_of(fifo.look()) is FifoState.OPEN
    assert fifo.has_writer() is False
    assert before == open_files()
    fifo.close()
