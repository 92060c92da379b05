import contextlib
import json
import os
import resource
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from hakeeper.adapters import control_server as control_module
from hakeeper.adapters.control_client import (
    ANSWER_LIMIT_BYTES,
    Busy,
    ControlError,
    Denied,
    NotRunning,
    Refused,
    Unreachable,
    ask,
)
from hakeeper.adapters.control_codes import BAD_REQUEST, REQUEST_LIMIT_BYTES
from hakeeper.adapters.control_server import (
    BUSY,
    MAX_CLIENTS,
    MAX_CLIENTS_PER_USER,
    RESERVED_CLIENTS,
)
from tests.support.control_loop import Loop
from tests.support.privileges import public_folder, unprivileged

BUSY_LINE = json.dumps(BUSY).encode() + b"\n"


def echo(request: Mapping[str, object], _user: int) -> Mapping[str, object]:
    return {"asked": request}


@pytest.fixture
def path() -> Iterator[Path]:
    with public_folder() as folder:
        yield folder / "control"


@pytest.fixture
def loop(path: Path) -> Iterator[Loop]:
    loop = Loop(str(path), echo)
    yield loop
    loop.close()


@contextlib.contextmanager
def connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        yield client


def received(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while some := client.recv(65536):
            data += some
    return data


def test_a_question_is_answered(loop: Loop, path: Path) -> None:
    loop.start()
    assert {"asked": {"command": "status"}} == ask(str(path), {"command": "status"}, 20)


def test_a_question_that_is_too_long_is_not_asked(loop: Loop, path: Path) -> None:
    loop.start()
    longest = {"a": "x" * (REQUEST_LIMIT_BYTES - len('{"a": ""}\n'))}
    assert {"asked": longest} == ask(str(path), longest, 20)
    with pytest.raises(Refused, match="not sent to hakeeper: more than 4096 bytes") as raised:
        ask(str(path), {"a": longest["a"] + "x"}, 20)
    assert raised.value.code == BAD_REQUEST


def test_what_is_no_socket_does_not_tell_that_the_daemon_is_gone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for other in (tmp_path, tmp_path / "file", Path(os.devnull)):
        with pytest.raises(ControlError, match="is no socket, so no hakeeper answers there"):
            ask(str(other), {}, 20)


def test_an_answer_larger_than_any_buffer_arrives_whole(path: Path) -> None:
    large = {"text": "x" * (ANSWER_LIMIT_BYTES - 100)}
    with contextlib.closing(Loop(str(path), lambda _request, _user: large)) as loop:
        loop.start()
        assert large == ask(str(path), {}, 20)


def test_a_question_in_pieces_is_put_together(loop: Loop, path: Path) -> None:
    with connected(path) as client:
        for piece in (b'{"a"', b": 1", b"}", b"\n"):
            loop.turn()
            client.sendall(piece)
        loop.turn()
        assert received(client) == b'{"asked": {"a": 1}}\n'


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "only root may pause", "code": "not_permitted"}, "not_permitted"),
        ({"error": "unknown command 'pause'; known: status"}, "unknown_command"),
        ({"error": "only root may reload"}, ""),
    ],
    ids=["with a code", "of an old daemon that does not know it", "of another old daemon"],
)
def test_a_refusal_has_its_reason_and_its_code(
    path: Path, answer: Mapping[str, object], code: str
) -> None:
    loop = Loop(str(path), lambda *_: answer)
    loop.start()
    try:
        with pytest.raises(Refused) as raised:
            ask(str(path), {"command": "pause"}, 10.0)
    finally:
        loop.close()
    assert (f"hakeeper refused: {answer['error']}", code) == (str(raised.value), raised.value.code)


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (b"\n", "the request is not JSON"),
        (b"status\n", "the request is not JSON"),
        (b"\xff\xfe\n", "the request is not JSON"),
        (b"[" * 4000 + b"\n", "the request is not JSON"),
        (b"[]\n", "the request is not a JSON object"),
        (b"5\n", "the request is not a JSON object"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_senseless_request_is_refused_with_a_reason(
    loop: Loop, path: Path, question: bytes, error: str
) -> None:
    with connected(path) as client:
        client.sendall(question)
        loop.turn()
        assert {"error": error} == json.loads(received(client))


def test_a_question_without_end_is_cut_off(loop: Loop, path: Path) -> None:
    with connected(path) as client:
        client.sendall(b"x" * (REQUEST_LIMIT_BYTES + 1))
        loop.turn()
        assert received(client) == b""


def test_a_client_that_leaves_at_any_moment_does_no_harm(loop: Loop, path: Path) -> None:
    for question in (b"", b'{"half', b"{}\n"):
        with connected(path) as client:
            loop.turn()
            client.sendall(question)
        loop.turn()
    with connected(path) as client:
        client.sendall(b"{}\n")
        loop.turn()
        assert received(client) == b'{"asked": {}}\n'


def test_no_more_than_a_few_clients_are_held(loop: Loop, path: Path) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            stack.enter_context(connected(path))
            loop.turn()
        with connected(path) as one_too_many:
            loop.turn()
            assert received(one_too_many) == BUSY_LINE
        assert MAX_CLIENTS == len(loop.server._clients)


def test_silent_clients_make_room_after_a_while(
    loop: Loop, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            stack.enter_context(connected(path))
            loop.turn()
        monkeypatch.setattr(control_module, "IDLE_S", 0.0)
        client = stack.enter_context(connected(path))
        client.sendall(b"{}\n")
        loop.turn()
        assert received(client) == b'{"asked": {}}\n'


def test_disconnecting_a_client_that_is_sending_does_no_harm(
    loop: Loop, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are ready in one selection: the accept drops the client whose turn comes next."""
    monkeypatch.setattr(control_module, "IDLE_S", 0.0)
    with connected(path) as slow:
        loop.turn()
        with connected(path) as fresh:
            slow.sendall(b"{}\n")
            fresh.sendall(b"{}\n")
            loop.turn()
            assert received(slow) == b""
            assert received(fresh) == b'{"asked": {}}\n'


def test_a_client_that_does_not_read_does_not_block_others(path: Path) -> None:
    large = {"text": "x" * ANSWER_LIMIT_BYTES}
    with (
        contextlib.closing(Loop(str(path), lambda _request, _user: large)) as loop,
        connected(path) as lazy,
        connected(path) as keen,
    ):
        lazy.sendall(b"{}\n")
        loop.turn()
        keen.sendall(b"{}\n")
        loop.start()
        assert received(keen).endswith(b'"}\n')


def test_a_killed_daemons_socket_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    assert path.is_socket()
    with contextlib.closing(Loop(str(path), echo)) as loop:
        loop.start()
        assert {"asked": {}} == ask(str(path), {}, 20)
    assert not path.exists()


def test_a_living_daemons_socket_is_left_alone_and_its_owner_named(loop: Loop, path: Path) -> None:
    second = Loop(str(path), echo)
    second.close()
    (trouble,) = second.troubles
    assert trouble == (
        "`hakeeper status` cannot reach this daemon: another hakeeper (process"
        f" {os.getpid()}) already listens here: {path}; trying again"
    )
    loop.start()
    assert {"asked": {}} == ask(str(path), {}, 20)


def test_a_living_daemon_that_everybody_asks_is_not_taken_for_a_dead_one(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as living, contextlib.ExitStack() as stack:
        living.bind(str(path))
        living.listen(0)
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
        waiting.connect(str(path))  # the backlog is full: nobody else is let in
        second = Loop(str(path), echo)
        second.close()
        assert "another hakeeper already listens here" in second.troubles[0]
        assert path.is_socket()


@contextlib.contextmanager
def file_in_the_way(path: Path) -> Iterator[None]:
    path.write_text("kept")
    yield
    assert path.read_text() == "kept"
    path.unlink()


@contextlib.contextmanager
def folder_away(path: Path) -> Iterator[None]:
    away = path.parent.rename(path.parent.with_name("away"))
    yield
    away.rename(path.parent)


@contextlib.contextmanager
def somebody_else_there(path: Path) -> Iterator[None]:
    other = Loop(str(path), echo)
    yield
    other.close()


@contextlib.contextmanager
def nothing_to_open(path: Path) -> Iterator[None]:
    assert not path.exists()
    with no_descriptor_free():
        yield


@pytest.mark.parametrize(
    ("obstacle", "why"),
    [
        (file_in_the_way, "exists and is not a socket; move it away"),
        (folder_away, "No such file or directory"),
        (somebody_else_there, "another hakeeper"),
        (nothing_to_open, "Too many open files"),
    ],
)
def test_a_socket_that_cannot_be_made_is_reported_once_and_made_when_it_can_be(
    path: Path, obstacle: Callable[[Path], contextlib.AbstractContextManager[None]], why: str
) -> None:
    path = path.parent / "own" / "control"
    path.parent.mkdir()
    loop = Loop(str(path), echo, looks=False)
    with obstacle(path):
        for _ in range(3):
            look_again(loop)
        assert 1 == len(loop.troubles)
        assert why in loop.troubles[0]
        assert str(path) in loop.troubles[0]
        assert [] == loop.recoveries
    for _ in range(2):
        look_again(loop)
    assert [f"`hakeeper status` reaches this daemon again, at {path}"] == loop.recoveries
    loop.start()
    assert {"asked": {}} == ask(str(path), {}, 20)
    loop.close()


def look_again(loop: Loop) -> None:
    """Look as if the pause were over."""
    loop.server._look_at_s = 0.0
    loop.server.look()


def test_a_socket_that_somebody_removed_is_made_again(loop: Loop, path: Path) -> None:
    path.unlink()
    look_again(loop)
    loop.start()
    assert {"asked": {}} == ask(str(path), {}, 20)
    assert [] == loop.troubles == loop.recoveries


def test_the_socket_of_whoever_came_after_us_stays(loop: Loop, path: Path) -> None:
    path.unlink()
    with contextlib.closing(Loop(str(path), echo)) as other:
        loop.server.close()
        other.start()
        assert {"asked": {}} == ask(str(path), {}, 20)


@contextlib.contextmanager
def no_descriptor_free() -> Iterator[None]:
    """Let this process open nothing more."""
    spare = os.open(os.devnull, os.O_RDONLY)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_client_without_a_free_descriptor_is_served_later_without_busy_waiting(
    loop: Loop, path: Path
) -> None:
    with connected(path) as client:
        client.sendall(b"{}\n")
        with no_descriptor_free():
            loop.turn()  # it ends, so nothing is ready any more
            loop.server.look()
            assert loop.selector.select(0) == []  # and no sooner than after a pause
        look_again(loop)
        loop.turn()
        assert {"asked": {}} == json.loads(received(client))


def test_a_server_that_pauses_closes_in_order(path: Path) -> None:
    loop = Loop(str(path), echo)
    with connected(path), no_descriptor_free():
        loop.turn()
        loop.close()
    assert not path.exists()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_only_the_user_and_the_group_may_connect_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        loop = Loop(str(path), echo)
    finally:
        os.umask(before)
    with contextlib.closing(loop):
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_close_leaves_nothing_open_and_no_socket(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    loop = Loop(str(path), echo)
    with connected(path) as client:
        loop.turn()
        loop.close()
        assert received(client) == b""
    assert not path.exists()
    assert before == len(list(Path("/proc/self/fd").iterdir()))


# --- the asking side ------------------------------------------------------------------------


def test_no_socket_is_not_running(path: Path) -> None:
    with pytest.raises(NotRunning, match="No such file"):
        ask(str(path), {}, 20)


def test_a_socket_without_a_server_means_not_running(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NotRunning, match="Connection refused"):
        ask(str(path), {}, 20)


@contextlib.contextmanager
def daemon_that(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                client.settimeout(20)
                behave(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def silent(client: socket.socket) -> None:
    while client.recv(65536):
        pass


def drip(client: socket.socket) -> None:
    closed = threading.Event()
    while not closed.wait(0.02):
        client.sendall(b" ")


def flood(client: socket.socket) -> None:
    while True:
        client.sendall(b"x" * 65536)


@pytest.mark.parametrize(
    "behave",
    [
        silent,
        drip,
        lambda client: client.close(),
        lambda client: client.sendall(b"nonsense\n"),
        lambda client: client.sendall(b"[1]\n"),
        lambda client: client.sendall(b'{"error": "unknown"}\n'),
        lambda client: client.sendall(b'{"half": 1'),
    ],
    ids=["silent", "drip", "close", "nonsense", "list", "error", "half"],
)
def test_a_daemon_that_does_not_answer_sensibly_is_a_control_error(
    path: Path, behave: Callable[[socket.socket], None]
) -> None:
    with daemon_that(path, behave), pytest.raises(ControlError):
        ask(str(path), {}, 0.3)


GROUP = 64004
"""That of the socket, where a test needs one that is not root's."""
_ASK_AS_NOBODY = """
import os, sys
from hakeeper.adapters.control_client import Denied, ask
os.setgroups([int(group) for group in sys.argv[2:]]); os.setgid(65534); os.setuid(65534)
try:
    print(ask(sys.argv[1], {}, 20))
except Denied as error:
    print("denied:", error)
"""


def asked_as_nobody(path: Path, *groups: int) -> str:
    """Ask as another user, who is in these groups; return what comes of it."""
    argv = [sys.executable, "-c", _ASK_AS_NOBODY, str(path), *map(str, groups)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_an_answer_without_end_is_given_up_at_a_size_and_not_at_the_deadline(path: Path) -> None:
    with daemon_that(path, flood), pytest.raises(ControlError, match="no usable answer"):
        ask(str(path), {}, 60)


def test_a_socket_out_of_reach_is_not_taken_for_a_daemon_that_is_down(path: Path) -> None:
    path.write_text("a file is in the place of the folder")
    with pytest.raises(ControlError, match="Not a directory"):
        ask(str(path / "control"), {}, 20)


def test_a_path_too_long_for_a_socket_is_reported(path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        ask(str(path) * 20, {}, 20)


_ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@_ROOT_ALONE
def test_a_member_of_the_group_is_answered(loop: Loop, path: Path) -> None:
    os.chown(path, -1, GROUP)
    loop.start()
    assert asked_as_nobody(path, GROUP) == "{'asked': {}}\n"


@_ROOT_ALONE
def test_a_stranger_is_told_the_way_in_and_takes_no_place(loop: Loop, path: Path) -> None:
    os.chown(path, -1, GROUP)
    assert asked_as_nobody(path, GROUP + 1) == (
        f"denied: nobody may not ask hakeeper at {path}: only root and members of the group"
        f" {GROUP} may; run this with sudo, or have root run `adduser nobody {GROUP}`, and log in"
        " again\n"
    )
    loop.turn()
    assert {} == loop.server._clients


@_ROOT_ALONE
def test_where_the_socket_is_roots_only_root_may(loop: Loop, path: Path) -> None:
    assert asked_as_nobody(path) == (
        f"denied: nobody may not ask hakeeper at {path}: only root may; run this with sudo\n"
    )
    assert loop.failure is None


def test_a_folder_that_nobody_may_enter_is_not_a_matter_of_the_group(
    loop: Loop, path: Path
) -> None:
    path.parent.chmod(0)
    with unprivileged(), pytest.raises(Unreachable, match="Permission denied") as raised:
        ask(str(path), {}, 20)
    path.parent.chmod(0o755)
    assert not isinstance(raised.value, Denied)
    assert loop.failure is None


# --- places ----------------------------------------------------------------------------------

_HOLD_AS = """
import os, socket, sys
os.setgroups([int(sys.argv[4])]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
held = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[3]))]
for one in held:
    one.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def held_by(path: Path, user_id: int, count: int) -> Iterator[None]:
    """Hold so many connections open as this user, and say nothing."""
    argv = [sys.executable, "-c", _HOLD_AS, str(path), str(user_id), str(count), str(GROUP)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert "held\n" == other.stdout.readline()
        try:
            yield
        finally:
            other.communicate()


@_ROOT_ALONE
def test_users_hold_a_few_places_each_and_some_are_kept_for_root(
    loop: Loop, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Eight programs take their time to start: nobody is to be cut off meanwhile.
    monkeypatch.setattr(control_module, "IDLE_S", float("inf"))
    os.chown(path, -1, GROUP)
    with contextlib.ExitStack() as stack:
        for user_id in range(4000, 4008):
            stack.enter_context(held_by(path, user_id, MAX_CLIENTS))
            loop.turn()
        users = [client.user_id for client in loop.server._clients.values()]
        assert MAX_CLIENTS - RESERVED_CLIENTS == len(users)
        assert {MAX_CLIENTS_PER_USER} == {users.count(one) for one in users}
        loop.start()
        for _ in range(20):
            assert {"asked": {}} == ask(str(path), {}, 20)


@_ROOT_ALONE
def test_one_user_with_all_his_connections_does_not_block_others(loop: Loop, path: Path) -> None:
    os.chown(path, -1, GROUP)
    with held_by(path, 4000, MAX_CLIENTS):
        loop.start()
        assert asked_as_nobody(path, GROUP) == "{'asked': {}}\n"


def test_a_client_above_the_limit_learns_that_the_daemon_is_busy(loop: Loop, path: Path) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            stack.enter_context(connected(path))
            loop.turn()
        loop.start()
        with pytest.raises(Busy, match="hakeeper runs, but is busy with other clients"):
            ask(str(path), {}, 0.3)


def test_a_client_is_answered_if_a_connection_becomes_free_in_time(loop: Loop, path: Path) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            stack.enter_context(connected(path))
            loop.turn()
        loop.start()
        threading.Timer(0.3, stack.pop_all().close).start()
        assert {"asked": {}} == ask(str(path), {}, 20)


def test_a_client_that_hears_busy_does_not_try_when_there_is_no_time_for_an_answer(
    path: Path,
) -> None:
    timeout_s = 2.0
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as silent:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):  # the end of the test
                connection, _ = listener.accept()
                late_s = time.monotonic() + 0.9 * timeout_s
                while True:
                    if time.monotonic() < late_s:
                        connection.sendall(BUSY_LINE)
                        connection.close()
                    else:  # as if the processors had something else to do
                        silent.push(connection)
                    connection, _ = listener.accept()

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            with pytest.raises(Busy):
                ask(str(path), {}, timeout_s)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


def test_a_backlog_that_is_full_is_busy(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as living, socket.socket(socket.AF_UNIX) as waiting:
        living.bind(str(path))
        living.listen(0)
        waiting.connect(str(path))
        with pytest.raises(Busy):
            ask(str(path), {}, 0.3)


def test_an_answer_that_comes_in_drops_is_given_up_at_the_deadline(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def drop() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                for _ in range(1000):
                    connection.sendall(b" ")
                    threading.Event().wait(0.002)

        dropping = threading.Thread(target=drop)
        dropping.start()
        with pytest.raises(ControlError, match="timed out"):
            ask(str(path), {}, 0.2)
        dropping.join()
