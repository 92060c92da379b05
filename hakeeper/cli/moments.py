"""Moments as people write them on a command line."""

import argparse
import re
import time
from datetime import datetime
from typing import Final

FORMS: Final = "an age such as 90s, 30m, 2h, 3d or 1w, or a time such as 2026-11-30 or"
_AGE: Final = re.compile(r"(\d{1,9}) ?(s|m|min|h|d|w)", re.ASCII)
_UNIT_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def moment(text: str) -> float:
    """Return the moment in seconds since 1970; raises ArgumentTypeError.

    An age counts back from now. A time without a zone is local, a date alone its midnight.
    """
    age = _AGE.fullmatch(text.strip())
    if age:
        return time.time() - int(age[1]) * _UNIT_S[age[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        message = f'{text!r} is neither {FORMS} "2026-11-30 08:00"'
        raise argparse.ArgumentTypeError(message) from None
