"""Keeps entries of the journal in the history, without ever being in the daemon's way.

The daemon's thread only hands an entry over. The disk is met on a thread of its own: one that is
full, slow or gone costs lines of the history, is told once, and nothing else.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from hakeeper.adapters.history.file import LIMIT_BYTES, HistoryFile
from hakeeper.adapters.history.reading import LOST, VERSION
from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.records import Record, document

WAITING_LIMIT: Final = 1000
"""Entries that wait for the disk."""
KEPT: Final = frozenset(name for name, kind in EVENTS.items() if kind.operator) | {
    "address.confirmed",
    "api.recovered",
    "api.throttled",
    "claim.abandoned",
    "claim.failed",
    "claim.started",
    "claim.unknown",
    "config.reloaded",
    "control.failed",
    "control.recovered",
    "daemon.started",
    "daemon.stopped",
    "fifo.overflowed",
    "fifo.recovered",
    "keepalived.seen",
    "log.dropped",
    "pause.ended",
    "pause.expired",
    "step_down.done",
    "step_down.ended",
    "step_down.expired",
    "step_down.prolonged",
    "take.begun",
    "vrrp_address.found",
}
"""What is kept: all that an operator should know, and what begins, ends or explains it."""


class HistoryWriter:
    """Writes entries to the history at `path`, from its first entry to `close`.

    `on_trouble` is called, on the thread that writes, with the reason why the history cannot be
    written: once until it works again.
    """

    def __init__(
        self,
        path: Path,
        on_trouble: Callable[[str], None],
        *,
        limit_bytes: int = LIMIT_BYTES,
        waiting_limit: int = WAITING_LIMIT,
    ) -> None:
        """Begin; whether the file can be written shows with the first entry."""
        self._file = HistoryFile(path, limit_bytes)
        self._on_trouble = on_trouble
        self._waiting_limit = waiting_limit
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._lock = threading.RLock()  # a finaliser may keep an entry while this thread counts
        self._lost = 0
        self._is_failing = False
        # A daemon thread: a disk that hangs must not keep the process alive.
        self._writer = threading.Thread(target=self._run, name="history", daemon=True)
        self._writer.start()

    def keep(self, record: Record) -> None:
        """Take an entry that holds no secret. Returns at once and never raises."""
        if record.event not in KEPT:
            return
        if self._queue.qsize() >= self._waiting_limit:
            self._lose(1)
        else:
            self._queue.put(record)

    def close(self, timeout_s: float) -> None:
        """Write what waits; a disk that is not done by then keeps the rest to itself."""
        self._queue.put(None)
        self._writer.join(timeout_s)

    def _lose(self, count: int) -> None:
        with self._lock:
            self._lost += count

    # --- the thread that writes -------------------------------------------------------------

    def _run(self) -> None:
        while (record := self._queue.get()) is not None:
            lost = self._lost
            try:
                self._file.append((_line(_lost(lost)) if lost else b"") + _line(record))
            except Exception as error:  # noqa: BLE001 - whatever it is, the addresses are kept
                self._lose(1)
                self._tell(error)
            else:
                self._lose(-lost)
                self._is_failing = False

    def _tell(self, error: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            text = f"cannot write the history: {error}; a failover does not need it"
            self._on_trouble(text)


def _line(record: Record) -> bytes:
    line = {"v": VERSION, **document(record)}
    return json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _lost(count: int) -> Record:
    entries = "1 entry is" if count == 1 else f"{count} entries are"
    return Record(
        event=LOST,
        message=f"{entries} missing before this one: the history could not be written",
        level=Level.WARNING,
        fields={"count": count},
        time_s=time.time(),
    )
