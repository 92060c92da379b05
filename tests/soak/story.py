"""The timeline of what led to a violation: faults, lines, assigns, holders, hakeeper's entries."""

import datetime as dt
import time
from collections.abc import Iterator, Sequence

from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.lab import Lab, LogEntry, event_of
from tests.soak.moves import Injected

_TOLD_S = 30.0
"""At least so much of what came before is told."""
_Item = tuple[float, str]


def story(lab: Lab, cloud: CloudFront, faults: Sequence[Injected], *, from_s: float) -> str:
    """Return everything that happened since `from_s` and shortly before, in order."""
    begin_s = min(from_s, time.monotonic() - _TOLD_S)
    items = [
        *_faults(faults),
        *_lines(lab),
        *_assigns(cloud),
        *_holders(lab, cloud),
        *_words(lab),
    ]
    told = sorted(item for item in items if item[0] >= begin_s)
    return "\n".join(f"{at_s - from_s:9.3f}  {text}" for at_s, text in told)


def _faults(faults: Sequence[Injected]) -> Iterator[_Item]:
    for fault in faults:
        yield fault.began_s, f"FAULT  {fault.node}: {fault.name}"
        if fault.ended_s != float("inf"):
            yield fault.ended_s, f"healed {fault.node}: {fault.name}"


def _lines(lab: Lab) -> Iterator[_Item]:
    before: dict[str, str] = {}
    for heard in lab.witness.heard():
        text = f"{heard.line.vrrp} {heard.line.state.value}"
        if before.get(heard.node) != text:  # a line that repeats is told once
            before[heard.node] = text
            yield heard.at_s, f"line   {heard.node}: {text}"
    for change in lab.witness.changes():
        if change.role.value == "UNKNOWN":
            yield change.at_s, f"death  {change.node}: keepalived can say no more"


def _assigns(cloud: CloudFront) -> Iterator[_Item]:
    for one in cloud.assigns():
        answer = "no answer" if one.answered_s is None else f"answer {one.status} {one.code}"
        yield one.received_s, f"assign {one.client}: to server {one.server}: {answer}"


def _holders(lab: Lab, cloud: CloudFront) -> Iterator[_Item]:
    names = {node.server_id: node.name for node in lab.nodes}
    for change in cloud.holder_changes():
        new = "nobody" if change.new is None else names.get(change.new, "another server")
        late = ", late" if change.late else ""
        yield change.at_s, f"holder  {new} (by {change.cause}{late})"


def _words(lab: Lab) -> Iterator[_Item]:
    offset_s = time.time() - time.monotonic()
    for node in lab.nodes:
        for entry in node.hakeeper.entries():
            at_s = _time_of(entry)
            if at_s is not None:
                text = f"{event_of(entry)}: {entry.get('message')}"
                yield at_s - offset_s, f"says   {node.name}: {text}"


def _time_of(entry: LogEntry) -> float | None:
    try:
        return dt.datetime.fromisoformat(str(entry.get("time"))).timestamp()
    except ValueError:
        return None
