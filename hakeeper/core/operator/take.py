"""A take by hand: an operator wants what is not here claimed now, and no longer waited for.

It is a fresh MASTER edge for these resources, without being one: their claims begin anew, so that
no pause between tries and no hold-down lasts, and they may draw on the reserve of new masters as
often as edges may. All that protects others stays: the role must be MASTER and count, a pause of
hakeeper holds, a keepalived that hangs takes nothing, a 429 and a refused login are sat out, one
resource is assigned once a second. What others took before still counts, so that a fight goes on
being bounded.
"""

from hakeeper.core.claim.happenings import Master
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import HoldDown, MutateDue, Verify
from hakeeper.core.decisions.operator import TakeBegun
from hakeeper.core.events import Taken
from hakeeper.core.keepalived.hung import is_left
from hakeeper.core.model import NEVER
from hakeeper.core.state import State

CAUSE = "an operator takes it"
_WAITING = (Verify, MutateDue, HoldDown)
"""In the others a request is out, or all is as it should be."""


def take_now(state: State, event: Taken, now: float) -> None:
    """Claim what is meant, is not here, and may be claimed."""
    if state.pause is not None:
        return
    for resource in state.resources.values():
        meant = event.means(resource.vrrp, str(resource.ref), resource.label)
        if meant and _may_take(state, resource, now):
            _take(state, resource, event, now)


def _may_take(state: State, resource: Resource, now: float) -> bool:
    """Say whether it waits for something that a take may end."""
    is_master = state.is_master(resource.vrrp)
    waits = isinstance(resource.stage, _WAITING)
    return is_master and waits and not is_left(state, resource, now)


def _take(state: State, resource: Resource, event: Taken, now: float) -> None:
    of, holder = (resource.vrrp, resource.label), resource.holder
    state.report(TakeBegun(*of, holder, resource.name_of(holder), event.by, event.user_id))
    api = resource.kind.api
    api.reads_from_s = api.identify_from_s = NEVER
    api.health.forget_refused_rounds()
    resource.edge(now)
    state.happened(resource, Master(CAUSE, read_first=resource.observation is None), now)
