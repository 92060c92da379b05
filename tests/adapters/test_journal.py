"""Reports through the real journald, and through everything that may be wrong with it."""

import json
import logging
import os
import pty
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.journald import unblock_unnamed_datagram_sockets
from hakeeper.adapters.journal.libraries import library_logging
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target, choose_target
from tests.support.journald import Journald, private_journald
from tests.support.waiting import eventually

TOKEN = "jEheVytlAoFl7F8MqUQ7jAo2hOXASztX"

PRELUDE = """
import sys
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
reporter = Reporter(Target.JOURNAL, redact=lambda text: text.replace("secret", "[token]"))
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Journald]:
    with private_journald() as found:
        yield found


def _one(lab: Journald, *matches: str) -> dict[str, object]:
    entries = eventually(lambda: lab.entries(*matches), what=f"an entry with {matches}")
    assert len(entries) == 1
    return entries[0]


# --- what the journal holds -----------------------------------------------------------------


def test_a_report_is_read_back_from_the_journal_with_all_its_fields(lab: Journald) -> None:
    lab.run(
        PRELUDE
        + """
reporter.put("address.drifted", "web is with server 43; taking it back", {
    "instance": "VI_1", "address": "203.0.113.7", "role": "MASTER", "holder": "server 43",
    "reason": "read", "attempt": 3, "latency_s": 0.25})
reporter.close()
"""
    )
    entry = _one(lab, "HAKEEPER_EVENT=address.drifted")
    expected = {
        "MESSAGE": "web is with server 43; taking it back",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "hakeeper",
        "MESSAGE_ID": EVENTS["address.drifted"].message_id,
        "HAKEEPER_EVENT": "address.drifted",
        "HAKEEPER_INSTANCE": "VI_1",
        "HAKEEPER_ADDRESS": "203.0.113.7",
        "HAKEEPER_ROLE": "MASTER",
        "HAKEEPER_HOLDER": "server 43",
        "HAKEEPER_REASON": "read",
        "HAKEEPER_ATTEMPT": "3",
        "HAKEEPER_LATENCY_S": "0.25",
    }
    assert expected == {name: entry.get(name) for name in expected}
    assert "CODE_FILE" not in entry  # it would name this adapter, which helps nobody


def test_every_kind_of_event_arrives_with_its_priority_and_message_id(lab: Journald) -> None:
    lab.run(
        PRELUDE
        + """
from hakeeper.adapters.journal.events import EVENTS
for event in EVENTS:
    reporter.log(event, "one of each", run="every kind")
reporter.close()
"""
    )
    matches = "HAKEEPER_RUN=every kind"
    eventually(lambda: len(lab.entries(matches)) == len(EVENTS), what="an entry of each kind")
    entries = lab.entries(matches)
    assert [(event, str(kind.level.value), kind.message_id) for event, kind in EVENTS.items()] == [
        (e["HAKEEPER_EVENT"], e["PRIORITY"], e["MESSAGE_ID"]) for e in entries
    ]


def test_an_unknown_kind_of_event_is_a_warning_without_a_message_id(lab: Journald) -> None:
    lab.run(PRELUDE + 'reporter.log("some.slip", "a wrong name"); reporter.close()')
    entry = _one(lab, "HAKEEPER_EVENT=some.slip")
    assert (entry["PRIORITY"], entry.get("MESSAGE_ID")) == ("4", None)


def test_no_secret_reaches_the_journal(lab: Journald) -> None:
    lab.run(
        PRELUDE
        + """
