"""Interfaces, sources and peers."""

from tests.corpus.setup import SetUp, shell
from tests.corpus.setups.common import PLAIN, SLOW, global_defs, instance, peer

NO_SOURCE = SLOW.replace("    unicast_src_ip 10.0.0.2\n", "")
PEERS = "    unicast_peer {\n        10.0.0.3\n    }\n"
MULTICAST = SLOW.replace(PEERS, "").replace("    unicast_src_ip 10.0.0.2\n", "")
YAML = "instances: {{VI_1: {{floating_ips: [web], vrrp_address: {}}}}}\n"

SETUPS = (
    SetUp(
        name="unicast", about="Two servers; the other is MASTER, and stops.", conf=SLOW, peer=peer()
    ),
    SetUp(
        name="unicast-no-source",
        is_wide=True,
        about="Without unicast_src_ip the interface's own address is taken.",
        conf=NO_SOURCE,
        peer=peer(),
    ),
    SetUp(
        name="unicast-own-address-beside",
        as_service=True,
        about="The same list of peers on both servers, so one's own is in it.",
        conf=SLOW.replace("        10.0.0.3", "        10.0.0.2\n        10.0.0.3"),
        peer=peer(),
    ),
    SetUp(
        name="unicast-own-address-only",
        about="The peer is this server itself.",
        conf=SLOW.replace("        10.0.0.3", "        10.0.0.2"),
        peer=peer(),
    ),
    SetUp(
        name="unicast-empty",
        is_wide=True,
        about="An empty list of peers, which is multicast.",
        conf=SLOW.replace("        10.0.0.3\n", ""),
        peer=peer(),
    ),
    SetUp(
        name="unicast-three-servers",
        is_wide=True,
        about="Two peers.",
        conf=SLOW.replace("        10.0.0.3", "        10.0.0.3\n        10.0.0.4"),
        peer=peer(),
    ),
    SetUp(
        name="multicast",
        about="No peers: Hetzner's network carries no multicast, so both are MASTER.",
        conf=MULTICAST,
        peer=peer(unicast=False),
    ),
    SetUp(
        name="multicast-group",
        is_wide=True,
        about="A multicast group of one's own.",
        conf=global_defs("vrrp_mcast_group4 224.0.0.18") + MULTICAST.partition("}\n")[2],
        peer=peer(unicast=False),
    ),
    SetUp(
        name="multicast-one-of-two",
        about="Two instances, and the one that is not followed has no peers.",
        conf=PLAIN
        + instance(name="VI_2", vips="10.0.5.1/32 dev enp7s0")
        .replace("_id 60", "_id 61")
        .replace(PEERS, "")
        .replace("    unicast_src_ip 10.0.0.2\n", ""),
    ),
    SetUp(
        name="interface-wrong",
        about="The private interface has another name.",
        conf=PLAIN.replace("enp7s0", "ens10"),
    ),
    SetUp(
        name="interface-public",
        is_wide=True,
        about="The public interface, while the private address is on the other.",
        conf=PLAIN.replace("interface enp7s0", "interface eth0"),
    ),
    SetUp(
        name="interface-down",
        as_service=True,
        about="The private interface is down.",
        conf=PLAIN,
        before=shell("ip link set enp7s0 down"),
    ),
    SetUp(
        name="interface-missing-dynamic",
        is_wide=True,
        about="dynamic_interfaces lets keepalived start without the interface: FAULT.",
        conf=global_defs("dynamic_interfaces") + instance().replace("enp7s0", "ens10"),
    ),
    SetUp(
        name="source-wrong",
        about="unicast_src_ip is the other server's.",
        conf=PLAIN.replace("src_ip 10.0.0.2", "src_ip 10.0.0.3").replace(
            "        10.0.0.3", "        10.0.0.2"
        ),
    ),
    SetUp(
        name="source-mistyped",
        is_wide=True,
        about="unicast_src_ip is no address.",
        conf=PLAIN.replace("src_ip 10.0.0.2", "src_ip 10.0.0"),
    ),
    SetUp(
        name="vrrp-address-right",
        is_wide=True,
        about="hakeeper.yaml has the private address.",
        conf=PLAIN,
        yaml=YAML.format("10.0.0.2"),
    ),
    SetUp(
        name="vrrp-address-of-the-other",
        about="hakeeper.yaml was copied from the other server with its private address.",
        conf=PLAIN,
        yaml=YAML.format("10.0.0.3"),
    ),
    SetUp(
        name="vmac",
        is_wide=True,
        about="use_vmac: an interface with a MAC address of its own carries the VIP.",
        conf=global_defs() + instance("use_vmac vrrp.60", "vmac_xmit_base", vips="203.0.113.10/32"),
    ),
    SetUp(
        name="vmac-of-its-own",
        about="use_vmac: adverts come from a MAC address that Hetzner did not give.",
        conf=global_defs() + instance("use_vmac", fast=False),
        peer=peer(),
    ),
    SetUp(
        name="public-network",
        is_wide=True,
        about="VRRP between the public addresses.",
        conf=PLAIN.replace("interface enp7s0", "interface eth0")
        .replace("10.0.0.2", "198.51.100.2")
        .replace("10.0.0.3", "198.51.100.3"),
    ),
    SetUp(
        name="private-address-late",
        about="The private address is gone when keepalived starts; it comes later.",
        conf=SLOW,
        before=shell("ip address del 10.0.0.2/32 dev enp7s0"),
        later=shell("ip address add 10.0.0.2/32 dev enp7s0"),
    ),
)
