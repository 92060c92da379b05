"""The bugs of worlds with floating IPs; `hunt.py` has those of all worlds."""

from tests.world.call_bugs import CALL_BUGS
from tests.world.claim_bugs import CLAIM_BUGS
from tests.world.role_bugs import ROLE_BUGS
from tests.world.sharing_bugs import SHARING_BUGS

BUGS = (*ROLE_BUGS, *CLAIM_BUGS, *CALL_BUGS, *SHARING_BUGS)