reporter.log("api.failed", "message with secret", reason="x" * 4093 + "secret", run="redaction")
reporter.close()
"""
    )
    entry = _one(lab, "HAKEEPER_RUN=redaction")
    assert entry["MESSAGE"] == "message with [token]"
    ours = {name: entry[name] for name in entry if not name.startswith("_")}
    assert "secre" not in json.dumps(ours)
    assert entry["HAKEEPER_REASON"] == "x" * 4093 + "…"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("binary \x00\x1b[31m\x85", "binary \\x00\\x1b[31m\\x85"),
        ("surrogate \udcff", "surrogate \\udcff"),
        ("Grüße 🎉", "Grüße 🎉"),
        ("=", "="),
        ("", ""),
        ("ü" * 5000, "ü" * 2046 + "…"),
    ],
    ids=["breaks", "binary", "surrogate", "utf-8", "equals", "empty", "long"],
)
def test_a_difficult_value_arrives_as_readable_text(
    lab: Journald, value: str, expected: str, request: pytest.FixtureRequest
) -> None:
    run = request.node.callspec.id
    lab.run(
        PRELUDE
        + """
import json
value = json.loads(sys.argv[2])
reporter.log("line.rejected", value or "-", value=value, run=sys.argv[1])
reporter.close()
""",
        run,
        json.dumps(value),
    )
    entry = _one(lab, f"HAKEEPER_RUN={run}")
    assert expected == entry["HAKEEPER_VALUE"]
    assert expected or entry["MESSAGE"] == "-"


def test_a_difficult_field_name_becomes_one_that_the_journal_takes(lab: Journald) -> None:
    lab.run(
        PRELUDE
        + """
fields = {"_a-b.ü=": "odd", "n" * 200: "long", "": "none", "run": "names"}
reporter.put("line.rejected", "names", fields)
reporter.close()
"""
    )
    entry = _one(lab, "HAKEEPER_RUN=names")
    assert entry["HAKEEPER__A_B___"] == "odd"
    assert entry["HAKEEPER_" + "N" * 55] == "long"
    assert entry["HAKEEPER__"] == "none"


def test_an_entry_is_bounded_as_a_whole(lab: Journald) -> None:
    lab.run(
        PRELUDE
        + """
fields = {"run": "bounds", **{f"f{i}": "v" * 9999 for i in range(100)}}
reporter.put("line.rejected", "bounds", fields)
reporter.close()
"""
    )
    entry = _one(lab, "HAKEEPER_RUN=bounds")
    ours = {k: str(v) for k, v in entry.items() if k.startswith("HAKEEPER_F")}
    assert len(ours) == 31
    assert sum(len(value.encode()) for value in ours.values()) - 3 * len(ours) < 16 * 1024


# --- a journald that is not well ------------------------------------------------------------

FLOOD = (
    PRELUDE
    + """
print("up", flush=True)
sys.stdin.readline()
for number in range(100_000):
    reporter.log("role.changed", "flood", number=number, run=sys.argv[1])
print("flooded", flush=True)
sys.stdin.readline()
reporter.log("daemon.stopped", "the end", run=sys.argv[1])
reporter.close(float(sys.argv[2]))
print("closed", flush=True)
"""
)


def _say(process: subprocess.Popen[str], expected: str) -> None:
    assert process.stdout is not None
    assert f"{expected}\n" == process.stdout.readline()


def _hear(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_frozen_journald_never_blocks_the_caller_and_the_drops_are_reported(
    lab: Journald,
) -> None:
    with lab.popen(FLOOD, "frozen", "30") as flood:
        _say(flood, "up")
        lab.freeze()
        try:
            _hear(flood)
            # This line only comes because no call of the flood waits for journald, and because
            # the writer thread does not hold the interpreter while it waits.
            _say(flood, "flooded")
        finally:
            lab.thaw()
        about_drops = (f"_PID={flood.pid}", "HAKEEPER_EVENT=log.dropped")
        eventually(lambda: lab.entries(*about_drops), what="drops told")
        _hear(flood)
        _say(flood, "closed")
    dropped = _one(lab, *about_drops)
    _one(lab, "HAKEEPER_RUN=frozen", "HAKEEPER_EVENT=daemon.stopped")
    written = lab.entries("HAKEEPER_RUN=frozen", "HAKEEPER_EVENT=role.changed")
    assert len(written) + int(str(dropped["HAKEEPER_COUNT"])) == 100_000
    numbers = [int(str(entry["HAKEEPER_NUMBER"])) for entry in written]
    assert sorted(numbers) == numbers


def test_a_journald_that_others_have_filled_does_not_block_even_the_first_entry() -> None:
    fill = """
import socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as stranger:
    try:
        while True:
            stranger.sendto(b"MESSAGE=filler", "/run/systemd/journal/socket")
    except BlockingIOError:
        pass
"""
    with private_journald() as lab:
        lab.freeze()
        lab.run(fill)
        with lab.popen(FLOOD, "filled", "30") as flood:
            _say(flood, "up")
            _hear(flood)
            _say(flood, "flooded")
            lab.thaw()
            eventually(lambda: lab.entries("HAKEEPER_EVENT=log.dropped"), what="drops told")
            _hear(flood)
            _say(flood, "closed")


def test_our_own_full_send_buffer_does_not_block_the_caller() -> None:
    """The queue of journald has room for all that we send, but the kernel lends us only so much."""
    code = (
        PRELUDE.replace("redact=", "queue_limit=5000, redact=")
        + """
import time
print("up", flush=True)
sys.stdin.readline()
for number in range(5000):
    reporter.log("role.changed", "x" * 4096, a="a" * 4096, b="b" * 4096, c="c" * 4000)
still = 0
while still < 50:  # until the writer makes no progress any more
    waiting = reporter._queue.entries.qsize()
    time.sleep(0.01)
    still = still + 1 if waiting == reporter._queue.entries.qsize() else 0
print("jammed", waiting > 1000, flush=True)
reporter.close(0)
"""
    )
    with private_journald(queue_length="1000000") as lab, lab.popen(code) as flood:
        _say(flood, "up")
        lab.freeze()
        _hear(flood)
        _say(flood, "jammed True")


def test_close_does_not_wait_for_a_frozen_journald(lab: Journald) -> None:
    with lab.popen(FLOOD, "close", "0.2") as flood:
        _say(flood, "up")
        lab.freeze()
        try:
            _hear(flood)
            _say(flood, "flooded")
            _hear(flood)
            _say(flood, "closed")
            assert flood.wait() == 0  # and nothing keeps the process from ending
        finally:
            lab.thaw()


def test_without_a_journald_lines_go_to_stderr_and_it_is_used_again_when_it_is_back() -> None:
    code = (
        PRELUDE
        + """
for event in ("daemon.started", "fifo.opened", "daemon.stopped"):
    reporter.log(event, f"about {event}", run="missing")
    print(event, flush=True)
    sys.stdin.readline()
