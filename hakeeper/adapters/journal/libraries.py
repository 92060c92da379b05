"""What the libraries beneath us log goes the same way as our own reports, redaction included."""

import contextlib
import logging
from collections.abc import Iterator

from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.reporter import Reporter

EVENT = "library.warned"

_LEVELS = ((logging.CRITICAL, Level.CRITICAL), (logging.ERROR, Level.ERROR))


class _Handler(logging.Handler):
    def __init__(self, reporter: Reporter) -> None:
        super().__init__(logging.WARNING)
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record on, without its traceback: local values have no place in a log."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - logging's own handling would print it unredacted
            message = "a message that cannot be formatted"
        level = next((ours for theirs, ours in _LEVELS if record.levelno >= theirs), Level.WARNING)
        fields = {"library": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["reason"] = f"{type(error).__name__}: {error}"
        self._reporter.put(EVENT, f"{record.name}: {message}", fields, level)


@contextlib.contextmanager
def library_logging(reporter: Reporter) -> Iterator[None]:
    """Route standard-library logging and Python warnings to the reporter; below WARNING: silence.

    This changes the process (the root logger), and puts it back at the end.
    """
    root = logging.getLogger()
    handler, level, handlers = _Handler(reporter), root.level, root.handlers[:]
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.setLevel(level)
        root.handlers[:] = handlers
