"""Calls to the Hetzner Cloud API, through hcloud."""

from hakeeper.adapters.hetzner.client import HcloudChangedError
from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.pool import HetznerPool

__all__ = ["HcloudChangedError", "HetznerOptions", "HetznerPool"]
