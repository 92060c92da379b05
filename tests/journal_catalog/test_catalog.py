"""The catalog says something of every kind of entry, and only what is so."""

import argparse
import importlib
import shlex
import shutil
from pathlib import Path

import pytest

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.cli.main import COMMANDS
from tests.journal_catalog.catalog import (
    PREFIX,
    Explanation,
    compiled,
    explanations,
    installed_folder,
    journalctl,
)

BY_ID = {entry.message_id: entry for entry in explanations()}
OF_EVENT = [
    pytest.param(event, BY_ID[kind.message_id], id=event)
    for event, kind in EVENTS.items()
    if kind.message_id in BY_ID
]
UNIT_FOLDERS = (Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
OUR_UNITS = Path(__file__).parents[2] / "systemd"
WIDTH = 76
"""With journalctl's frame it fits on a terminal of 80 columns, if the values are usual ones."""
_USUAL = {
    "HAKEEPER_ADDRESS": "203.0.113.10",
    "HAKEEPER_ERROR_CODE": "unauthorized",
    "HAKEEPER_ROLE": "BACKUP",
    "HAKEEPER_PREVIOUS_ROLE": "BACKUP",
    "HAKEEPER_VRRP_ADDRESS": "10.0.0.2",
}


def test_every_kind_of_entry_is_explained_once_and_nothing_else_is() -> None:
    explained = sorted(entry.message_id for entry in explanations())
    assert sorted(kind.message_id for kind in EVENTS.values()) == explained


def test_the_real_journalctl_finds_the_same_where_make_install_puts_it(tmp_path: Path) -> None:
    compiled(tmp_path, installed_folder())
    listed = journalctl(f"--root={tmp_path}", "--list-catalog").splitlines()
    expected = [f"{k.message_id} hakeeper: {k.meaning}" for k in EVENTS.values()]
    assert sorted(expected) == sorted(listed)
    dumped = explanations(journalctl(f"--root={tmp_path}", "--dump-catalog"))
    assert {e.message_id: e.whole for e in explanations()} == {
        e.message_id: e.whole for e in dumped
    }


@pytest.mark.parametrize(("event", "entry"), OF_EVENT)
def test_an_entry_says_what_happened_whether_it_is_bad_and_what_to_do(
    event: str, entry: Explanation
) -> None:
    assert {
        "Subject": EVENTS[event].meaning,
        "Defined-By": "hakeeper",
        "Documentation": "man:hakeeper(8)",
    } == entry.header
    _, bad, what, *more = entry.paragraphs
    assert bad.startswith("Is it bad? ")
    assert what.startswith("What to do: ")
    assert [] == more
    shown = entry.told({name: _USUAL.get(name, "12345") for name in entry.fields})
    assert max(map(len, shown.splitlines())) <= WIDTH


@pytest.mark.parametrize(("event", "entry"), OF_EVENT)
def test_an_entry_uses_only_fields_that_such_an_event_always_has(
    event: str, entry: Explanation
) -> None:
    """That it has them is seen by every test of the core, and by those of the daemon.

    `tests.core.rules.fields_astray` holds each report of theirs against the table of events.
    """
    # A reason stands in the message already, and may be a foreign text of many lines.
    usable = {f"{PREFIX}{name.upper()}" for name in EVENTS[event].always if name != "reason"}
    assert set() == entry.fields - usable


@pytest.mark.parametrize(("event", "entry"), OF_EVENT)
def test_what_calls_for_an_operator_has_a_command_to_run(event: str, entry: Explanation) -> None:
    ordinary = {"role.changed", "address.claimed", "address.blocked", "status.ok"}
    assert entry.commands or not EVENTS[event].operator or event in ordinary


COMMAND_LINES = sorted({line for entry in explanations() for line in entry.commands})


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_of_an_entry_exists(line: str) -> None:
    """What journalctl is asked is really asked in test_shown.py."""
    name, *arguments = shlex.split(line)
    if name == "hakeeper":
        _parse(*arguments)
        return
    assert shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin"), f"{name} is not there"
    if name == "systemctl":
        verb, unit = (word for word in arguments if word != "--now")
        assert verb in {"status", "start", "restart", "reload", "enable"}
        text = _unit(unit)
        assert verb != "reload" or "ExecReload=" in text


def _parse(command: str, *arguments: str) -> None:
    """Parse a command line as hakeeper does, but run nothing."""
    (known,) = [each for each in COMMANDS if each.name == command]
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(known.module).add_arguments(parser)
    parser.parse_args(arguments)


def _unit(name: str) -> str:
    file = name if name.endswith(".socket") else f"{name}.service"
    found = [f / file for f in (OUR_UNITS, *UNIT_FOLDERS)]
    return next(path.read_text() for path in found if path.exists())
