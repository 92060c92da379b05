"""Where two answers part, in words."""

from dataclasses import dataclass
from itertools import zip_longest

from hakeeper.core.events import Effect
from hakeeper.recording.codec import Hide
from hakeeper.recording.replay import Step
from hakeeper.recording.story import Heard, effect_to_json
from hakeeper.recording.transcript import effect_line, printable

_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in a step that was answered otherwise."""

    step: Step
    where: str
    expected: str
    got: str


def difference_of(step: Step, hide: Hide) -> Difference:
    """Find what differs in a step whose answers are not the same."""
    then, now = step.then, step.now
    if then.raised != now.raised:
        expected, got = (printable(each.raised or _NOTHING) for each in (then, now))
        return Difference(step, "the core broke", expected, got)
    pairs = enumerate(zip_longest(then.effects, now.effects), start=1)
    for number, (expected_effect, got_effect) in pairs:
        expected, got = _json(expected_effect, hide), _json(got_effect, hide)
        if expected != got:
            of = max(len(then.effects), len(now.effects))
            words = _words(expected_effect, hide), _words(got_effect, hide)
            expected, got = words if words[0] != words[1] else (expected, got)
            return Difference(step, f"effect {number} of {of}", expected, got)
    times = (_until(each) for each in (then, now))
    return Difference(step, "when to ask the core again", *times)


def _json(effect: Effect | None, hide: Hide) -> str:
    return _NOTHING if effect is None else effect_to_json(effect, hide)


def _words(effect: Effect | None, hide: Hide) -> str:
    return _NOTHING if effect is None else hide(effect_line(effect))


def _until(heard: Heard) -> str:
    if heard.next_at_s is None:
        return "never"
    return f"{heard.next_at_s - heard.at_s!r} s later"
