"""What the label selectors of hakeeper.yaml choose, by what the API listed: as the daemon does."""

from dataclasses import replace

from hakeeper.core.choice import Choice, choices
from hakeeper.doctor.facts import Facts
from hakeeper.kinds import KINDS


def with_choices(facts: Facts) -> Facts:
    """Add to the entries of the configuration what its selectors choose."""
    config = facts.config
    found = tuple(each for kind in KINDS for each in _choices(facts, kind))
    chosen = {ref: config.address(each.ref) for each in found for ref in each.follow}
    addresses = {**chosen, **config.addresses}
    return replace(facts, config=replace(config, choices=found, addresses=addresses))


def _choices(facts: Facts, kind: str) -> tuple[Choice, ...]:
    reading = facts.reading(kind)
    if reading is None:
        return ()
    named = [
        (vrrp, ref)
        for vrrp, refs in facts.config.config.resources.items()
        for ref in refs
        if ref.kind == kind
    ]
    return choices(KINDS[kind], named, reading, known={}, keep={})
