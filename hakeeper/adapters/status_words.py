"""Words of `hakeeper status` that the command puts in itself; `legend.py` has all, and meanings.

They stand apart, so that the command need not import what the daemon's words come from.
"""

from collections.abc import Mapping
from typing import Final

ON_US: Final = "on this server"
ON_NOBODY: Final = "on no server"
ON_ANOTHER: Final = "on {0}"
UNKNOWN: Final = "holder {0}"
CONFIRMED: Final = "confirmed"
NOT_KNOWN_NOW: Final = "holder not known now"
NOT_FOUND: Final = "not found in the project"
LAST_KNOWN: Final = "last known"
PAUSED: Final = "PAUSED"
STEPPED_DOWN: Final = "STEPPED DOWN"

VERDICT_CODES: Final[Mapping[str, int]] = {"ok": 0, "degraded": 1, "broken": 2}
"""The exit code of each verdict, as the status names it."""
VERDICT_TEXTS: Final[Mapping[str, str]] = {
    "ok": "this server would take over, and everything shown is current",
    "degraded": "something is wrong, but no address is known to be lost",
    "broken": "an address is not where it should be, or could not be moved here",
}
