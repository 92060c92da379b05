"""The kinds of journal entry about selectors, and about what they choose; see `events.py`."""

from collections.abc import Mapping
from typing import Final

from hakeeper.adapters.journal.eventkind import EventKind, Level

_OF: Final = ("instance", "kind", "address", "selector")

SELECTOR_EVENTS: Final[Mapping[str, EventKind]] = {
    "address.selected": EventKind(
        Level.NOTICE,
        "0a4d82d5f1ac44a4babcdbfeabe13e3d",
        "An address was chosen by its labels",
        always=(*_OF, "resource_kind", "resource_id"),
    ),
    "address.deselected": EventKind(
        Level.NOTICE,
        "016373a75f314ae5b79fed5515be7b95",
        "An address is no longer chosen by its labels",
        always=(*_OF, "reason"),
        operator=True,
    ),
    "address.chosen_twice": EventKind(
        Level.WARNING,
        "1742447f7ef64a38be3375c205829ea4",
        "An address is chosen for an instance, and follows another",
        always=(*_OF, "reason"),
    ),
    "selector.empty": EventKind(
        Level.WARNING,
        "8a236b7405e145a2b0c69e8fc13daa5b",
        "A label selector chooses no address",
        always=("instance", "kind", "selector", "listed"),
    ),
    "selector.broad": EventKind(
        Level.WARNING,
        "198b65b3d3c545fd831c16f698b50cf8",
        "A label selector chooses most of the project's addresses",
        always=("instance", "kind", "selector", "chosen", "listed"),
        operator=True,
    ),
}
