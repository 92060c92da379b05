"""Calls to Hetzner's APIs: what all of them need. `cloud` and `robot` are what each of them is."""

from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.pool import HetznerPool

__all__ = ["HetznerOptions", "HetznerPool"]
