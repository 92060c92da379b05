"""A copy of the state to try things out with: what concerns one instance or group, and no more.

What nothing changes is shared: kinds, settings, what was observed. The rest is copied as one, so
that what was the same thing still is.
"""

from copy import deepcopy
from dataclasses import replace

from hakeeper.core.model import VrrpId
from hakeeper.core.state import State


def sketched(state: State, vrrp: VrrpId, most: int) -> tuple[State, int]:
    """Return a copy with so many resources of this name, and how many are left out."""
    ours = state.resources_of(vrrp)
    chosen = {id(resource): resource for resource in ours[:most]}
    calls = {
        call_id: call
        for call_id, call in state.calls.items()
        if all(id(resource) in chosen for resource in call.resources)
    }
    part = replace(
        state,
        resources={resource.ref: resource for resource in chosen.values()},
        selections={},
        calls=calls,
        effects=[],
    )
    kinds = state.kinds.values()
    shared: list[object] = [state.settings, state.kinds, *kinds, *(kind.api for kind in kinds)]
    shared += [each for r in chosen.values() for each in (r.ref, r.observation, r.chosen_by)]
    return deepcopy(part, {id(each): each for each in shared}), len(ours) - len(chosen)
