"""Keeps STATUS= and the journal in step with the status, also while nothing happens.

An outage that grows from a hiccup into an alarm makes no event; only the clock does. So the daemon
shows its picture here every few seconds: STATUS= is sent when its text changes, and a verdict that
lasts, or gets worse, becomes an entry in the journal, with the cause and the cure that
`hakeeper status` shows.
"""

from collections.abc import Callable
from typing import Final

from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.notify import Notifier
from hakeeper.adapters.status import headline, status_line
from hakeeper.adapters.troubles import told
from hakeeper.core.problems import Health
from hakeeper.core.snapshot import Snapshot

LASTS_S: Final = 5.0
"""A trouble that is over sooner (every claim is one) is no news."""
_EVENTS: Final = {
    Health.OK: "status.ok",
    Health.DEGRADED: "status.degraded",
    Health.BROKEN: "status.broken",
}


class StatusFollower:
    """One for a run of the daemon; `clock` gives seconds since 1970."""

    def __init__(self, notifier: Notifier, reporter: Reporter, clock: Callable[[], float]) -> None:
        self._notifier = notifier
        self._reporter = reporter
        self._clock = clock
        self._line = ""
        self._told: tuple[Health, str] = (Health.OK, "")
        self._seen: tuple[Health, str] = (Health.OK, "")
        self._seen_at_s = float("-inf")

    def line(self, picture: Snapshot) -> str:
        """Return what STATUS= shows now, and remember that it does."""
        self._line = status_line(picture, self._clock())
        return self._line

    def show(self, picture: Snapshot) -> None:
        """Send STATUS= if it says something else now."""
        before = self._line
        if self.line(picture) != before:
            self._notifier.status(self._line)

    def follow(self, picture: Snapshot, now: float) -> None:
        """Show it, and tell the journal of a verdict that is new and lasts, or is worse."""
        self.show(picture)
        verdict = (picture.health, picture.problems[0].code if picture.problems else "")
        if verdict != self._seen:
            self._seen, self._seen_at_s = verdict, now
        if verdict == self._told:
            return
        worse = picture.health is Health.BROKEN and self._told[0] is not Health.BROKEN
        if worse or now - self._seen_at_s >= LASTS_S:
            self._told = verdict
            self._tell(picture)

    def _tell(self, picture: Snapshot) -> None:
        event = _EVENTS[picture.health]
        if picture.health is Health.OK:
            self._reporter.log(event, "all is well again: this server would take over")
            return
        worst = picture.problems[0]
        cure = told(worst.trouble).cure
        text = headline(picture.problems, self._clock())
        stop = "" if text.endswith(("?", ".")) else "."
        verdict = picture.health.name
        self._reporter.log(event, f"{verdict}: {text}{stop} To do: {cure}", code=worst.code)
