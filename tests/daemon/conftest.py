"""Fixtures of the daemon tests; `daemon.world` does the work."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.world import FAILED, World, live
from hakeeper.sim.cloud import SimCloud


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A cloud over plain HTTP; nodes are made by the test."""
    with SimCloud() as cloud:
        yield from live(World(cloud, tmp_path), request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    del call
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