reporter.close()
"""
    )
    with private_journald() as lab:
        lab.stop()
        with lab.popen(code) as writer:
            assert writer.stderr is not None
            _say(writer, "daemon.started")
            expected = "<6>about daemon.started event=daemon.started run=missing\n"
            assert expected == writer.stderr.readline()
            lab.start()
            _hear(writer)
            _say(writer, "fifo.opened")
            _one(lab, "HAKEEPER_RUN=missing", "HAKEEPER_EVENT=fifo.opened")
            lab.stop()
            _hear(writer)
            _say(writer, "daemon.stopped")
            expected = "<6>about daemon.stopped event=daemon.stopped run=missing\n"
            assert expected == writer.stderr.readline()
            _hear(writer)
            assert writer.stderr.read() == ""


def test_a_dead_socket_of_journald_is_the_same_as_none() -> None:
    code = PRELUDE + 'reporter.log("daemon.started", "hello"); reporter.close()'
    with private_journald() as lab:
        assert lab.daemon is not None
        lab.daemon.kill()  # its socket stays behind, and nobody listens
        lab.daemon.wait()
        assert lab.run(code).stderr == "<6>hello event=daemon.started\n"


# --- other targets --------------------------------------------------------------------------


def _redact(text: str) -> str:
    return text.replace(TOKEN, "[token]")


def _lines(target: Target, use: Callable[[Reporter], None]) -> list[str]:
    reader, writer = os.pipe()
    with os.fdopen(reader) as text:
        reporter = Reporter(target, redact=_redact, fd=writer)
        use(reporter)
        reporter.close(30)
        os.close(writer)
        return text.read().splitlines()


def test_json_is_one_object_per_line() -> None:
    def use(reporter: Reporter) -> None:
        fields: dict[str, str | float] = {"message": "two\nlines", "took_s": float("inf"), "n": 3}
        reporter.put("role.changed", f"token {TOKEN}", fields)

    (line,) = _lines(Target.JSON, use)
    document = json.loads(line, parse_constant=pytest.fail)
    moment = document.pop("time")
    assert moment.endswith("Z")
    assert document == {
        "level": "notice",
        "event": "role.changed",
        "message": "token [token]",
        "fields": {"message": "two\nlines", "took_s": "inf", "n": 3},
    }


def test_a_text_line_stays_one_line_and_carries_its_level() -> None:
    def use(reporter: Reporter) -> None:
        reporter.log("address.held_down", "two\nlines\x1b[2J", reason="a b", n=1)

    assert _lines(Target.TEXT, use) == [
        '<2>two\\nlines\\x1b[2J event=address.held_down reason="a b" n=1'
    ]


def _on_a_terminal(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    primary, secondary = pty.openpty()
    try:
        reporter = Reporter(redact=_redact, fd=secondary)
        assert Target.CONSOLE is reporter.target
        reporter.log("role.changed", "VI_1 is MASTER", instance="VI_1")
        reporter.close(30)
        return os.read(primary, 4096).decode()
    finally:
        os.close(primary)
        os.close(secondary)


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _on_a_terminal({}, monkeypatch)
    assert "VI_1 is MASTER" in shown
    assert "\x1b[" in shown


def test_a_terminal_gets_no_colours_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _on_a_terminal({"NO_COLOR": "1"}, monkeypatch)
    assert "VI_1 is MASTER instance=VI_1" in shown
    assert "\x1b[" not in shown


def test_the_console_renderer_off_a_terminal_gives_no_colours() -> None:
    (line,) = _lines(Target.CONSOLE, lambda reporter: reporter.log("role.changed", "plain"))
    assert "[notice   ] plain" in line
    assert "\x1b" not in line


def test_auto_believes_journal_stream_only_for_the_stream_that_it_names(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        found = os.fstat(log.fileno())
        stream = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        inherited = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"}
        assert Target.JOURNAL is choose_target(Target.AUTO, stream, log.fileno())
        assert Target.TEXT is choose_target(Target.AUTO, inherited, log.fileno())
        assert Target.TEXT is choose_target(Target.AUTO, {}, log.fileno())
        assert Target.JSON is choose_target(Target.JSON, stream, log.fileno())


# --- streams that are not well --------------------------------------------------------------


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
def test_a_full_pipe_never_blocks_the_caller_and_the_drops_are_reported(*, blocking: bool) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    reporter = Reporter(Target.JSON, redact=_redact, fd=writer)
    for number in range(100_000):
        reporter.log("role.changed", "flood", number=number)
    seen: list[dict[str, object]] = []

    def read_all() -> None:
        with os.fdopen(reader) as text:
            seen.extend(json.loads(line) for line in text)

    consumer = threading.Thread(target=read_all)
    consumer.start()
    eventually(lambda: any(e["event"] == "log.dropped" for e in list(seen)), what="drops told")
    reporter.log("daemon.stopped", "the end")
    reporter.close(30)
    os.close(writer)
    consumer.join()
    dropped = [e["fields"] for e in seen if e["event"] == "log.dropped"]
    written = [e for e in seen if e["event"] == "role.changed"]
    count = 100_000 - len(written)
    assert [{"count": count, "total": count}] == dropped
    assert seen[-1]["message"] == "the end"


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
def test_close_does_not_wait_for_a_full_pipe(*, blocking: bool) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    reporter = Reporter(Target.TEXT, redact=_redact, fd=writer)
    for _ in range(2000):
        reporter.log("role.changed", "x" * 100)
    reporter.close(0.1)
    eventually(lambda: not reporter._writer.is_alive(), what="the writer has given up")
    os.close(reader)
    os.close(writer)


def test_a_closed_stream_does_no_harm() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    reporter = Reporter(Target.TEXT, redact=_redact, fd=writer)
    for _ in range(100):
        reporter.log("role.changed", "to nobody")
    reporter.close(30)
    assert not reporter._writer.is_alive()
    os.close(writer)


def test_a_report_after_close_is_ignored() -> None:
    def use(reporter: Reporter) -> None:
        reporter.log("daemon.stopped", "last words")
        reporter.close(30)
        reporter.log("role.changed", "too late")

    assert _lines(Target.TEXT, use) == ["<6>last words event=daemon.stopped"]


def test_a_failed_redaction_drops_the_entry_and_is_reported() -> None:
    def use(reporter: Reporter) -> None:
        reporter.log("role.changed", TOKEN)
        reporter.log("daemon.stopped", "fine")

    def failing(text: str) -> str:
        if TOKEN in text:
            raise RuntimeError(text)
        return text

    reader, writer = os.pipe()
    with os.fdopen(reader) as text:
        reporter = Reporter(Target.TEXT, redact=failing, fd=writer)
        use(reporter)
        reporter.close(30)
        os.close(writer)
        shown = text.read()
    assert TOKEN not in shown
    assert "<6>fine event=daemon.stopped\n" in shown
    assert "event=log.dropped count=1 total=1" in shown


# --- what libraries log ---------------------------------------------------------------------


def test_what_libraries_log_is_redacted_and_only_warnings_get_through() -> None:
    def use(reporter: Reporter) -> None:
        with library_logging(reporter):
            logging.getLogger("urllib3.connectionpool").debug("GET /?t=%s", TOKEN)
            logging.getLogger("urllib3").warning("retrying with %s", TOKEN)
            logging.getLogger("hcloud").error("failed", exc_info=ValueError(f"bad {TOKEN}"))
            logging.getLogger("hcloud").warning("%d", "not a number")
            warnings.simplefilter("always")
            warnings.warn(f"old {TOKEN}", DeprecationWarning, stacklevel=1)

    with warnings.catch_warnings():
        lines = _lines(Target.TEXT, use)
    assert lines[:3] == [
        "<4>urllib3: retrying with [token] event=library.warned library=urllib3",
        '<3>hcloud: failed event=library.warned library=hcloud reason="ValueError: bad [token]"',
        "<4>hcloud: a message that cannot be formatted event=library.warned library=hcloud",
    ]
    assert "old [token]" in lines[3]
    assert len(lines) == 4


def test_library_logging_puts_the_root_logger_back() -> None:
    root = logging.getLogger()
    before = (root.level, root.handlers[:])

    def use(reporter: Reporter) -> None:
        with library_logging(reporter):
            assert before != (root.level, root.handlers[:])

    _lines(Target.TEXT, use)
    assert before == (root.level, root.handlers[:])


def test_the_process_ends_while_stderr_is_stuck() -> None:
    code = (
        PRELUDE.replace("JOURNAL", "TEXT")
        + """
for _ in range(5000):
    reporter.log("role.changed", "x" * 100)
print("done", flush=True)
"""
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        _say(process, "done")
        assert process.wait() == 0
        assert process.stderr is not None
        process.stderr.read()


def test_reports_carry_the_time_at_which_they_were_made() -> None:
    before_s = time.time()
    (line,) = _lines(Target.JSON, lambda reporter: reporter.log("role.changed", "now"))
    moment = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(before_s))
    later = time.strftime("%Y-%m-%dT%H:%M", time.gmtime())
    assert json.loads(line)["time"][:16] in {moment, later}


def test_a_non_socket_at_the_path_is_left_alone() -> None:
    """A duplicate of the FIFO that stays open keeps its lock, so that nobody can read it again."""
    read_end, write_end = os.pipe()
    try:
        before = len(list(Path("/proc/self/fd").iterdir()))
        unblock_unnamed_datagram_sockets()
        assert before == len(list(Path("/proc/self/fd").iterdir()))
    finally:
        os.close(read_end)
        os.close(write_end)
