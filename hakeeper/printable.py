"""Text from outside, made fit for a line of a terminal."""

import re
from typing import Final

LIMIT: Final = 4000
"""The longest line, in characters: longer than any that we write ourselves."""
_CUT: Final = "…"
_UNFIT: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: they move the cursor, and more
    "\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # unseen, or they turn the line round
    "\ud800-\udfff]"  # lone surrogates, which cannot be written
)


def printable(line: str) -> str:
    r"""Return one line without what a terminal would act on, or hide; `\x1b` stands for an escape.

    Names of servers and floating IPs come from the API, those of instances from files.
    """
    cut = line if len(line) <= LIMIT else line[: LIMIT - len(_CUT)] + _CUT
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), cut)
