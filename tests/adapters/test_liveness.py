import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.keepalived import liveness as liveness_module
from hakeeper.adapters.keepalived import processes
from hakeeper.adapters.keepalived.liveness import Liveness, vrrp_pid_file
from hakeeper.adapters.keepalived.processes import Process, boot_id, read_pid_file, read_stat
from hakeeper.core.events import KeepalivedGone, KeepalivedSeen
from hakeeper.core.model import ProcessId
from hakeeper.demo.lab.keepalived import Keepalived
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.reaping import adopting_orphans
from tests.support.keepalived_standin import out_of_sight
from tests.support.waiting import eventually

CONF = """\
global_defs {
    router_id test
    process_names
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    unicast_src_ip 10.99.0.1
    unicast_peer {
        10.99.0.2
    }
    virtual_ipaddress {
        10.99.0.100/32 dev eth0
    }
}
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="keepalived needs root")


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with adopting_orphans():
        namespace = Namespace("liveness")
        namespace.ip(
            "link add eth0 type veth peer name eth1",
            "link set eth0 up",
            "link set eth1 up",
            "address add 10.99.0.1/24 dev eth0",
        )
        yield namespace
        namespace.close()


@pytest.fixture
def keepalived(namespace: Namespace, tmp_path: Path) -> Iterator[Keepalived]:
    keepalived = Keepalived(
        "a", tmp_path, namespace=namespace, conf=CONF, environment={}, on_death=lambda: None
    )
    yield keepalived
    keepalived.close()


@pytest.fixture
def liveness(tmp_path: Path) -> Iterator[Liveness]:
    liveness = Liveness(str(tmp_path / "keepalived.pid"))
    yield liveness
    liveness.close()


@contextlib.contextmanager
def program(
    name: str = "keepalived", user: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that sleeps, and whose executable has this name."""
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy("/usr/bin/sleep", Path(folder) / name)
        Path(folder).chmod(0o755)
        # Only root may have a network of its own, and only root's would be a stray keepalived.
        argv = out_of_sight(str(path), "600") if user is None else [path, "600"]
        with subprocess.Popen(argv, user=user) as process:
            try:
                eventually(lambda: Path(f"/proc/{process.pid}/exe").readlink() == Path(path))
                yield process
            finally:
                process.kill()


def child_id(keepalived: Keepalived) -> ProcessId:
    pid = keepalived.wait_for_child()
    stat = read_stat(pid)
    assert stat is not None
    return ProcessId(pid, stat.start_ticks, boot_id())


def until_event(liveness: Liveness) -> KeepalivedSeen | KeepalivedGone:
    event = eventually(liveness.look)
    assert event is not None
    return event


def wait_readable(liveness: Liveness) -> None:
    poll = select.poll()
    for fd in liveness.filenos():
        poll.register(fd, select.POLLIN)
    assert poll.poll(20_000)


# --- real keepalived ------------------------------------------------------------------------


