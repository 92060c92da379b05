"""Was every holder right? Pure functions over a history.

The cloud's log and keepalived's lines decide; hakeeper's own log only has to agree with them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hakeeper.demo.cloud import LoggedRequest
from hakeeper.demo.history import Act, History, Said, Span, shown

IN_FLIGHT_S = 0.5
"""A request that was sent in time may arrive this long after its sender's demotion or death."""
WITNESS_LATE_S = 0.3
"""hakeeper may read a line, and send, this long before the demo has read the same line."""
HEALED_LIMIT_S = 15.0
"""hakeeper's promise: how long after the end of an API failure the addresses are there."""
NOBODY_LIMIT_S = 2.0
"""How long a move may leave the alias IP with nobody: an action of 0.3 s, and a few calls."""
TROUBLE = ("claim.failed", "claim.unknown", "claim.refused", "api.failed", "api.throttled")
"""The log events of a failing API."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement, whether it was met, and what was found."""

    ok: bool
    text: str


def judge(history: History) -> tuple[Finding, ...]:
    """Check everything; the run was right only if every finding is ok."""
    checks: tuple[Callable[[History], Iterator[Finding]], ...] = (
        _told_to_the_end,
        _holders_in_order,
        _nobody_only_briefly,
        _others_untouched,
        _holder_was_master,
        _only_masters_assigned,
        _all_claims_confirmed,
        _survived_outages,
        _no_errors,
    )
    return tuple(finding for check in checks for finding in check(history))


def _told_to_the_end(history: History) -> Iterator[Finding]:
    if history.failure is not None:
        yield Finding(ok=False, text=f"the story was aborted: {history.failure}")
    elif len(history.acts) != history.acts_planned:
        text = f"only {len(history.acts)} of {history.acts_planned} parts were played"
        yield Finding(ok=False, text=text)


def _path(holders: list[str | None]) -> str:
    return " → ".join("nobody" if holder is None else shown(holder) for holder in holders)


def _holders_in_order(history: History) -> Iterator[Finding]:
    heirs: list[str | None] = [act.heir for act in history.acts]
    for address in history.addresses:
        wanted = [None, *heirs]
        if address == history.alias:  # released first, and then taken
            wanted = [each for heir in heirs for each in (None, heir)]
        found = [holder for holder, _ in history.owned(address)]
        unexpected = list(_unexpected(history, address))
        if found != wanted:
            text = f"{address} went {_path(found)}, but should have gone {_path(wanted)}"
            yield Finding(ok=False, text=text)
        elif unexpected:
            text = f"an unexpected move of {address}: {'; '.join(unexpected)}"
            yield Finding(ok=False, text=text)
        else:
            yield Finding(ok=True, text=f"{address} went {_path(heirs)}, and nowhere else")


def _unexpected(history: History, address: str) -> Iterator[str]:
    """List the moves that were not made by the next holder as master, or not in time."""
    changes = history.changes(address)
    for index, change in enumerate(changes):
        mover = next((history.node_of(each.new) for each in changes[index:] if each.new), None)
        to = _name(history.node_of(change.new))
        if change.cause != mover or change.late:
            yield f"{change.cause} moved it to {to}"
        elif not _was_master(history, mover, change.at_s):
            yield f"{shown(mover)} moved it to {to} without being master"


def _was_master(history: History, node: str, at_s: float) -> bool:
    return any(at_s in _widened(span) for span in history.mastered(node))


def _name(node: str | None) -> str:
    return "nobody" if node is None else shown(node)


def _nobody_only_briefly(history: History) -> Iterator[Finding]:
    longest_s = max((span.length_s for span in history.gaps(history.alias)), default=0.0)
    text = f"a move left {history.alias} with nobody for {longest_s:.2f} s at most"
    yield Finding(ok=longest_s <= NOBODY_LIMIT_S, text=f"{text} (limit: {NOBODY_LIMIT_S:g} s)")


def _others_untouched(history: History) -> Iterator[Finding]:
    owners = {ip: node for node, ip in history.foreign.items()}
    found: dict[str, list[str | None]] = {ip: [] for ip in owners}
    for change in history.alias_changes:
        if change.ip != history.alias:
            found.setdefault(change.ip, []).append(history.node_of(change.new))
    wrongs = {ip: path for ip, path in found.items() if path != [owners.get(ip)]}
    for ip, path in wrongs.items():
        whose = f"{shown(owners[ip])}'s" if ip in owners else "an unknown"
        yield Finding(ok=False, text=f"{whose} alias IP {ip} went {_path([None, *path])}")
    if not wrongs:
        places = ", ".join(f"{ip} on {shown(node)}" for ip, node in owners.items())
        yield Finding(ok=True, text=f"other alias IPs stayed: {places}")


def _holder_was_master(history: History) -> Iterator[Finding]:
    wrongs = [text for act in history.acts for text in _wrongs_at_the_end(act, history.addresses)]
    if wrongs:
        yield from (Finding(ok=False, text=text) for text in wrongs)
    else:
        text = f"the one VRRP master had both at the end of all {len(history.acts)} parts"
        yield Finding(ok=True, text=text)


