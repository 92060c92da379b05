"""How often all holders are read while nobody waits for that."""

from hakeeper.core.apis.budget import Use
from hakeeper.core.apis.states import ApiState, KindState
from hakeeper.core.state import State


def reading_interval_s(state: State, kind: KindState, now: float) -> float:
    """Return the seconds between two readings of a kind as things stand."""
    api, settings = kind.api, state.settings
    # Until a first list says which resources are meant, a claim would have to wait for it.
    is_wanted = state.any_master(kind) or not kind.is_listed
    if not is_wanted or api.health.scarce(now):
        return state.standby_interval_s(kind)
    wanted_s = max(settings.interval_s, api.patience.least_interval_s)
    settling = any(r.watch_until_s > now and r.kind is kind for r in state.resources.values())
    if settling and api.budget.allows(Use.RETRY, now):
        return min(api.patience.watch_interval_s, wanted_s)
    return max(wanted_s, state.reading_gap_s(api))


def is_thrifty(api: ApiState, now: float) -> bool:
    """Say whether reading that nobody waits for should spare the quota, or our part of it."""
    return api.health.scarce(now) or not api.budget.allows(Use.RETRY, now)
