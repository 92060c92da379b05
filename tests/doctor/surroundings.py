"""Rows of the table of findings: what is wrong around hakeeper and keepalived."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import TypeAlias

from hakeeper.doctor.facts import ScriptFacts
from tests.support.resources import fip
from tests.support.server_facts import (
    CONF_PATH,
    NETWORK_FILE,
    WEB,
    YAML_PATH,
    Case,
    at,
    file,
    folder,
    listed,
)

ERROR, WARNING = "error", "warning"
Row: TypeAlias = tuple[str, Callable[[Case], Case], str, str, str, str, str]

SURROUNDINGS: list[Row] = [
    # --- the server by its addresses
    ("another server", lambda c: c.with_server(id=102, name="web-b", own=(
        ip_network("192.0.2.8"), ip_network("10.0.0.3"))), "server", ERROR,
        "(id 102, from: DMI serial number) is not this machine: it has 192.0.2.8, 10.0.0.3", "",
        "server: ID"),
    ("another server's id", lambda c: c.with_yaml("instances:", "server: 102\ninstances:")
        .with_server(own=(ip_network("2001:db8:6::/64"),)), "server", ERROR,
        "it has 2001:db8:6::/64, and this machine has", f"{YAML_PATH}:1", "server: ID"),
    ("no Primary IP", lambda c: c.with_server(without=(4,)), "Primary IP", ERROR,
        "web-a (id 101) has no Primary IPv4, which 203.0.113.10 needs", "",
        "--type ipv4 --name NAME --assignee-id 101"),
    ("no Primary IPv6", lambda c: c.with_server(without=(6,)).with_yaml("[web]", "[web, six]")
        .with_api(listed=listed(WEB, replace(at(WEB, "2001:db8:1:2::/64"), id=fip(4712),
            name="six"))).with_conf(
            "203.0.113.10/32 dev eth0", "203.0.113.10/32 dev eth0\n2001:db8:1:2::1 dev eth0"),
        "Primary IP", ERROR, "has no Primary IPv6, which 2001:db8:1:2::/64 needs", "", "ipv6"),
    # --- scripts from before
    ("notify_master", lambda c: c.with_script('notify_master "/etc/f.sh a" root', "/etc/f.sh a",
        ScriptFacts(sign="api.hetzner.cloud")), "notify script", WARNING,
        "`notify_master` of VI_1 runs `/etc/f.sh a`, which calls Hetzner's API (`api.hetzner.cloud",
        f"{CONF_PATH}:16", "delete the `notify_master` line; then: systemctl reload keepalived"),
    ("notify, closed", lambda c: c.with_script("notify /etc/f.sh", "/etc/f.sh",
        ScriptFacts(unread="Permission denied")), "notify script", WARNING,
        "which was not checked: Permission denied", f"{CONF_PATH}:16", "as root"),
    # --- systemd-networkd
    ("networkd", lambda c: c.with_link(keep=""), "networkd", WARNING,
        "systemd-networkd manages eth0, where keepalived adds 203.0.113.10", NETWORK_FILE,
        "/etc/systemd/network/10-netplan-eth0.network.d/keepalived.conf && networkctl reload"),
    ("networkd, no_track", lambda c: c.with_link(keep="static").with_conf("dev eth0",
        "dev eth0 no_track"), "networkd", WARNING, "manages eth0, where keepalived adds",
        NETWORK_FILE, "KeepConfiguration=yes"),
    ("networkd and routes", lambda c: c.with_conf("    version 3\n",
        "    version 3\n    virtual_routes {\n        198.51.100.0/24 dev eth0\n    }\n"),
        "networkd", WARNING, "removes routes that are not its own", f"{CONF_PATH}:16",
        "ManageForeignRoutes=no"),
    # --- who may write
    ("a user's folder", lambda c: c.with_component(folder("/etc/hakeeper", owner="jane",
        owner_id=1000)), "access", WARNING, "jane may write to it, and so change hakeeper.yaml",
        "/etc/hakeeper", "chown root /etc/hakeeper"),
    ("a group's file", lambda c: c.with_component(file(CONF_PATH, mode=0o664, group="ops",
        group_members=("jane", "joe"))), "access", WARNING,
        "the group ops (jane, joe) may write to it", CONF_PATH, f"chmod g-w {CONF_PATH}"),
    ("everybody's folder", lambda c: c.with_component(folder("/etc", mode=0o777)), "access", ERROR,
        "everybody may write to it, and so change hakeeper.yaml, keepalived.conf",
        "/etc", "chmod o-w /etc"),
    ("the FIFO's folder", lambda c: c.with_component(folder("/run/hakeeper", owner="hakeeper",
        owner_id=990)), "FIFO folder", WARNING, "hakeeper may write to it",
        "/run/hakeeper", "systemd-tmpfiles --create hakeeper.conf"),
    ("above the FIFO's folder", lambda c: c.with_component(folder("/run", mode=0o777)),
        "FIFO folder", WARNING, "everybody may write to it", "/run", "chmod o-w /run"),
]  # fmt: skip
