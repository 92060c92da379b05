"""The kinds of journal entry about what a failover does not need; see `events.py`."""

from collections.abc import Mapping
from typing import Final

from hakeeper.adapters.journal.eventkind import EventKind, Level

SHELL_EVENTS: Final[Mapping[str, EventKind]] = {
    "state.failed": EventKind(
        Level.WARNING,
        "d47abc7bcc63425c82c048d9fa18b84f",
        "The state file cannot be read or written",
        always=("reason",),
    ),
    "history.failed": EventKind(
        Level.WARNING,
        "95a1671a0b2846da8d6ee6df6112c7e9",
        "The history cannot be written",
        always=("reason",),
    ),
    "control.failed": EventKind(
        Level.WARNING,
        "c16449eeb5df4e2a90a88b2f2ac2fb74",
        "The status socket cannot be made",
    ),
    "control.recovered": EventKind(
        Level.NOTICE,
        "b4211b6ada584ffd97e5971ce71c6cd6",
        "The status socket is there again",
    ),
    "watch.failed": EventKind(
        Level.WARNING,
        "c0a66dab8ba94496a5f7d2dd171dc2f5",
        "The kernel does not wake hakeeper, which looks by itself instead",
    ),
    "recording.failed": EventKind(
        Level.WARNING,
        "bc914f81e3ba4c038034cddd79e8d0e7",
        "The recording has ended",
    ),
    "notify.failed": EventKind(
        Level.WARNING,
        "dc17de3b52c2477ebbd02a5538a4a948",
        "systemd did not take a notification",
    ),
    "log.dropped": EventKind(
        Level.WARNING,
        "838d1c9343d1499b9d367e916711dfea",
        "Journal entries of hakeeper were lost",
        always=("count", "total"),
    ),
}
