"""Every finding: what must be seen for it, its severity, its line, and the way out."""

import ast
import importlib
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Interface, ip_address
from pathlib import Path
from typing import Any

import pytest

from hakeeper.adapters.cures import CHECK
from hakeeper.adapters.redaction import Redactor
from hakeeper.cli.check_online import as_text
from hakeeper.core.calls import (
    FailureKind,
    Identified,
    MutationAccepted,
    Quota,
)
from hakeeper.core.model import Action, ActionStatus, Role, VrrpId, VrrpKind
from hakeeper.doctor import checks
from hakeeper.doctor.checks import CHECKS
from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import DaemonFacts, DaemonProblem
from hakeeper.doctor.finding import CheckResult, Finding, Passed, Place, error, not_checked, warning
from hakeeper.doctor.keepalived_facts import (
    ConfigTest,
    ConfUnreadable,
    FifoFacts,
    Held,
    KeepalivedsReading,
    OtherReader,
)
from tests.doctor.alias_rows import ALIAS_ROWS
from tests.doctor.robot_rows import ROBOT_ROWS, with_cloud
from tests.doctor.selector_rows import SELECTOR_ROWS
from tests.doctor.surroundings import SURROUNDINGS
from tests.support import resources
from tests.support.resources import fip, odd_floating_ip
from tests.support.server_facts import (
    CONF,
    CONF_PATH,
    GOOD_API,
    PLENTY,
    SERVER,
    WEB,
    YAML_PATH,
    Case,
    at,
    failure,
    file,
    folder,
    listed,
    result,
)

ERROR, WARNING = "error", "warning"
Spoil = Callable[[Case], Case]
TLS = failure(FailureKind.TRANSIENT, "tls", "certificate refused: certificate is not yet valid")
MODULES = [path for path in Path(checks.__file__).parent.glob("*.py") if path.name != "__init__.py"]
IPV6 = "2001:db8:1:2::/64"


FIFO = "/run/hakeeper/notify.fifo"
GROUP = "vrrp_sync_group G {\n group {\n VI_1\n }\n}\n"
GROUPED = "groups: {G: {floating_ips: [web], vrrp_address: 10.0.0.2}}\n"
DENIED = ConfUnreadable(CONF_PATH, "Permission denied", is_denied=True)
ODD = odd_floating_ip(id=1, name="web", network=None, why="server is missing")
VRRP_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")
VI_2 = frozenset((VrrpId(VrrpKind.INSTANCE, "VI_2"),))
LINKED = (
    folder("/"),
    folder("/bin", kind=stat.S_IFLNK, mode=0o777),
    folder("/usr"),
    folder("/usr/bin"),
    file("/usr/bin/true", mode=0o755),
)
READER = OtherReader(pid=9, command="/bin/sh x", is_script=True)


def ill(*problems: DaemonProblem) -> DaemonFacts:
    return DaemonFacts(is_running=True, problems=problems)


def spent() -> dict[str, object]:
    quota = Quota(limit_per_hour=3600, remaining=300)
    return {"listed": replace(listed(WEB), quota=quota)}


def denied(code: str) -> dict[str, object]:
    refused = failure(FailureKind.AUTH, code)
    return {"identified": refused, "listed": refused, "may_write": None}


def away(code: str) -> dict[str, object]:
    lost = failure(FailureKind.TRANSIENT, code)
    return {"identified": lost, "listed": lost, "may_write": None, "ahead_s": None}


def elsewhere(zone: str, server_id: int | None) -> dict[str, object]:
    return {"listed": listed(replace(WEB, zone=zone, server_id=server_id))}


def a_second_instance(vip: str) -> str:
    return CONF + CONF[CONF.index("vrrp_instance") :].replace("VI_1", "VI_2").replace(
        "203.0.113.10/32", vip
    )


