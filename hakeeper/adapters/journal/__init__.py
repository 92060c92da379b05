"""What the core decides and the shell says, on its way to the journal, a terminal or stderr.

`wording` has the sentences, `events` the kinds of entry, `fields` what their fields mean; these
need nothing but Python. `reporter` takes entries from the daemon and never blocks it; `records` is
the structlog chain that redacts, bounds and renders; `sinks` does the writing; `journald` is the
native socket; `libraries` brings in what the libraries beneath us log.
"""
