"""hakeeper keeps Hetzner Cloud floating IPs on the node that keepalived made MASTER."""

__version__ = "0.1.0"
