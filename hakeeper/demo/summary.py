"""The end of the demo: picture, table, journal and verdict, for people and as JSON."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.core.model import Role
from hakeeper.demo.chronicle import phases_ms
from hakeeper.demo.history import Act, History, Said, shown
from hakeeper.demo.picture import LEGEND, picture
from hakeeper.demo.screen import Screen
from hakeeper.demo.verdict import Finding, confirmation, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happened to one address in an act, in ms since its trigger; None: it did not."""

    address: str
    old: str | None
    """The server that had it before, and `new` the one that had it in the end; None: nobody."""
    new: str | None
    call_ms: float | None
    """When the cloud received the first call that it accepted."""
    moved_ms: float | None
    nobody_ms: float
    """How long nobody had it in between."""
    confirmed_ms: float | None
    phases_ms: Mapping[str, float]
    """By phase of the claim: ms since hakeeper read the line, by its own clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """The figures of one act."""

    title: str
    trigger: str
    holder: str
    """The server that must get the addresses."""
    master_ms: float | None
    """In ms since its trigger; None: it did not get there."""
    tries: int
    """How many calls were refused before that."""
    moves: tuple[Move, ...]


def failovers(history: History) -> list[Failover]:
    """Return the figures of every act that was started."""
    return [_failover(history, index) for index in range(len(history.acts))]


def _failover(history: History, index: int) -> Failover:
    act, span = history.acts[index], history.act_span(index)
    heir = act.heir
    masters = [
        each.at_s
        for each in history.roles
        if each.node == heir and each.role is Role.MASTER and each.at_s in span
    ]
    # hakeeper may read the line slightly before the demo does.
    masters += [
        each.at_s
        for each in history.said
        if each.node == heir and each.fields.get("role") == "MASTER" and each.at_s in span
    ]
    calls = [each for each in history.requests if each.client == heir and each.received_s in span]
    # Its assign is sent before it is logged.
    masters += [each.received_s for each in calls if each.is_assign]
    return Failover(
        title=act.title,
        trigger=act.trigger,
        holder=shown(heir),
        master_ms=_since(act, masters),
        tries=sum(1 for each in calls if each.status == 503),  # noqa: PLR2004  # the status
        moves=tuple(_move(history, index, address) for address in history.addresses),
    )


def _move(history: History, index: int, address: str) -> Move:
    act, span = history.acts[index], history.act_span(index)
    calls = [
        each.received_s
        for each in history.writes(address)
        if each.client == act.heir and each.received_s in span and each.status == 201  # noqa: PLR2004  # the status
    ]
    changes = [
        each.at_s
        for each in history.changes(address)
        if each.cause == act.heir and each.new and each.at_s in span
    ]
    gaps = [each.length_s for each in history.gaps(address) if each.from_s in span]
    confirmed = confirmation(history, index, address)
    return Move(
        address=address,
        old=_shown(history.holder_at(address, span.from_s)),
        new=_shown(history.holder_at(address, span.until_s)),
        call_ms=_since(act, calls),
        moved_ms=_since(act, changes),
        nobody_ms=round(sum(gaps) * 1000, 1),
        confirmed_ms=_since(act, [] if confirmed is None else [confirmed.at_s]),
        phases_ms={} if confirmed is None else phases_ms(confirmed.fields),
    )


def _shown(node: str | None) -> str | None:
    return None if node is None else shown(node)


def _since(act: Act, times: list[float]) -> float | None:
    return None if not times else round((min(times) - act.trigger_s) * 1000, 1)


# --- for people --------------------------------------------------------------------------------


def show(history: History, screen: Screen, *, replayed: bool) -> bool:
    """Show the summary; return whether everything was right."""
    findings = judge(history)
    screen.title(f"Who had {' and '.join(history.addresses)}")
    for line in picture(history, screen.width):
        screen.line(line)
    for line in LEGEND:
        screen.line(" " * 8 + line, "dim")
    _show_table(history, screen, replayed=replayed)
    _show_journal(history, screen)
    _show_verdict(findings, screen, replayed=replayed)
    return all(finding.ok for finding in findings)


_COLUMNS = "{:<32}{:>8}{:>8}{:>9}{:>9}{:>11}"


def _show_table(history: History, screen: Screen, *, replayed: bool) -> None:
    screen.title("How long it took")
    screen.line(_COLUMNS.format("ms since the trigger,", "line", "first", "new", "with", "read"))
    text = ("and from where to where", "MASTER", "call", "holder", "nobody", "back")
    screen.line(_COLUMNS.format(*text), "dim")
    for one in failovers(history):
        title = f"{one.title[0]} {one.trigger}{', API down' if one.tries else ''}"
        screen.line(_COLUMNS.format(title, _ms(one.master_ms), *[""] * 4).rstrip())
        for move in one.moves:
            way = f"  {move.address:<13} {move.old or 'nobody'} → {move.new or 'nobody'}"
            way = screen.text(way)  # before it is padded
            figures = (move.call_ms, move.moved_ms, move.nobody_ms or None, move.confirmed_ms)
            screen.line(_COLUMNS.format(way, "", *map(_ms, figures)))
    screen.line()
    real = "keepalived's are recorded, hakeeper's" if replayed else "keepalived's and hakeeper's"
    floating_s, alias_s = map(history.dark_s, history.addresses)
    nobody_s = sum(span.length_s for span in history.gaps(history.alias))
    screen.paragraph(
        f"In all, {history.address} led to a dead server for {floating_s:.1f} s; {history.alias} "
        f"did for {alias_s:.1f} s, and was with nobody for {nobody_s:.1f} s. The API's own times "
        f"are this simulator's; {real} are real, on this machine.",
        "dim",
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _show_journal(history: History, screen: Screen) -> None:
    entries = list(journal(history))
    if not entries:
        return
    heir = shown(history.acts[-1].heir)
    screen.title(f"The journal of {heir} for the last failover")
    screen.line("journalctl -u hakeeper", "dim")
    for entry in entries:
        level = Level[entry.level.upper()]
        style = "warn" if level <= Level.WARNING else ""
        screen.paragraph(journal_line(entry), style, "", "  ")


def journal(history: History) -> Iterator[Said]:
    """Select what an operator reads of the last act: the heir's entries from notice on."""
    if not history.acts:
        return
    index = len(history.acts) - 1
    heir, span = history.acts[index].heir, history.act_span(index)
    for each in history.said:
        kind = EVENTS.get(each.event)
        if each.node == heir and each.at_s in span and kind and kind.level <= Level.NOTICE:
            yield each


