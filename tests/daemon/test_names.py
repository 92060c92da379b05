"""What comes before HTTP: the API's name has to be resolved, and the TLS handshake to end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from daemon.tls import server_context
from daemon.world import Node, World, live
from hakeeper.sim.cloud import Fault, Network, SimCloud

NAME = "api.cloud.test"
BOUND_S = 15.0
"""From the end of a fault until the address is ours: the promise."""
_MOUNTS = """
mount --bind "$1" /etc/hosts
mount --bind "$2" /etc/nsswitch.conf
shift 2
exec "$@"
"""


@pytest.fixture
def hosts(folder: Path) -> Path:
    """What the node has as /etc/hosts: the only place where names are looked up."""
    path = folder / "hosts"
    path.write_text(f"127.0.0.1 {NAME}\n")
    return path


@pytest.fixture
def named(folder: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A cloud that speaks HTTPS under a name."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with SimCloud(tls=server_context(authority, NAME)) as cloud:
        yield from live(World(cloud, folder), request.node)


def node_with(world: World, hosts: Path) -> Node:
    """Make a node with a /etc/hosts of its own, in a mount namespace."""
    switch = hosts.with_name("nsswitch.conf")
    switch.write_text("hosts: files\npasswd: files\ngroup: files\n")
    mounts = ["sh", "-euc", _MOUNTS, "sh", str(hosts), str(switch)]
    node = world.node(prefix=["unshare", "--mount", "--propagation", "private", *mounts])
    node.config["hetzner"]["endpoint"] = world.cloud.url.replace("127.0.0.1", NAME)
    node.config["hetzner"]["ca_file"] = str(hosts.with_name("ca.pem"))
    return node


def test_a_name_that_stops_resolving_ends_with_the_address_ours(named: World, hosts: Path) -> None:
    node = node_with(named, hosts)
    node.start()
    fault = named.cloud.fault(Fault(network=Network.REFUSE))  # ends the warm connections too
    hosts.write_text("127.0.0.1 localhost\n")
    named.cloud.clear(fault)
    node.master()
    node.wait_log("claim.failed", error_code="dns")
    repair = named.cloud.fault(Fault(path="^never$"))  # a mark in the simulator's time
    named.cloud.clear(repair)
    hosts.write_text(f"127.0.0.1 {NAME}\n")
    named.wait_owner(node)
    assert named.recovery_s(repair, node) <= BOUND_S
    node.wait_log("address.claimed")
    assert len(node.logged("claim.failed")) == 1


def test_a_name_that_does_not_resolve_at_the_start_is_waited_for(named: World, hosts: Path) -> None:
    hosts.write_text("127.0.0.1 localhost\n")
    node = node_with(named, hosts)
    node.keepalived.start()
    node.write_config()
    node.daemon.start()
    node.master()
    node.wait_log("api.failed", error_code="dns")
    hosts.write_text(f"127.0.0.1 {NAME}\n")
    named.wait_owner(node)


def test_a_handshake_that_hangs_ends_with_the_address_ours(named: World, hosts: Path) -> None:
    node = node_with(named, hosts)
    node.start()
    fault = named.cloud.fault(Fault(network=Network.HANDSHAKE_HANG))
    named.cloud.drop_connections()
    node.master()
    node.wait_log("claim.failed", error_code="tls")
    named.cloud.clear(fault)
    named.wait_owner(node)
    assert named.recovery_s(fault, node) <= BOUND_S


def test_no_assign_leaves_a_stalled_handshake_after_the_demotion(named: World, hosts: Path) -> None:
    node = node_with(named, hosts)
    node.config["hetzner"]["timeout"] = "20s"
    node.config["reconcile"] = {"interval": "1s", "standby_interval": "1s"}
    node.start()
    fault = named.cloud.fault(Fault(network=Network.HANDSHAKE_HANG))
    named.cloud.drop_connections()
    before = named.cloud.counters().connections
    node.master()
    node.wait_log("claim.started")
    named.cloud.wait_for(lambda: named.cloud.counters().connections > before)
    node.backup()
    named.cloud.clear(fault)
    named.wait_reads(node, 3)
    assert named.cloud.assigns() == []
