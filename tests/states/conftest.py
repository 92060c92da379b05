"""Fixtures of the states: a cluster, and one scene on it."""

from collections.abc import Iterator

import pytest

from tests.states.scene import Scene
from tests.support.cluster import Cluster
from tests.support.cluster_fixtures import cluster, folder, pytest_runtest_makereport

__all__ = ["cluster", "folder", "pytest_runtest_makereport", "scene"]

pytest.register_assert_rewrite("tests.states.tellers")


@pytest.fixture
def scene(cluster: Cluster) -> Iterator[Scene]:
    """One node in that cluster, and systemd's ear beside it."""
    with Scene(cluster) as made:
        yield made