TABLE: list[tuple[str, Spoil, str, str, str, str, str]] = [
    # name, how to spoil it, check, severity, a part of `what`, the place, a part of the cure
    # --- the API and the token
    ("DNS", lambda c: c.with_api(**away("dns")), "API", ERROR, "(dns)", "", "getent hosts api."),
    ("refused", lambda c: c.with_api(**away("connection_refused")), "API", ERROR,
        "(connection_refused)", "", "curl -v https://api.hetzner.cloud/v1"),
    ("503", lambda c: c.with_api(**away("unavailable")), "API", ERROR, "(unavailable)", "",
        "status.hetzner.com"),
    ("clock against TLS", lambda c: c.with_api(identified=TLS, listed=TLS, may_write=None,
        ahead_s=-3 * 86400.0), "API", ERROR, "clock is 3 days behind the Date", "",
        "timedatectl set-ntp true"),
    ("TLS", lambda c: c.with_api(identified=TLS, listed=TLS, may_write=None), "API", ERROR,
        "(the clock is right)", "", "ca-certificates"),
    ("own CA", lambda c: c.with_yaml("instances:", "hetzner: {ca_file: /etc/ca.pem}\ninstances:")
        .with_api(identified=TLS, listed=TLS, may_write=None), "API", ERROR, "certificate refused",
        f"{YAML_PATH}:1", "to /etc/ca.pem"),
    ("clock", lambda c: c.with_api(ahead_s=7200.0), "clock", WARNING,
        "clock is 2 hours ahead of the Date", "", "timedatectl set-ntp true"),
    ("401", lambda c: c.with_api(**denied("unauthorized")), "token", ERROR,
        "the API refuses the token (file /etc/token)", "", "/etc/hakeeper/token"),
    ("403", lambda c: c.with_api(may_write=failure(FailureKind.AUTH, "forbidden")), "token", ERROR,
        "(forbidden)", "", "may read and write"),
    ("read-only", lambda c: c.with_api(may_write=failure(FailureKind.AUTH, "token_readonly")),
        "token", ERROR, "may only read (token_readonly)", "", "may read and write"),
    ("token file", lambda c: c.with_yaml("instances:", "hetzner: {token_file: /t}\ninstances:")
        .with_api(**denied("unauthorized")), "token", ERROR, "refuses the token", f"{YAML_PATH}:1",
        "cat > /t && systemctl reload-or-restart hakeeper"),
    ("no word on writing", lambda c: c.with_api(may_write=failure(FailureKind.OUTCOME_UNKNOWN,
        "deadline")), "token", ERROR, "the test request ended with deadline", "",
        "again"),
    ("not Hetzner", lambda c: c.with_api(may_write=result(MutationAccepted(Action(id=1,
        status=ActionStatus.RUNNING)))), "token", ERROR, "accepted an assign of floating IP 0", "",
        "hetzner.endpoint"),
    ("429", lambda c: c.with_api(listed=failure(FailureKind.THROTTLED, "rate_limit_exceeded"),
        may_write=None), "quota", ERROR, "used up its API calls of this hour (429", "", "find"),
    ("written by others", lambda c: c.with_keepalived(writable_file="/etc/keepalived/my x.conf"),
        "keepalived.conf", WARNING, "other than root may write to '/etc/keepalived/my x.conf'",
        "/etc/keepalived/keepalived.conf", "namei -l '/etc/keepalived/my x.conf'"),
    ("quota", lambda c: c.with_api(**spent()), "quota", WARNING, "300 of 3600 calls left", "",
        "reconcile.interval"),
    # --- the server
    ("another project", lambda c: c.with_yaml("instances:", "server: 42\ninstances:").with_api(
        identified=failure(FailureKind.NOT_FOUND, "not_found", "has no server 42")), "server",
        ERROR, "has no server 42", f"{YAML_PATH}:1", "server: ID"),
    ("who am I", lambda c: c.with_api(identified=failure(FailureKind.TRANSIENT, "no_identity",
        "cannot tell which server")), "server", ERROR, "cannot tell which server", "",
        "server: ID"),
    ("refused server", lambda c: c.with_api(identified=failure(FailureKind.REFUSED,
        "invalid_input")), "server", ERROR, "(invalid_input)", "", "server: ID"),
    # --- the floating IPs
    ("unknown", lambda c: c.with_yaml("[web]", "[wep]"), "floating IP", ERROR,
        "has no floating IP wep; it has: web (203.0.113.10)", f"{YAML_PATH}:3",
        "floating_ips: [web]"),
    ("odd", lambda c: c.with_api(listed=result(resources.listed((), (ODD,)))), "floating IP",
        ERROR, "cannot be used: server is missing", f"{YAML_PATH}:3", "run this check again"),
    ("unlisted", lambda c: c.with_api(listed=failure(FailureKind.NOT_FOUND, "not_found")),
        "floating IP", ERROR, "does not list the floating IPs", "", "hetzner.endpoint"),
    ("twice", lambda c: c.with_yaml("[web]", "[web, 203.0.113.10]"), "floating IP", ERROR,
        "203.0.113.10 and web are the same floating IP", f"{YAML_PATH}:3", "leave one"),
    ("blocked", lambda c: c.with_api(listed=listed(replace(WEB, blocked=True))), "floating IP",
        ERROR, "is blocked by Hetzner", f"{YAML_PATH}:3", "use another floating IP"),
    ("zone", lambda c: c.with_api(**elsewhere("us-east", 102)), "floating IP", ERROR,
        "network zone us-east, server web-a in eu-central", f"{YAML_PATH}:3", "of this zone"),
    # --- keepalived.conf
    ("unreadable", lambda c: replace(c, conf=DENIED).with_keepalived(roles=None),
        "keepalived.conf", ERROR, "cannot be read by hakeeper", CONF_PATH,
        f"chgrp hakeeper {CONF_PATH} && chmod 0640 {CONF_PATH}"),
    ("unreadable, but seen to work", lambda c: replace(c, conf=DENIED), "keepalived.conf", WARNING,
        "not checked: /etc/keepalived/keepalived.conf cannot be read by hakeeper", CONF_PATH,
        f"chgrp hakeeper {CONF_PATH} && chmod 0640 {CONF_PATH}"),
    ("missing", lambda c: replace(c, conf=ConfUnreadable(CONF_PATH, "No such file")),
        "keepalived.conf", ERROR, "No such file", CONF_PATH, "--keepalived-conf FILE"),
    ("~SEQ", lambda c: c.with_conf("    virtual_router_id 51\n",
        "    ~SEQ(N) virtual_router_id ${N}\n"), "keepalived.conf", WARNING,
        "not checked: `~SEQ(N)", f"{CONF_PATH}:14", "kill -USR1"),
    ("@id", lambda c: c.with_conf("    version 3", "    @web-a version 3").with_keepalived(
        is_config_id_sure=False, config_id="web-a"), "keepalived.conf", WARNING,
        "assumed the config-id web-a", f"{CONF_PATH}:15", "as root"),
    ("remark", lambda c: c.with_keepalived(test=ConfigTest(code=5, remarks=(
        f"({CONF_PATH}: Line 9) Unknown keyword 'x'",))), "keepalived.conf", ERROR,
        "keepalived says: Unknown keyword 'x'", f"{CONF_PATH}:9", "correct the keyword"),
    ("remark of one file", lambda c: c.with_keepalived(test=ConfigTest(code=5, remarks=(
        "(Line 3) oh",))), "keepalived.conf", ERROR, "oh", f"{CONF_PATH}:3",
        f"keepalived --config-test -f {CONF_PATH}"),
    ("code alone", lambda c: c.with_keepalived(test=ConfigTest(code=3)), "keepalived.conf", ERROR,
        "ends with code 3 and prints nothing", CONF_PATH, "keepalived --config-test -f"),
    ("died", lambda c: c.with_keepalived(test=ConfigTest(died_of="SIGSEGV")), "keepalived.conf",
        ERROR, "crashes on this file (SIGSEGV)", CONF_PATH, "undo the last change"),
    ("insecure scripts, not seen by this user", lambda c: c.with_conf(
        "    enable_script_security\n", "").with_keepalived(test=ConfigTest(by_root=False)),
        "keepalived.conf", ERROR, "the file runs scripts without `enable_script_security`",
        f"{CONF_PATH}:19", "enable_script_security"),
    ("scripts, as this user", lambda c: c.with_keepalived(test=ConfigTest(code=5, by_root=False,
        remarks=("Disabling track script nginx due to insecure",))), "keepalived.conf", WARNING,
        "not checked: whether keepalived accepts `/usr/bin/true`", f"{CONF_PATH}:10", "as root"),
    ("a script that others may change", lambda c: replace(c.with_keepalived(test=ConfigTest(code=5,
        by_root=False, remarks=("Disabling track script nginx due to insecure",))), programs={
        "/usr/bin/true": (folder("/usr"), file("/usr/bin/true", mode=0o757))}), "keepalived.conf",
        ERROR, "users other than root may change /usr/bin/true", f"{CONF_PATH}:10",
        "chmod go-w /usr/bin/true"),
    ("a script in a linked directory", lambda c: replace(c.with_conf("/usr/bin/true", "/bin/true")
        .with_keepalived(version=(2, 3, 3), test=ConfigTest(code=5, by_root=False, remarks=(
        "Disabling track script nginx due to insecure",))), programs={"/bin/true": LINKED}),
        "keepalived.conf", ERROR, "the way to `/bin/true` leads through /bin, a link",
        f"{CONF_PATH}:10", "/usr/bin/true    # write this in place of /bin/true"),
    ("virtual_server, no IPVS", lambda c: replace(c.with_keepalived(has_ipvs=False), conf=CONF
        + "virtual_server 203.0.113.10 443 {\n}\n"), "keepalived.conf", ERROR,
        "this kernel has no IPVS", f"{CONF_PATH}:27", "DAEMON_ARGS=-P"),
    ("synchronized connections, no IPVS", lambda c: c.with_conf("    version 3",
        "    lvs_sync_daemon_interface eth0\n    version 3").with_keepalived(has_ipvs=False,
        has_checkers=False), "keepalived.conf", ERROR,
        "the file has `lvs_sync_daemon_interface`, but this kernel has no IPVS",
        f"{CONF_PATH}:15", "remove the line `lvs_sync_daemon_interface`"),
    ("more remarks than anybody reads", lambda c: c.with_keepalived(test=ConfigTest(code=5,
        remarks=tuple(f"(Line {n}) odd" for n in range(1, 25)))), "keepalived.conf",
        WARNING, "more of this file than is shown here (4 more)", CONF_PATH,
        f"keepalived --config-test -f {CONF_PATH}"),
    ("a group of one that is followed", lambda c: replace(c, yaml=GROUPED, conf=CONF + GROUP)
        .with_keepalived(test=ConfigTest(code=5, remarks=(
        "Sync group G has only 1 virtual router(s) - this probably isn't what you want",))),
        "keepalived.conf", ERROR, "has only 1 virtual router", CONF_PATH,
        "instances: {VI_1: …} in place of groups: {G: …}"),
    ("left out", lambda c: replace(c, conf=CONF.replace("vrrp_script nginx {",
        "vrrp_script empty {\n}\nvrrp_script nginx {")), "keepalived.conf", WARNING,
        "the vrrp_script empty is ignored", f"{CONF_PATH}:9", 'script "'),
    ("an include in quotes", lambda c: replace(c, conf='include "vi.conf"\n'
        + CONF[:CONF.index("vrrp_instance")]), "instance", ERROR,
        "includes nothing, so keepalived has no vrrp_instance VI_1", f"{CONF_PATH}:1",
        "include vi.conf"),
    ("not tested", lambda c: c.with_keepalived(test=None), "keepalived.conf", WARNING,
        "not checked: keepalived's own test of the file", CONF_PATH,
        "keepalived --config-test -f"),
    ("unused script", lambda c: c.with_conf("    track_script {\n        nginx\n    }\n", ""),
        "keepalived.conf", ERROR, "no track_script uses the vrrp_script nginx",
        f"{CONF_PATH}:9", "track_script { nginx }"),
    ("unknown instance", lambda c: c.with_yaml("VI_1", "VI_l"), "instance", ERROR,
        "has no vrrp_instance VI_l; it has: VI_1", f"{YAML_PATH}:2", "instances: {VI_1: …}"),
    ("an instance more than keepalived has", lambda c: c.with_yaml("instances:\n",
        "instances:\n  VI_2: {floating_ips: [mail]}\n").with_api(listed=listed(WEB,
            replace(at(WEB, "203.0.113.11"), id=fip(4712), name="mail"))), "instance", ERROR,
        "has no vrrp_instance VI_2; it has: VI_1", f"{YAML_PATH}:2", "vrrp_instance VI_2 { … }"),
    ("an instance that only keepalived finds", lambda c: c.with_yaml("VI_1", "VI_2")
        .with_keepalived(reading=KeepalivedsReading(fifo=FIFO, asked=VI_2, has=VI_2)), "instance",
        WARNING, "not checked: the vrrp_instance VI_2: keepalived has it", f"{YAML_PATH}:2",
        "journalctl -u keepalived"),
    ("a group of strangers", lambda c: replace(c, yaml=GROUPED, conf=CONF
        + GROUP.replace("VI_1", "VI_8\n VI_9")), "instance", ERROR,
        "the vrrp_sync_group G has no instance of this file in its `group`; it names: VI_8, VI_9",
        f"{CONF_PATH}:27", "group { VI_1 }    # in vrrp_sync_group G"),
    ("a group without its list", lambda c: replace(c, yaml=GROUPED,
        conf=f"{CONF}vrrp_sync_group G {{\n VI_1\n}}\n").with_keepalived(roles={"G": Role.BACKUP}),
        "instance", ERROR, "the vrrp_sync_group G has no instance of this file in its `group`",
        f"{CONF_PATH}:27", "group { VI_1 }"),
    ("an interface that may come", lambda c: c.with_conf("interface enp7s0", "interface ens10")
        .with_conf("    enable_dbus\n", "    enable_dbus\n    dynamic_interfaces\n"), "instance",
        ERROR, "interface ens10, which does not exist", f"{CONF_PATH}:14", "interface NAME"),
    ("unknown group", lambda c: replace(c, yaml="groups: {G: {floating_ips: [web]}}\n"),
        "instance", ERROR, "has no vrrp_sync_group G; it has: none", f"{YAML_PATH}:1",
        "vrrp_sync_group G { … }"),
    ("interface", lambda c: c.with_conf("interface enp7s0", "interface ens10"), "instance", ERROR,
        "interface ens10, which does not exist; this machine has: enp7s0, eth0",
        f"{CONF_PATH}:13", "interface NAME"),
    ("no interface", lambda c: c.with_conf("    interface enp7s0\n", "").with_keepalived(
        test=ConfigTest(code=5, remarks=("(VI_1) Unknown interface!",))), "instance", ERROR,
        "VI_1 has no interface", f"{CONF_PATH}:12", "interface NAME"),
    ("no interface, and nobody knows", lambda c: c.with_conf("    interface enp7s0\n", "")
        .with_keepalived(test=None), "instance", ERROR, "VI_1 has no interface",
        f"{CONF_PATH}:12", "interface NAME"),
    ("no VIP in version 3", lambda c: c.with_conf("        203.0.113.10/32 dev eth0\n", "").here(
        "10.0.0.2", "203.0.113.10"), "instance", ERROR, "has no virtual_ipaddress",
        f"{CONF_PATH}:12", "virtual_ipaddress {"),
    ("strict", lambda c: c.with_conf("    enable_dbus\n", "    enable_dbus\n    vrrp_strict\n"),
        "instance", ERROR, "VI_1 uses vrrp_strict", f"{CONF_PATH}:7", "remove `vrrp_strict`"),
    ("FAULT, as the daemon has heard", lambda c: replace(c, daemon=DaemonFacts(is_running=True,
        roles={VrrpId(VrrpKind.INSTANCE, "VI_1"): "fault"})).with_keepalived(roles=None), "role",
        ERROR, "VI_1 is in FAULT", "", "journalctl -u keepalived"),
    ("no_accept", lambda c: c.with_conf("    version 3", "    version 3\n    no_accept"),
        "instance", ERROR, "VI_1 has `no_accept`", f"{CONF_PATH}:16", "remove `no_accept`"),
    ("use_vmac", lambda c: c.with_conf("    version 3", "    version 3\n    use_vmac"), "instance",
        WARNING, "`use_vmac`", f"{CONF_PATH}:16", "remove `use_vmac`"),
    # --- the addresses on this machine
    ("not configured", lambda c: c.with_conf("203.0.113.10/32", "203.0.113.99/32"), "virtual IP",
        ERROR, "203.0.113.10 is on no interface here, and not in virtual_ipaddress of VI_1",
        f"{CONF_PATH}:12", "virtual_ipaddress { 203.0.113.10/32 dev eth0 }"),
    ("another's VIP", lambda c: replace(c.with_conf("203.0.113.10/32", "203.0.113.99/32"),
        conf=a_second_instance("203.0.113.10/32").replace("203.0.113.10/32", "203.0.113.99/32", 1)),
        "virtual IP", ERROR, "a virtual address of VI_2, but in hakeeper.yaml it follows VI_1",
        f"{CONF_PATH}:39", "to virtual_ipaddress of VI_1"),
    ("MASTER without", lambda c: c.with_keepalived(roles={"VI_1": Role.MASTER}), "virtual IP",
        ERROR, "is MASTER of VI_1, but 203.0.113.10 is on no interface", f"{CONF_PATH}:24",
        "ip address add 203.0.113.10/32 dev eth0"),
    ("no device", lambda c: c.with_conf("dev eth0", "dev eth1"), "virtual IP", ERROR,
        "there is no interface eth1 for 203.0.113.10", f"{CONF_PATH}:24",
        "203.0.113.10/32 dev eth0"),
    ("/24", lambda c: c.with_conf("203.0.113.10/32", "203.0.113.10/24"), "virtual IP", WARNING,
        "203.0.113.10/24 is not a /32", f"{CONF_PATH}:24", "203.0.113.10/32 dev eth0"),
    ("only as the MASTER's", lambda c: c.with_conf("203.0.113.10/32", "203.0.113.99/32")
        .here("10.0.0.2", "203.0.113.10", "203.0.113.99").with_machine(
        added_late=frozenset((ip_address("203.0.113.10"),))).with_keepalived(roles={"VI_1":
        Role.MASTER}), "virtual IP", ERROR, "here only because keepalived is MASTER with an older",
        f"{CONF_PATH}:12", "virtual_ipaddress { 203.0.113.10/32 dev eth0 }"),
    ("perhaps only as the MASTER's", lambda c: c.with_conf("203.0.113.10/32", "203.0.113.99/32")
        .here("10.0.0.2", "203.0.113.10", "203.0.113.99").with_machine(added_late=None)
        .with_keepalived(roles={"VI_1": Role.MASTER}), "virtual IP", WARNING,
        "not checked: whether it stays here", f"{CONF_PATH}:12", "if it is not on this machine"),
    ("of the wrong family", lambda c: c.with_yaml("[web]", f"['{IPV6}']").with_api(
        listed=listed(at(WEB, IPV6))).with_conf(
        "203.0.113.10/32 dev eth0", "203.0.113.10/32 dev eth0\n2001:db8:1:2::1/128 dev eth0"),
        "virtual IP", ERROR, "is not added by keepalived", f"{CONF_PATH}:25",
        "virtual_ipaddress_excluded"),
    ("/24 with our own", lambda c: c.with_conf("    virtual_ipaddress {",
        "    virtual_ipaddress {\n        10.0.0.100/24 dev enp7s0"), "virtual IP", WARNING,
        "own 10.0.0.2 is in that network", f"{CONF_PATH}:24", "10.0.0.100/32 dev enp7s0"),
    ("IPv6 /48", lambda c: c.with_conf("    virtual_ipaddress {",
        "    virtual_ipaddress_excluded {\n        2001:db8:1:2::1/48 dev eth0\n    }\n"
        "    virtual_ipaddress {"), "virtual IP", WARNING, "2001:db8:1:2::1/48 is not a /128",
        f"{CONF_PATH}:24", "2001:db8:1:2::1/128 dev eth0"),
    # --- private addresses
    ("vrrp_address", lambda c: c.with_yaml("10.0.0.2", "10.0.0.7"), "private address", ERROR,
        "vrrp_address 10.0.0.7 is not on this machine", f"{YAML_PATH}:2",
        "vrrp_address: 10.0.0.2"),
    ("another vrrp_address", lambda c: c.with_yaml("10.0.0.2", "10.0.0.7").here("10.0.0.2",
        "10.0.0.7"), "private address", WARNING,
        "vrrp_address is 10.0.0.7, but keepalived sends from 10.0.0.2", f"{YAML_PATH}:2",
        "vrrp_address: 10.0.0.2"),
    ("no vrrp_address", lambda c: c.with_yaml("    vrrp_address: 10.0.0.2\n", ""),
        "private address", WARNING, "VI_1 has no vrrp_address", f"{YAML_PATH}:2",
        "vrrp_address: 10.0.0.2"),
    ("source", lambda c: c.with_conf("unicast_src_ip 10.0.0.2", "unicast_src_ip 10.0.0.9"),
        "private address", ERROR, "unicast_src_ip 10.0.0.9 is not on this machine",
        f"{CONF_PATH}:16", "unicast_src_ip 10.0.0.2"),
    ("source without interface", lambda c: c.with_conf("unicast_src_ip 10.0.0.2",
        "unicast_src_ip 10.0.0.9").with_machine(primaries={}), "private address", ERROR,
        "unicast_src_ip 10.0.0.9 is not", f"{CONF_PATH}:16", "ip address add 10.0.0.9 dev enp7s0"),
    ("no peer", lambda c: c.with_conf("        10.0.0.3\n", ""), "private address", ERROR,
        "has no unicast_peer", f"{CONF_PATH}:12", "unicast_peer { ADDRESS }"),
    ("own peer", lambda c: c.with_conf("10.0.0.3", "10.0.0.2"), "private address", ERROR,
        "the peer 10.0.0.2 is this machine itself", f"{CONF_PATH}:18", "unicast_peer {"),
    ("peers that cannot be read", lambda c: c.with_conf("        10.0.0.3\n",
        "        ~SEQ(N) 10.0.0.${N}\n"), "private address", WARNING,
        "not checked: the peers of VI_1", f"{CONF_PATH}:12", "unicast_peer {"),
    # --- switches and versions
    ("no D-Bus", lambda c: c.with_conf("    enable_dbus\n", ""), "settings", WARNING,
        "`enable_dbus` is missing, but keepalived.state is auto", f"{CONF_PATH}:1",
        "enable_dbus    # in global_defs"),
    ("D-Bus off, dbus wanted", lambda c: c.with_conf("    enable_dbus\n", "").with_yaml(
        "instances:", "keepalived: {state: dbus}\ninstances:"), "settings", ERROR,
        "keepalived.state is dbus", f"{CONF_PATH}:1", "enable_dbus"),
    ("another bus name", lambda c: c.with_conf("    enable_dbus\n",
        "    enable_dbus\n    dbus_service_name org.x\n"), "settings", WARNING,
        "`dbus_service_name`", f"{CONF_PATH}:7", "remove `dbus_service_name`"),
    ("another bus name, dbus wanted", lambda c: c.with_conf("    enable_dbus\n",
        "    enable_dbus\n    dbus_service_name org.x\n").with_yaml("instances:",
        "keepalived: {state: dbus}\ninstances:"), "settings", ERROR, "`dbus_service_name`",
        f"{CONF_PATH}:7", "remove `dbus_service_name`"),
    ("no check at reload", lambda c: c.with_conf("    reload_check_config\n", ""), "settings",
        WARNING, "`reload_check_config` is missing", f"{CONF_PATH}:1",
        "reload_check_config    # in"),
    ("a reload brought nothing", lambda c: c.with_keepalived(
        version=(2, 3, 4), is_changed=True), "settings", WARNING,
        "may not have taken in the last change", f"{CONF_PATH}:4", "systemctl restart keepalived"),
    ("switched off", lambda c: c.with_conf(
            "vrrp_higher_prio_send_advert", "vrrp_higher_prio_send_advert off"),
        "settings", WARNING, "`vrrp_higher_prio_send_advert` is missing", f"{CONF_PATH}:1",
        "on all servers"),
    ("no last advert", lambda c: c.with_conf("    vrrp_higher_prio_send_advert\n", ""),
        "settings", WARNING, "`vrrp_higher_prio_send_advert` is missing", f"{CONF_PATH}:1",
        "on all servers"),
    ("a keepalived without a file of its package", lambda c: c.with_keepalived(version=None,
        test=None, without_version="Unable to read build config options file"), "version", ERROR,
        "keepalived does not start; it says: Unable to read build config", "", "--force-confmiss"),
    ("the same, to a user who may not see the file", lambda c: c.with_keepalived(version=None,
        test=None, without_version="Unable to read build config options file").with_machine(
        is_root=False), "version", WARNING, "to this user it says: Unable to read", "", "as root"),
    ("a keepalived that says something else", lambda c: c.with_keepalived(version=None, test=None,
        without_version="cannot allocate memory"), "version", ERROR,
        "keepalived does not start; it says: cannot allocate", "", "keepalived --version"),
    ("a keepalived that says nothing", lambda c: c.with_keepalived(version=None, test=None,
        without_version=""), "version", WARNING, "it did not answer `keepalived --version`", "",
        "keepalived --version"),
    ("no keepalived", lambda c: c.with_keepalived(version=None), "version", ERROR,
        "keepalived is not installed", "", "apt install keepalived"),
    ("too old", lambda c: c.with_conf("    enable_dbus",
        "    enable_dbus\n    fifo_write_vrrp_states_on_reload").with_keepalived(
        version=(2, 2, 4)), "version", ERROR,
        "keepalived 2.2.4 does not know `fifo_write_vrrp_states_on_reload` (since 2.2.5)",
        f"{CONF_PATH}:7", "install keepalived 2.2.5"),
    ("too old for a user", lambda c: c.with_conf("    reload_check_config\n", "")
        .with_keepalived(version=(2, 0, 10)), "version", ERROR,
        "does not know a user on the FIFO line (since 2.0.16)", f"{CONF_PATH}:4", "2.0.16"),
    # --- the FIFO
    ("no line", lambda c: c.with_conf(
        "    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper\n", ""), "FIFO line",
        ERROR, "there is no `vrrp_notify_fifo` line", f"{CONF_PATH}:1",
        "vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper"),
    ("another FIFO", lambda c: c.with_conf("/run/hakeeper/notify.fifo", "/run/other.fifo"),
        "FIFO line", ERROR, "writes to /run/other.fifo, but hakeeper reads /run/hakeeper/notify",
        f"{CONF_PATH}:5", "vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper"),
    ("no user", lambda c: c.with_conf("notify.fifo hakeeper hakeeper", "notify.fifo").with_conf(
        "    script_user root\n", "").with_conf("    enable_dbus\n",
        "    enable_dbus\n    script_user root\n"), "FIFO line", ERROR,
        "names no user, and enable_script_security is on", f"{CONF_PATH}:4",
        "notify.fifo hakeeper hakeeper"),
    ("no user, script_user before", lambda c: c.with_conf("notify.fifo hakeeper hakeeper",
        "notify.fifo"), "FIFO line", WARNING, "names no user", f"{CONF_PATH}:5",
        "notify.fifo hakeeper hakeeper"),
    ("no user, no security", lambda c: c.with_conf("notify.fifo hakeeper hakeeper", "notify.fifo")
        .with_conf("    enable_script_security\n", ""), "FIFO line", WARNING, "names no user",
        f"{CONF_PATH}:4", "notify.fifo hakeeper hakeeper"),
    ("no user, the default there", lambda c: c.with_conf("notify.fifo hakeeper hakeeper",
        "notify.fifo").with_conf("    script_user root\n", "").with_machine(
        known_users=frozenset(("hakeeper", "keepalived_script"))), "FIFO line", WARNING,
        "names no user", f"{CONF_PATH}:4", "notify.fifo hakeeper hakeeper"),
    ("no user, 2.4", lambda c: c.with_conf("notify.fifo hakeeper hakeeper", "notify.fifo")
        .with_conf("    enable_script_security\n", "").with_keepalived(version=(2, 4, 0)),
        "FIFO line", ERROR, "names no user, and the FIFO belongs to hakeeper", f"{CONF_PATH}:4",
        "notify.fifo hakeeper hakeeper"),
    ("no such user", lambda c: c.with_conf("notify.fifo hakeeper", "notify.fifo hakeepr"),
        "FIFO line", ERROR, "the user hakeepr on the FIFO line does not exist", f"{CONF_PATH}:5",
        "systemd-sysusers"),
    ("another user", lambda c: c.with_conf("notify.fifo hakeeper", "notify.fifo root"),
        "FIFO line", WARNING, "names root, but the FIFO belongs to hakeeper", f"{CONF_PATH}:5",
        "notify.fifo hakeeper hakeeper"),
    ("another user, 2.4", lambda c: c.with_conf("notify.fifo hakeeper", "notify.fifo root")
        .with_keepalived(version=(2, 4, 3)), "FIFO line", ERROR,
        "names root, but the FIFO belongs to hakeeper", f"{CONF_PATH}:5", "hakeeper hakeeper"),
    ("no such group", lambda c: c.with_conf("hakeeper hakeeper", "hakeeper hakeepr"), "FIFO line",
        ERROR, "the group hakeepr on the FIFO line does not exist", f"{CONF_PATH}:5",
        "notify.fifo hakeeper hakeeper"),
    ("a line that only keepalived finds", lambda c: c.with_conf(f"    vrrp_notify_fifo {FIFO}"
        " hakeeper hakeeper\n", "").with_keepalived(reading=KeepalivedsReading(fifo=FIFO,
        fifo_place=Place("/etc/keepalived/x.conf", 3))), "FIFO line", WARNING,
        f"not checked: the FIFO line: keepalived has one for {FIFO}", "/etc/keepalived/x.conf:3",
        f"vrrp_notify_fifo {FIFO} hakeeper hakeeper"),
    ("a line before it", lambda c: c.with_keepalived(reading=KeepalivedsReading(fifo="/run/x",
        fifo_place=Place(CONF_PATH, 2))), "FIFO line", ERROR,
        "keepalived itself reads another FIFO line first, for /run/x", f"{CONF_PATH}:2",
        "remove the other one"),
    ("a line that keepalived does not find", lambda c: c.with_keepalived(
        reading=KeepalivedsReading()), "FIFO line", ERROR, "keepalived itself finds no",
        f"{CONF_PATH}:5", f"vrrp_notify_fifo {FIFO} hakeeper hakeeper"),
    ("a script on the FIFO", lambda c: c.with_conf("    enable_dbus\n", "    enable_dbus\n"
        "    vrrp_notify_fifo_script /x root\n").with_keepalived(other_readers=(READER,)),
        "FIFO line", ERROR, "`vrrp_notify_fifo_script` starts a script (process 9) that reads",
        f"{CONF_PATH}:7", "remove the line `vrrp_notify_fifo_script`"),
    ("notify_fifo", lambda c: c.with_conf("vrrp_notify_fifo", "notify_fifo"), "FIFO line", WARNING,
        "it is a `notify_fifo` line", f"{CONF_PATH}:5", "vrrp_notify_fifo /run"),
    ("no FIFO", lambda c: replace(c, fifo=FifoFacts(kind="")), "FIFO", ERROR, "there is no FIFO",
        "/run/hakeeper/notify.fifo", "systemd-tmpfiles --create hakeeper.conf"),
    ("hidden FIFO", lambda c: replace(c, fifo=FifoFacts(kind="", problem="Permission denied")),
        "FIFO", ERROR, "Permission denied", "/run/hakeeper/notify.fifo", "namei -l"),
    ("a file", lambda c: replace(c, fifo=FifoFacts(kind="a regular file")), "FIFO", ERROR,
        "it is a regular file, not a FIFO", "/run/hakeeper/notify.fifo", "mv /run/hakeeper"),
    ("another's FIFO", lambda c: c.with_fifo(owner="root", owner_id=0, group_id=0), "FIFO", ERROR,
        "hakeeper may not open it: it belongs to root, mode 0600", "/run/hakeeper/notify.fifo",
        "chown hakeeper: /run/hakeeper/notify.fifo && chmod 0600"),
    ("mode", lambda c: c.with_fifo(mode=0o400), "FIFO", ERROR, "hakeeper may not open it",
        "/run/hakeeper/notify.fifo", "chmod 0600"),
    ("open to all", lambda c: c.with_fifo(mode=0o666), "FIFO", WARNING,
        "others may write to it (mode 0666)", "/run/hakeeper/notify.fifo", "chmod 0600"),
    # --- what runs
    ("not running", lambda c: c.with_keepalived(pid=None, roles=None), "keepalived", ERROR,
        "does not run, according to /run/keepalived.pid", "", "systemctl start keepalived"),
    ("another pid file", lambda c: c.with_keepalived(pid=None, strays=(812,)), "keepalived",
        WARNING, "runs as process 812, but /run/keepalived.pid does not name it", "",
        "keepalived: {pid_file: PATH}"),
    ("FIFO made anew", lambda c: c.with_keepalived(held=Held.ANOTHER), "FIFO reader", ERROR,
        "keepalived has another file open than the one at this path", FIFO,
        "systemctl reload keepalived"),
    ("FIFO not held", lambda c: c.with_keepalived(held=Held.NONE, other_fifos=("/run/x",)),
        "FIFO reader", ERROR, "(process 8) does not have the FIFO open; it has /run/x open", FIFO,
        "systemctl reload keepalived"),
    ("another reader", lambda c: c.with_keepalived(other_readers=(replace(READER,
        is_script=False),)), "FIFO reader", ERROR, "process 9 reads the FIFO, too: /bin/sh x",
        FIFO, "kill 9"),
    ("silent bus", lambda c: c.with_keepalived(roles=None, roles_reason="no bus"), "role", WARNING,
        "does not answer over D-Bus: no bus", "", "systemctl reload keepalived"),
    ("silent bus, dbus wanted", lambda c: c.with_yaml("instances:",
        "keepalived: {state: dbus}\ninstances:").with_keepalived(roles=None, roles_reason="no"),
        "role", ERROR, "does not answer over D-Bus", "", "systemctl reload keepalived"),
    ("not reloaded", lambda c: c.with_keepalived(roles={"VI_0": Role.BACKUP}), "role", ERROR,
        "the running keepalived has no instance VI_1; it has: VI_0", CONF_PATH,
        "systemctl reload keepalived"),
    ("FAULT", lambda c: c.with_keepalived(roles={"VI_1": Role.FAULT}), "role", ERROR,
        "VI_1 is in FAULT", "", "journalctl -u keepalived"),
    ("no daemon", lambda c: replace(c, daemon=DaemonFacts(is_running=False, detail="nobody")),
        "hakeeper", ERROR, "does not answer: nobody", "", "systemctl enable --now hakeeper"),
    ("busy daemon", lambda c: replace(c, daemon=DaemonFacts(is_running=True, is_busy=True,
        detail="too many")), "hakeeper", WARNING, "too busy to answer: too many", "",
        "sudo hakeeper status"),
    ("daemon out of reach", lambda c: replace(c, daemon=DaemonFacts(is_running=False,
        is_denied=True, detail="ada may not")), "hakeeper", WARNING, "cannot be asked: ada may not",
        "", "adduser NAME hakeeper"),
    ("daemon without its socket", lambda c: replace(c, daemon=DaemonFacts(is_running=True,
        unreachable_cure="df -i /run", detail="hakeeper runs, but")), "hakeeper", WARNING,
        "hakeeper runs, but", "", "df -i /run"),
    ("broken daemon", lambda c: replace(c, daemon=ill(DaemonProblem(is_broken=True,
        text="ill"))),
        "hakeeper", ERROR, "the daemon reports: ill", "", "hakeeper status"),
    ("not reloaded daemon", lambda c: replace(c, daemon=DaemonFacts(is_running=True, follows={
        VrrpId(VrrpKind.INSTANCE, "VI_1"): ("web", "db")})), "hakeeper", ERROR,
        "another configuration: VI_1: web, db; the file has VI_1: web", YAML_PATH,
        "systemctl reload hakeeper"),
    ("a daemon that names this check", lambda c: replace(c, daemon=ill(DaemonProblem(
        is_broken=True, text="VI_1: the role is not known", code="role.unknown", cure=CHECK))),
        "hakeeper", ERROR, "the daemon reports: VI_1: the role is not known", "",
        "journalctl -u keepalived -n 30; journalctl -u hakeeper -n 30"),
    ("degraded daemon", lambda c: replace(c, daemon=ill(DaemonProblem(is_broken=False,
        text="tired", cure="sleep"))), "hakeeper", WARNING,
        "the daemon reports: tired", "", "sleep"),
    *SURROUNDINGS,
    *ALIAS_ROWS,
    *SELECTOR_ROWS,
    *ROBOT_ROWS,
    # --- what runs
    ("no VRRP", lambda c: c.with_keepalived(has_vrrp=False), "keepalived", ERROR,
        "started with `--check`", "", "remove `-C`"),
    ("heard and not seen", lambda c: replace(c.with_keepalived(pid=None, roles=None), daemon=
        DaemonFacts(is_running=True, roles={VRRP_1: "master"}, problems=(DaemonProblem(
        is_broken=False, text="x", code="keepalived.unseen"),))), "keepalived", ERROR,
        "not visible here writes to the FIFO", "", "run keepalived and hakeeper in the same place"),
    ("another network", lambda c: replace(c.with_keepalived(other_namespace="inner"), conf=
        f"net_namespace inner\n{CONF}".replace("enp7s0", "ens8")), "keepalived", ERROR,
        "in the network namespace inner", f"{CONF_PATH}:1", "remove `net_namespace`"),
    ("it ended with this file", lambda c: c.with_keepalived(pid=None, roles=None,
        last_failure="exit code 2"), "keepalived", ERROR, "with this file failed (exit code 2)",
        CONF_PATH, "journalctl -u keepalived"),
    ("FAULT without a reason", lambda c: c.with_conf(
        "    track_script {\n        nginx\n    }\n", "").with_keepalived(roles={"VI_1":
        Role.FAULT}), "role", ERROR, "in FAULT, for a reason that is gone", "",
        "systemctl restart keepalived"),
    ("an old FIFO that is still read", lambda c: c.with_keepalived(held=Held.ANOTHER,
        reads_replaced_fifo=True), "FIFO reader", WARNING, "still reads that one, too", FIFO,
        "systemctl reload keepalived"),
]  # fmt: skip


