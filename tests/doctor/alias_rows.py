"""A server on which all is well with an alias IP, and rows of the table of findings about it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import TypeAlias

from hakeeper.core.calls import AllRead, CallResult, FailureKind, ServerRead
from hakeeper.core.model import Role
from hakeeper.core.observation import Part, Reading, Unreadable
from hakeeper.kinds import ALIAS_IPS, FLOATING_IPS
from tests.support.server_facts import (
    CONF,
    CONF_PATH,
    SERVER,
    WEB,
    YAML,
    YAML_PATH,
    Case,
    failure,
    listed,
    result,
)

ERROR, WARNING = "error", "warning"
Row: TypeAlias = tuple[str, Callable[[Case], Case], str, str, str, str, str]

VIP = "        203.0.113.10/32 dev eth0\n"
ALIAS_VIP = "        10.0.0.100/32 dev enp7s0\n"
RANGES = {1: ("internal", "10.0.0.0/16"), 2: ("db", "192.168.0.0/24")}
US, THEM = ("101", "10.0.0.2"), ("102", "10.0.0.3", "10.0.0.100")


def aliases(
    *rows: tuple[str, ...],
    ranges: Mapping[int, tuple[str, str]] = RANGES,
    odd: tuple[Unreadable, ...] = (),
) -> CallResult:
    """Say which networks there are, and who has what in the first: server, address, alias IPs."""
    networks = [
        Part(key=key, name=name, network=ip_network(text)) for key, (name, text) in ranges.items()
    ]
    members = [Part(key=1, rows=(row,)) for row in rows]
    return result(AllRead(ALIAS_IPS.name, Reading((), odd, (*networks, *members)), requests=2))


def holder(status: str = "running") -> CallResult:
    """Say what the server is that has it."""
    return result(ServerRead(replace(SERVER, id=102, name="web-b", status=status)))


def alias_case(*rows: tuple[str, ...], items: str = "10.0.0.100", **api: object) -> Case:
    """Have alias IPs and no floating IPs; `items` are those of the configuration."""
    case = replace(
        Case(),
        yaml=YAML.replace("floating_ips: [web]", f"alias_ips: [{items}]"),
        conf=CONF.replace(VIP, ALIAS_VIP),
    )
    changes: dict[str, object] = {
        "listed": {ALIAS_IPS.name: aliases(*(rows or (US, THEM)))},
        "holders": {102: holder()},
    }
    return case.with_api(**{**changes, **api})


def both_case(*rows: tuple[str, ...]) -> Case:
    """Have a floating IP and an alias IP."""
    case = Case().with_yaml("[web]", "[web]\n    alias_ips: [10.0.0.100]")
    case = case.with_conf(VIP, VIP + ALIAS_VIP)
    lists = {FLOATING_IPS.name: listed(WEB), ALIAS_IPS.name: aliases(*(rows or (US, THEM)))}
    return case.with_api(listed=lists, holders={102: holder()})


def networks(**ranges: str) -> Callable[[Case], Case]:
    """Have networks of these names and ranges."""
    given = dict(enumerate(ranges.items(), start=1))
    return lambda _: alias_case(listed={ALIAS_IPS.name: aliases(US, THEM, ranges=given)})


AT = f"{YAML_PATH}:3"
FOUR = ("102", "10.0.0.3", "10.0.0.100", "10.0.0.101")

ALIAS_ROWS: list[Row] = [
    # --- the network
    ("no network named so", lambda _: alias_case(items="{ip: 10.0.0.100, network: inner}"),
        "alias IP", ERROR, "10.0.0.100 in inner: this token's project has no network inner", AT,
        "alias_ips: [{ip: 10.0.0.100, network: internal}]    # other networks: internal, db; or"),
    ("several networks", networks(a="10.0.0.0/16", b="10.0.0.0/8"), "alias IP", ERROR,
        "several networks have the address in their range: a (id 1), 10.0.0.0/16 and b (id 2)", AT,
        "alias_ips: [{ip: 10.0.0.100, network: a}]    # or b"),
    ("several networks with odd names", networks(**{"1": "10.0.0.0/16", "a b": "10.0.0.0/8"}),
        "alias IP", ERROR, "several networks", AT, "network: 1}]    # or 2"),
    ("out of every range", lambda _: alias_case(items="10.9.0.100").with_conf("10.0.0.100",
        "10.9.0.100").with_api(listed={ALIAS_IPS.name: aliases(US, ranges={3: ("x",
        "10.0.0.0/24")})}), "alias IP", ERROR,
        "no private network of this token's project has the address in its range (there is x", AT,
        "alias_ips: [ADDRESS]    # a free one of 10.0.0.0/24, on all servers; keepalived.conf too"),
    ("no network at all", lambda _: alias_case(listed={ALIAS_IPS.name: aliases(ranges={})}),
        "alias IP", ERROR, "(there is none)", AT, "hcloud network create --name internal"),
    ("out of the range of its network", lambda _: alias_case(items="{ip: 10.0.0.100, network: db}"),
        "alias IP", ERROR, "the address is not in the range of network db (id 2), 192.168.0.0/24",
        AT, "alias_ips: [ADDRESS]    # a free one of 192.168.0.0/24"),
    ("our own address", lambda _: alias_case(("101", "10.0.0.100"), ("102", "10.0.0.3")),
        "alias IP", ERROR, "the address is that of server 101 itself in network internal (id 1)",
        AT, "alias_ips: [ADDRESS]    # a free one of 10.0.0.0/16"),
    ("a load balancer's address", lambda _: alias_case(US, ("", "10.0.0.100")), "alias IP", ERROR,
        "that of a load balancer in network internal", AT, "a free one of 10.0.0.0/16"),
    ("aliases that cannot be read", lambda _: alias_case(listed={ALIAS_IPS.name: aliases(US,
        odd=(Unreadable(key=None, name=None, label=None, why="a server: id is missing"),))}),
        "alias IP", ERROR, "cannot be used: a server: id is missing", AT, "run this check again"),
    ("unlisted networks", lambda _: alias_case(listed={ALIAS_IPS.name: failure(
        FailureKind.NOT_FOUND, "not_found")}), "alias IP", ERROR,
        "does not list the alias IPs: so it is (not_found)", "", "hetzner.endpoint"),
    ("an alias IP twice", lambda _: alias_case(items="10.0.0.100, {ip: 10.0.0.100, network: 1}"),
        "alias IP", ERROR, "10.0.0.100 in 1 and 10.0.0.100 are the same alias IP", AT, "leave one"),
    # --- this server, and the one that has it
    ("not attached", lambda _: alias_case(THEM), "alias IP", ERROR,
        "10.0.0.100: this server is not attached to network 1; attach it there", AT,
        "hcloud server attach-to-network --network 1 web-a    # then see that its private"),
    ("no room", lambda _: alias_case((*US, *(f"10.0.0.{n}" for n in range(50, 55))), THEM),
        "alias IP", ERROR, "has 5 alias IPs in network 1 already, the most that Hetzner",
        AT,
        "hcloud server change-alias-ips --network 1 --alias-ips LIST web-a"),
    ("not room for two", lambda _: alias_case((*US, *(f"10.0.0.{n}" for n in range(50, 54))), FOUR,
        items="10.0.0.100, 10.0.0.101").with_conf(ALIAS_VIP, ALIAS_VIP
        + "        10.0.0.101/32 dev enp7s0\n"), "alias IP", ERROR,
        "room for 1 more in network internal (id 1), and is to get 2: 10.0.0.100, 10.0.0.101", AT,
        "--alias-ips LIST web-a"),
    ("a holder that is off", lambda _: alias_case(holders={102: holder("off")}), "alias IP",
        WARNING, "10.0.0.100 is on web-b (id 102), which is off", AT, "hakeeper status"),
    # --- this machine
    ("an alias IP that is not configured", lambda _: alias_case().with_conf("10.0.0.100/32",
        "10.0.0.99/32"), "virtual IP", ERROR,
        "10.0.0.100 is on no interface here, and not in virtual_ipaddress of VI_1",
        f"{CONF_PATH}:12", "virtual_ipaddress { 10.0.0.100/32 dev enp7s0 }"),
    ("an alias IP without a device", lambda _: alias_case().with_conf("dev enp7s0", "dev ens10"),
        "virtual IP", ERROR, "there is no interface ens10 for 10.0.0.100", f"{CONF_PATH}:24",
        "10.0.0.100/32 dev enp7s0    # see"),
    ("MASTER without its alias IP", lambda _: alias_case().with_keepalived(roles={"VI_1":
        Role.MASTER}), "virtual IP", ERROR, "is MASTER of VI_1, but 10.0.0.100 is on no interface",
        f"{CONF_PATH}:24", "ip address add 10.0.0.100/32 dev enp7s0"),
    ("an alias IP as the source", lambda _: alias_case().with_conf("unicast_src_ip 10.0.0.2",
        "unicast_src_ip 10.0.0.100"), "private address", ERROR,
        "unicast_src_ip 10.0.0.100 is an alias IP, which moves", f"{CONF_PATH}:16",
        "unicast_src_ip 10.0.0.2"),
    ("no virtual address for an alias IP", lambda _: alias_case().with_conf(ALIAS_VIP, "").here(
        "10.0.0.2", "10.0.0.100"), "instance", ERROR, "has no virtual_ipaddress",
        f"{CONF_PATH}:12", "virtual_ipaddress { ADDRESS/32 dev enp7s0 }    # the alias IP"),
]  # fmt: skip
