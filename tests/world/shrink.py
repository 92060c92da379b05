"""A failing world made small: as few faults as still break the same rule."""

from collections.abc import Callable, Sequence

from hakeeper.core.kind import Kind
from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.plan import Plan
from tests.world.judge import judged

Fails = Callable[[Sequence[int]], bool]


def shrink(plan: Plan, rule: str, kinds: Sequence[Kind] = (FLOATING_IPS,)) -> Plan:
    """Take faults away as long as the same rule is broken (delta debugging)."""

    def fails(kept: Sequence[int]) -> bool:
        outcome = judged(plan.only(set(kept)), kinds=kinds)
        return any(violation.rule == rule for violation in outcome.violations)

    return plan.only(set(fewest([fault.serial for fault in plan.faults], fails)))


def fewest(items: Sequence[int], fails: Fails) -> list[int]:
    """Return a part of the items of which none can be left out."""
    kept = list(items)
    size = max(1, len(kept) // 2)
    while kept:
        smaller = _without_one_piece(kept, size, fails)
        if smaller is not None:
            kept = smaller
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return kept


def _without_one_piece(kept: list[int], size: int, fails: Fails) -> list[int] | None:
    for at in range(0, len(kept), size):
        rest = kept[:at] + kept[at + size :]
        if fails(rest):
            return rest
    return None