def test_a_good_server_has_no_findings_and_passes_every_check() -> None:
    report = judge(with_cloud().facts())

    assert [] == Case().findings() == with_cloud().findings()
    assert report.is_ready
    names = {*(check.name for check in CHECKS), "hakeeper"} - {"alias IP"}
    assert names == {name for name, _ in report.results}


@pytest.mark.parametrize(
    "case",
    [
        Case().with_keepalived(version=(2, 3, 3), is_changed=True),
        Case().with_keepalived(version=(2, 3, 4)),
        Case()
        .with_keepalived(version=(2, 3, 4), is_changed=True)
        .with_conf("    reload_check_config\n", ""),
    ],
    ids=["another version", "nothing changed", "without the word"],
)
def test_a_reload_that_takes_the_file_in_is_no_concern(case: Case) -> None:
    assert not [each for _, each in case.findings() if "last change" in each.what]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_each_mistake_is_found_with_its_line_and_its_cure(
    row: tuple[str, Spoil, str, str, str, str, str],
) -> None:
    _, spoil, check, severity, what, place, cure = row
    case = spoil(Case())
    found = [each for name, each in case.findings() if name == check and what in each.what]

    assert 1 == len(found), case.findings()
    assert severity == found[0].severity.value
    assert place == ("" if found[0].place is None else str(found[0].place))
    assert cure in found[0].cure
    assert found[0].why
    others = [each.what for _, each in case.findings() if each.severity.value == "error"]
    assert (severity == "error") is (found[0].what in others)
    assert judge(case.facts()).is_ready is (not others)


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_no_finding_looks_like_a_secret_to_the_redactor(
    row: tuple[str, Spoil, str, str, str, str, str],
) -> None:
    text = as_text(judge(row[1](Case()).facts()))

    assert text == Redactor().text(text)


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_every_finding_fits_80_columns_except_its_cure(
    row: tuple[str, Spoil, str, str, str, str, str],
) -> None:
    lines = as_text(judge(row[1](Case()).facts())).splitlines()

    assert [] == [line for line in lines if len(line) > 80 and not line.startswith("    do: ")]


