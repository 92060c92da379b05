"""Fixtures for soaks on real keepalived; what needs no lab is tested without."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest

from hakeeper.sim.cloud import SimCloud
from hakeeper.sim.lab import Lab
from hakeeper.sim.soak import RoundPlan, Soak, SoakSettings
from hakeeper.sim.soak.run import Tally


@dataclass(frozen=True)
class Bench:
    """A soak that has not begun, and what it runs on."""

    soak: Soak
    lab: Lab
    cloud: SimCloud


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")
    with contextlib.ExitStack() as stack:

        def make(
            settings: SoakSettings,
            rounds: Iterable[RoundPlan] | None = None,
            tell: Callable[[Bench, Tally], None] = lambda _bench, _tally: None,
        ) -> Bench:
            cloud = stack.enter_context(SimCloud())
            lab = stack.enter_context(Lab(settings.lab(), cloud))

            def hear(tally: Tally) -> None:
                tell(bench, tally)

            soak = Soak(lab, cloud, settings, tell=hear, rounds=rounds)
            bench = Bench(soak, lab, cloud)
            return bench

        yield make
