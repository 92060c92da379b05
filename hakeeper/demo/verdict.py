"""Was every holder right? Pure functions over a history.

The cloud's log and keepalived's lines decide; hakeeper's own log only has to agree with them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hakeeper.demo.cloud import LoggedRequest
from hakeeper.demo.history import Act, History, Said, Span, shown

IN_FLIGHT_S = 0.5
"""A request that was sent in time may arrive this long after its sender's demotion or death."""
WITNESS_LATE_S = 0.3
"""hakeeper may read a line, and send, this long before the demo has read the same line."""
HEALED_LIMIT_S = 15.0
"""hakeeper's promise: how long after the end of an API failure the address is there."""
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
    wanted = [None, *(act.heir for act in history.acts)]
    found = [history.node_of(change.new) for change in history.holder_changes]
    foreign = [
        f"{change.cause} moved it to {shown(holder) if holder else 'nobody'}"
        for change, holder in zip(history.holder_changes[1:], found[1:], strict=True)
        if change.cause != holder or change.late
    ]
    if found != wanted:
        text = f"the address went {_path(found)}, but should have gone {_path(wanted)}"
        yield Finding(ok=False, text=text)
    elif foreign:
        yield Finding(ok=False, text=f"an unexpected move of the address: {'; '.join(foreign)}")
    else:
        text = f"the address went {_path(found[1:])}, and nowhere else"
        yield Finding(ok=True, text=text)


def _holder_was_master(history: History) -> Iterator[Finding]:
    wrongs = [text for act in history.acts for text in _wrongs_at_the_end(act)]
    if wrongs:
        yield from (Finding(ok=False, text=text) for text in wrongs)
    else:
        text = f"the holder was the one VRRP master at the end of all {len(history.acts)} parts"
        yield Finding(ok=True, text=text)


def _wrongs_at_the_end(act: Act) -> Iterator[str]:
    found, where = act.checkpoint, f"at the end of “{act.title}”"
    if found is None:
        yield f"{where}: never reached"
        return
    if found.holder != act.heir:
        holder = "nobody" if found.holder is None else shown(found.holder)
        yield f"{where}: the address was with {holder}, not with {shown(act.heir)}"
    if found.masters != (act.heir,):
        names = ", ".join(map(shown, found.masters)) or "nobody"
        yield f"{where}: VRRP master was {names}, not {shown(act.heir)} alone"
    if found.running != act.running:
        names = ", ".join(map(shown, found.running)) or "none"
        yield f"{where}: hakeeper ran on {names}"


def _only_masters_assigned(history: History) -> Iterator[Finding]:
    wrongs = [text for assign in history.assigns for text in _wrongs_of(assign, history)]
    if wrongs:
        yield from (Finding(ok=False, text=text) for text in wrongs)
    else:
        count = len(history.assigns)
        yield Finding(
            ok=count > 0,
            text=f"{count} assigns were sent, each by the master of that moment, for itself",
        )


def _wrongs_of(assign: LoggedRequest, history: History) -> Iterator[str]:
    at_s = assign.received_s - history.span.from_s
    who = f"{at_s:.2f} s: {shown(assign.client) if assign.client else 'an unknown client'}"
    if assign.server != history.servers.get(assign.client):
        yield f"{who} assigned the address to server {assign.server}, which is not its own"
    spans = history.mastered(assign.client)
    if not any(assign.received_s in _widened(span) for span in spans):
        yield f"{who} sent an assign without being master"


def _widened(span: Span) -> Span:
    return Span(span.from_s - WITNESS_LATE_S, span.until_s + IN_FLIGHT_S)


def _all_claims_confirmed(history: History) -> Iterator[Finding]:
    missing = [
        act for index, act in enumerate(history.acts) if confirmation(history, index) is None
    ]
    if missing:
        for act in missing:
            text = f"{shown(act.heir)} never confirmed its claim in “{act.title}”"
            yield Finding(ok=False, text=text)
    else:
        text = "every claim was confirmed by reading the holder back"
        yield Finding(ok=True, text=text)


def confirmation(history: History, index: int) -> Said | None:
    """Return the log entry in which an act's heir confirmed its claim."""
    span, heir = history.act_span(index), history.acts[index].heir
    for each in history.said:
        if each.event == "address.claimed" and each.node == heir and each.at_s in span:
            return each
    return None


def refused(history: History, outage: Span) -> list[LoggedRequest]:
    """Return the requests that were refused during an outage."""
    return [each for each in history.requests if each.status == 503 and each.received_s in outage]  # noqa: PLR2004  # the status


def _survived_outages(history: History) -> Iterator[Finding]:
    for outage in history.outages:
        yield _kept_trying(history, outage)
        yield _said_it_once(history, outage)
        yield _moved_after(history, outage)


def _kept_trying(history: History, outage: Span) -> Finding:
    begun = [act.heir for act in history.acts if act.trigger_s < outage.until_s]
    heir = begun[-1] if begun else "nobody"
    count = sum(1 for each in refused(history, outage) if each.client == heir)
    text = f"the API refused {shown(heir)} {count} times in {outage.length_s:.1f} s"
    if any(change.at_s in outage for change in history.holder_changes):
        return Finding(ok=False, text=f"{text}, but moved the address")
    if count < 2:  # noqa: PLR2004  # a retry is a second attempt
        return Finding(ok=False, text=f"{text}: it did not keep trying")
    return Finding(ok=True, text=f"{text}, and it kept trying")


def _said_it_once(history: History, outage: Span) -> Finding:
    told = [each for each in history.said if each.event in TROUBLE and each.at_s in outage]
    kinds = dict.fromkeys((each.node, each.event) for each in told)
    names = ", ".join(f"{shown(node)} {event}" for node, event in kinds) or "nothing"
    if not told or len(kinds) != len(told):
        text = f"the journals reported the outage {len(told)} times: {names}"
        return Finding(ok=False, text=text)
    return Finding(ok=True, text=f"the journal reported each kind of failure once: {names}")


def _moved_after(history: History, outage: Span) -> Finding:
    later = [change for change in history.holder_changes if change.at_s >= outage.until_s]
    if not later:
        return Finding(ok=False, text="the address did not move after the API had recovered")
    took_s = later[0].at_s - outage.until_s
    text = f"{took_s:.1f} s after the API had recovered the address moved"
    return Finding(ok=took_s <= HEALED_LIMIT_S, text=f"{text} (promised: {HEALED_LIMIT_S:.0f} s)")


def _no_errors(history: History) -> Iterator[Finding]:
    errors = [each for each in history.said if each.level in {"error", "critical"}]
    for each in errors:
        yield Finding(ok=False, text=f"{shown(each.node)} logged an error: {each.message}")
    if not errors:
        yield Finding(ok=True, text="no hakeeper logged an error")