def test_every_line_that_makes_a_finding_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {(path.name, line) for path in MODULES for line in lines_with_findings(path)}
    reached: set[tuple[str, int]] = set()

    def noting(make: Callable[..., Finding]) -> Callable[..., Finding]:
        def made(*args: str, **named: Any) -> Finding:  # noqa: ANN401
            frame = sys._getframe(1)
            reached.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
            return make(*args, **named)

        return made

    for path in MODULES:
        module = importlib.import_module(f"hakeeper.doctor.checks.{path.stem}")
        for make in (error, warning, not_checked):
            if hasattr(module, make.__name__):
                monkeypatch.setattr(module, make.__name__, noting(make))
    for row in TABLE:
        row[1](Case()).findings()

    assert len(written) > 40
    assert written == reached


def lines_with_findings(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in {"error", "warning", "make", "not_checked"} or isinstance(
                node.func, ast.IfExp
            ):
                yield node.lineno


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("an address that is here already shows that its zone is no hindrance",
            lambda c: c.with_api(**elsewhere("us-east", 101))),
        ("an address that is on this machine for good needs no VIP",
            lambda c: c.with_conf("203.0.113.10/32", "203.0.113.99/32").here(
                "10.0.0.2", "203.0.113.10")),
        ("its own address beside the peer", lambda c: c.with_conf("        10.0.0.3\n",
            "        10.0.0.2\n        10.0.0.3\n")),
        ("the same FIFO by another path", lambda c: c.with_conf("/run/hakeeper",
            "/var/run/hakeeper").with_fifo(same_paths=frozenset((f"/var{FIFO}",)))),
        ("script security that begins after a FIFO line without a user", lambda c: c.with_conf(
            "    script_user root\n    enable_script_security\n", "").with_conf(
            "notify.fifo hakeeper hakeeper\n", "notify.fifo\n    enable_script_security\n")),
        ("a MASTER with its address", lambda c: c.with_keepalived(roles={"VI_1": Role.MASTER}).here(
            "10.0.0.2", "203.0.113.10")),
        ("no D-Bus where it is not to be asked", lambda c: c.with_yaml("instances:",
            "keepalived: {state: none}\ninstances:").with_conf("    enable_dbus\n", "")
            .with_keepalived(roles=None)),
        ("an IPv6 network by one address of it", lambda c: c.with_yaml("[web]", f'["{IPV6}"]')
            .with_conf("    virtual_ipaddress {", "    virtual_ipaddress_excluded {\n"
                "        2001:db8:1:2::1/64 dev eth0\n    }\n    virtual_ipaddress {")
            .with_api(listed=listed(at(WEB, IPV6)))),
        ("a FIFO by its group", lambda c: c.with_fifo(owner="root", owner_id=0, mode=0o660)
            .with_fifo(mode=0o660).with_machine(group_ids=frozenset((990,)))),
        ("the option in the instance alone", lambda c: c.with_conf(
            "    vrrp_higher_prio_send_advert\n", "").with_conf(
            "    version 3", "    version 3\n    higher_prio_send_advert")),
        ("an unused script without reload_check_config", lambda c: c.with_conf(
            "    track_script {\n        nginx\n    }\n", "").with_conf(
            "    reload_check_config\n", "")),
        ("a script in a linked directory, with a keepalived before 2.3", lambda c: replace(
            c.with_conf("/usr/bin/true", "/bin/true").with_keepalived(test=ConfigTest(code=5,
            by_root=False, remarks=("Disabling track script nginx due to insecure",))),
            programs={"/bin/true": LINKED})),
        ("no interface, where keepalived takes unicast without one", lambda c: c.with_conf(
            "    interface enp7s0\n", "")),
        ("no VIP in version 2, the address being here", lambda c: c.with_conf(
            "        203.0.113.10/32 dev eth0\n", "").with_conf("version 3", "version 2").here(
            "10.0.0.2", "203.0.113.10")),
    ],
)  # fmt: skip
def test_what_works_is_no_error(name: str, spoil: Spoil) -> None:
    errors = [each for _, each in spoil(Case()).findings() if each.severity.value == "error"]

    assert [] == errors, name