def _wrongs_at_the_end(act: Act, addresses: Iterable[str]) -> Iterator[str]:
    found, where = act.checkpoint, f"at the end of “{act.title}”"
    if found is None:
        yield f"{where}: never reached"
        return
    for address in addresses:
        if (holder := found.holders.get(address)) != act.heir:
            yield f"{where}: {address} was with {_name(holder)}, not with {shown(act.heir)}"
    if found.masters != (act.heir,):
        names = ", ".join(map(shown, found.masters)) or "nobody"
        yield f"{where}: VRRP master was {names}, not {shown(act.heir)} alone"
    if found.running != act.running:
        names = ", ".join(map(shown, found.running)) or "none"
        yield f"{where}: hakeeper ran on {names}"


def _only_masters_assigned(history: History) -> Iterator[Finding]:
    writes = [(each, address) for address in history.addresses for each in history.writes(address)]
    wrongs = [text for each, address in writes for text in _wrongs_of(each, address, history)]
    if wrongs:
        yield from (Finding(ok=False, text=text) for text in wrongs)
    else:
        assigns, changes = (len(history.writes(address)) for address in history.addresses)
        text = f"{assigns} assigns and {changes} changes of alias IPs were sent"
        text = f"{text}, each by the master of that moment, for itself"
        yield Finding(ok=assigns > 0 and changes > 0, text=text)


def _wrongs_of(write: LoggedRequest, address: str, history: History) -> Iterator[str]:
    at_s = write.received_s - history.span.from_s
    who = f"{at_s:.2f} s: {shown(write.client) if write.client else 'an unknown client'}"
    gives = write.is_assign or address in (write.alias_ips or ())
    if gives and write.server != history.servers.get(write.client):
        yield f"{who} gave {address} to server {write.server}, which is not its own"
    if not _was_master(history, write.client, write.received_s):
        what = "an assign" if write.is_assign else "a change of alias IPs"
        yield f"{who} sent {what} without being master"


def _widened(span: Span) -> Span:
    return Span(span.from_s - WITNESS_LATE_S, span.until_s + IN_FLIGHT_S)


def _all_claims_confirmed(history: History) -> Iterator[Finding]:
    missing = [
        (act, address)
        for index, act in enumerate(history.acts)
        for address in history.addresses
        if confirmation(history, index, address) is None
    ]
    if missing:
        for act, address in missing:
            text = f"{shown(act.heir)} never confirmed its claim of {address} in “{act.title}”"
            yield Finding(ok=False, text=text)
    else:
        text = "every claim was confirmed by reading the holder back"
        yield Finding(ok=True, text=text)


def confirmation(history: History, index: int, address: str) -> Said | None:
    """Return the log entry in which an act's heir confirmed its claim of an address."""
    span, heir = history.act_span(index), history.acts[index].heir
    for each in history.said:
        claimed = each.event == "address.claimed" and each.fields.get("address") == address
        if claimed and each.node == heir and each.at_s in span:
            return each
    return None


def refused(history: History, outage: Span) -> list[LoggedRequest]:
    """Return the requests that were refused during an outage."""
    return [each for each in history.requests if each.status == 503 and each.received_s in outage]  # noqa: PLR2004  # the status


def _survived_outages(history: History) -> Iterator[Finding]:
    for outage in history.outages:
        yield _kept_trying(history, outage)
        yield _said_it_once(history, outage)
        yield from (_moved_after(history, outage, each) for each in history.addresses)


def _kept_trying(history: History, outage: Span) -> Finding:
    begun = [act.heir for act in history.acts if act.trigger_s < outage.until_s]
    heir = begun[-1] if begun else "nobody"
    count = sum(1 for each in refused(history, outage) if each.client == heir)
    text = f"the API refused {shown(heir)} {count} times in {outage.length_s:.1f} s"
    for address in history.addresses:
        if any(change.at_s in outage for change in history.changes(address)):
            return Finding(ok=False, text=f"{text}, but moved {address}")
    if count < 2:  # noqa: PLR2004  # a retry is a second attempt
        return Finding(ok=False, text=f"{text}: it did not keep trying")
    return Finding(ok=True, text=f"{text}, and it kept trying")


def _said_it_once(history: History, outage: Span) -> Finding:
    told = [each for each in history.said if each.event in TROUBLE and each.at_s in outage]
    kinds = {(each.node, each.event, each.fields.get("address")) for each in told}
    names = ", ".join(dict.fromkeys(f"{shown(each.node)} {each.event}" for each in told))
    if not told or len(kinds) != len(told):
        text = f"the journals reported the outage {len(told)} times: {names or 'nothing'}"
        return Finding(ok=False, text=text)
    return Finding(ok=True, text=f"the journal reported each kind of failure once: {names}")


def _moved_after(history: History, outage: Span, address: str) -> Finding:
    later = [each for each in history.changes(address) if each.new and each.at_s >= outage.until_s]
    if not later:
        return Finding(ok=False, text=f"{address} did not move after the API's recovery")
    took_s = later[0].at_s - outage.until_s
    text = f"{address} moved {took_s:.1f} s after the API's recovery"
    return Finding(ok=took_s <= HEALED_LIMIT_S, text=f"{text} (promised: {HEALED_LIMIT_S:.0f} s)")


def _no_errors(history: History) -> Iterator[Finding]:
    errors = [each for each in history.said if each.level in {"error", "critical"}]
    for each in errors:
        yield Finding(ok=False, text=f"{shown(each.node)} logged an error: {each.message}")
    if not errors:
        yield Finding(ok=True, text="no hakeeper logged an error")
