"""Reports on their way out: to the journal, a terminal, or lines on stderr.

`reporter` takes them from the daemon and never blocks it; `records` is the structlog chain that
redacts, bounds and renders; `sinks` does the writing; `journald` is the native socket; `libraries`
brings in what the libraries beneath us log.
"""

from hakeeper.adapters.journal.libraries import library_logging
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target, choose_target

__all__ = ["Reporter", "Target", "choose_target", "library_logging"]
