"""The parts of hooks that need no daemon: which decision is which moment, and who is trusted."""

import os
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hakeeper.adapters.hooks import CURE
from hakeeper.adapters.hooks.check import hook_warnings
from hakeeper.adapters.hooks.moments import Moments
from hakeeper.adapters.hooks.notice import LIMIT_BYTES, Notice, decoded
from hakeeper.adapters.hooks.process import LINE_LIMIT_BYTES, LINES_LIMIT, run
from hakeeper.adapters.hooks.queue import WAITING_LIMIT, InstanceQueue
from hakeeper.adapters.hooks.runner import HooksFile, Runner
from hakeeper.adapters.hooks.sender import HookSender
from hakeeper.adapters.hooks.trust import fault_of_command, fault_of_writers
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
from hakeeper.config.hooks import HooksConfig, Moment
from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.decisions.claims import (
    ClaimAbandoned,
    ClaimFailed,
    Phases,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceHeldDown,
)
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.events import Report
from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.core.observation import Other
from tests.support.signals import lent_signals
from tests.support.waiting import eventually

VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")
VI_2 = VrrpId(VrrpKind.GROUP, "VI_2")
FAILED = ClaimFailed(
    VI_1, "a", "cloud", Failure(kind=FailureKind.LOCKED, code="locked", message="busy")
)
CLAIMED = ResourceClaimed(VI_1, "a", "why", 0, Phases(0.0, 0.1, 0.2, 0.3))
CONFIRMED = ResourceConfirmed(VI_1, "a", "why")
HELD_DOWN = ResourceHeldDown(VI_1, "a", Other(7), "web-b", 30.0)


def changed(before: Role, after: Role, vrrp: VrrpId = VI_1) -> RoleChanged:
    return RoleChanged(vrrp, before, after, "a reason", 1)


def moments(*decisions: Decision) -> list[Moment | None]:
    those = Moments()
    notices = [those.of(Report(decision)) for decision in decisions]
    return [None if notice is None else notice.moment for notice in notices]


@pytest.mark.parametrize(
    ("before", "after", "moment"),
    [
        (Role.UNKNOWN, Role.MASTER, Moment.MASTER),
        (Role.BACKUP, Role.MASTER, Moment.MASTER),
        (Role.MASTER, Role.MASTER, Moment.MASTER),  # through another one
        (Role.MASTER, Role.BACKUP, Moment.LOST_ROLE),
        (Role.MASTER, Role.FAULT, Moment.LOST_ROLE),
        (Role.MASTER, Role.UNKNOWN, Moment.LOST_ROLE),
        (Role.UNKNOWN, Role.BACKUP, None),
        (Role.BACKUP, Role.STOPPED, None),
    ],
)
def test_a_role_is_gained_or_lost(before: Role, after: Role, moment: Moment | None) -> None:
    assert moments(changed(before, after)) == [moment]


def test_a_claim_fails_once_until_it_ends_or_the_role_changes() -> None:
    failed, master = Moment.FAILED, Moment.MASTER
    assert moments(FAILED, FAILED, CLAIMED, FAILED) == [failed, None, Moment.CLAIMED, failed]
    assert moments(FAILED, CONFIRMED, FAILED) == [failed, None, failed]
    assert moments(FAILED, ClaimAbandoned(VI_1, "a", "why"), FAILED) == [failed, None, failed]
    again = changed(Role.BACKUP, Role.MASTER)
    assert moments(FAILED, again, FAILED) == [failed, master, failed]
    other = changed(Role.BACKUP, Role.MASTER, VI_2)
    assert moments(FAILED, other, FAILED) == [failed, master, None]


def test_a_notice_says_what_the_journal_says() -> None:
    notice = Moments().of(Report(HELD_DOWN))
    assert notice is not None
    assert (notice.moment, notice.vrrp, notice.address) == (Moment.CONTESTED, VI_1, "a")
    assert notice.holder == "7"
    assert "web-b" in notice.message
    assert decoded(notice.encoded()) == notice


