"""The timeline: events from four sources, in words and in order.

The sources are keepalived's lines, hakeeper's log, the requests that the cloud refused, and the
cloud's record of holders. Each has its own time stamps.
"""

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.core.model import Role
from hakeeper.demo.cloud import AliasChange, CloudFront, HolderChange, LoggedRequest
from hakeeper.demo.history import ADDRESS, ALIAS, Change, Said, shown
from hakeeper.demo.lab import LogEntry
from hakeeper.demo.lab.witness import RoleChange
from hakeeper.demo.stage import Stage

_ORDERING_S = 0.15
"""How long an event waits for earlier ones that arrive later."""
_READ_LATE_S = 0.02
HAKEEPER, POWER, HOLDER, REFUSAL = "hakeeper", "power", "holder", "refusal"
"""The actors of the timeline, besides keepalived."""
_NOT_SHOWN = frozenset(
    {
        "role.changed",  # keepalived's own line is shown already
        "daemon.started",
        "keepalived.seen",
        "address.resolved",
    }
)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of the timeline. `where` is a node or `cloud`; `style` is one of Screen's."""

    at_s: float
    where: str
    who: str
    text: str
    style: str = ""
    read_late_s: float = 0.0
    """How much later than hakeeper the demo may read a line."""

    @property
    def order_s(self) -> float:
        """Its position in the order of events."""
        return self.at_s - self.read_late_s


