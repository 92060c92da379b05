"""The journal page shows the events and fields that the code has, and queries that work."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.fields import events_as_markdown, fields_as_markdown
from tests.support.generated_docs import check_section
from tests.support.journald import Journald, private_journald
from tests.support.waiting import eventually

PAGE = Path(__file__).parents[2] / "docs" / "journal.md"
TABLES = {
    "operator events": events_as_markdown(operator=True),
    "other events": events_as_markdown(operator=False),
    "fields": fields_as_markdown(),
}
LINES = [line.removeprefix("$ ") for line in PAGE.read_text().splitlines()]
QUERIES = [line for line in LINES if line.startswith("journalctl ")]
VALUES = {"instance": "VI_1", "address": "203.0.113.10"}

# journald says itself which unit an entry is of, and this is none: only root may name another.
SAY = """
import json, sys
from hakeeper.adapters.journal import journald
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
unit = b"OBJECT_SYSTEMD_UNIT=hakeeper.service"
send = journald.Journald.send
journald.Journald.send = lambda self, fields: send(self, (*fields, unit))
reporter = Reporter(Target.JOURNAL, redact=lambda text: text)
for event, fields in json.loads(sys.argv[1]):
    reporter.log(event, f"the message of {event}", **fields)
reporter.close()
"""


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_journal_page_is_the_one_in_the_code(name: str) -> None:
    check_section(PAGE, name, TABLES[name])


@pytest.fixture(scope="module")
def lab() -> Iterator[Journald]:
    """A journal that holds an entry of each kind."""
    entries = [
        (event, {name: VALUES.get(name, "1") for name in (*kind.always, *kind.sometimes)})
        for event, kind in EVENTS.items()
    ]
    with private_journald() as found:
        found.run(SAY, json.dumps(entries))
        eventually(lambda: len(found.entries()) >= len(EVENTS), what="an entry of each kind")
        yield found


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_journal_page_finds_what_it_is_there_for(lab: Journald, query: str) -> None:
    name, *arguments = shlex.split(query)
    command = [name, "--directory", "/run/log/journal", "--no-pager", "--quiet", *arguments]
    done = subprocess.run(lab.inside(command), capture_output=True, text=True, check=True)
    assert "" == done.stderr
    assert done.stdout
    named = {word.partition("=")[2] for word in arguments if word.startswith("HAKEEPER_EVENT=")}
    for event in named:
        assert f"the message of {event}" in done.stdout or "--output-fields" in query
    for field in query.partition("--output-fields=")[2].split(","):
        assert field in done.stdout
