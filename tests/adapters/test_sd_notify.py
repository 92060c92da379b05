"""sd_notify against a real datagram socket."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.sd_notify import Notifier, Watchdog, status_line, watchdog_interval_s


class Systemd:
    """The receiving end: a datagram socket where systemd's would be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.fspath(path))
        self.socket.settimeout(30)

    def heard(self) -> str:
        return self.socket.recv(65536).decode()

    def close(self) -> None:
        self.socket.close()
        self.path.unlink(missing_ok=True)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    found = Systemd(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", os.fspath(found.path))
    yield found
    found.close()


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def notifier(systemd: Systemd, errors: list[str]) -> Iterator[Notifier]:
    assert os.environ["NOTIFY_SOCKET"] == os.fspath(systemd.path)
    made = Notifier(redact=lambda text: text.replace("secret", "[token]"), on_error=errors.append)
    yield made
    made.close()


def test_each_message_arrives_as_systemd_wants_it(systemd: Systemd, notifier: Notifier) -> None:
    notifier.ready()
    notifier.ready("BACKUP web")
    notifier.status("MASTER web")
    notifier.stopping()
    notifier.watchdog()
    notifier.watchdog_trigger()
    expected = [
        "READY=1",
        "READY=1\nSTATUS=BACKUP web",
        "STATUS=MASTER web",
        "STOPPING=1\nSTATUS=stopped",
        "WATCHDOG=1",
        "WATCHDOG=trigger",
    ]
    assert expected == [systemd.heard() for _ in expected]


def test_a_reload_carries_the_monotonic_time(systemd: Systemd, notifier: Notifier) -> None:
    before_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    notifier.reloading()
    after_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    state, stamp = systemd.heard().split("\n")
    name, _, usec = stamp.partition("=")
    assert (state, name) == ("RELOADING=1", "MONOTONIC_USEC")
    assert before_ns // 1000 <= int(usec) <= after_ns // 1000


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    name = f"hakeeper-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name}")
        receiver.settimeout(30)
        with contextlib.closing(Notifier(redact=str, on_error=errors.append)) as notifier:
            notifier.watchdog()
        assert receiver.recv(100) == b"WATCHDOG=1"


def test_without_a_socket_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier(redact=str, on_error=errors.append)
    notifier.ready("fine")
    notifier.watchdog()
    assert (errors, notifier.errors) == ([], 0)


def test_a_vanished_socket_is_reported_once_and_again_after_it_was_well(
    systemd: Systemd, notifier: Notifier, errors: list[str]
) -> None:
    systemd.close()
    for _ in range(3):
        notifier.watchdog()
    expected = f"cannot notify systemd: NOTIFY_SOCKET={systemd.path}: No such file or directory"
    assert ([expected], 3) == (errors, notifier.errors)
    back = Systemd(systemd.path)
    notifier.watchdog()
    assert back.heard() == "WATCHDOG=1"
    back.socket.close()  # its path stays, and nobody listens
    notifier.watchdog()
    again = f"cannot notify systemd: NOTIFY_SOCKET={systemd.path}: Connection refused"
    assert ([expected, again], 4) == (errors, notifier.errors)
    back.close()


def test_a_systemd_that_does_not_read_never_blocks_us(
    systemd: Systemd, notifier: Notifier, errors: list[str]
) -> None:
    sent = 0
    while not notifier.errors:
        notifier.watchdog()
        sent += 1
    assert len(errors) == 1
    assert errors[0].endswith("its queue is full")
    assert ["WATCHDOG=1"] * (sent - 1) == [systemd.heard() for _ in range(sent - 1)]


