"""The verdict is "right" for a right history only: each thing spoilt is found, and named."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.cloud import AliasChange, LoggedRequest
from hakeeper.demo.history import ADDRESS, ALIAS, Checkpoint, History, Span
from hakeeper.demo.verdict import judge
from tests.demo.histories import (
    FOREIGN,
    ZERO_S,
    alias,
    alias_write,
    assign,
    claimed,
    good,
    holder,
    role,
    said,
    without_acts,
)


def wrongs(history: History) -> list[str]:
    return [finding.text for finding in judge(history) if not finding.ok]


def test_a_history_as_it_had_to_be_is_right_in_every_point() -> None:
    findings = judge(good())
    assert [] == [finding.text for finding in findings if not finding.ok]
    assert [
        "203.0.113.10 went web-a → web-b → web-a → web-b, and nowhere else",
        "10.99.0.100 went web-a → web-b → web-a → web-b, and nowhere else",
        "a move left 10.99.0.100 with nobody for 0.50 s at most (limit: 2 s)",
        "other alias IPs stayed: 10.99.0.201 on web-a, 10.99.0.202 on web-b",
        "the one VRRP master had both at the end of all 4 parts",
        (
            "6 assigns and 7 changes of alias IPs were sent, each by the master of that moment, "
            "for itself"
        ),
        "every claim was confirmed by reading the holder back",
        "the API refused web-b 2 times in 4.1 s, and it kept trying",
        "the journal reported each kind of failure once: web-b claim.failed",
        "203.0.113.10 moved 1.0 s after the API's recovery (promised: 15 s)",
        "10.99.0.100 moved 1.6 s after the API's recovery (promised: 15 s)",
        "no hakeeper logged an error",
    ] == [finding.text for finding in findings]


def checkpoint(index: int, **changes: object) -> Callable[[History], History]:
    def spoil(history: History) -> History:
        one = history.acts[index]
        assert one.checkpoint is not None
        changed = replace(one, checkpoint=replace(one.checkpoint, **changes))  # type: ignore[arg-type]  # by name
        return replace(history, acts=(*history.acts[:index], changed, *history.acts[index + 1 :]))

    return spoil


def no_checkpoint(history: History) -> History:
    return replace(history, acts=(*history.acts[:3], replace(history.acts[3], checkpoint=None)))


def more_changes(*changes: AliasChange) -> Callable[[History], History]:
    return lambda one: replace(
        one, alias_changes=tuple(sorted((*one.alias_changes, *changes), key=lambda each: each.at_s))
    )


def changed(index: int, change: AliasChange) -> Callable[[History], History]:
    def spoil(history: History) -> History:
        before, after = history.alias_changes[:index], history.alias_changes[index + 1 :]
        return replace(history, alias_changes=(*before, change, *after))

    return spoil


def more_requests(*requests: LoggedRequest) -> Callable[[History], History]:
    return lambda one: replace(one, requests=(*one.requests, *requests))


SPOILT: dict[str, tuple[Callable[[History], History], str]] = {
    "it never moved back": (
        lambda one: replace(one, holder_changes=one.holder_changes[:3]),
        "203.0.113.10 went nobody → web-a → web-b, but should have gone",
    ),
    "it went to and fro": (
        lambda one: replace(
            one, holder_changes=(*one.holder_changes, holder(18, "b", "a"), holder(18.2, "a", "b"))
        ),
        "web-b → web-a → web-b, but should have gone",
    ),
    "it belonged to nobody for a while": (
        lambda one: replace(
            one,
            holder_changes=(
                *one.holder_changes[:2],
                holder(4.9, "a", None, "operator"),
                *one.holder_changes[2:],
            ),
        ),
        "web-a → nobody → web-b",
    ),
    "an operator moved it": (
        lambda one: replace(
            one, holder_changes=(*one.holder_changes[:4], holder(17, "a", "b", "operator"))
        ),
        "an unexpected move of 203.0.113.10: operator moved it to web-b",
    ),
    "a write came late": (
        lambda one: replace(
            one, holder_changes=(*one.holder_changes[:4], replace(one.holder_changes[4], late=True))
        ),
        "an unexpected move of 203.0.113.10: b moved it to web-b",
    ),
    "the holder was not the master": (
        checkpoint(1, masters=("a",)),
        "at the end of “2. Cut”: VRRP master was web-a, not web-b alone",
    ),
    "there were two masters": (
        checkpoint(2, masters=("a", "b")),
        "VRRP master was web-a, web-b, not web-a alone",
    ),
    "there was no master": (checkpoint(2, masters=()), "VRRP master was nobody, not web-a alone"),
    "another had it at the end": (
        checkpoint(3, holders={ADDRESS: "a", ALIAS: "b"}),
        "at the end of “4. Outage”: 203.0.113.10 was with web-a, not with web-b",
    ),
    "nobody had it at the end": (
        checkpoint(0, holders={ADDRESS: None, ALIAS: "a"}),
        "203.0.113.10 was with nobody",
    ),
    "a hakeeper had died": (
        checkpoint(0, running=("a",)),
        "at the end of “1. Start”: hakeeper ran on web-a",
    ),
    "an act had no end": (no_checkpoint, "at the end of “4. Outage”: never reached"),
    "a backup sent an assign": (
        lambda one: replace(one, requests=(*one.requests, assign(10.5, "b"))),
        "10.50 s: web-b sent an assign without being master",
    ),
    "a master sent an assign long after its demotion": (
        lambda one: replace(one, requests=(*one.requests, assign(9.6, "b"))),
        "9.60 s: web-b sent an assign without being master",
    ),
    "the dead sent an assign": (
        lambda one: replace(one, requests=(*one.requests, assign(13, "a", 503))),
        "13.00 s: web-a sent an assign without being master",
    ),
    "a master assigned it to the other": (
        lambda one: replace(one, requests=(*one.requests, assign(2.5, "a", server=102))),
        "2.50 s: web-a gave 203.0.113.10 to server 102, which is not its own",
    ),
    "a stranger assigned it": (
        lambda one: replace(one, requests=(*one.requests, replace(assign(2.5, "a"), client=""))),
        "2.50 s: an unknown client",
    ),
    "nobody sent an assign": (
        lambda one: replace(one, requests=one.requests[6:]),
        "0 assigns and 7 changes of alias IPs were sent",
    ),
    "a claim was never confirmed": (
        lambda one: replace(one, said=(*one.said[:2], *one.said[3:])),
        "web-a never confirmed its claim of 203.0.113.10 in “3. Back”",
    ),
    "the wrong one confirmed": (
        lambda one: replace(one, said=(*one.said[:4], claimed(17.5, "a"))),
        "web-b never confirmed its claim of 203.0.113.10 in “4. Outage”",
    ),
    "one try only": (
        lambda one: replace(one, requests=(*one.requests[:4], *one.requests[5:])),
        "the API refused web-b 1 times in 4.1 s: it did not keep trying",
    ),
    "only the other one tried": (
        lambda one: replace(
            one, requests=tuple(replace(each, client="a") for each in one.requests)
        ),
        "the API refused web-b 0 times",
    ),
    "the outage was none": (
        lambda one: replace(
            one,
            holder_changes=(*one.holder_changes[:4], holder(15, "a", "b"), holder(17, "b", "b")),
        ),
        "but moved 203.0.113.10",
    ),
    "every retry was told": (
        lambda one: replace(
            one, said=(*one.said, said(13.7, "b", "claim.failed", "warning", http_status=503))
        ),
        "the journals reported the outage 2 times: web-b claim.failed",
    ),
    "the outage was not told": (
        lambda one: replace(one, said=(*one.said[:3], *one.said[4:])),
        "the journals reported the outage 0 times: nothing",
    ),
    "an error was logged": (
        lambda one: replace(one, said=(*one.said, said(18, "b", "fifo.failed", "error"))),
        "web-b logged an error: fifo.failed was so",
    ),
    "the alias IP never moved back": (
        lambda one: replace(one, alias_changes=one.alias_changes[:5]),
        "10.99.0.100 went nobody → web-a → nobody → web-b, but should have gone",
    ),
    "the alias IP was released, and not taken": (
        lambda one: replace(one, alias_changes=one.alias_changes[:-1]),
        "10.99.0.100 went nobody → web-a → nobody → web-b → nobody → web-a → nobody, but should",
    ),
    "the alias IP went to and fro": (
        more_changes(alias(18, "b", None, "a"), alias(18.1, None, "a")),
        "→ web-b → nobody → web-a, but should have gone",
    ),
    "an operator gave the alias IP away": (
        changed(7, alias(17.1, "a", None, "operator")),
        "an unexpected move of 10.99.0.100: operator moved it to nobody",
    ),
    "the old holder released the alias IP": (
        changed(3, alias(5.1, "a", None, "a")),
        "an unexpected move of 10.99.0.100: a moved it to nobody",
    ),
    "a take of the alias IP came late": (
        changed(4, replace(alias(5.6, None, "b"), late=True)),
        "an unexpected move of 10.99.0.100: b moved it to web-b",
    ),
    "a backup took the alias IP": (
        changed(2, alias(1.2, None, "a")),
        "an unexpected move of 10.99.0.100: web-a moved it to web-a without being master",
    ),
    "a backup released the alias IP": (
        changed(3, alias(4.2, "a", None, "b")),
        "an unexpected move of 10.99.0.100: web-b moved it to nobody without being master",
    ),
    "nobody had the alias IP for too long": (
        changed(4, alias(7.2, None, "b")),
        "a move left 10.99.0.100 with nobody for 2.10 s at most (limit: 2 s)",
    ),
    "another alias IP vanished": (
        more_changes(alias(5.1, "a", None, "b", FOREIGN["a"])),
        "web-a's alias IP 10.99.0.201 went nobody → web-a → nobody",
    ),
    "another alias IP was away for a moment": (
        more_changes(
            alias(9.5, "b", None, "a", FOREIGN["b"]), alias(9.9, None, "b", "b", FOREIGN["b"])
        ),
        "web-b's alias IP 10.99.0.202 went nobody → web-b → nobody → web-b",
    ),
    "another alias IP was never there": (
        lambda one: replace(one, alias_changes=one.alias_changes[1:]),
        "web-a's alias IP 10.99.0.201 went nobody",
    ),
    "another alias IP came up": (
        more_changes(alias(5.6, None, "b", ip="10.99.0.7")),
        "an unknown alias IP 10.99.0.7 went nobody → web-b",
    ),
    "another had the alias IP at the end": (
        checkpoint(3, holders={ADDRESS: "b", ALIAS: "a"}),
        "at the end of “4. Outage”: 10.99.0.100 was with web-a, not with web-b",
    ),
    "nobody had the alias IP at the end": (
        checkpoint(1, holders={ADDRESS: "b", ALIAS: None}),
        "at the end of “2. Cut”: 10.99.0.100 was with nobody, not with web-b",
    ),
    "a backup changed alias IPs": (
        more_requests(alias_write(10.5, "b", on="a")),
        "10.50 s: web-b sent a change of alias IPs without being master",
    ),
    "a master gave the alias IP to the other": (
        more_requests(alias_write(2.5, "a", on="b", aliases=(FOREIGN["b"], ALIAS))),
        "2.50 s: web-a gave 10.99.0.100 to server 102, which is not its own",
    ),
    "nobody changed alias IPs": (
        lambda one: replace(one, requests=one.requests[:6]),
        "6 assigns and 0 changes of alias IPs were sent",
    ),
    "a claim of the alias IP was never confirmed": (
        lambda one: replace(one, said=one.said[:-1]),
        "web-b never confirmed its claim of 10.99.0.100 in “4. Outage”",
    ),
    "the outage was none for the alias IP": (
        more_changes(alias(15, "a", None, "b"), alias(15.5, None, "b")),
        "but moved 10.99.0.100",
    ),
    "every retry for the alias IP was told": (
        lambda one: replace(
            one,
            said=(
                *one.said,
                *(said(at_s, "b", "claim.failed", "warning", address=ALIAS) for at_s in (13, 14)),
            ),
        ),
        "the journals reported the outage 3 times: web-b claim.failed",
    ),
    "the story broke off": (
        lambda one: replace(without_acts(one, 1), failure="waited 20 s in vain for web-b"),
        "the story was aborted: waited 20 s in vain for web-b",
    ),
    "an act was left out": (lambda one: without_acts(one, 1), "only 3 of 4 parts were played"),
}


@pytest.mark.parametrize(("spoil", "text"), SPOILT.values(), ids=SPOILT.keys())
def test_a_history_with_one_thing_wrong_is_wrong_and_says_what(
    spoil: Callable[[History], History], text: str
) -> None:
    assert [one for one in wrongs(spoil(good())) if text in one]


def test_the_limit_after_an_outage_is_fifteen_seconds() -> None:
    history = good()
    outage = Span(ZERO_S + 0.2, ZERO_S + 1.5)
    assert not [one for one in wrongs(replace(history, outages=(outage,))) if "recovery" in one]
    late = replace(
        history,
        holder_changes=(history.holder_changes[0], holder(16.6, None, "a")),
        alias_changes=(alias(16.0, "b", None, "a"), alias(16.7, None, "a")),
    )
    assert [
        "203.0.113.10 moved 15.1 s after the API's recovery (promised: 15 s)",
        "10.99.0.100 moved 15.2 s after the API's recovery (promised: 15 s)",
    ] == [one for one in wrongs(replace(late, outages=(outage,))) if "recovery" in one]
    never = replace(
        history,
        holder_changes=history.holder_changes[:4],
        alias_changes=history.alias_changes[:-1],  # released, and not taken
    )
    for address in (ADDRESS, ALIAS):
        assert f"{address} did not move after the API's recovery" in wrongs(never)


def test_a_failure_that_each_address_meets_is_told_once_for_each() -> None:
    history = good()
    both = [said(12.7, "b", "claim.failed", "warning", address=each) for each in (ADDRESS, ALIAS)]
    rest = [each for each in history.said if each.event != "claim.failed"]
    assert [] == wrongs(replace(history, said=(*rest, *both)))


def test_an_assign_in_flight_at_a_demotion_is_no_fault() -> None:
    history = good()
    writes = (assign(9.4, "b", 409), alias_write(9.4, "b", 409, on="b"))
    in_flight = replace(history, requests=(*history.requests, *writes))
    assert [] == wrongs(in_flight)


def test_a_line_that_the_demo_reads_a_moment_after_hakeeper_is_no_fault() -> None:
    history = good()
    late = tuple(
        role(1.9, "a", Role.MASTER) if index == 2 else each
        for index, each in enumerate(history.roles)
    )
    assert [] == wrongs(replace(history, roles=late))


def test_a_checkpoint_is_compared_with_the_act_it_ends() -> None:
    history = good()
    wrong = Checkpoint(ZERO_S + 3.9, {ADDRESS: "b", ALIAS: "b"}, ("b",), ("a", "b"))
    spoilt = replace(history, acts=(replace(history.acts[0], checkpoint=wrong), *history.acts[1:]))
    assert [
        "at the end of “1. Start”: 203.0.113.10 was with web-b, not with web-a",
        "at the end of “1. Start”: 10.99.0.100 was with web-b, not with web-a",
        "at the end of “1. Start”: VRRP master was web-b, not web-a alone",
    ] == wrongs(spoilt)