@needs_root
def test_a_running_keepalived_is_seen_once_as_its_vrrp_process(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    assert liveness.look() is None
    keepalived.start()
    assert KeepalivedSeen(child_id(keepalived)) == until_event(liveness)
    assert liveness.look() is None
    assert child_id(keepalived) == liveness.current
    assert len(liveness.filenos()) == 2


@needs_root
def test_a_start_watched_closely_gives_one_event_and_never_the_parent(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    events: list[object] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            event = liveness.look()
            if event is not None:
                events.append(event)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        keepalived.start()
        eventually(lambda: events)
    finally:
        done.set()
        thread.join()
    assert [KeepalivedSeen(child_id(keepalived))] == events


@needs_root
def test_kill_9_of_everything_is_reported_at_once_without_any_line(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    keepalived.start()
    until_event(liveness)
    keepalived.kill_all()
    wait_readable(liveness)
    event = liveness.look()
    assert KeepalivedGone(f"its main process {keepalived.pid} ended") == event
    assert liveness.look() is None
    assert liveness.current is None
    assert liveness.filenos() == ()


@needs_root
def test_kill_9_of_the_parent_alone_is_reported(keepalived: Keepalived, liveness: Liveness) -> None:
    keepalived.start()
    until_event(liveness)
    os.kill(keepalived.pid, signal.SIGKILL)
    wait_readable(liveness)
    assert KeepalivedGone(f"its main process {keepalived.pid} ended") == until_event(liveness)


@needs_root
def test_kill_9_of_the_vrrp_process_is_reported_and_its_successor_is_another_run(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    keepalived.start()
    first = until_event(liveness)
    killed = keepalived.kill_child()
    wait_readable(liveness)
    assert KeepalivedGone(f"its VRRP process {killed} ended") == until_event(liveness)
    keepalived.wait_for_child(other_than=killed)
    second = until_event(liveness)
    assert KeepalivedSeen(child_id(keepalived)) == second
    assert first != second


@needs_root
def test_a_reload_is_no_event(keepalived: Keepalived, liveness: Liveness) -> None:
    keepalived.start()
    until_event(liveness)
    keepalived.write_conf(
        CONF + CONF[CONF.index("vrrp_instance") :].replace("VI_1", "VI_2").replace("id 51", "id 52")
    )
    keepalived.reload()
    eventually(lambda: "VI_2" in keepalived.log_text())
    assert liveness.look() is None


@needs_root
def test_a_reload_with_a_broken_configuration_is_reported_as_the_end(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    keepalived.start()
    until_event(liveness)
    keepalived.write_broken_conf()
    keepalived.reload()
    wait_readable(liveness)
    assert isinstance(until_event(liveness), KeepalivedGone)
    eventually(lambda: not keepalived.running)
    # Whatever of it ended first, nothing is seen again.
    eventually(lambda: not liveness.filenos() or liveness.look())
    assert liveness.current is None


@needs_root
def test_a_stop_and_a_start_are_reported_as_two_runs(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    keepalived.start()
    first = until_event(liveness)
    keepalived.stop()
    assert isinstance(until_event(liveness), KeepalivedGone)
    keepalived.start()
    second = until_event(liveness)
    assert KeepalivedSeen(child_id(keepalived)) == second
    assert first != second


@needs_root
def test_a_restart_between_two_checks_is_reported_as_gone_and_seen(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    keepalived.start()
    until_event(liveness)
    keepalived.kill_all()
    keepalived.start()
    assert isinstance(until_event(liveness), KeepalivedGone)
    assert KeepalivedSeen(child_id(keepalived)) == until_event(liveness)


@needs_root
def test_a_deleted_or_spoilt_pid_file_changes_nothing_while_the_process_runs(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    keepalived.start()
    until_event(liveness)
    keepalived.pid_path.unlink()
    assert liveness.look() is None
    keepalived.pid_path.write_text("garbage")
    assert liveness.look() is None
    keepalived.kill_all()
    assert isinstance(until_event(liveness), KeepalivedGone)


@needs_root
def test_without_the_childs_pid_file_the_child_is_found_among_the_parents_children(
    keepalived: Keepalived, liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_module, "SETTLING_S", 0.0)
    keepalived.start()
    expected = child_id(keepalived)
    (keepalived.pid_path.parent / "vrrp.pid").unlink()
    assert KeepalivedSeen(expected) == liveness.look()


@needs_root
def test_a_daemon_that_starts_late_sees_the_same_run(
    keepalived: Keepalived, liveness: Liveness
) -> None:
    keepalived.start()
    first = until_event(liveness)
    later = Liveness(str(keepalived.pid_path))
    assert first == later.look()
    assert isinstance(first, KeepalivedSeen)
    assert later.current is not None
    assert first.process.same_run(later.current)
    later.close()


_LOOK_HIDDEN = """
import ctypes, os, sys
from hakeeper.adapters.keepalived.liveness import Liveness
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x00020000) == 0  # CLONE_NEWNS
assert libc.mount(b"none", b"/", None, 0x44000, None) == 0  # MS_REC | MS_PRIVATE
assert libc.mount(b"proc", b"/proc", b"proc", 0, b"hidepid=2") == 0
liveness = Liveness(sys.argv[1])
os.setgid(65534); os.setuid(65534)
def show():
    event = liveness.look()
    print(type(event).__name__, liveness.current and liveness.current.pid,
          liveness.current and liveness.current.start_ticks, flush=True)
show()
sys.stdin.readline()
show()
"""


@needs_root
def test_processes_that_proc_hides_are_seen_and_their_end_as_well(
    keepalived: Keepalived, tmp_path: Path
) -> None:
    """As with `ProtectProc=invisible`: the unprivileged daemon has only pidfds to go by."""
    for folder in list(tmp_path.parents)[:-2]:
        folder.chmod(0o755)
    tmp_path.chmod(0o755)
    keepalived.start()
    child = keepalived.wait_for_child()
    with subprocess.Popen(
        [sys.executable, "-c", _LOOK_HIDDEN, str(keepalived.pid_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdin is not None
        assert watcher.stdout.readline() == f"KeepalivedSeen {child} None\n"
        keepalived.kill_all()
        watcher.stdin.write("\n")
        watcher.stdin.flush()
        assert watcher.stdout.readline() == "KeepalivedGone None None\n"


# --- pid files that lie ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"x", b"-5", b"0", b"1.5", b"9" * 30, b"9" * 100_000, b"\0\xff", b"12 34", None],
    ids=repr,
)
def test_a_pid_file_without_a_pid_names_no_process(
    liveness: Liveness, tmp_path: Path, content: bytes | None
) -> None:
    if content is None:
        (tmp_path / "keepalived.pid").mkdir()
    else:
        (tmp_path / "keepalived.pid").write_bytes(content)
    assert liveness.look() is None
    assert liveness.filenos() == ()


def test_a_fifo_in_place_of_the_pid_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keepalived.pid")
    assert read_pid_file(str(tmp_path / "keepalived.pid")) is None


def test_a_stale_pid_file_names_no_process(liveness: Liveness, tmp_path: Path) -> None:
    with program() as process:
        pid = process.pid
    (tmp_path / "keepalived.pid").write_text(f"{pid}\n")
    assert liveness.look() is None


def test_a_reused_pid_of_another_program_is_not_keepalived(
    liveness: Liveness, tmp_path: Path
) -> None:
    with program("sleep") as process:
        (tmp_path / "keepalived.pid").write_text(f"{process.pid}\n")
        assert liveness.look() is None
        assert liveness.filenos() == ()


@needs_root
def test_a_process_of_another_user_is_not_keepalived_whatever_it_is_called(
    liveness: Liveness, tmp_path: Path
) -> None:
    """Its user may have waited for the pid that a dead keepalived has left in the file."""
    with program(user=65534) as process:
        (tmp_path / "keepalived.pid").write_text(f"{process.pid}\n")
        assert liveness.look() is None
        assert liveness.filenos() == ()


def test_the_executable_outweighs_the_process_name(liveness: Liveness, tmp_path: Path) -> None:
    with subprocess.Popen(["keepalived", "600"], executable="/usr/bin/sleep") as process:
        try:
            (tmp_path / "keepalived.pid").write_text(f"{process.pid}\n")
            assert liveness.look() is None
        finally:
            process.kill()


def test_the_process_name_decides_if_the_executable_is_hidden(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root's is from hakeeper's user."""
    monkeypatch.setattr(processes, "program_of", lambda _: None)
    with program() as process:
        (tmp_path / "keepalived.pid").write_text(f"{process.pid}\n")
        assert isinstance(until_event(liveness), KeepalivedSeen)


def test_a_zombie_is_gone(liveness: Liveness, tmp_path: Path) -> None:
    with program() as process:
        (tmp_path / "keepalived.pid").write_text(f"{process.pid}\n")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        stat = read_stat(process.pid)
        assert stat is not None
        assert stat.ended
        assert liveness.look() is None
        assert liveness.filenos() == ()


def test_an_older_parent_without_a_visible_child_counts_alone(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program() as process:
        (tmp_path / "keepalived.pid").write_text(f"{process.pid}\n")
        monkeypatch.setattr(liveness_module, "SETTLING_S", 3600.0)
        assert liveness.look() is None
        monkeypatch.setattr(liveness_module, "SETTLING_S", 0.0)
        event = liveness.look()
        assert isinstance(event, KeepalivedSeen)
        assert process.pid == event.process.pid
        assert liveness.look() is None


def test_a_childs_pid_file_that_names_somebody_elses_child_is_stale(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_module, "SETTLING_S", 0.0)
    with program() as parent, program() as stranger:
        (tmp_path / "keepalived.pid").write_text(f"{parent.pid}\n")
        (tmp_path / "vrrp.pid").write_text(f"{stranger.pid}\n")
        event = liveness.look()
        assert isinstance(event, KeepalivedSeen)
        assert parent.pid == event.process.pid


def test_another_keepalived_in_the_pid_file_replaces_the_one_that_still_runs(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_module, "SETTLING_S", 0.0)
    with program() as old, program() as new:
        (tmp_path / "keepalived.pid").write_text(f"{old.pid}\n")
        liveness.look()
        (tmp_path / "keepalived.pid").write_text(f"{new.pid}\n")
        assert KeepalivedGone("another keepalived took its place") == liveness.look()
        event = liveness.look()
        assert isinstance(event, KeepalivedSeen)
        assert new.pid == event.process.pid


def test_another_pid_file_leads_to_another_keepalived(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_module, "SETTLING_S", 0.0)
    with program() as old, program() as new:
        (tmp_path / "keepalived.pid").write_text(f"{old.pid}\n")
        assert isinstance(liveness.look(), KeepalivedSeen)
        (tmp_path / "keepalived_web.pid").write_text(f"{new.pid}\n")
        liveness.move_to(str(tmp_path / "keepalived_web.pid"))
        event = liveness.look()
        assert isinstance(event, KeepalivedSeen)
        assert new.pid == event.process.pid
        assert liveness.look() is None
        assert len(liveness.filenos()) == 1


def test_another_pid_file_that_leads_nowhere_is_the_end_of_the_run_that_was_known(
    liveness: Liveness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_module, "SETTLING_S", 0.0)
    nowhere = str(tmp_path / "nowhere.pid")
    with program() as old:
        liveness.move_to(nowhere)
        assert liveness.look() is None  # nothing was known before
        liveness.move_to(str(tmp_path / "keepalived.pid"))
        (tmp_path / "keepalived.pid").write_text(f"{old.pid}\n")
        assert isinstance(liveness.look(), KeepalivedSeen)
        liveness.move_to(nowhere)
        gone = KeepalivedGone(f"the changed pid_file {nowhere} leads to no process")
        assert [gone, None] == [liveness.look(), liveness.look()]
        assert liveness.current is None
        assert () == liveness.filenos()


@pytest.mark.parametrize(
    ("pid_file", "expected"),
    [
        ("/run/keepalived.pid", "/run/vrrp.pid"),
        ("/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid"),
        ("/run/keepalived/keepalived_web.pid", "/run/keepalived/vrrp_web.pid"),
        ("/tmp/main.pid", "/tmp/vrrp.pid"),
    ],
)
def test_the_childs_pid_file_is_next_to_the_parents(pid_file: str, expected: str) -> None:
    assert expected == vrrp_pid_file(pid_file)


# --- without pidfds -------------------------------------------------------------------------


@pytest.fixture
def no_pidfds(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(38, os.strerror(38), str(pid))

    monkeypatch.setattr(os, "pidfd_open", refuse)


@pytest.mark.usefixtures("no_pidfds")
@pytest.mark.parametrize("reap", [False, True])
def test_an_end_is_noticed_without_a_pidfd_too(*, reap: bool) -> None:
    with program() as child:
        process = Process.hold(child.pid, boot_id())
        assert process is not None
        assert process.fileno() is None
        assert not process.ended()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | (0 if reap else os.WNOWAIT))
        assert process.ended()
        assert Process.hold(child.pid, boot_id()) is None


@pytest.mark.usefixtures("no_pidfds")
def test_a_reused_pid_is_another_run_without_a_pidfd_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with program() as child:
        process = Process.hold(child.pid, boot_id())
        assert process is not None
        real: Callable[[int], processes.Stat | None] = read_stat

        def reused(pid: int) -> processes.Stat | None:
            stat = real(pid)
            return stat and processes.Stat(stat.command, "S", 1, stat.start_ticks + 1)

        monkeypatch.setattr(processes, "read_stat", reused)
        assert process.ended()


def test_a_command_name_with_brackets_and_spaces_does_not_confuse_the_reader() -> None:
    libc = ctypes.CDLL(None)
    seen: list[processes.Stat | None] = []

    def rename() -> None:
        libc.prctl(15, b"a) S 1 (b", 0, 0, 0)  # PR_SET_NAME names the calling thread
        seen.append(read_stat(threading.get_native_id()))

    thread = threading.Thread(target=rename)
    thread.start()
    thread.join()
    assert seen[0] is not None
    assert seen[0].command == "a) S 1 (b"
    assert os.getppid() == seen[0].parent_pid


def test_looking_for_ever_leaks_no_descriptors(liveness: Liveness, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    pid_file = tmp_path / "keepalived.pid"
    with program("sleep") as stranger, program() as zombie:
        zombie.kill()
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        (tmp_path / "vrrp.pid").write_text(f"{stranger.pid}\n")
        for _ in range(5):
            for one in (stranger, zombie):
                pid_file.write_text(f"{one.pid}\n")
                assert liveness.look() is None
            with program() as process:
                pid_file.write_text(f"{process.pid}\n")
                liveness.look()
            liveness.look()
    assert before == len(list(Path("/proc/self/fd").iterdir()))
