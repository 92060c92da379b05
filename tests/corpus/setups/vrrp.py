"""VRRP itself: roles, priorities, versions, virtual addresses."""

from tests.corpus.setup import SetUp, shell
from tests.corpus.setups.common import PLAIN, SLOW, VIP, global_defs, instance, peer

AUTHENTICATION = "authentication {\n        auth_type PASS\n        auth_pass secret12\n    }"
LONG = "authentication {\n        auth_type PASS\n        auth_pass correct-horse-battery\n    }"
V3 = "version 3\n    advert_int 0.1\n"
VIP_BLOCK = f"    virtual_ipaddress {{\n        {VIP}\n    }}\n"
STATIC = shell("ip address add 203.0.113.10/32 dev lo")
SIX = {"web": "2001:db8:ffff::/64"}


def master(text: str) -> str:
    return text.replace("state BACKUP", "state MASTER")


SETUPS = (
    SetUp(name="state-master", about="state MASTER on both servers.", conf=master(SLOW)),
    SetUp(
        name="state-master-nopreempt",
        about="nopreempt with state MASTER: a remark, and it is ignored.",
        conf=master(global_defs() + instance("nopreempt")),
    ),
    SetUp(
        name="state-master-nopreempt-reload-check",
        is_wide=True,
        about="The same remark with reload_check_config.",
        conf=master(global_defs("reload_check_config") + instance("nopreempt")),
    ),
    SetUp(
        name="nopreempt",
        about="nopreempt with state BACKUP; the other server is MASTER, and stops.",
        conf=global_defs() + instance("nopreempt", fast=False),
        peer=peer(),
    ),
    SetUp(
        name="preempt-delay",
        is_wide=True,
        about="preempt_delay holds only against a master of lower priority.",
        conf=global_defs() + instance("preempt_delay 2"),
    ),
    SetUp(
        name="priority-255",
        about="Address owner: MASTER at once.",
        conf=master(PLAIN.replace("priority 100", "priority 255")),
    ),
    SetUp(
        name="priority-255-backup",
        is_wide=True,
        about="Priority 255 with state BACKUP.",
        conf=PLAIN.replace("priority 100", "priority 255"),
    ),
    SetUp(
        name="priority-too-high",
        is_wide=True,
        about="300 is no priority: keepalived takes its default.",
        conf=PLAIN.replace("priority 100", "priority 300"),
    ),
    SetUp(
        name="router-id-too-high",
        is_wide=True,
        about="300 is no virtual_router_id: the instance is dropped.",
        conf=PLAIN.replace("_id 60", "_id 300"),
    ),
    SetUp(
        name="router-id-missing",
        is_wide=True,
        about="There is no virtual_router_id.",
        conf=PLAIN.replace("    virtual_router_id 60\n", ""),
    ),
    SetUp(
        name="v3-authentication",
        about="VRRPv3 knows no authentication: a remark.",
        conf=global_defs() + instance(AUTHENTICATION),
    ),
    SetUp(
        name="v3-authentication-reload-check",
        is_wide=True,
        about="The same remark with reload_check_config.",
        conf=global_defs("reload_check_config") + instance(AUTHENTICATION),
    ),
    SetUp(
        name="v2-authentication",
        is_wide=True,
        about="A password of eight characters.",
        conf=global_defs("reload_check_config") + instance(AUTHENTICATION, fast=False),
    ),
    SetUp(
        name="v2-long-password",
        about="Only eight characters of it count: a remark.",
        conf=global_defs() + instance(LONG, fast=False),
    ),
    SetUp(
        name="v2-long-password-reload-check",
        as_service=True,
        about="The same remark with reload_check_config.",
        conf=global_defs("reload_check_config") + instance(LONG, fast=False),
    ),
    SetUp(
        name="v2-subsecond",
        is_wide=True,
        about="Version 2 counts whole seconds: a remark.",
        conf=SLOW.replace("advert_int 1", "advert_int 0.5"),
    ),
    SetUp(
        name="vip-none-v2",
        about="No virtual_ipaddress, and the address is on lo.",
        conf=SLOW.replace(VIP_BLOCK, ""),
        before=STATIC,
    ),
    SetUp(
        name="vip-none-v3",
        about="VRRPv3 needs a virtual_ipaddress: the instance is dropped.",
        conf=PLAIN.replace(VIP_BLOCK, ""),
        before=STATIC,
    ),
    SetUp(
        name="vip-private-only",
        is_wide=True,
        about="Another VIP; the floating IP is on no server.",
        conf=PLAIN.replace(VIP, "10.0.5.1/32 dev enp7s0"),
    ),
    SetUp(
        name="vip-private-and-static",
        is_wide=True,
        about="Another VIP; the floating IP is on lo.",
        conf=PLAIN.replace(VIP, "10.0.5.1/32 dev enp7s0"),
        before=STATIC,
    ),
    SetUp(
        name="vip-missing-device",
        about="The VIP's interface does not exist.",
        conf=PLAIN.replace("dev eth0", "dev ens3"),
    ),
    SetUp(
        name="vip-without-device",
        about="The VIP goes to the private interface, and Linux answers all the same.",
        conf=PLAIN.replace(VIP, "203.0.113.10"),
    ),
    SetUp(
        name="vip-on-lo",
        is_wide=True,
        about="The VIP on the loopback interface.",
        conf=PLAIN.replace("dev eth0", "dev lo"),
    ),
    SetUp(
        name="vip-as-a-network",
        about="/24 instead of /32.",
        conf=PLAIN.replace("203.0.113.10/32", "203.0.113.10/24"),
    ),
    SetUp(
        name="vip-in-the-own-network",
        about="A second VIP as /24 in the private network, beside the server's own address.",
        conf=PLAIN.replace(VIP, f"{VIP}\n        192.0.2.100/24 dev enp7s0")
        .replace("10.0.0.2", "192.0.2.2")
        .replace("10.0.0.3", "192.0.2.3"),
        before=shell("ip address add 192.0.2.2/24 dev enp7s0"),
        again=True,
    ),
    SetUp(
        name="vip-mistyped",
        about="One digit is wrong.",
        conf=PLAIN.replace("203.0.113.10", "203.0.113.110"),
    ),
    SetUp(
        name="vip-no-address",
        is_wide=True,
        about="What stands there is none.",
        conf=PLAIN.replace("203.0.113.10/32", "203.0.113.300/32"),
    ),
    SetUp(
        name="vip-excluded",
        about="The floating IP is among the excluded addresses.",
        conf=PLAIN.replace(VIP, "10.0.5.1/32 dev enp7s0").replace(
            "    virtual_ipaddress {",
            "    virtual_ipaddress_excluded {\n        " + VIP + "\n    }\n    virtual_ipaddress {",
        ),
    ),
    SetUp(
        name="vip-ipv6",
        about="An instance of IPv6 over IPv4's unicast is not possible: excluded instead.",
        conf=PLAIN.replace(
            "    virtual_ipaddress {",
            "    virtual_ipaddress_excluded {\n        2001:db8:ffff::10/128 dev eth0\n    }\n"
            "    virtual_ipaddress {",
        ),
        floating_ips=SIX,
    ),
    SetUp(
        name="vip-ipv6-mixed",
        about="IPv4 and IPv6 in one block: keepalived refuses the second family.",
        conf=PLAIN.replace(
            f"        {VIP}\n", f"        {VIP}\n        2001:db8:ffff::10/128 dev eth0\n"
        ),
        floating_ips=SIX,
    ),
    SetUp(
        name="vip-ipv6-instance",
        about="An instance of IPv6 with IPv6 unicast.",
        conf=global_defs()
        + instance(vips="2001:db8:ffff::10/128 dev eth0", peers="fd00::3").replace(
            "10.0.0.2", "fd00::2"
        ),
        before=shell("ip address add fd00::2/64 dev enp7s0 nodad"),
        floating_ips=SIX,
    ),
    SetUp(
        name="lvs-sync",
        about="The VRRP process synchronizes IPVS's connections, if the kernel has it.",
        conf=global_defs() + instance("lvs_sync_daemon_interface enp7s0"),
    ),
    SetUp(
        name="lvs-sync-of-all",
        is_wide=True,
        about="The same in global_defs: without IPVS the VRRP process crashes again and again.",
        conf=global_defs("lvs_sync_daemon enp7s0 VI_1") + instance(),
    ),
    SetUp(
        name="strict",
        about="vrrp_strict has the firewall drop what is for the VIP.",
        conf=global_defs("vrrp_strict") + instance(fast=False),
    ),
    SetUp(
        name="strict-accept",
        is_wide=True,
        about="vrrp_strict with accept.",
        conf=global_defs("vrrp_strict") + instance("accept", fast=False),
    ),
    SetUp(
        name="no-accept",
        about="no_accept on a VRRPv3 instance drops it, too.",
        conf=global_defs() + instance("no_accept"),
    ),
)
