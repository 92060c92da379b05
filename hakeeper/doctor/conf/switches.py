"""Keywords that can be switched on and off: which are on at the end of a block."""

from collections.abc import Iterable
from typing import Final

from hakeeper.doctor.conf.syntax import Statement
from hakeeper.doctor.finding import Place

_SWITCHES: Final = frozenset(
    (
        "higher_prio_send_advert",
        "lower_prio_no_advert",
        "notify_priority_changes",
        "smtp_alert",
        "smtp_alert_checker",
        "smtp_alert_vrrp",
        "strict_mode",
        "vrrp_higher_prio_send_advert",
        "vrrp_lower_prio_no_advert",
        "vrrp_notify_priority_changes",
    )
)
"""Keywords that an argument turns off; all others are on whatever follows them."""
_TRUE: Final = ("on", "true", "yes")
_FALSE: Final = ("off", "false", "no")


def switched_on(statements: Iterable[Statement]) -> dict[str, Place]:
    """Return the keywords that are on, with the place where each was first or last turned on."""
    found: dict[str, Place] = {}
    for one in statements:
        value = one.arguments[0] if one.arguments else "on"
        if one.keyword not in _SWITCHES or value in _TRUE:
            found.setdefault(one.keyword, one.place)
        elif value in _FALSE:
            found.pop(one.keyword, None)
    return found
