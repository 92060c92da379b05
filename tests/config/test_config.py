"""What a right configuration means."""

import ipaddress
from pathlib import Path

import pytest

from hakeeper.config import (
    Config,
    HetznerConfig,
    InstanceConfig,
    KeepalivedConfig,
    RobotConfig,
    StateSource,
    parse,
)
from hakeeper.core.model import ApiSettings, Settings, VrrpId, VrrpKind
from hakeeper.core.observation import ResourceRef
from hakeeper.kinds import ALIAS_IPS, FAILOVER_IPS
from tests.support.resources import by_id, by_name, by_network

CONF = Path(__file__).parents[2] / "conf"
GOOD = "instances: {VI_1: {floating_ips: [web]}}\n"
VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")


def having(
    *floating_ips: ResourceRef,
    alias_ips: tuple[ResourceRef, ...] = (),
    failover_ips: tuple[ResourceRef, ...] = (),
) -> dict[str, tuple[ResourceRef, ...]]:
    """Return what an instance lists, by the keys of all kinds."""
    return {"floating_ips": floating_ips, "alias_ips": alias_ips, "failover_ips": failover_ips}


def test_the_smallest_configuration_has_the_defaults_of_the_contract() -> None:
    config = parse((CONF / "hakeeper.yaml").read_text(), "f.yaml")
    assert (
        Config(
            instances={"VI_1": InstanceConfig(resources=having(by_name("web")))},
            server="auto",
            keepalived=KeepalivedConfig(
                fifo=Path("/run/hakeeper/notify.fifo"),
                state=StateSource.AUTO,
                pid_file=Path("/run/keepalived.pid"),
            ),
            hetzner=HetznerConfig(
                endpoint="https://api.hetzner.cloud/v1",
                token_file=None,
                ca_file=None,
                timeout_s=5.0,
            ),
            robot=RobotConfig(
                endpoint="https://robot-ws.your-server.de",
                credentials_file=None,
                server="auto",
                ca_file=None,
                timeout_s=20.0,
            ),
            interval_s=10.0,
            standby_interval_s=60.0,
        )
        == config
    )


def test_the_full_example_shows_every_key_with_its_default() -> None:
    full = (CONF / "hakeeper-full.yaml").read_text()
    assert parse((CONF / "hakeeper.yaml").read_text(), "f") == parse(full, "f")


def test_every_key_is_taken_over() -> None:
    config = parse(
        "server: web-1\n"
        "instances:\n"
        "  VI_1: {floating_ips: [web, 4711, 203.0.113.10], vrrp_address: 10.0.0.2}\n"
        "groups:\n"
        "  VI_1:\n"
        "    floating_ips: ['2001:db8:1:2::/64']\n"
        "    alias_ips: [10.0.0.100, {ip: 10.0.0.101, network: 7}]\n"
        "    failover_ips: [203.0.113.7]\n"
        "keepalived: {fifo: /a, state: none, pid_file: /b}\n"
        "hetzner:\n"
        "  {endpoint: 'https://example.com/v1/', token_file: /c, ca_file: /d, timeout: 1500ms}\n"
        "robot:\n"
        "  {endpoint: 'https://example.com/', credentials_file: /e, server: 198.51.100.1,\n"
        "   ca_file: /f, timeout: 30s}\n"
        "reconcile: {interval: 1m, standby_interval: 1h}\n",
        "f.yaml",
    )
    group = VrrpId(VrrpKind.GROUP, "VI_1")
    network = ipaddress.IPv6Network("2001:db8:1:2::/64")
    one = ipaddress.IPv4Network("203.0.113.10/32")
    web, net = (by_name("web"), by_id(4711), by_network(one)), (by_network(network),)
    private = (ipaddress.IPv4Address("10.0.0.2"),)
    alias_ips = (ALIAS_IPS.ref("10.0.0.100"), ALIAS_IPS.ref("10.0.0.101", network="7"))
    failover_ips = (FAILOVER_IPS.ref("203.0.113.7"),)
    listed = having(*net, alias_ips=alias_ips, failover_ips=failover_ips)
    assert (
        Config(
            instances={"VI_1": InstanceConfig(resources=having(*web), vrrp_addresses=private)},
            groups={"VI_1": InstanceConfig(resources=listed)},
            server="web-1",
            keepalived=KeepalivedConfig(
                fifo=Path("/a"), state=StateSource.NONE, pid_file=Path("/b")
            ),
            hetzner=HetznerConfig(
                endpoint="https://example.com/v1",
                token_file=Path("/c"),
                ca_file=Path("/d"),
                timeout_s=1.5,
            ),
            robot=RobotConfig(
                endpoint="https://example.com",
                credentials_file=Path("/e"),
                server=(ipaddress.IPv4Address("198.51.100.1"),),
                ca_file=Path("/f"),
                timeout_s=30.0,
            ),
            interval_s=60.0,
            standby_interval_s=3600.0,
        )
        == config
    )
    assert (
        Settings(
            resources={VI_1: web, group: (*net, *alias_ips, *failover_ips)},
            vrrp_addresses={VI_1: private},
            interval_s=60.0,
            standby_interval_s=3600.0,
            can_query=False,
            apis={
                "cloud": ApiSettings(
                    call_timeout_s=1.5,
                    endpoint=config.hetzner.endpoint,
                    secret_file=str(config.hetzner.token_file),
                ),
                "robot": ApiSettings(
                    call_timeout_s=30.0,
                    endpoint=config.robot.endpoint,
                    secret_file=str(config.robot.credentials_file),
                ),
            },
            fifo_path=str(config.keepalived.fifo),
        )
        == config.settings()
    )


