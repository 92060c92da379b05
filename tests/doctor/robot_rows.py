"""A dedicated server on which all is well with failover IPs, and rows of the table of findings."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import TypeAlias

from hakeeper.core.calls import NO_IDENTITY, AllRead, CallResult, FailureKind, Identified
from hakeeper.core.model import Role, Server
from hakeeper.core.observation import (
    IpNetwork,
    Observation,
    Reading,
    ResourceId,
    Unreadable,
    label_of,
)
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.kinds import FAILOVER_IPS, FLOATING_IPS
from hakeeper.kinds.failover_ip import keys_of
from tests.support.server_facts import (
    CONF,
    CONF_PATH,
    GOOD_API,
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

IP, NET = "203.0.113.7", "2001:db8:f::/64"
MAIN, OTHER = "192.0.2.9", "192.0.2.8"
MAIN6 = "2001:db8:5::/64"
VIP = "        203.0.113.10/32 dev eth0\n"
FAILOVER_VIP = f"        {IP}/32 dev eth0\n"
NET_VIP = "        2001:db8:f::1/128 dev eth0\n"
EXCLUDED = "    }\n    virtual_ipaddress_excluded {\n" + NET_VIP
"""IPv6 beside IPv4."""
ROBOT_YAML = (
    YAML.replace("floating_ips: [web]", f"failover_ips: [{IP}]")
    + f'robot:\n  server: [{MAIN}, "{MAIN6}"]\n'
)


def failover_ip(address: str, holder: str | None = OTHER, *, moving: bool = False) -> Observation:
    """Show a failover IP or network as the kind reads it."""
    network = ip_network(address)
    return Observation(
        id=ResourceId(FAILOVER_IPS.name, str(network.network_address)),
        label=label_of(network),
        network=network,
        server_id=holder,
        moving=moving,
    )


def failover_ips(*found: Observation, odd: tuple[Unreadable, ...] = ()) -> dict[str, CallResult]:
    """Say what Robot lists."""
    reading = Reading(found, odd)
    return {FAILOVER_IPS.name: result(AllRead(FAILOVER_IPS.name, reading, requests=1), None)}


def main(*addresses: str, source: str = "configuration") -> CallResult:
    """Say what this server's main addresses are."""
    own: tuple[IpNetwork, ...] = tuple(map(ip_network, addresses))
    first, *others = keys_of(own)
    server = Server(id=first, name=str(first), status="running", own=own, also=tuple(others))
    return result(Identified(server, source), None)


GOOD_ROBOT = ApiFacts(identified=main(MAIN, MAIN6), listed=failover_ips(failover_ip(IP)))


def robot_case(items: str = IP, vips: str = FAILOVER_VIP, **robot: object) -> Case:
    """Have failover IPs only; `items` are those of the configuration."""
    case = replace(
        Case(),
        yaml=ROBOT_YAML.replace(f"[{IP}]", f"[{items}]"),
        conf=CONF.replace(VIP, vips),
        api=None,
        robot=GOOD_ROBOT,
    )
    return case.with_robot(**robot)


def with_cloud() -> Case:
    """Have a failover IP and a floating IP."""
    case = robot_case().with_yaml("    failover_ips", "    floating_ips: [web]\n    failover_ips")
    case = case.with_conf(FAILOVER_VIP, VIP + FAILOVER_VIP)
    return replace(case, api=replace(GOOD_API, listed={FLOATING_IPS.name: listed(WEB)}))


def network_case(holder: str = OTHER, **robot: object) -> Case:
    """Have a failover network as well."""
    given = {"listed": failover_ips(failover_ip(IP), failover_ip(NET, holder)), **robot}
    return robot_case(f'{IP}, "{NET}"', FAILOVER_VIP + EXCLUDED, **given)


def unlisted(kind: FailureKind, code: str, message: str = "so it is") -> dict[str, CallResult]:
    """Have the list of failover IPs fail."""
    return {FAILOVER_IPS.name: failure(kind, code, message)}


def refused() -> dict[str, CallResult]:
    """Have the login refused."""
    return unlisted(FailureKind.AUTH, "unauthorized", "Unauthorized")


TLS = unlisted(FailureKind.TRANSIENT, "tls", "certificate refused: expired")
AT, SERVER_AT = f"{YAML_PATH}:3", f"{YAML_PATH}:6"

