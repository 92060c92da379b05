"""A soak: random faults on real keepalived and real hakeeper, and a judge that never looks away.

Each round draws one to three faults from the seed, lets them overlap, heals everything, and then
demands what hakeeper promises: the address with the one node that keepalived itself says is MASTER,
and never an assign by a node that was not. `python -m tests.soak --help` runs it.
"""

from tests.soak.kinds import Kind
from tests.soak.plan import Planned, RoundPlan, plans
from tests.soak.run import Soak, Violation
from tests.soak.settings import FAST, PLAIN, Profile, SoakSettings

__all__ = [
    "FAST",
    "PLAIN",
    "Kind",
    "Planned",
    "Profile",
    "RoundPlan",
    "Soak",
    "SoakSettings",
    "Violation",
    "plans",
]
