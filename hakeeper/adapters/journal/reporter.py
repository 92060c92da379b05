"""The daemon's way to say something: a bounded queue and one thread that writes.

Whatever journald, the terminal or a pipe do, `report` and `log` return at once. When the queue is
full, reports are counted instead of kept, and `log.dropped` tells the number when it flows again.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue

import structlog

from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.recent import Recent
from hakeeper.adapters.journal.records import (
    FieldValue,
    Record,
    Rendered,
    bounding,
    handing_over,
    redaction,
    showing,
)
from hakeeper.adapters.journal.sinks import (
    STDERR_FD,
    JournaldSink,
    StreamSink,
    Target,
    choose_target,
    renderer,
)
from hakeeper.adapters.journal.wording import entry_of
from hakeeper.core.events import Report

QUEUE_LIMIT = 1000
"""Entries that wait for the writer."""


class _Queue:
    """What structlog calls its logger: takes the rendered entry and keeps it for the writer."""

    def __init__(self) -> None:
        # SimpleQueue, because its put may be entered again by a finaliser or a signal handler.
        self.entries: SimpleQueue[Rendered | None] = SimpleQueue()

    def write(self, entry: Rendered) -> None:
        """Keep the entry; called by structlog at the end of the chain."""
        self.entries.put(entry)


class _Logger(structlog.BoundLoggerBase):
    """One method for all levels, since a report brings its own."""

    def put(self, record: Record) -> None:
        """Send the record through the chain, in the caller's thread."""
        self._proxy_to_logger("write", record.message, record=record)


class Reporter:
    """Takes reports from any thread, redacts and renders them, and has them written.

    `redact` is applied to the message and to every field that is a string. A report that cannot
    be rendered (say, because `redact` raised) is dropped and counted, never written in the clear.
    `keep` is shown what is written, redacted and bounded, and returns at once. `recent` has the
    newest of it.
    """

    def __init__(
        self,
        target: Target = Target.AUTO,
        *,
        redact: Callable[[str], str],
        fd: int = STDERR_FD,
        queue_limit: int = QUEUE_LIMIT,
        keep: Callable[[Record], None] = lambda _: None,
    ) -> None:
        self.target = choose_target(target, os.environ, fd)
        self._limit = queue_limit
        self._queue = _Queue()
        render = renderer(self.target, os.environ, fd)
        self.recent = Recent()
        shown = (showing(keep), showing(self.recent.keep))
        chain = [redaction(redact), bounding, *shown, handing_over(render)]
        self._chain = _Logger(self._queue, processors=chain, context={})
        self._lock = threading.RLock()  # a finaliser may report while this thread counts
        self._dropped = 0
        self._told = 0
        self._closing = threading.Event()
        self._deadline_s = math.inf
        self._sink = (
            JournaldSink(StreamSink(fd)) if self.target is Target.JOURNAL else StreamSink(fd)
        )
        # A daemon thread: a writer that is stuck after all must not keep the process alive.
        self._writer = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._writer.start()

    @property
    def dropped(self) -> int:
        """How many entries were lost since the start."""
        return self._dropped

    def report(self, report: Report) -> None:
        """Write a report of the core. Returns at once and never raises."""
        entry = entry_of(report)
        self.put(entry.event, entry.message, entry.fields)

    def log(self, event: str, message: str, **fields: FieldValue) -> None:
        """Write what the shell has to say; `event` is a key of EVENTS."""
        self.put(event, message, fields)

    def put(
        self,
        event: str,
        message: str,
        fields: Mapping[str, FieldValue],
        level: Level | None = None,
    ) -> None:
        """Write an entry; the level is that of the kind of event where none is given.

        An event that EVENTS does not know is written as a warning without a MESSAGE_ID: a wrong
        name is no reason to stop keeping addresses.
        """
        if self._closing.is_set() or self._queue.entries.qsize() >= self._limit:
            self._drop()
            return
        self._render(event, message, fields, level)

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what can be written within the time; what comes later is dropped."""
        if not self._closing.is_set():
            self._deadline_s = time.monotonic() + timeout_s
            self._closing.set()
            self._queue.entries.put(None)
        self._writer.join(timeout_s)

    def _render(
        self, event: str, message: str, fields: Mapping[str, FieldValue], level: Level | None
    ) -> None:
        kind = EVENTS.get(event)
        record = Record(
            event=event,
            message=message,
            level=level or (kind.level if kind else Level.WARNING),
            fields=fields,
            time_s=time.time(),
        )
        try:
            self._chain.put(record)
        except Exception:  # noqa: BLE001 - logging never takes the daemon down; the drop is told
            self._drop()

    def _drop(self) -> None:
        with self._lock:
            self._dropped += 1

    # --- the writer thread ------------------------------------------------------------------

    def _run(self) -> None:
        entries = self._queue.entries
        while (entry := entries.get()) is not None and not self._must_give_up():
            if not self._sink.write(entry, self._must_give_up):
                self._drop()
            elif entries.qsize() <= self._limit // 2:
                self._tell_drops()
        if not self._must_give_up():
            self._tell_drops()
            self._write_the_rest()

    def _write_the_rest(self) -> None:
        while not self._queue.entries.empty():
            entry = self._queue.entries.get_nowait()
            if entry is not None and not self._sink.write(entry, self._must_give_up):
                return

    def _must_give_up(self) -> bool:
        return self._closing.is_set() and time.monotonic() >= self._deadline_s

    def _tell_drops(self) -> None:
        """Tell once for a whole jam, which is why the caller waits for half a queue."""
        with self._lock:
            count, total = self._dropped - self._told, self._dropped
            self._told = total
        if count:
            message = f"{count} log entries were dropped, since they could not be written in time"
            self._render("log.dropped", message, {"count": count, "total": total}, None)
