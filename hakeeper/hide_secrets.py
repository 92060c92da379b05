"""Hiding what is long and random enough to be a token, where the token itself is not known."""

import re
from typing import Final

HIDDEN: Final = "[hidden]"
"""What stands in the place of a secret, everywhere."""
_SECRET: Final = re.compile(r"[A-Za-z0-9]{32,}")
"""Half a Hetzner Cloud token; hardly anything else that people read or write looks like it."""


def hide_secrets(text: str) -> str:
    """Replace every run of 32 or more letters and digits."""
    return _SECRET.sub(HIDDEN, text)
