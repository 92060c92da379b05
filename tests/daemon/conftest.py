"""Fixtures of the daemon tests."""

from tests.support.cluster_fixtures import (
    authority,
    cluster,
    folder,
    pytest_runtest_makereport,
    tls_cluster,
)

__all__ = ["authority", "cluster", "folder", "pytest_runtest_makereport", "tls_cluster"]
