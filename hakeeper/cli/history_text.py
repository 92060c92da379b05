"""The history for people: what belongs together as one occurrence, in lines of a terminal."""

import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hakeeper.adapters.cures import api_name
from hakeeper.adapters.history.reading import Kept
from hakeeper.adapters.times import age
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.kinds import api_named

WIDTH: Final = 80
SUBJECT_LIMIT: Final = 20
"""A longer name is cut."""
_CLOCK_WIDTH: Final = 8

OUTAGE: Final = frozenset(
    {"api.failed", "api.throttled", "token.rejected", "login.rejected", "server.unidentified"}
)
"""What an outage of an API begins with; it ends with `api.recovered`."""
NO_END: Final = "; its last run ended without a word (killed, or a power cut)"
SUBJECTS: Final = {"daemon": "hakeeper", "fifo": "FIFO", "api": "API"}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One line for people; `at_s` is seconds since 1970, `subject` what it is about."""

    at_s: float
    subject: str
    text: str


def instance_of(entry: Kept) -> str:
    """Return the name of the instance or group that an entry is about, or nothing."""
    name = entry.fields.get("instance", "")
    return name if isinstance(name, str) else ""


def vrrp_of(entry: Kept) -> VrrpId | None:
    """Return the instance or group that an entry is about, if it is about one."""
    is_group = entry.fields.get("kind") == VrrpKind.GROUP.value
    kind = VrrpKind.GROUP if is_group else VrrpKind.INSTANCE
    return VrrpId(kind, name) if (name := instance_of(entry)) else None


def occurrences(entries: Iterable[Kept]) -> list[Occurrence]:
    """Return what happened, in order: an outage is one line, and so is a claim that went well."""
    folding = _Folding()
    for at, entry in enumerate(entries):
        folding.take(at, entry)
    return list(folding.shown.values())


class _Folding:
    """Takes entries in their order, and makes one line of those that belong together."""

    def __init__(self) -> None:
        self.shown: dict[int, Occurrence] = {}
        """By the number of the entry whose place it has."""
        self._outages: dict[object, tuple[int, Kept]] = {}
        self._claims: dict[object, int] = {}
        self._runs = False

    def take(self, at: int, entry: Kept) -> None:
        """Take one entry; `at` is its number."""
        self.shown[at] = Occurrence(entry.at_s, _subject(entry), _text(entry))
        claim = (vrrp_of(entry), entry.fields.get("address"))
        match entry.event:
            case "daemon.started":
                self._started(at, entry)
            case "daemon.stopped" | "daemon.failed":
                self._runs = False
            case "api.recovered":
                self._recovered(at, entry)
            case event if event in OUTAGE:
                self._fails(at, entry)
            case "claim.started":
                self._claims[claim] = at
            case "address.claimed":
                self.shown.pop(self._claims.pop(claim, at + 1), None)
            case event if event.startswith("claim."):
                self._claims.pop(claim, None)
            case _:
                pass

    def _started(self, at: int, entry: Kept) -> None:
        self._outages.clear()
        if self._runs:
            self.shown[at] = replace(self.shown[at], text=f"{_text(entry)}{NO_END}")
        self._runs = True

    def _fails(self, at: int, entry: Kept) -> None:
        if self._outages.setdefault(entry.fields.get("api"), (at, entry)) != (at, entry):
            del self.shown[at]

    def _recovered(self, at: int, entry: Kept) -> None:
        begun_at, begun = self._outages.pop(entry.fields.get("api"), (at, entry))
        if begun_at != at:
            self.shown[begun_at] = _outage(begun, entry)
            del self.shown[at]


def _subject(entry: Kept) -> str:
    vrrp = vrrp_of(entry)
    if vrrp is not None:
        return str(vrrp)
    of = entry.event.partition(".")[0]
    return SUBJECTS["api"] if "api" in entry.fields else SUBJECTS.get(of, of)


def _text(entry: Kept) -> str:
    """Return the journal's words without the name, which stands beside them."""
    return entry.message.removeprefix(f"{_subject(entry)}: ")


def _outage(begun: Kept, ended: Kept) -> Occurrence:
    text = f"{_api(ended)} gave no usable answer for {_lasted(begun, ended)}, until "
    until = _clock(ended.at_s, begun.at_s)
    return Occurrence(begun.at_s, _subject(begun), f"{text}{until}: {_text(begun)}")


def _api(entry: Kept) -> str:
    name = str(entry.fields.get("api", ""))
    try:
        return api_name(api_named(name))
    except KeyError:  # of a newer version
        return f"the API {name}"


def _lasted(begun: Kept, ended: Kept) -> str:
    duration_s = ended.fields.get("duration_s")
    if not isinstance(duration_s, int | float) or duration_s < 0:
        duration_s = ended.at_s - begun.at_s
    return f"{duration_s:.1f} s" if duration_s < 10 else age(duration_s)  # noqa: PLR2004


# --- lines --------------------------------------------------------------------------------------


def lines(shown: Sequence[Occurrence]) -> Iterator[str]:
    """Return the lines, with one for the date where the day changes."""
    width = min(SUBJECT_LIMIT, max(len(one.subject) for one in shown))
    day = ""
    for one in shown:
        if (today := _day(one.at_s)) != day:
            day = today
            yield day
        subject = one.subject[:width].ljust(width)
        head = f"{time.strftime('%H:%M:%S', time.localtime(one.at_s))}  {subject}  "
        yield from textwrap.wrap(
            head + one.text,
            WIDTH,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
        )


def _day(at_s: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at_s))


def _clock(at_s: float, shown_s: float) -> str:
    same = _day(at_s) == _day(shown_s)
    return time.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M:%S", time.localtime(at_s))