def journal_line(said: Said) -> str:
    """Format an entry as journalctl does by default."""
    moment = dt.datetime.fromtimestamp(said.time_s).astimezone()
    return f"{moment:%b %d %H:%M:%S} {shown(said.node)} hakeeper[{said.pid}]: {said.message}"


def _show_verdict(findings: tuple[Finding, ...], screen: Screen, *, replayed: bool) -> None:
    right = all(finding.ok for finding in findings)
    screen.title("Verdict")
    for finding in findings:
        mark, style = ("ok", "good") if finding.ok else ("WRONG", "bad")
        screen.columns(((mark, 7, style),), finding.text, "" if finding.ok else "bad")
    screen.line()
    if replayed:
        how = "hakeeper was real; keepalived was REPLAYED from a recording, Hetzner simulated."
    else:
        how = "keepalived and hakeeper were real, Hetzner was simulated."
    if right:
        screen.paragraph(f"Every holder was right. {how}", "good")
    else:
        screen.paragraph(f"Something was wrong: see above. {how}", "bad")


# --- for programs ------------------------------------------------------------------------------


def document(history: History, *, mode: str, reason: str | None) -> dict[str, Any]:
    """Return the summary as JSON; times in seconds since the start, durations as they are named."""
    findings = judge(history)

    def since(at_s: float) -> float:
        return round(at_s - history.span.from_s, 3)

    return {
        "ok": all(finding.ok for finding in findings),
        "keepalived": mode,
        "replay_reason": reason,
        "duration_s": round(history.span.length_s, 3),
        "floating_ip": history.address,
        "alias_ip": history.alias,
        "servers": {shown(node): server for node, server in history.servers.items()},
        "failovers": [asdict(each) for each in failovers(history)],
        "holders": {
            address: [
                {
                    "holder": _shown(node),
                    "from_s": since(span.from_s),
                    "until_s": since(span.until_s),
                }
                for node, span in history.owned(address)
            ]
            for address in history.addresses
        },
        "roles": [
            {"at_s": since(each.at_s), "server": shown(each.node), "role": each.role.value}
            for each in history.roles
        ],
        "outages": [
            {"from_s": since(span.from_s), "until_s": since(span.until_s)}
            for span in history.outages
        ],
        "dead_server_s": {ip: round(history.dark_s(ip), 3) for ip in history.addresses},
        "journal": [journal_line(each) for each in journal(history)],
        "findings": [asdict(finding) for finding in findings],
    }
