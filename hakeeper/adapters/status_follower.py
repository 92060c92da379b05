"""Keeps systemd's STATUS= and the journal up to date with the status of the daemon.

A failure can get worse just by lasting, without an event. So the daemon passes a snapshot here
every few seconds: STATUS= is sent when its text changes, and a verdict that lasts, or that gets
worse, becomes a journal entry with the same cause and cure that `hakeeper status` shows.
"""

from collections.abc import Callable
from typing import Final

from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.problem_texts import told
from hakeeper.adapters.sd_notify import Notifier
from hakeeper.adapters.status import headline, status_line
from hakeeper.diagnosis.problems import Health
from hakeeper.diagnosis.snapshot import Snapshot

LASTS_S: Final = 5.0
"""Problems that end sooner, such as every claim, are not reported."""
_EVENTS: Final = {
    Health.OK: "status.ok",
    Health.DEGRADED: "status.degraded",
    Health.BROKEN: "status.broken",
}
_SAME_CAUSE: Final = {"quota.low": "api.throttled"}
"""A spent quota refuses calls and grants one, in turns; that is one event."""


class StatusFollower:
    """One for each run of the daemon; `clock` returns seconds since 1970."""

    def __init__(self, notifier: Notifier, reporter: Reporter, clock: Callable[[], float]) -> None:
        self._notifier = notifier
        self._reporter = reporter
        self._clock = clock
        self._line = ""
        self._reported: tuple[Health, str] = (Health.OK, "")
        self._seen: tuple[Health, str] = (Health.OK, "")
        self._seen_at_s = float("-inf")

    def line(self, picture: Snapshot) -> str:
        """Return the text for STATUS=, and remember it as sent."""
        self._line = status_line(picture, self._clock())
        return self._line

    def show(self, picture: Snapshot) -> None:
        """Send STATUS= if its text has changed."""
        before = self._line
        if self.line(picture) != before:
            self._notifier.status(self._line)

    def follow(self, picture: Snapshot, now: float) -> None:
        """Update STATUS=, and report to the journal a new verdict that lasts or is worse."""
        self.show(picture)
        code = picture.problems[0].code if picture.problems else ""
        verdict = picture.health, _SAME_CAUSE.get(code, code)
        if verdict != self._seen:
            self._seen, self._seen_at_s = verdict, now
        if verdict == self._reported:
            return
        worse = picture.health is Health.BROKEN and self._reported[0] is not Health.BROKEN
        if worse or now - self._seen_at_s >= LASTS_S:
            self._reported = verdict
            self._report(picture)

    def _report(self, picture: Snapshot) -> None:
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
