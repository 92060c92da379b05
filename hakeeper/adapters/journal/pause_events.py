"""The kinds of journal entry about what operators ask for: pauses, takes; see `events.py`."""

from collections.abc import Mapping
from typing import Final

from hakeeper.adapters.journal.eventkind import WHO, EventKind, Level

PAUSE_EVENTS: Final[Mapping[str, EventKind]] = {
    "pause.begun": EventKind(
        Level.WARNING,
        "180670de5c84449f824cae55898faf66",
        "hakeeper is paused: it moves no address",
        always=(*WHO, "delay_s"),
        sometimes=("reason",),
        operator=True,
    ),
    "pause.ended": EventKind(
        Level.NOTICE,
        "4508c14bf4174bcaa80c753849820fc5",
        "Somebody ended the pause of hakeeper",
        always=(*WHO, "duration_s"),
    ),
    "pause.expired": EventKind(
        Level.NOTICE,
        "af20fe4e8e1b46ed91d0f20a5d16e52f",
        "The pause of hakeeper is over",
        always=(*WHO, "duration_s"),
    ),
    "pause.failed": EventKind(
        Level.ERROR,
        "9e0a4a8ddd5d48b5aab9fc20ac958183",
        "The pause of hakeeper cannot be read or written",
        always=("reason",),
        operator=True,
    ),
    "claim.paused": EventKind(
        Level.WARNING,
        "e0e15feb026343a3b125fe52e2492a69",
        "An address is left where it is, since hakeeper is paused",
        always=("instance", "kind", "address", "holder", "reason"),
        operator=True,
    ),
    "take.begun": EventKind(
        Level.NOTICE,
        "460dda92b7a34f23bec8ddd75fe183ec",
        "An operator has an address claimed without waiting",
        always=("instance", "kind", "address", "holder", *WHO),
    ),
}