def test_a_file_that_was_not_tested_is_not_called_accepted() -> None:
    report = judge(Case().with_keepalived(version=None, test=None).facts())
    [passed] = [one for name, one in report.results if name == "keepalived.conf"]
    assert passed == Passed(f"{CONF_PATH} can be read")


def test_the_server_of_a_group_is_judged_by_its_members() -> None:
    grouped = CONF + "vrrp_sync_group G {\n  group {\n    VI_1\n  }\n}\n"
    case = replace(Case(), conf=grouped).with_yaml("instances", "groups").with_yaml("VI_1", "G")

    assert [] == case.findings()
    assert case.with_conf("203.0.113.10/32", "203.0.113.99/32").findings()


@pytest.mark.parametrize(
    ("server_id", "holder"), [(101, "this server"), (102, "server 102"), (None, "no server")]
)
def test_it_is_reported_where_the_address_is_now(server_id: int | None, holder: str) -> None:
    case = Case().with_api(listed=listed(replace(WEB, server_id=server_id)))
    said = [each for name, each in judge(case.facts()).results if name == "floating IP"]

    assert [Passed(f"web = 203.0.113.10 (id 4711), now on {holder}")] == said


def test_the_version_of_vrrp_may_be_that_of_all_instances() -> None:
    case = (
        Case().with_conf("        203.0.113.10/32 dev eth0\n", "").with_conf("    version 3\n", "")
    )
    case = case.here("10.0.0.2", "203.0.113.10")

    assert [] == case.findings()
    assert ["VI_1 has no virtual_ipaddress"] == [
        each.what
        for _, each in case.with_conf("global_defs {", "global_defs {\n vrrp_version 3").findings()
    ]


