"""Fixtures of the recording tests: the world of the daemon tests."""

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hakeeper.demo.cloud import SimCloud
from tests.daemon.world import FAILED, World, live


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: a unix socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="hakeeper-") as path:
        yield Path(path)


@pytest.fixture
def world(folder: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A cloud over plain HTTP; nodes are made by the test."""
    with SimCloud() as cloud:
        yield from live(World(cloud, folder), request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    del call
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
