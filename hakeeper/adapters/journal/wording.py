"""The words for what the core reports: typed decisions in, entries out.

The message is for people and may change; scripts use the fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from hakeeper.adapters.journal import (
    wording_keepalived,
    wording_pause,
    wording_resources,
    wording_selectors,
    wording_step_down,
)
from hakeeper.adapters.journal.entry import Entry
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import Report

WORDING: Final[Mapping[type[Decision], Callable[[Any], Entry]]] = {
    **wording_keepalived.WORDING,
    **wording_resources.WORDING,
    **wording_pause.WORDING,
    **wording_step_down.WORDING,
    **wording_selectors.WORDING,
}
"""By the kind of decision; there is one for each."""


def entry_of(report: Report) -> Entry:
    """Return the entry for what the core reports."""
    entry = WORDING[type(report.decision)](report.decision)
    if not report.held_back:
        return entry
    held_back = f"(and {report.held_back} before it were held back)"
    return replace(entry, message=f"{entry.message} {held_back}")