def test_of_two_fifo_lines_the_specific_one_is_judged() -> None:
    both = Case().with_conf(
        "    enable_dbus\n", "    enable_dbus\n    notify_fifo /run/hakeeper/notify.fifo\n"
    )
    [line] = [each for name, each in judge(both.facts()).results if name == "FIFO line"]
    assert isinstance(line, Passed)

    other = both.with_conf("vrrp_notify_fifo /run/hakeeper/", "vrrp_notify_fifo /run/")
    elsewhere = other.with_conf("notify_fifo /run/hakeeper/notify.fifo\n", "notify_fifo /a\n")
    [finding] = [each for name, each in elsewhere.findings() if name == "FIFO line"]
    assert "keepalived writes to /run/notify.fifo, but hakeeper reads" in finding.what
    assert finding.what.endswith("(by default)")
    given = elsewhere.with_yaml(
        "instances:", "keepalived: {fifo: /run/hakeeper/notify.fifo}\ninstances:"
    )
    assert given.findings()[0][1].what.endswith(f"({YAML_PATH}:1)")


@pytest.mark.parametrize("roles", [None, {"VI_9": Role.FAULT}])
def test_a_silent_bus_is_reported_even_if_the_file_cannot_be_read(
    roles: dict[str, Role] | None,
) -> None:
    case = replace(Case(), conf=ConfUnreadable(CONF_PATH, "Permission denied", is_denied=True))
    found = [name for name, _ in case.with_keepalived(roles=roles).findings()]

    assert ["keepalived.conf", "role"] == found


