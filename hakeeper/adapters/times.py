"""Times of day and lengths of time, for people and for JSON."""

from datetime import UTC, datetime


def instant(at_s: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(at_s: float, now_s: float) -> str:
    """Return seconds since 1970 as local time; with the date only if it is not today."""
    at, today = (datetime.fromtimestamp(one).astimezone() for one in (at_s, now_s))
    return at.strftime("%H:%M:%S" if at.date() == today.date() else "%Y-%m-%d %H:%M:%S")


def age(seconds: float) -> str:
    """Return a length of time for people, in one unit."""
    whole = max(0, round(seconds))
    for size_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= 2 * size_s:
            return f"{whole // size_s} {unit}"
    return f"{whole} s"
