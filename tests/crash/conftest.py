"""The worlds of the daemon tests, also for these."""

from tests.daemon.conftest import authority, folder, pytest_runtest_makereport, tls_world, world

__all__ = ["authority", "folder", "pytest_runtest_makereport", "tls_world", "world"]