def test_a_daemon_that_follows_nothing() -> None:
    case = replace(Case(), daemon=DaemonFacts(is_running=True, follows={}))
    right = {VrrpId(VrrpKind.INSTANCE, "VI_1"): ("web",)}

    assert "configuration: nothing; the file has VI_1: web" in case.findings()[0][1].what
    assert [] == replace(case, daemon=DaemonFacts(is_running=True, follows=right)).findings()


def test_a_source_address_passes_only_if_keepalived_can_hear_its_peers() -> None:
    heard = Passed("VI_1 sends from 10.0.0.2, which is on this machine")

    def said(case: Case) -> list[CheckResult]:
        return [each for name, each in judge(case.facts()).results if name == "private address"]

    assert heard in said(Case())
    for deaf in (
        Case().with_conf("        10.0.0.3\n", ""),
        Case().with_conf("10.0.0.3", "10.0.0.2"),
        Case().with_conf("    unicast_src_ip 10.0.0.2\n", ""),
        Case().here(),
    ):
        assert heard not in said(deaf)


def test_without_a_source_the_first_address_of_the_interface_is_proposed() -> None:
    case = Case().with_yaml("    vrrp_address: 10.0.0.2\n", "")
    case = case.with_conf("    unicast_src_ip 10.0.0.2\n", "")
    unknown = case.with_machine(primaries={"eth0": IPv4Interface("192.0.2.9/32")})

    assert ["vrrp_address: 10.0.0.2    # under VI_1"] == [each.cure for _, each in case.findings()]
    assert ["vrrp_address: ADDRESS    # under VI_1"] == [e.cure for _, e in unknown.findings()]


