"""What `journalctl -x` shows beneath real entries in a real journal."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from hakeeper.adapters.journal.events import EVENTS
from tests.journal_catalog.catalog import (
    PREFIX,
    Explanation,
    compiled,
    explanations,
    installed_folder,
)
from tests.support.journald import Journald, private_journald
from tests.support.waiting import eventually

SAY = """
import json, sys
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
reporter = Reporter(Target.JOURNAL, redact=lambda text: text)
for event, fields in json.loads(sys.argv[1]):
    reporter.log(event, f"the message of {event}", **fields)
reporter.close()
"""
FRAME = "░░"
"""What journalctl puts before each line of an explanation, in a locale with UTF-8."""


def _value(event: str, name: str) -> str | int:
    """Make a value that is found nowhere else; where the text is a command, one that can be typed.

    All are strings or numbers, as those of the real reports.
    """
    return {"address": "203.0.113.10", "holder": "4711"}.get(name, f"<{name} of {event}>")


FIELDS = {event: {name: _value(event, name) for name in EVENTS[event].always} for event in EVENTS}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journald]:
    """A journald, and the compiled catalog where journalctl looks, seen by nobody else."""
    database = compiled(tmp_path_factory.mktemp("root"), installed_folder())
    with private_journald() as found:
        script = 'mount -t tmpfs tmpfs "$1" && mkdir "$1/catalog" && cp "$2" "$1/catalog/database"'
        place = ["sh", "-c", script, "sh", "/var/lib/systemd", os.fspath(database)]
        subprocess.run(found.inside(place), check=True)
        found.run(SAY, json.dumps(list(FIELDS.items())))
        eventually(lambda: len(found.entries()) >= len(EVENTS), what="an entry of each kind")
        yield found


def _shown(lab: Journald, *arguments: str) -> str:
    folder = "/run/log/journal"
    command = ["journalctl", "--directory", folder, "--no-pager", *arguments]
    done = subprocess.run(
        lab.inside(command),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert "" == done.stderr, f"{command}: {done.stderr}"
    return done.stdout


def _explained(lab: Journald, *matches: str) -> str:
    """Return the explanation that is shown beneath one entry, without its frame."""
    lines = _shown(lab, "-x", *matches).splitlines()
    framed = [line.removeprefix(FRAME).strip() for line in lines if line.startswith(FRAME)]
    return "\n".join(framed).strip()


def _journal(fields: Mapping[str, object]) -> dict[str, object]:
    return {f"{PREFIX}{name.upper()}": value for name, value in fields.items()}


@pytest.mark.parametrize("entry", explanations(), ids=lambda entry: entry.message_id)
def test_an_entry_is_explained_with_its_own_values(lab: Journald, entry: Explanation) -> None:
    (event,) = [name for name, kind in EVENTS.items() if kind.message_id == entry.message_id]
    expected = entry.told(_journal(FIELDS[event]))
    assert "@" not in expected
    shown = _explained(lab, f"MESSAGE_ID={entry.message_id}")
    assert [line.strip() for line in expected.splitlines()] == shown.splitlines()


@pytest.mark.parametrize(("excess", "is_shown"), [(0, True), (1, False)])
def test_a_value_of_four_thousand_bytes_is_shown_and_a_longer_one_by_its_name(
    lab: Journald, excess: int, *, is_shown: bool
) -> None:
    """As of 252 journalctl replaces a field of up to 4096 bytes, its name and `=` included."""
    name = "HAKEEPER_INSTANCE"
    value = "x" * (4096 - len(f"{name}=") + excess)
    lab.run(SAY, json.dumps([("instance.unknown", {"instance": value, "kind": "INSTANCE"})]))
    eventually(lambda: lab.entries(f"{name}={value}"), what="the long entry")
    shown = value if is_shown else name
    assert f"keepalived speaks of {shown}," in _explained(lab, f"{name}={value}")


def test_an_operator_reads_the_whole_unit_with_its_explanations(lab: Journald) -> None:
    shown = _shown(lab, "-x", "-t", "hakeeper")
    assert all(f"the message of {event}" in shown for event in EVENTS)
    assert all(f"{FRAME} Subject: {kind.meaning}\n" in shown for kind in EVENTS.values())


QUERIES = sorted(
    {line for e in explanations() for line in e.commands if line.startswith("journalctl ")}
)


@pytest.mark.parametrize("line", QUERIES)
def test_every_query_of_an_entry_is_one_that_journalctl_takes(lab: Journald, line: str) -> None:
    query = line.replace("@HAKEEPER_ADDRESS@", "203.0.113.10")
    assert "@" not in query
    _shown(lab, *shlex.split(query)[1:])
