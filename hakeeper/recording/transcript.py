"""A recording for people: one line for each event and each effect."""

import contextlib
import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.core.events import Effect, Report
from hakeeper.core.model import ProcessId, VrrpId
from hakeeper.core.observation import ResourceId, ResourceRef
from hakeeper.core.roles.lines import NotifyLine
from hakeeper.recording.replay import Step
from hakeeper.recording.story import Beginning, Heard

ITEMS_SHOWN = 12
"""Of a list; the rest is counted."""
TIME_PASSED = "the time that the core had asked for"
"""Stands for a batch without events."""


def beginning_line(beginning: Beginning) -> str:
    """Tell who recorded a run, and when."""
    who = f"hakeeper {beginning.hakeeper} on Python {beginning.python}"
    return printable(f"{beginning.time}  {who}, {short(beginning.settings)}")


def step_lines(step: Step) -> Iterator[str]:
    """Tell a batch of events and what the core answers to it now."""
    for line in event_lines(step.then):
        yield f"{clock(step.after_s)}  {line}"
    for line in answer_lines(step.now):
        yield f"{'':14}{line}"


def clock(after_s: float) -> str:
    """Return the time since a run began, in seconds."""
    return f"{after_s:+12.6f}"


def event_lines(heard: Heard) -> Iterator[str]:
    """Tell the events of a batch, each on its line."""
    for event in heard.events:
        yield printable(short(event))
    if not heard.events:
        yield TIME_PASSED


def answer_lines(heard: Heard) -> Iterator[str]:
    """Tell the effects, or the exception."""
    for effect in heard.effects:
        yield effect_line(effect)
    if heard.raised:
        yield printable(f"the core broke: {heard.raised}")


def effect_line(effect: Effect) -> str:
    """Tell an effect."""
    if isinstance(effect, Report):
        # What names a kind or an API that only another hakeeper knows has no words here.
        with contextlib.suppress(KeyError):
            entry = entry_of(effect)
            return printable(f"{entry.event}: {entry.message}")
    return printable(short(effect))


def short(value: object) -> str:
    """Return a value as people would write it down: names and what is not as usual."""
    match value:
        case NotifyLine() | ProcessId() | VrrpId() | ResourceRef() | ResourceId():
            return _short_noun(value)
        case tuple():
            return f"[{_joined(short(item) for item in value)}]"
        case Mapping():
            pairs = (f"{short(key)}: {short(item)}" for key, item in value.items())
            return f"{{{_joined(pairs)}}}"
        case _ if dataclasses.is_dataclass(value):
            telling = (
                f"{field.name}={short(found)}"
                for field in dataclasses.fields(value)
                if (found := getattr(value, field.name)) != field.default
            )
            return f"{type(value).__name__}({_joined(telling)})"
        case _:
            return _short_scalar(value)


def _short_noun(value: NotifyLine | ProcessId | VrrpId | ResourceRef | ResourceId) -> str:
    match value:
        case NotifyLine(vrrp, state, priority):
            return f"{vrrp} {state.value} {priority}"
        case ProcessId(pid):
            return f"pid {pid}"
        case _:
            return str(value)


def _short_scalar(value: object) -> str:
    match value:
        case enum.Enum():
            return str(value.value)
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case _:
            return str(value)


def _joined(parts: Iterable[str]) -> str:
    listed = list(parts)
    more = len(listed) - ITEMS_SHOWN
    return ", ".join(listed[:ITEMS_SHOWN] + ([f"{more} more"] if more > 0 else []))


def printable(text: str) -> str:
    """Show what would move a terminal's cursor: a recording comes from somebody else."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