ROBOT_ROWS: list[Row] = [
    # --- Robot itself
    ("Robot by DNS", lambda _: robot_case(listed=unlisted(FailureKind.TRANSIENT, "dns")), "Robot",
        ERROR, "Robot at https://robot-ws.your-server.de does not work: so it is (dns)", "",
        "getent hosts robot-ws.your-server.de"),
    ("Robot's 503", lambda _: robot_case(listed=unlisted(FailureKind.TRANSIENT, "http_503")),
        "Robot", ERROR, "(http_503)", "", "curl -v https://robot-ws.your-server.de"),
    ("Robot's CA", lambda _: robot_case(listed=TLS).with_yaml("robot:\n",
        "robot:\n  ca_file: /etc/ca.pem\n"), "Robot", ERROR, "certificate refused: expired",
        SERVER_AT, "to /etc/ca.pem; to see who answers: openssl"),
    ("Robot's TLS and the clock", lambda _: with_cloud().with_api(ahead_s=-3 * 86400.0)
        .with_robot(listed=TLS), "Robot", ERROR, "clock is 3 days behind the Date", "",
        "timedatectl set-ntp true"),
    # --- the login
    ("a refused login", lambda _: robot_case(listed=refused()), "Robot login", ERROR,
        "Robot refuses the login (file /etc/login): Unauthorized (unauthorized)", "",
        "install -m 0600 /dev/stdin /etc/hakeeper/robot-login; systemctl restart hakeeper"),
    ("a refused login of a file", lambda _: robot_case(listed=refused()).with_yaml("robot:\n",
        "robot:\n  credentials_file: /l\n"), "Robot login", ERROR, "refuses the login", SERVER_AT,
        "cat > /l && systemctl reload-or-restart hakeeper"),
    # --- the budget
    ("no reads left", lambda _: robot_case(listed=unlisted(FailureKind.THROTTLED,
        "rate_limit_exceeded")), "Robot budget", ERROR, "are used up (rate_limit_exceeded)", "",
        "find what else uses this login: Robot grants 100 reads"),
    # --- which server this is
    ("no main IP", lambda _: robot_case(identified=failure(FailureKind.TRANSIENT, NO_IDENTITY,
        "cannot tell which server this machine is at Robot")), "Robot server", ERROR,
        "cannot tell which server", SERVER_AT, "robot: {server: IP}"),
    ("another server's main IP", lambda _: robot_case(identified=main("192.0.2.77")),
        "Robot server", ERROR,
        "the main IP 192.0.2.77 (from: configuration) is not on this machine", SERVER_AT,
        "robot: {server: IP}"),
    ("a main IP that moves", lambda _: robot_case(listed=failover_ips(failover_ip(IP),
        failover_ip(MAIN))), "Robot server", ERROR,
        f"{MAIN}, which is taken for this server's main IP (from: configuration), is", SERVER_AT,
        "robot: {server: IP}"),
    ("no main IPv6 network", lambda _: network_case(identified=main(MAIN)), "failover IP", ERROR,
        f"{NET} is IPv6, and the main IPv6 address of this server is not known", AT,
        "robot: {server: [IPV4, IPV6_NETWORK]}"),
    # --- the failover IPs
    ("no such failover IP", lambda _: robot_case("203.0.113.9", "        203.0.113.9 dev eth0\n"),
        "failover IP", ERROR, "this login has no failover IP 203.0.113.9; it has: 203.0.113.7", AT,
        "failover_ips: [ADDRESS]    # or use a login of the account that has it"),
    ("part of a failover network", lambda _: robot_case('"2001:db8:f::/80"', EXCLUDED,
        listed=failover_ips(failover_ip("2001:db8:f::/56"))), "failover IP", ERROR,
        "it is part of the failover IP 2001:db8:f::/56, which moves as a whole", AT,
        "failover_ips: [2001:db8:f::/56]"),
    ("a failover IP that cannot be read", lambda _: robot_case(listed=failover_ips(odd=(Unreadable(
        key=IP, name="", label=IP, why="active_server_ip is no address"),))), "failover IP", ERROR,
        "cannot be used: active_server_ip is no address", AT, "run this check again"),
    ("failover IPs that are not listed", lambda _: robot_case(listed=unlisted(FailureKind.REFUSED,
        "invalid_input")), "failover IP", ERROR,
        "Robot does not list the failover IPs: so it is (invalid_input)", "", "robot.endpoint"),
    # --- this machine
    ("a failover IP that is not configured", lambda _: robot_case().with_conf(IP, "203.0.113.99"),
        "virtual IP", ERROR, f"{IP} is on no interface here, and not in virtual_ipaddress of VI_1",
        f"{CONF_PATH}:12", f"virtual_ipaddress {{ {IP}/32 dev eth0 }}"),
    ("a failover network that is not configured", lambda _: network_case().with_conf("f::1",
        "e::1"), "virtual IP", ERROR, f"{NET} is on no interface here", f"{CONF_PATH}:12",
        "virtual_ipaddress { 2001:db8:f::1/128 dev eth0 }"),
    ("MASTER without its failover network", lambda _: network_case().with_keepalived(roles={"VI_1":
        Role.MASTER}), "virtual IP", ERROR, "MASTER of VI_1, but 2001:db8:f::1 is on no interface",
        f"{CONF_PATH}:27", "ip address add 2001:db8:f::1/128 dev eth0"),
    ("a failover IP as the source", lambda _: robot_case().with_conf("unicast_src_ip 10.0.0.2",
        f"unicast_src_ip {IP}"), "private address", ERROR,
        f"unicast_src_ip {IP} is a failover IP, which moves", f"{CONF_PATH}:16",
        "unicast_src_ip 10.0.0.2"),
]  # fmt: skip
