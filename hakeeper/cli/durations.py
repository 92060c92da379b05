"""How long something is to last, on the command line."""

import argparse
import math
import re
from collections.abc import Callable
from typing import Final

from hakeeper.adapters.timed_request import LONGEST_S, REASON_LIMIT, checked_text

_DURATION: Final = re.compile(
    r"(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,6})s)?", re.ASCII
)


def duration_from(shortest_s: float, too_short: str, too_long: str) -> Callable[[str], float]:
    """Return what reads a duration such as 90s, 30m or 1h30m, in seconds.

    It raises ArgumentTypeError, with these words for one that is too short or longer than 24h.
    """

    def read(text: str) -> float:
        found = _DURATION.fullmatch(text)
        if found is None:
            unit = f": {text[:20]}m?" if text.isascii() and text.isdigit() else ""
            raise argparse.ArgumentTypeError(
                f"{text[:40]!r} is not a duration such as 90s, 30m or 1h30m{unit}"
            )
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        total_s = 3600.0 * hours + 60.0 * minutes + seconds
        if total_s > LONGEST_S:
            raise argparse.ArgumentTypeError(f"{text!r} is longer than 24h: {too_long}")
        if total_s < shortest_s:
            raise argparse.ArgumentTypeError(f"{text!r} is {too_short}")
        return total_s

    return read


def add_for_and_reason(
    parser: argparse.ArgumentParser, read: Callable[[str], float], usual_s: float, what: str
) -> None:
    """Add `--for`, which `read` reads and `what` explains, and `--reason`."""
    parser.add_argument(
        "--for", metavar="DURATION", dest="for_s", type=read, default=usual_s, help=what
    )
    parser.add_argument(
        "--reason", metavar="TEXT", type=_reason, default="", help="why, for all who see the status"
    )


def seconds_between(shortest_s: float, longest_s: float) -> Callable[[str], float]:
    """Return what reads a number of seconds; it raises ArgumentTypeError."""

    def read(text: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not shortest_s <= seconds <= longest_s:
            wanted = f"a number of seconds from {shortest_s:g} to {longest_s:g}"
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {wanted}")
        return seconds

    return read


def _reason(text: str) -> str:
    try:
        return checked_text(text, REASON_LIMIT, "it")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
