"""The words for a step-down, by what the status says of it.

`hakeeper step-down` has them as well, so nothing of the core is imported here.
"""

from collections.abc import Mapping
from typing import Final

STAGE_TEXTS: Final[Mapping[str, str]] = {
    "awaiting_master": "waits until another node is MASTER",
    "awaiting_claim": "another node is MASTER, and claims the addresses",
    "down": "other servers have all addresses",
    "master_again": "no better node is left, so this server is MASTER again",
}
END_TEXTS: Final[Mapping[str, str]] = {
    "stepped_up": "somebody ended it",
    "expired": "its time is over",
    "not_taken_over": (
        "no other node became MASTER. Is keepalived up there, with a priority above 1, and without"
        " `nopreempt`? Does this server track the file of the step-down?"
    ),
    "not_claimed": (
        "another node became MASTER, and its hakeeper did not claim all addresses in time; look at"
        " `hakeeper status` there"
    ),
    "came_back": "the node that became MASTER was lost before it had all addresses",
}
OBJECTION_TEXTS: Final[Mapping[str, str]] = {
    "not_master": "this server is MASTER of nothing: there is nothing to step down from",
    "paused": "hakeeper is paused: end that first, by `hakeeper resume`",
    "under_way": "a step-down is under way already: see `hakeeper status`",
    "not_settled": (
        "an address is not confirmed here yet, so keepalived or hakeeper is in the middle of a"
        " failover: see `hakeeper status`"
    ),
    "api_fails": (
        "the API gives no usable answer, so nobody could see whether another server claims: see"
        " `hakeeper status`"
    ),
}
