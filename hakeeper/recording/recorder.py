"""Writes the story of a running daemon, without ever being in its way.

The daemon's thread only hands lines over. Opening, encoding and writing happen on a thread of its
own; what goes wrong there, or takes too long, ends the recording with one line in the journal, and
nothing else.
"""

import contextlib
import datetime as dt
import platform
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from hakeeper import __version__
from hakeeper.core.model import Settings
from hakeeper.recording.codec import Hide
from hakeeper.recording.file import RecordingFile, RecordingStopped
from hakeeper.recording.story import FORMAT, Beginning, Ended, Heard, Line, to_json

WAITING_LIMIT = 1000
"""Lines that may wait for the disk. One that was left out would spoil the rest, so more is the
end."""
_SPARE_BYTES = 200
"""Kept free for the last line."""
IN_ORDER = "hakeeper stopped"
"""The reason of an end that is none of the recording's."""


class Recorder:
    """A tape that ends up in a file of mode 0600; it is added to if it holds a recording.

    `redact` goes over every text. `tell` is called once, from any thread, when the recording ends
    before the daemon does.
    """

    def __init__(
        self,
        path: Path,
        *,
        redact: Hide,
        tell: Callable[[str], None],
        limit_bytes: int,
        waiting_limit: int = WAITING_LIMIT,
    ) -> None:
        """Begin; whether the file can be written shows later, and is told then."""
        self._path = path
        self._redact = redact
        self._tell = tell
        self._limit_bytes = limit_bytes
        self._waiting_limit = waiting_limit
        self._queue: SimpleQueue[Line] = SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False
        # A daemon thread: a disk that hangs must not keep the process alive.
        self._writer = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._writer.start()

    def begin(self, settings: Settings, seed: int, begun_s: float) -> None:
        """Note what the core was made of."""
        self._put(
            Beginning(
                format=FORMAT,
                hakeeper=__version__,
                python=platform.python_version(),
                time=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
                begun_s=begun_s,
                seed=seed,
                settings=settings,
            )
        )

    def hear(self, heard: Heard) -> None:
        """Note an event and its answer. Returns at once and never raises."""
        self._put(heard)

    def close(self, timeout_s: float) -> None:
        """End it in order; a disk that is not done by then keeps the rest to itself."""
        self._queue.put(Ended(IN_ORDER))
        self._writer.join(timeout_s)

    def _put(self, line: Line) -> None:
        if self._stopped:
            return
        if self._queue.qsize() >= self._waiting_limit:
            self._stop(f"the disk is too slow: {self._waiting_limit} lines wait for it")
            return
        self._queue.put(line)

    def _stop(self, reason: str) -> None:
        with self._lock:
            already, self._stopped = self._stopped, True
        if not already:
            self._tell(f"the recording {self._path} ends here: {reason}; hakeeper goes on")
            self._queue.put(Ended(reason))

    # --- the writer thread ------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._write()
        except OSError as error:
            self._stop(f"cannot write it: {error}")
        except RecordingStopped as error:
            self._stop(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the addresses are kept
            self._stop(f"a bug in hakeeper, please report it: {type(error).__name__}: {error}")
        while not self._queue.empty():  # they would take up memory for ever
            self._queue.get_nowait()

    def _write(self) -> None:
        with contextlib.closing(RecordingFile(self._path, self._limit_bytes)) as file:
            line = self._queue.get()
            self._add(file, line)
            while not isinstance(line, Ended):
                line = self._queue.get()
                try:
                    self._add(file, line)
                except RecordingStopped as stopped:
                    self._add(file, Ended(str(stopped)))
                    raise

    def _add(self, file: RecordingFile, line: Line) -> None:
        spare_bytes = 0 if isinstance(line, Ended) else _SPARE_BYTES
        file.append(to_json(line, self._redact), spare_bytes=spare_bytes)
