"""The lines of a recording, and a core that tells them.

A recording is one or more runs of the daemon. Each begins with a `Beginning`, from which the same
core can be made again; a `Heard` follows for each batch, with all that the core answered.
"""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol, TypeAlias

from hakeeper.core.core import Core
from hakeeper.core.events import Effect, Event
from hakeeper.core.model import Settings
from hakeeper.kinds import KINDS
from hakeeper.recording.codec import TAG, Codec, CodecError, Hide, Json, codec_of, shown

FORMAT = 2
"""Raised when recordings of an older hakeeper cannot be read any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The first line of a run: everything that a core is made of, and who wrote it when."""

    format: int
    hakeeper: str
    python: str
    time: str
    """The wall clock, RFC 3339 in UTC, as the journal has it."""
    begun_s: float
    """The monotonic time at which the core was made."""
    seed: int
    settings: Settings

    def core(self) -> Core:
        """Make the same core again."""
        return Core(self.settings, KINDS, Random(self.seed), self.begun_s)  # noqa: S311  # jitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A batch of events at its time (monotonic seconds), and what the core said to it."""

    at_s: float
    events: tuple[Event, ...] = ()
    """What was found in one look around; nothing if the core had asked to be called."""
    effects: tuple[Effect, ...] = ()
    next_at_s: float | None = None
    """When the core wants to be asked again."""
    raised: str = ""
    """The exception that ended the run, in words; empty if there was none."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The last line of a run, where there was time to write one."""

    reason: str


Line: TypeAlias = Beginning | Heard | Ended


class Tape(Protocol):
    """Where a core's story goes. Nothing here may block or raise."""

    def begin(self, settings: Settings, seed: int, begun_s: float) -> None:
        """A core was made of these."""

    def hear(self, heard: Heard) -> None:
        """It heard this and answered that."""


class RecordedCore(Core):
    """A core whose every batch and answer goes on a tape."""

    def __init__(self, tape: Tape, settings: Settings, seed: int, now: float) -> None:
        super().__init__(settings, KINDS, Random(seed), now)  # noqa: S311  # jitter
        self._tape = tape
        tape.begin(settings, seed, now)

    def handle(self, events: Iterable[Event], now: float) -> tuple[Effect, ...]:
        """Take a batch; an exception is part of the story too."""
        heard = Heard(at_s=now, events=tuple(events))
        try:
            effects = super().handle(heard.events, now)
        except Exception as error:
            self._tape.hear(replace(heard, raised=in_words(error)))
            raise
        self._tape.hear(replace(heard, effects=effects, next_at_s=self.next_at()))
        return effects


def in_words(error: Exception) -> str:
    """Return an exception as a recording has it."""
    return f"{type(error).__name__}: {error}"


# --- lines of text ---------------------------------------------------------------------------


class NotJsonError(CodecError):
    """This is no JSON: a line that was cut, or something else altogether."""


@functools.cache
def _codec() -> Codec[Line]:
    return codec_of(Line)


@functools.cache
def _effect_codec() -> Codec[Effect]:
    return codec_of(Effect)


def to_json(line: Line, hide: Hide) -> str:
    """Return a line without its newline, in ASCII, each text through `hide`; raises CodecError."""
    return _compact(_codec().encode(line, hide))


def effect_to_json(effect: Effect, hide: Hide) -> str:
    """Return an effect as it stands in a line; raises CodecError."""
    return _compact(_effect_codec().encode(effect, hide))


def _compact(document: Json) -> str:
    return json.dumps(document, allow_nan=False, separators=(",", ":"))


def from_json(text: str) -> Line:
    """Read a line; raises CodecError with a message for people."""
    try:
        document: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except RecursionError:
        raise CodecError("nested too deeply") from None
    except CodecError:
        raise
    except ValueError as error:
        raise NotJsonError(f"not JSON: {error}") from None
    if isinstance(document, dict) and document.get(TAG) == Beginning.__name__:
        _check_format(document.get("format"))
    line = _codec().decode(document, "line")
    if isinstance(line, Beginning):
        _check_kinds(line.settings)
    return line


def _check_kinds(settings: Settings) -> None:
    for ref in (ref for refs in settings.resources.values() for ref in refs):
        if ref.kind not in KINDS:
            text = f"line.settings.resources: this hakeeper moves no {shown(ref.kind)}"
            raise CodecError(text)


def _check_format(found: Json) -> None:
    if found != FORMAT:
        text = f"written in format {shown(found)}; this hakeeper reads format {FORMAT} only"
        raise CodecError(text)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise CodecError("an object has the same key twice")
    return made


def _refuse(constant: str) -> Json:
    raise CodecError(f"not JSON: {constant}")