class Flood:
    """Another user of the machine, who fills systemd's queue: its socket is open to everybody."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.connect(os.fspath(path))
        self.sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.send(b"X=1")
                self.sent += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def flood(systemd: Systemd) -> Iterator[Flood]:
    made = Flood(systemd.path)
    yield made
    made.close()


@pytest.mark.parametrize("message", ["READY=1", "WATCHDOG=1", "STOPPING=1\nSTATUS=stopped"])
def test_important_messages_wait_briefly_for_room(
    systemd: Systemd, notifier: Notifier, flood: Flood, message: str
) -> None:
    send = {"READY=1": notifier.ready, "WATCHDOG=1": notifier.watchdog}
    reader = threading.Timer(0.005, systemd.heard)
    reader.start()
    send.get(message, notifier.stopping)()
    reader.join()
    assert 0 == notifier.errors
    assert [*["X=1"] * (flood.sent - 1), message] == [systemd.heard() for _ in range(flood.sent)]


def test_a_status_that_finds_no_room_is_an_error_too(notifier: Notifier, flood: Flood) -> None:
    assert flood.sent > 0
    notifier.status("MASTER web")
    assert 1 == notifier.errors


def test_an_unsent_message_is_sent_within_a_second_in_its_newest_form(
    systemd: Systemd, notifier: Notifier, flood: Flood, errors: list[str]
) -> None:
    notifier.ready("BACKUP web")
    notifier.watchdog()
    notifier.status("MASTER web")
    assert 1 == len(errors)
    for _ in range(flood.sent):
        systemd.heard()
    look_again(notifier)
    assert ["READY=1", "STATUS=MASTER web", "WATCHDOG=1"] == [systemd.heard() for _ in range(3)]
    look_again(notifier)
    notifier.stopping()
    assert "STOPPING=1\nSTATUS=stopped" == systemd.heard()


def look_again(notifier: Notifier) -> None:
    """Look as if a second had passed."""
    notifier._look_at_s = 0.0
    notifier.look()


def test_unsent_messages_are_not_retried_in_every_turn(notifier: Notifier, flood: Flood) -> None:
    assert flood.sent > 0
    notifier.watchdog()
    for _ in range(100):
        notifier.look()
    assert 1 == notifier.errors


def test_an_address_that_is_too_long_is_an_error_like_any_other(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/" + "x" * 200)
    with contextlib.closing(Notifier(redact=str, on_error=errors.append)) as notifier:
        notifier.watchdog()
    expected = f"cannot notify systemd: NOTIFY_SOCKET=/{'x' * 200}: AF_UNIX path too long"
    assert ([expected], 1) == (errors, notifier.errors)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MASTER web", "MASTER web"),
        ("two\nlines\r\n\tREADY=1", "two lines READY=1"),
        ("odd \x1b[31m\udcff", "odd ?[31m?"),
        ("ü" * 400, "ü" * 254 + "…"),
    ],
)
def test_a_status_is_one_printable_line_of_bounded_length(text: str, expected: str) -> None:
    assert expected == status_line(text)
    assert len(status_line(text).encode()) <= 512


def test_a_status_holds_no_secret(systemd: Systemd, notifier: Notifier) -> None:
    notifier.status("refused: secret")
    assert systemd.heard() == "STATUS=refused: [token]"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "٣"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_per_period(
    environ: dict[str, str], expected: float | None
) -> None:
    assert expected == watchdog_interval_s(environ)


def test_progress_is_reported_when_it_is_due_or_will_be_soon(
    systemd: Systemd, notifier: Notifier
) -> None:
    watchdog = Watchdog(notifier, 10.0)
    for now, due_at_s in ((100.0, 110.0), (108.9, 110.0), (109.0, 119.0), (130.0, 140.0)):
        watchdog.look(now, early_s=1.0)
        assert due_at_s == watchdog.due_at_s
    notifier.status("all heard")
    heard = iter(systemd.heard, "STATUS=all heard")
    assert ["WATCHDOG=1"] * 3 == list(heard)


def test_without_a_watchdog_no_progress_is_reported_and_nobody_wakes_up(
    systemd: Systemd, notifier: Notifier
) -> None:
    watchdog = Watchdog(notifier, None)
    watchdog.look(1e9, early_s=1.0)
    notifier.status("all heard")
    assert systemd.heard() == "STATUS=all heard"
    assert watchdog.due_at_s == float("inf")
