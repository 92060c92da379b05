"""The kinds of journal entry about hooks; see `events.py`."""

from collections.abc import Mapping
from typing import Final

from hakeeper.adapters.journal.eventkind import EventKind, Level

_OF: Final = ("instance", "kind", "hook")

HOOK_EVENTS: Final[Mapping[str, EventKind]] = {
    "hook.unsent": EventKind(
        Level.WARNING,
        "5ed698bdc1f6497bbb48588b082a4157",
        "Hooks are not run: their service cannot be reached",
        always=("count",),
    ),
    "hook.output": EventKind(
        Level.INFO,
        "39223264787446d786b690bcb63f3cd9",
        "A line that a hook has printed",
        always=_OF,
        sometimes=("address",),
    ),
    "hook.ended": EventKind(
        Level.INFO,
        "fd7374151c59403b9694a466eeb2d18a",
        "A hook is done",
        always=(*_OF, "duration_s"),
        sometimes=("address",),
    ),
    "hook.failed": EventKind(
        Level.WARNING,
        "9d66aed428e6472b94f75b996895f746",
        "A hook has failed, or was not run",
        always=("reason",),
        sometimes=(*_OF, "address"),
    ),
    "hook.dropped": EventKind(
        Level.WARNING,
        "8bd21b297e4c454eac4a9fbc451547c0",
        "Hooks that waited were left out",
        always=("instance", "kind", "count", "reason"),
    ),
}
