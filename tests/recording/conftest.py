"""Fixtures of the recording tests."""

from tests.support.cluster_fixtures import cluster, folder, pytest_runtest_makereport

__all__ = ["cluster", "folder", "pytest_runtest_makereport"]
