"""The entries that do not come from the core have the fields that the table of events promises."""

import ast
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hakeeper
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.libraries import library_logging
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
from tests.support.journal_entries import fields_astray

SHELL = {
    "config.rejected",
    "config.reloaded",
    "config.warning",
    "daemon.failed",
    "daemon.started",
    "daemon.stopped",
    "control.failed",
    "control.recovered",
    "history.failed",
    "hook.unsent",
    "notify.failed",
    "pause.failed",
    "recording.failed",
    "state.failed",
    "step_down.file_failed",
    "watch.failed",
}
"""With `log.dropped` and `library.warned`, all that the core does not say; of the rest of hooks,
`tests.support.hook_service` sees to it."""


def _calls() -> Iterator[tuple[str, list[str]]]:
    """Find every `….log("event", message, field=…)` of the program."""
    package = Path(hakeeper.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if any(path.is_relative_to(package / room) for room in ("demo", "simulate")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.func.attr == "log" and node.args else None
                if isinstance(first, ast.Constant):
                    yield str(first.value), [str(keyword.arg) for keyword in node.keywords]


def test_what_the_shell_says_has_the_fields_of_the_table() -> None:
    calls = list(_calls())
    assert SHELL == {event for event, _ in calls}
    assert [] == [astray for event, names in calls for astray in fields_astray(event, names)]


def _entries(use: Callable[[Reporter], None], queue_limit: int) -> list[tuple[str, list[str]]]:
    reader, writer = os.pipe()
    reporter = Reporter(Target.JSON, redact=str, fd=writer, queue_limit=queue_limit)
    use(reporter)
    reporter.close(30)
    os.close(writer)
    with os.fdopen(reader) as text:
        entries = [json.loads(line) for line in text]
    return [(entry["event"], list(entry["fields"])) for entry in entries]


def test_dropped_entries_are_told_with_the_fields_of_the_table() -> None:
    [(event, names)] = _entries(lambda reporter: reporter.log("daemon.stopped", "x"), 0)
    assert "log.dropped" == event
    assert [] == fields_astray(event, names)


def test_what_libraries_log_has_the_fields_of_the_table() -> None:
    def use(reporter: Reporter) -> None:
        with library_logging(reporter):
            logging.getLogger("hcloud").warning("odd")
            logging.getLogger("hcloud").error("failed", exc_info=ValueError("bad"))

    entries = _entries(use, 9)
    assert ["library.warned"] * 2 == [event for event, _ in entries]
    assert [] == [astray for entry in entries for astray in fields_astray(*entry)]
    kind = EVENTS["library.warned"]
    assert [set(kind.always), {*kind.always, *kind.sometimes}] == [set(n) for _, n in entries]
