"""Hetzner Cloud, through hcloud."""

from hakeeper.adapters.hetzner.cloud.api import cloud_sessions
from hakeeper.adapters.hetzner.cloud.client import HcloudChangedError
from hakeeper.adapters.hetzner.cloud.identify import Identity

__all__ = ["HcloudChangedError", "Identity", "cloud_sessions"]
