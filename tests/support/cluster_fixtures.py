"""Fixtures of all tests whose nodes are real daemons: a folder, and a cluster that is judged."""

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from hakeeper.demo.cloud import SimCloud
from tests.support.cluster import FAILED, Cluster, live
from tests.support.tls import server_context


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: a unix socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="hakeeper-") as path:
        yield Path(path)


@pytest.fixture
def cluster(folder: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cloud over plain HTTP; nodes are made by the test."""
    with SimCloud() as cloud:
        yield from live(Cluster(cloud, folder), request.node)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_cluster(
    authority: trustme.CA, folder: Path, request: pytest.FixtureRequest
) -> Iterator[Cluster]:
    """A cloud that speaks HTTPS with a certificate of an authority that nobody knows."""
    with SimCloud(tls=server_context(authority, "127.0.0.1")) as cloud:
        yield from live(Cluster(cloud, folder), request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    del call
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
