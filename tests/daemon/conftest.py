"""Fixtures of the daemon tests; `daemon.world` does the work."""

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from hakeeper.demo.cloud import SimCloud
from tests.daemon.tls import server_context
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


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_world(
    authority: trustme.CA, folder: Path, request: pytest.FixtureRequest
) -> Iterator[World]:
    """A cloud that speaks HTTPS with a certificate of an authority that nobody knows."""
    with SimCloud(tls=server_context(authority, "127.0.0.1")) as cloud:
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
