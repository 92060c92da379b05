"""What every entry of the journal owes to the table of events."""

from collections.abc import Iterable

from hakeeper.adapters.journal.entry import Entry
from hakeeper.adapters.journal.events import EVENTS


def check_entry(entry: Entry) -> None:
    """An entry can be carried by the journal and is in its table."""
    assert entry.event in EVENTS, f"{entry.event} is not in EVENTS"
    assert entry.message, f"{entry.event} says nothing"
    assert entry.message == entry.message.strip()
    for name, value in entry.fields.items():
        assert name.isidentifier(), name
        assert name == name.lower(), name
        assert type(value) in (str, int, float), f"{entry.event}: {name} is {type(value)}"
    astray = fields_astray(entry.event, entry.fields)
    assert [] == astray, astray


def fields_astray(event: str, names: Iterable[str]) -> list[str]:
    """Say where an entry's fields differ from what the table of events promises."""
    kind, found = EVENTS[event], set(names)
    lacking = sorted(set(kind.always) - found)
    unknown = sorted(found - {*kind.always, *kind.sometimes})
    return [f"{event} lacks {name}, which it always has" for name in lacking] + [
        f"{event} has the unknown field {name}" for name in unknown
    ]