def test_the_longest_notice_fits_and_is_read_as_it_was() -> None:
    names = ("message", "reason", "role", "previous_role", "address", "holder")
    texts = dict.fromkeys(names, '"' * 5000)
    name = "\\" * 255
    notice = Notice(moment=Moment.FAILED, vrrp=VrrpId(VrrpKind.GROUP, name), time_s=0.0, **texts)
    datagram = notice.encoded()
    assert len(datagram) <= LIMIT_BYTES
    assert decoded(datagram).vrrp.name == name


# --- the daemon's side ----------------------------------------------------------------------------


def test_what_is_sent_holds_no_secret_and_a_broken_way_is_told_once(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    path = Path(os.path.relpath(tmp_path / "s"))
    sender = HookSender(
        path,
        lambda: {VI_1: HooksConfig(on_failed=("/x",))},
        redact=lambda text: text.replace("s3cret", "[hidden]"),
        on_loss=lambda text, count: told.append((text, count)),
    )
    refused = Failure(kind=FailureKind.AUTH, code="auth", message="s3cret")
    secret = ClaimFailed(VI_1, "a", "cloud", refused)
    for _ in range(3):
        sender.tell(Report(secret))
        sender.tell(Report(CONFIRMED))
    assert [count for _, count in told] == [1]
    assert CURE in told[0][0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        sender.tell(Report(secret))
        datagram = listening.recv(LIMIT_BYTES)
    assert b"[hidden]" in datagram
    assert b"s3cret" not in datagram
    assert told[1:] == [("hooks are run again; 2 more were not", 2)]
    sender.close()


# --- who is trusted -------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "hook"
    path.parent.mkdir(mode=0o755)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_command_of_ours_is_good_by_itself_and_by_a_link(command: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(command)
    assert fault_of_command(command) is None
    assert fault_of_command(tmp_path / "link") is None
    assert fault_of_command(Path("/bin/sh")) is None


@pytest.mark.parametrize("mode", [0o757, 0o777])
def test_others_may_write_to_the_command_or_its_folder(command: Path, mode: int) -> None:
    for part in (command, command.parent):
        before = stat.S_IMODE(part.stat().st_mode)
        part.chmod(mode)
        fault = f"others may write to {part} (mode {mode:04o}); run: chmod go-w {part}"
        assert fault_of_command(command) == fault
        part.chmod(before)


def test_a_folder_far_above_a_links_target_counts(command: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(command)
    command.parent.chmod(0o757)
    assert str(command.parent) in str(fault_of_command(link))
    command.parent.chmod(0o1757)  # sticky
    assert fault_of_command(link) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_command_of_another_user_or_group(command: Path) -> None:
    os.chown(command, 65534, 0)
    fault = f"{command} belongs to the user 65534, who may change it; chown it to root"
    assert fault_of_command(command) == fault
    os.chown(command, 0, 65534)
    command.chmod(0o775)
    assert "others may write" in str(fault_of_command(command))
    os.chown(command, 0, 0)
    assert fault_of_command(command) is None


def test_what_is_no_program(command: Path, tmp_path: Path) -> None:
    command.chmod(0o644)
    assert "is not executable (mode 0644); run: chmod a+rx" in str(fault_of_command(command))
    assert "is not a regular file" in str(fault_of_command(tmp_path))
    assert "No such file or directory" in str(fault_of_command(tmp_path / "nothing"))
    assert "No such file or directory" in str(fault_of_writers(tmp_path / "nothing"))


def test_check_names_every_hook_that_would_not_be_run(command: Path, tmp_path: Path) -> None:
    file, listening = tmp_path / "f.yaml", tmp_path / "s"
    file.write_text("")
    good = HooksConfig(on_master=(str(command), "a"))
    assert [*hook_warnings(file, {}, listening)] == []
    nobody = f"no hook is run: nothing listens at {listening}; run: {CURE}"
    assert [*hook_warnings(file, {VI_1: good}, listening)] == [nobody]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(os.path.relpath(listening))
        assert [*hook_warnings(file, {VI_1: good}, listening)] == []
        file.chmod(0o666)
        bad = HooksConfig(on_failed=("/nowhere/x",))
        warnings = [*hook_warnings(file, {VI_1: good, VI_2: bad}, listening)]
    assert f"no hook is run: others may write to {file}" in warnings[0]
    assert "VI_2: on_failed is not run: /nowhere/x: No such file or directory" in warnings[1]
    assert len(warnings) == 2


# --- one run --------------------------------------------------------------------------------------


def shell(text: str, timeout_s: float = 60.0, grace_s: float = 60.0) -> tuple[list[str], int, bool]:
    lines: list[str] = []
    argv, environ = ["/bin/sh", "-c", text], {"PATH": os.environ["PATH"]}
    ended = run(argv, environ, timeout_s, lines.append, grace_s=grace_s)
    return lines, ended.status, ended.timed_out


def test_output_comes_by_lines_of_a_bounded_length() -> None:
    lines, status, _ = shell("printf 'a\\r\\nb\\377'; printf '%5000d' 1 >&2; exit 4")
    assert lines[0] == "a"
    assert lines[1].startswith("b�")
    assert max(map(len, lines)) <= LINE_LIMIT_BYTES
    assert sum(map(len, lines)) == 1 + 2 + 5000
    assert status == 4


def test_of_much_output_the_beginning_is_shown_and_the_rest_is_counted() -> None:
    lines: list[str] = []
    ended = run(["/usr/bin/seq", "100000"], {}, 60.0, lines.append)
    assert lines == [str(number) for number in range(1, LINES_LIMIT + 1)]
    assert ended.lines_unseen == 100000 - LINES_LIMIT


def test_a_command_that_ignores_sigterm_is_killed_and_its_children_are_asked_too() -> None:
    child = "trap 'echo child asked; exit' TERM; while :; do sleep 0.05; done"
    text = f'trap "echo asked" TERM; sh -c "{child}" & while :; do wait; sleep 0.05; done'
    lines, status, timed_out = shell(text, timeout_s=1.0, grace_s=1.0)
    assert {"asked", "child asked"} <= set(lines)
    assert (status, timed_out) == (-9, True)


def test_what_a_command_leaves_behind_ends_with_it() -> None:
    lines, status, _ = shell("sleep 1000 & echo $!")
    assert status == 0
    eventually(lambda: not Path(f"/proc/{lines[0]}/cmdline").exists(), what="the sleeper's end")


def test_it_has_no_input_and_a_session_of_its_own() -> None:
    lines, _, _ = shell("cat; pwd; ps -o sid= -p $$ | tr -d ' '; echo $$")
    assert lines[0] == "/"
    assert lines[1] == lines[2]


# --- what waits ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_does_not_keep_the_service_alive_for_ever() -> None:
    def run(_: Notice) -> None:
        raise ZeroDivisionError

    queue = InstanceQueue(VI_1, run, lambda _: None)
    assert (queue.is_alive, queue.is_idle) == (True, True)
    queue.put(Notice(moment=Moment.MASTER, vrrp=VI_1, time_s=0.0))
    queue.put(Notice(moment=Moment.FAILED, vrrp=VI_1, time_s=0.0))
    eventually(lambda: not queue.is_alive, what="the thread's end")
    assert queue.is_idle


def test_what_has_no_room_is_the_oldest_and_is_told() -> None:
    ran: list[str] = []
    dropped: list[int] = []
    going = threading.Event()

    def run(notice: Notice) -> None:
        going.wait()
        ran.append(notice.address)

    queue = InstanceQueue(VI_1, run, dropped.append)
    for count in range(WAITING_LIMIT + 3):
        queue.put(Notice(moment=Moment.CLAIMED, vrrp=VI_1, time_s=0.0, address=str(count)))
        if not count:
            eventually(lambda: not queue._waiting, what="the first to begin")
    going.set()
    eventually(lambda: queue.is_idle, what="all to be run")
    assert ran == ["0", *map(str, range(3, WAITING_LIMIT + 3))]
    assert dropped == [2]


# --- the service ----------------------------------------------------------------------------------


@pytest.fixture
def reporter() -> Iterator[Reporter]:
    made = Reporter(Target.JSON, redact=str)
    yield made
    made.close()


def test_the_service_ends_when_nothing_comes(tmp_path: Path, reporter: Reporter) -> None:
    with (
        lent_signals() as signals,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening,
    ):
        environ: Mapping[str, str] = {}
        runner = Runner(listening, HooksFile(tmp_path / "f"), reporter, signals, environ)
        runner.run(idle_s=0.01)
