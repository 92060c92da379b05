"""A network namespace with the interfaces of a server at Hetzner, for keepalived to look at."""

import contextlib
import os
from collections.abc import Iterator

from hakeeper.demo.lab.netns import Namespace

INTERFACES = ("eth0", "enp7s0")
"""The public one, and that of the private network."""


@contextlib.contextmanager
def server_namespace(name: str) -> Iterator[Namespace]:
    """Make it; its interfaces are down, and have no address."""
    with Namespace(f"{name}{os.getpid()}") as namespace:
        for each in INTERFACES:
            namespace.ip(f"link add {each} type veth peer name {each}-peer")
        yield namespace
