"""Reads what every hakeeper says, and whether it is still there."""

from collections.abc import Iterator, Sequence

from hakeeper.demo.lab import LogEntry, Node, event_of

_FATAL = frozenset({"daemon.failed", "library.warned", "log.dropped"})
_EXPECTED_CRITICAL = frozenset({"address.held_down"})
"""A split brain is among the faults, and hakeeper is right to be loud about it."""


class Audit:
    """Looks at each node's log and process, at each call at what is new since the last."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._read = {node.name: 0 for node in nodes}
        self.events: dict[str, int] = {}
        """How often each kind of entry was written, over all nodes."""

    def problems(self, down: frozenset[str]) -> list[str]:
        """Name what is wrong; `down` are the nodes whose hakeeper the harness has ended itself."""
        found: list[str] = []
        for node in self._nodes:
            entries = node.hakeeper.entries()[self._read[node.name] :]
            self._read[node.name] += len(entries)
            for entry in entries:
                event = event_of(entry)
                self.events[event] = self.events.get(event, 0) + 1
                found += _wrong(node.name, entry)
            if node.name not in down and not node.hakeeper.running:
                code = node.hakeeper.exit_code
                found.append(f"hakeeper of {node.name} ended unasked, with exit code {code}")
        return found


def _wrong(node: str, entry: LogEntry) -> Iterator[str]:
    event = event_of(entry)
    if "raw" in entry:
        yield f"hakeeper of {node} printed what is no log entry: {entry['raw']}"
    elif event in _FATAL or "Traceback" in str(entry.get("message", "")):
        yield f"hakeeper of {node}: {event}: {entry.get('message')}"
    elif entry.get("level") == "critical" and event not in _EXPECTED_CRITICAL:
        yield f"hakeeper of {node}: critical: {event}: {entry.get('message')}"
