"""Feeds a recording to fresh cores, and compares what they answer with what was answered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hakeeper.core.core import Core
from hakeeper.recording.codec import Hide
from hakeeper.recording.reading import Numbered
from hakeeper.recording.story import Beginning, Ended, Heard, in_words, to_json


@dataclass(frozen=True, slots=True)
class RunBegun:
    """A core was made."""

    beginning: Beginning


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The end of a run, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """One batch of events: what was answered then, and now."""

    line: int
    """Its line in the recording, from 1."""
    run: int
    batch: int
    """Both from 1; batches count anew in each run."""
    after_s: float
    """Since the core was made."""
    then: Heard
    now: Heard
    same: bool


Replayed = RunBegun | Step | RunEnded


def replay(lines: Iterable[Numbered], hide: Hide) -> Iterator[Replayed]:
    """Replay all runs of a recording, batch by batch.

    `hide` is what went over the texts when they were recorded. The core's exceptions are answers
    like others; raises RecordingError where reading does.
    """
    runs = _Runs(hide)
    for numbered in lines:
        match numbered.line:
            case Beginning() as beginning:
                yield runs.begin(beginning)
            case Heard() as heard:
                yield runs.step(numbered.number, heard)
            case Ended(reason):
                yield RunEnded(reason)
            case None:
                yield RunEnded(f"line {numbered.number} was cut off, as by kill -9")


class _Runs:
    """The core of the run at hand."""

    def __init__(self, hide: Hide) -> None:
        self._hide = hide
        self._run = 0
        self._batch = 0
        self._begun_s = 0.0
        self._core: Core | None = None

    def begin(self, beginning: Beginning) -> RunBegun:
        self._run += 1
        self._batch = 0
        self._begun_s = beginning.begun_s
        self._core = beginning.core()
        return RunBegun(beginning)

    def step(self, line: int, then: Heard) -> Step:
        if self._core is None:
            raise ValueError("a run has to begin first")
        self._batch += 1
        now = _answer(self._core, then)
        return Step(
            line=line,
            run=self._run,
            batch=self._batch,
            after_s=then.at_s - self._begun_s,
            then=then,
            now=now,
            same=to_json(then, self._hide) == to_json(now, self._hide),
        )


def _answer(core: Core, then: Heard) -> Heard:
    try:
        effects = core.handle(then.events, then.at_s)
    except Exception as error:  # noqa: BLE001 - what a daemon ends with is an answer too
        return replace(then, effects=(), next_at_s=None, raised=in_words(error))
    return replace(then, effects=effects, next_at_s=core.next_at(), raised="")