@pytest.mark.parametrize(("state", "can_query"), [("auto", True), ("dbus", True), ("none", False)])
def test_keepalived_can_be_asked_unless_that_is_switched_off(state: str, can_query: bool) -> None:  # noqa: FBT001 - a table of values
    config = parse(f"keepalived: {{state: {state}}}\n{GOOD}", "f")
    assert can_query is config.settings().can_query


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("203.0.113.10", "203.0.113.10/32"),
        ("203.0.113.10/32", "203.0.113.10/32"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:0:0:0:1/64", "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_held_as_the_network_that_moves(written: str, network: str) -> None:
    config = parse(f"instances: {{VI_1: {{floating_ips: ['{written}']}}}}", "f")
    assert {VI_1: (by_network(ipaddress.ip_network(network)),)} == config.resources


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.0.0.2", ["10.0.0.2"]),
        ("'10.0.0.2'", ["10.0.0.2"]),
        ("fd00:0:0::2", ["fd00::2"]),
        ("fe80::2", ["fe80::2"]),
        ("[10.0.0.2, 'fd00::']", ["10.0.0.2", "fd00::"]),
    ],
)
@pytest.mark.parametrize("kind", VrrpKind)
def test_an_instance_or_group_may_set_its_private_addresses(
    kind: VrrpKind, written: str, meant: list[str]
) -> None:
    text = f"{kind.value.lower()}s: {{V: {{floating_ips: [web], vrrp_address: {written}}}}}"
    addresses = tuple(map(ipaddress.ip_address, meant))
    assert {VrrpId(kind, "V"): addresses} == parse(text, "f").vrrp_addresses


@pytest.mark.parametrize("null", ["null", "~", ""])
def test_no_private_address_is_no_check(null: str) -> None:
    text = f"instances: {{VI_1: {{floating_ips: [web], vrrp_address: {null}}}}}"
    assert {} == parse(text, "f").vrrp_addresses


@pytest.mark.parametrize("written", ["4711", "'4711'", '"4711"'])
def test_all_digits_are_an_id_quoted_or_not(written: str) -> None:
    config = parse(f"server: {written}\ninstances: {{VI_1: {{floating_ips: [{written}]}}}}", "f")
    assert config.server == 4711
    assert {VI_1: (by_id(4711),)} == config.resources


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:8080/v1",
        "http://127.9.9.9",
        "http://localhost:1/v1",
        "http://LOCALHOST/v1",
        "http://[::1]:8080/v1",
        "https://[2001:db8::1]:8443/v1",
        "https://api.hetzner.cloud/v1",
    ],
)
@pytest.mark.parametrize("end", ["", "/", "//"])
def test_good_endpoints_lose_only_their_last_slash(endpoint: str, end: str) -> None:
    config = parse(f"hetzner: {{endpoint: '{endpoint}{end}'}}\n{GOOD}", "f")
    assert endpoint == config.hetzner.endpoint


@pytest.mark.parametrize("null", ["null", "~", ""])
def test_an_optional_file_may_be_null(null: str) -> None:
    config = parse(f"hetzner:\n  token_file: {null}\n  ca_file: {null}\n{GOOD}", "f")
    assert HetznerConfig() == config.hetzner


def test_a_section_whose_keys_are_all_commented_out_is_empty() -> None:
    config = parse(f"hetzner:\n  # timeout: 5s\ngroups:\nreconcile:\n{GOOD}", "f")
    assert parse(GOOD, "f") == config


def test_a_byte_order_mark_and_windows_line_ends_are_read_over() -> None:
    assert parse(GOOD, "f") == parse("\ufeff---\r\n" + GOOD.replace("\n", "\r\n"), "f")


def test_the_addresses_cannot_be_changed() -> None:
    config = parse(GOOD, "f")
    with pytest.raises(TypeError):
        config.resources[VI_1] = ()  # type: ignore[index]
    with pytest.raises(TypeError):
        config.instances["VI_1"] = InstanceConfig()  # type: ignore[index]
