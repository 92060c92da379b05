"""The verdict is "right" for a right history only: each thing spoilt is found, and named."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.history import Checkpoint, History, Span
from hakeeper.demo.verdict import judge
from tests.demo.histories import ZERO_S, assign, claimed, good, holder, role, said, without_acts


def wrongs(history: History) -> list[str]:
    return [finding.text for finding in judge(history) if not finding.ok]


def test_a_history_as_it_had_to_be_is_right_in_every_point() -> None:
    findings = judge(good())
    assert [] == [finding.text for finding in findings if not finding.ok]
    assert [
        "the address went web-a → web-b → web-a → web-b, and nowhere else",
        "the holder was the one VRRP master at the end of all 4 parts",
        "6 assigns were sent, each by the master of that moment, for itself",
        "every claim was confirmed by reading the holder back",
        "the API refused web-b 2 times in 4.1 s, and it kept trying",
        "the journal reported each kind of failure once: web-b claim.failed",
        "1.0 s after the API had recovered the address moved (promised: 15 s)",
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


SPOILT: dict[str, tuple[Callable[[History], History], str]] = {
    "it never moved back": (
        lambda one: replace(one, holder_changes=one.holder_changes[:3]),
        "the address went nobody → web-a → web-b, but should have gone",
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
        "an unexpected move of the address: operator moved it to web-b",
    ),
    "a write came late": (
        lambda one: replace(
            one, holder_changes=(*one.holder_changes[:4], replace(one.holder_changes[4], late=True))
        ),
        "an unexpected move of the address: b moved it to web-b",
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
        checkpoint(3, holder="a"),
        "at the end of “4. Outage”: the address was with web-a, not with web-b",
    ),
    "nobody had it at the end": (checkpoint(0, holder=None), "the address was with nobody"),
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
        "2.50 s: web-a assigned the address to server 102, which is not its own",
    ),
    "a stranger assigned it": (
        lambda one: replace(one, requests=(*one.requests, replace(assign(2.5, "a"), client=""))),
        "2.50 s: an unknown client",
    ),
    "nobody sent an assign": (lambda one: replace(one, requests=()), "0 assigns were sent"),
    "a claim was never confirmed": (
        lambda one: replace(one, said=(*one.said[:2], *one.said[3:])),
        "web-a never confirmed its claim in “3. Back”",
    ),
    "the wrong one confirmed": (
        lambda one: replace(one, said=(*one.said[:4], claimed(17.5, "a"))),
        "web-b never confirmed its claim in “4. Outage”",
    ),
    "one try only": (
        lambda one: replace(one, requests=(*one.requests[:4], one.requests[5])),
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
        "but moved the address",
    ),
    "every retry was told": (
        lambda one: replace(
            one, said=(*one.said, said(13.7, "b", "claim.failed", "warning", http_status=503))
        ),
        "the journals reported the outage 2 times: web-b claim.failed",
    ),
    "the outage was not told": (
        lambda one: replace(one, said=(*one.said[:3], one.said[4])),
        "the journals reported the outage 0 times: nothing",
    ),
    "an error was logged": (
        lambda one: replace(one, said=(*one.said, said(18, "b", "fifo.failed", "error"))),
        "web-b logged an error: fifo.failed was so",
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
    assert not [one for one in wrongs(replace(history, outages=(outage,))) if "recovered" in one]
    late = replace(history, holder_changes=(history.holder_changes[0], holder(16.6, None, "a")))
    assert ["15.1 s after the API had recovered the address moved (promised: 15 s)"] == [
        one for one in wrongs(replace(late, outages=(outage,))) if "recovered" in one
    ]
    never = replace(history, holder_changes=history.holder_changes[:4])
    assert "the address did not move after the API had recovered" in wrongs(never)


def test_an_assign_in_flight_at_a_demotion_is_no_fault() -> None:
    history = good()
    in_flight = replace(history, requests=(*history.requests, assign(9.4, "b", 409)))
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
    wrong = Checkpoint(ZERO_S + 3.9, "b", ("b",), ("a", "b"))
    spoilt = replace(history, acts=(replace(history.acts[0], checkpoint=wrong), *history.acts[1:]))
    assert [
        "at the end of “1. Start”: the address was with web-b, not with web-a",
        "at the end of “1. Start”: VRRP master was web-b, not web-a alone",
    ] == wrongs(spoilt)
