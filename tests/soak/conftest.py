"""Fixtures for soaks on real keepalived; what needs no lab is tested without."""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab import Lab
from tests.soak import RoundPlan, Soak, SoakSettings
from tests.soak.run import Tally


@dataclass(frozen=True)
class Bench:
    """A soak that has not begun, and what it runs on."""

    soak: Soak
    lab: Lab
    cloud: SimCloud


_MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True)
def _files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the lab off a disk that other tests keep busy: hakeeper's state file is on its way."""
    if _MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(_MEMORY))


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
