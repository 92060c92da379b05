"""The section `robot:`, and which APIs a configuration needs."""

import ipaddress

import pytest

from hakeeper.config import ConfigErrors, parse
from hakeeper.config.robot import networks_of
from hakeeper.core.model import ApiSettings

FAILOVER = "instances: {VI_1: {failover_ips: [203.0.113.7]}}\n"
CLOUD = "instances: {VI_1: {floating_ips: [web]}}\n"
BOTH = "instances: {VI_1: {floating_ips: [web], failover_ips: [203.0.113.7]}}\n"


def errors(robot: str) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        parse(f"{FAILOVER}robot: {robot}\n", "f.yaml")
    return [str(each) for each in raised.value.errors]


@pytest.mark.parametrize(
    ("text", "apis"), [(FAILOVER, {"robot"}), (CLOUD, {"cloud"}), (BOTH, {"cloud", "robot"})]
)
def test_only_the_apis_of_what_is_configured_are_used(text: str, apis: set[str]) -> None:
    config = parse(text, "f.yaml")
    assert apis == set(config.apis) == set(config.settings().apis)


def test_the_core_learns_the_time_and_place_of_each_api() -> None:
    config = parse(f"{BOTH}robot: {{endpoint: 'http://127.0.0.1:5/', timeout: 7s}}\n", "f.yaml")
    assert (
        ApiSettings(call_timeout_s=7.0, endpoint="http://127.0.0.1:5")
        == (config.settings().apis["robot"])
    )
    assert 5.0 == config.settings().apis["cloud"].call_timeout_s


@pytest.mark.parametrize(
    ("written", "networks"),
    [
        ("auto", []),
        ("198.51.100.1", ["198.51.100.1/32"]),
        ("198.51.100.1/32", ["198.51.100.1/32"]),
        ("['2001:db8:1:2::/64', 198.51.100.1]", ["198.51.100.1/32", "2001:db8:1:2::/64"]),
        ("['2001:db8:1:2::2']", ["2001:db8:1:2::/64"]),
    ],
)
def test_the_server_is_auto_or_its_main_addresses(written: str, networks: list[str]) -> None:
    config = parse(f"{FAILOVER}robot: {{server: {written}}}\n", "f.yaml")
    assert list(map(ipaddress.ip_network, networks)) == list(networks_of(config.robot.server))


@pytest.mark.parametrize(
    ("robot", "place", "part"),
    [
        ("{server: web1}", "2:17: robot.server", "not a valid address"),
        ("{server: Auto}", "2:17: robot.server", "did you mean `auto`"),
        ("{server: 321}", "2:17: robot.server", "a number"),
        ("{server: []}", "2:17: robot.server", "lists no address"),
        ("{server: [198.51.100.1, 198.51.100.2]}", "2:17: robot.server", "several IPv4"),
        ("{server: 198.51.100.0/24}", "2:17: robot.server", "write only the address"),
        ("{server: '2001:db8::/56'}", "2:17: robot.server", "is no /64"),
        ("{server: 169.254.0.1}", "2:17: robot.server", "no server's main address"),
        ("{server: 203.0.113.7}", "2:17: robot.server", "is listed as a failover IP"),
        ("{endpoint: 'http://203.0.113.1'}", "2:19: robot.endpoint", "the password unencrypted"),
        (
            "{endpoint: 'https://robot-ws.your-server.de/v1'}",
            "2:19: robot.endpoint",
            "did you mean",
        ),
        ("{timeout: 200s}", "2:18: robot.timeout", "out of range"),
        ("{credentials_file: login}", "2:27: robot.credentials_file", "does not begin with `/`"),
    ],
)
def test_errors_name_the_place_and_the_way_out(robot: str, place: str, part: str) -> None:
    (error,) = errors(robot)
    assert error.startswith(f"f.yaml:{place}: ")
    assert part in error


@pytest.mark.parametrize(
    "robot",
    [
        "{password: Zq7}",
        "{user: Zq7}",
        "{login: 'Zq7:x'}",
        "{pass: Zq7}",
        "{robot_password: Zq7}",
        "{credentials: 'Zq7:x'}",
    ],
)
def test_a_login_in_the_file_is_refused_and_not_shown(robot: str) -> None:
    (error,) = errors(robot)
    assert "secrets are not allowed" in error
    assert "robot.credentials_file" in error
    assert "Zq7" not in error


@pytest.mark.parametrize("login", ["user:Zq7", "user:Zq7/x"])
def test_a_login_instead_of_its_file_is_not_shown(login: str) -> None:
    assert "Zq7" not in "".join(errors(f"{{credentials_file: '{login}'}}"))


def test_a_change_of_one_api_is_none_of_the_other() -> None:
    before = parse(BOTH, "f.yaml")
    robot = parse(f"{BOTH}robot: {{credentials_file: /x}}\n", "f.yaml")
    cloud = parse(f"{BOTH}hetzner: {{token_file: /x}}\n", "f.yaml")
    assert before.identity("cloud") == robot.identity("cloud") != cloud.identity("cloud")
    assert before.identity("robot") == cloud.identity("robot") != robot.identity("robot")


def test_which_server_auto_is_depends_on_the_failover_ips() -> None:
    more = "instances: {VI_1: {failover_ips: [203.0.113.7, 203.0.113.8]}}\n"
    assert parse(FAILOVER, "f").identity("robot") != parse(more, "f").identity("robot")
    given = "robot: {server: 198.51.100.1}\n"
    one, two = parse(FAILOVER + given, "f"), parse(more + given, "f")
    assert one.identity("robot") == two.identity("robot")
