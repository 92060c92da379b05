"""A node that knows the API by a name, with a /etc/hosts of its own."""

from collections.abc import Mapping
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode

NAME = "api.cloud.test"
_MOUNTS = """
mount --bind "$1" /etc/hosts
mount --bind "$2" /etc/nsswitch.conf
shift 2
exec "$@"
"""


def node_with(
    world: Cluster, hosts: Path, environment: Mapping[str, str] | None = None
) -> DaemonNode:
    """Make a node with a /etc/hosts of its own, in a mount namespace."""
    switch = hosts.with_name("nsswitch.conf")
    switch.write_text("hosts: files\npasswd: files\ngroup: files\n")
    mounts = ["sh", "-euc", _MOUNTS, "sh", str(hosts), str(switch)]
    apart = ["unshare", "--mount", "--propagation", "private", *mounts]
    node = world.node(prefix=apart, environment=environment)
    node.config["hetzner"]["endpoint"] = world.cloud.url.replace("127.0.0.1", NAME)
    node.config["hetzner"]["ca_file"] = str(hosts.with_name("ca.pem"))
    return node
