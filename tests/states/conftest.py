"""Fixtures of the states: the world of the daemon tests, and one scene on it."""

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hakeeper.demo.cloud import SimCloud
from tests.daemon.world import FAILED, World, live
from tests.states.scene import Scene

pytest.register_assert_rewrite("tests.states.tellers")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: a unix socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="hakeeper-") as path:
        yield Path(path)


@pytest.fixture
def world(folder: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A cloud over plain HTTP; nodes are made by the state."""
    with SimCloud() as cloud:
        yield from live(World(cloud, folder), request.node)


@pytest.fixture
def scene(world: World) -> Iterator[Scene]:
    """One node in that world, and systemd's ear beside it."""
    with Scene(world) as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    del call
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
