"""The kinds of journal entry about a step-down; see `events.py`."""

from collections.abc import Mapping
from typing import Final

from hakeeper.adapters.journal.eventkind import WHO, EventKind, Level

STEP_DOWN_EVENTS: Final[Mapping[str, EventKind]] = {
    "step_down.begun": EventKind(
        Level.NOTICE,
        "c751e2a5386a40679120734dbcb8742a",
        "This server steps down: another node is to be MASTER",
        always=(*WHO, "delay_s"),
        sometimes=("reason",),
        operator=True,
    ),
    "step_down.done": EventKind(
        Level.NOTICE,
        "df2c863cf9de4782965fc2c19ea950fe",
        "This server has stepped down: other servers have its addresses",
        always=(*WHO, "duration_s", "yield_s", "claim_s"),
    ),
    "step_down.prolonged": EventKind(
        Level.NOTICE,
        "8a2b2f8a28dc418db7877ccb8f560221",
        "The step-down of this server has another end",
        always=(*WHO, "delay_s"),
        sometimes=("reason",),
    ),
    "step_down.overtaken": EventKind(
        Level.WARNING,
        "59884a2e66214baead0f9184421932e6",
        "This server is MASTER again though it stepped down",
        always=(*WHO, "duration_s"),
        operator=True,
    ),
    "step_down.ended": EventKind(
        Level.NOTICE,
        "83530a4bb96c4940bc9adaccae56d9ae",
        "Somebody ended the step-down of this server",
        always=(*WHO, "duration_s"),
    ),
    "step_down.expired": EventKind(
        Level.NOTICE,
        "cf814a8066ae4b938a572584160d0a9c",
        "The step-down of this server is over",
        always=(*WHO, "duration_s"),
    ),
    "step_down.failed": EventKind(
        Level.WARNING,
        "3894d978485044a984963906f200b15d",
        "A step-down was taken back",
        always=(*WHO, "reason", "duration_s"),
        operator=True,
    ),
    "step_down.file_failed": EventKind(
        Level.ERROR,
        "d1eec43009814302b95b756e1b23f193",
        "A file of the step-down cannot be read or written",
        always=("reason",),
        operator=True,
    ),
}
