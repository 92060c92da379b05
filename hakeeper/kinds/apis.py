"""The APIs that move resources. Each has a token, a quota and a health of its own."""

from typing import Final

from hakeeper.core.kind import Api

CLOUD: Final = Api(
    name="cloud",
    limit_per_hour=3600,
    not_running=frozenset({"off", "stopping", "deleting"}),
)
"""Hetzner Cloud, https://docs.hetzner.cloud: a bucket of 3,600 calls, refilled by one a second."""
