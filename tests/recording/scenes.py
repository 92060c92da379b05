"""A core's story in memory, for tests that need no daemon."""

from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path

from hakeeper.core.calls import (
    Answer,
    CallResult,
    Failure,
    FailureKind,
    Identified,
)
from hakeeper.core.core import Core
from hakeeper.core.events import Event, FifoChanged, LinesRead, StartCall, Started
from hakeeper.core.model import (
    FifoState,
    Server,
    Settings,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.roles.lines import LineState, NotifyLine
from hakeeper.recording.story import (
    FORMAT,
    Beginning,
    Heard,
    Line,
    RecordedCore,
    to_json,
)
from tests.support.resources import by_name, floating_ip, listed

VRRP = VrrpId(VrrpKind.INSTANCE, "VI_1")
SETTINGS = Settings(resources={VRRP: (by_name("web"),)})
BEGUN_S = 1000.0
WEB = floating_ip(id=7, name="web", network=ip_network("203.0.113.10/32"), server_id=2)


def plain(text: str) -> str:
    """Hide nothing."""
    return text


class ListTape:
    """A tape that is a list of lines."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def begin(self, settings: Settings, seed: int, begun_s: float) -> None:
        self.lines.append(beginning(settings, seed, begun_s))

    def hear(self, heard: Heard) -> None:
        self.lines.append(heard)


def beginning(
    settings: Settings = SETTINGS, seed: int = 1, begun_s: float = BEGUN_S, version: str = "0.1"
) -> Beginning:
    return Beginning(
        format=FORMAT,
        hakeeper=version,
        python="3.11.2",
        time="2026-01-02T03:04:05.678+00:00",
        begun_s=begun_s,
        seed=seed,
        settings=settings,
    )


def story(fails: int = 3) -> list[Line]:
    """A master whose assigns fail so often before one is accepted: backoff draws chance."""
    tape = ListTape()
    feed_story(RecordedCore(tape, SETTINGS, 1, BEGUN_S), fails)
    return tape.lines


def feed_story(core: Core, fails: int) -> None:
    """Feed a core what makes the story."""
    server = Server(id=1, name="node-a", status="running")
    now = BEGUN_S + 0.1
    started = core.handle([Started(saved=None, keepalived=None)], now)
    asked = [effect.call_id for effect in started if isinstance(effect, StartCall)]
    core.handle([FifoChanged(FifoState.OPEN, "opened")], now)
    identified = ended(asked[0], now, Identified(server, "test"))
    core.handle([identified, ended(asked[1], now, listed((WEB,)))], now)
    master = LinesRead((NotifyLine(VRRP, LineState.MASTER, 100),))
    effects = core.handle([master], now + 0.1)
    for _ in range(fails):
        while not (calls := [each for each in effects if isinstance(each, StartCall)]):
            now = max(now, core.next_at() or 0.0)
            effects = core.handle([], now)
        now += 0.5
        effects = core.handle([ended(calls[0].call_id, now, FAILURE)], now)
    core.handle([], max(now, core.next_at() or 0.0))


FAILURE = Failure(kind=FailureKind.TRANSIENT, code="http_503", message="no", http_status=503)


def ended(call_id: int, now: float, outcome: Answer | Failure) -> Event:
    return CallResult(call_id=call_id, outcome=outcome, sent_at_s=now - 0.1, finished_at_s=now)


def text_of(lines: Iterable[Line]) -> str:
    """Return the recording of these lines."""
    return "".join(f"{to_json(line, plain)}\n" for line in lines)


def write(path: Path, lines: Iterable[Line]) -> Path:
    """Write the recording of these lines."""
    path.write_text(text_of(lines))
    return path