@pytest.mark.parametrize(
    ("names", "device"),
    [(("lo", "eth0", "aaa0", "enp7s0"), "eth0"), (("lo", "enp1s0", "enp7s0"), "enp1s0"),
        (("lo", "enp7s0"), "eth0")],
)  # fmt: skip
def test_the_line_to_write_names_the_public_interface(names: tuple[str, ...], device: str) -> None:
    case = Case().with_conf("203.0.113.10/32", "203.0.113.99/32")
    found = case.with_machine(interfaces=frozenset(names)).findings()
    [finding] = [each for _, each in found if "is on no interface here" in each.what]

    assert f"203.0.113.10/32 dev {device} }}" in finding.cure


@pytest.mark.parametrize("own", ["interface", "source", "vrrp_address", "none"])
def test_any_address_of_this_machine_in_the_network_of_a_vip_is_reported(own: str) -> None:
    case = Case().with_conf("203.0.113.10/32", "203.0.113.10/24")
    ip = IPv4Interface("203.0.113.5/32")
    if own == "interface":
        case = case.with_machine(primaries={"eth0": ip})
    elif own == "source":
        case = case.with_conf("unicast_src_ip 10.0.0.2", f"unicast_src_ip {ip.ip}")
    elif own == "vrrp_address":
        case = case.with_yaml("10.0.0.2", str(ip.ip))
    [finding] = [each for _, each in case.findings() if "is not a /32" in each.what]

    assert (own != "none") is ("this machine's own" in finding.what)


def test_a_vip_that_is_on_its_interface_is_no_neighbour_of_itself() -> None:
    case = Case().with_conf("203.0.113.10/32", "203.0.113.10/24")
    case = case.with_machine(primaries={"eth0": IPv4Interface("203.0.113.10/24")})

    assert ["warning"] == [each.severity.value for _, each in case.findings()]


def test_a_wrong_source_is_not_recommended_for_vrrp_address() -> None:
    case = Case().with_conf("unicast_src_ip 10.0.0.2", "unicast_src_ip 10.0.0.9")

    assert ["unicast_src_ip 10.0.0.2"] == [each.cure for _, each in case.findings()]


def test_an_identity_is_reported_with_its_source() -> None:
    said = [each for name, each in judge(Case().facts()).results if name == "server"]

    assert [Passed("web-a (id 101), from: DMI serial number")] == said
    assert Identified(SERVER, "DMI serial number") == GOOD_API.identified.outcome


def test_the_lowest_quota_counts() -> None:
    low = replace(listed(WEB), quota=Quota(limit_per_hour=3600, remaining=359))
    assert ["quota"] == [name for name, _ in Case().with_api(listed=low).findings()]
    fine = replace(listed(WEB), quota=Quota(limit_per_hour=3600, remaining=360))
    assert [] == Case().with_api(listed=fine).findings()
    assert PLENTY.remaining > fine.quota.remaining if fine.quota else False