class Chronicle:
    """Collects what has happened since the last call of `take`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._cloud: CloudFront = stage.cloud
        self._roles = 0
        holders, aliases = self._changes()  # from before the story
        self._holders, self._aliases = len(holders), len(aliases)
        self._refused: set[int] = set()
        self._tries: dict[str, int] = {}
        self._two_calls: set[tuple[int, str]] = set()
        """By pid: the addresses that its claim releases before it takes them."""
        self._entries: dict[str, int] = {server.node: 0 for server in stage.servers}
        self._waiting: list[TimelineEntry] = []
        self.said: list[Said] = []

    def add(self, where: str, who: str, text: str, style: str = "") -> None:
        """Add an event that the story itself causes."""
        self._waiting.append(TimelineEntry(time.monotonic(), where, who, text, style))

    def take(self, *, all_of_it: bool = False) -> list[TimelineEntry]:
        """Return the events that are old enough to be in order, oldest first."""
        for source in (self._new_roles, self._new_entries, self._new_refusals, self._new_holders):
            self._waiting.extend(source())
        self._waiting.sort(key=lambda each: each.order_s)
        until_s = time.monotonic() - (0 if all_of_it else _ORDERING_S)
        ready = [each for each in self._waiting if each.order_s <= until_s]
        del self._waiting[: len(ready)]
        return ready

    # --- the sources -----------------------------------------------------------------------

    def _new_roles(self) -> Iterator[TimelineEntry]:
        changes = self._stage.roles()[self._roles :]
        self._roles += len(changes)
        for change in changes:
            if change.role is not Role.UNKNOWN:  # a death, which the story reports itself
                yield self._of_role(change)

    def _of_role(self, change: RoleChange) -> TimelineEntry:
        text, style = f"says {change.role.value}", "title" if change.role is Role.MASTER else ""
        return TimelineEntry(
            change.at_s, change.node, self._stage.voice, text, style, read_late_s=_READ_LATE_S
        )

    def _changes(self) -> tuple[list[HolderChange], list[AliasChange]]:
        cloud, stage = self._cloud, self._stage
        return cloud.holder_changes(stage.floating_ip), cloud.alias_changes(stage.network)

    def _new_holders(self) -> Iterator[TimelineEntry]:
        holders, aliases = self._changes()
        for change in holders[self._holders :]:
            yield self._of_holder(ADDRESS, change)
        for alias in aliases[self._aliases :]:
            yield self._of_holder(alias.ip, alias)
        self._holders, self._aliases = len(holders), len(aliases)

    def _of_holder(self, address: str, change: Change) -> TimelineEntry:
        names = {server.server_id: shown(server.node) for server in self._stage.servers}
        names[0] = "nobody"
        text = f"{address} moves: {names[change.old or 0]} → {names[change.new or 0]}"
        style = "good" if change.new else "warn"
        return TimelineEntry(change.at_s, "cloud", HOLDER, text, style)

    def _new_refusals(self) -> Iterator[TimelineEntry]:
        for request in self._cloud.requests():
            if request.status == 503 and request.seq not in self._refused:  # noqa: PLR2004  # the status
                self._refused.add(request.seq)
                yield self._of_refusal(request)

    def _of_refusal(self, request: LoggedRequest) -> TimelineEntry:
        count = self._tries[request.client] = self._tries.get(request.client, 0) + 1
        kinds = {request.is_assign: "assign", request.is_alias_write: "alias IPs"}
        what = kinds.get(True, "reading")
        text = f"503 to {shown(request.client)}'s call {count} ({what})"
        return TimelineEntry(request.received_s, "cloud", REFUSAL, text, "dim")

    def _new_entries(self) -> Iterator[TimelineEntry]:
        offset_s = time.monotonic() - time.time()
        for server in self._stage.servers:
            entries = server.hakeeper.entries()[self._entries[server.node] :]
            self._entries[server.node] += len(entries)
            for entry in entries:
                said = _said(server.node, server.hakeeper.pid, entry, offset_s)
                self.said.append(said)
                if said.event not in _NOT_SHOWN:
                    text, style = self._of_entry(said)
                    yield TimelineEntry(said.at_s, said.node, HAKEEPER, text, style)

    def _of_entry(self, said: Said) -> tuple[str, str]:
        address = str(said.fields.get("address"))
        if said.event in _SHORT:
            text, style = _SHORT[said.event]
            values = {"http_status": "an error", **said.fields}
            return text.format_map(values), style
        if said.event == "claim.started":
            return self._of_start(said, address), ""
        if said.event == "address.claimed":
            two = (said.pid, address) in self._two_calls
            return f"has {address}. {phases(said.fields, two_calls=two)}", "good"
        kind = EVENTS.get(said.event)
        bad = kind is None or kind.level <= Level.WARNING
        return said.message, "warn" if bad else ""

    def _of_start(self, said: Said, address: str) -> str:
        """Tell what is asked for; an alias IP that somebody has takes two calls."""
        names = {str(server.server_id): shown(server.node) for server in self._stage.servers}
        holder, us = names.get(str(said.fields.get("holder"))), shown(said.node)
        self._two_calls.discard((said.pid, address))
        if address != ALIAS:
            return f"asks for {address}: assign it to {us}"
        if holder is None:
            return f"asks for {address}: put it onto {us}"
        self._two_calls.add((said.pid, address))
        return f"asks for {address}: off {holder}, then onto {us}"


def _said(node: str, pid: int, entry: LogEntry, offset_s: float) -> Said:
    """Parse one line of the log; one that is not a log entry is kept as an error."""
    fields = entry.get("fields")
    if "raw" in entry or not isinstance(fields, dict):
        now = time.time()
        message = str(entry.get("raw", entry))
        return Said(now + offset_s, now, node, pid, "", "error", message, {})
    time_s = dt.datetime.fromisoformat(str(entry["time"])).timestamp()
    return Said(
        at_s=time_s + offset_s,
        time_s=time_s,
        node=node,
        pid=pid,
        event=str(entry["event"]),
        level=str(entry["level"]),
        message=str(entry["message"]),
        fields=fields,
    )


_SHORT = {
    "fifo.opened": ("started, listens to keepalived's FIFO", ""),
    "server.identified": ("has identified itself as server {server_id}", ""),
    "claim.failed": ("journal: assign failed, {http_status}; retrying", "warn"),
    "api.failed": ("journal: reading failed, {http_status}; retrying", "warn"),
    "api.recovered": ("journal: the API answers again", "good"),
    "keepalived.stopped": ("sees that keepalived was stopped", ""),
    "status.ok": ("status: OK again", "good"),
    "status.degraded": ("status: DEGRADED, {code}", "warn"),
    "status.broken": ("status: BROKEN, {code}", "warn"),
    "role.unverified": ("sees no keepalived process, and accepts the line", "warn"),
}
"""Texts that are shorter here than in the journal, with their style; fields can be inserted."""


_PHASES = {
    "sent_ms": "sent",
    "accepted_ms": "accepted",
    "finished_ms": "action finished",
    "confirmed_ms": "holder confirmed",
}
"""The fields of `address.claimed`, in ms since the line."""


def phases_ms(fields: Mapping[str, Any]) -> dict[str, float]:
    """Return the phases of a claim from its log entry, each in ms since the line."""
    return {word: float(fields[key]) for key, word in _PHASES.items() if key in fields}


def phases(fields: Mapping[str, Any], *, two_calls: bool) -> str:
    """Return a claim's phases as text, each with its duration."""
    text, before_ms = "line", 0.0
    for phase, reached_ms in phases_ms(fields).items():
        word = "2nd accepted" if two_calls and phase == "accepted" else phase.split()[-1]
        text += f" →{reached_ms - before_ms:.0f}→ {word}"
        before_ms = reached_ms
    tries = int(fields.get("attempt", 1))
    return f"{text}: {before_ms:.0f} ms{f', {tries} tries' if tries > 1 else ''}"
