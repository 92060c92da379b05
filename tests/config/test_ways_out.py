"""What people write who mean something else: one error, which names the way out that works."""

import pytest

from hakeeper.config import ConfigErrors, parse

WEB = "instances:\n  VI_1:\n    floating_ips: [web]\n"


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        parse(text, "f.yaml")
    return [str(error) for error in raised.value.errors]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "Instances:\n  VI_1: {floating_ips: [web]}\n",
            "1:1: Instances: unknown key; did you",
        ),
        ("instances:\n- VI_1: {floating_ips: [web]}\n", "2:1: instances: expected a mapping, got"),
        ("instances:\n  VI_1: {floating_ip: [web]}\n", "2:10: instances.VI_1.floating_ip: unknown"),
        (
            "instances:\n  VI_1:\n    <<: {floating_ips: [web]}\n",
            '3:5: instances.VI_1."<<": merge keys (`<<`) are not accepted',
        ),
        (
            "instances:\nVI_1:\n  floating_ips: [web]\n",
            "2:1: VI_1: unknown key; if it is the name of an instance, indent it, beneath `inst",
        ),
        (
            "instances:\n  VI_1:\n    floating_ips:[web]\n",
            "3:5: instances.VI_1: expected a mapping, got `floating_ips:[web]`; is a space miss",
        ),
        (
            "instances:\n  VI_1:\n    floating_ips:\n      -web\n",
            "4:7: instances.VI_1.floating_ips: expected a list, got `-web`; is a space missing",
        ),
    ],
)
def test_what_follows_from_a_mistake_is_not_told_beside_it(text: str, error: str) -> None:
    [told] = errors(text)
    assert told.startswith(f"f.yaml:{error}")


def test_a_list_that_is_not_indented_enough_is_not_to_be_repeated() -> None:
    *_, told = errors("instances:\n  VI_1:\n  floating_ips: [web]\n")
    assert told == (
        "f.yaml:3:17: instances.floating_ips: is no name: indent it further, beneath the name that"
        " it belongs to"
    )


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ("203.0.113.10 203.0.113.11", "is several items in one (a comma is missing); expected"),
        ("web 203.0.113.11", "is several items in one (a comma is missing); expected"),
        ("203.0.113.10-12", "is not a valid address"),
        ("255.255.255.255", "can never be a floating IP (loopback, link-local, multicast or"),
        ("10.0.0.5", "is a private address; an alias IP stands under `alias_ips`"),
        ("web\u00a0", "contains the character U+00A0; expected"),
    ],
)
def test_an_item_that_can_be_no_floating_ip(item: str, error: str) -> None:
    [told] = errors(f"instances:\n  VI_1:\n    floating_ips: [{item}]\n")
    assert error in told


@pytest.mark.parametrize(
    ("key", "item", "error"),
    [
        ("alias_ips", "203.0.113.10", "is no private address; a floating IP stands under"),
        ("alias_ips", "172.31.1.1", "is the gateway of Hetzner's public network"),
        ("alias_ips", "240.0.0.1", "can never be an alias IP"),
        ("failover_ips", "10.0.0.5", "is a private address, which Robot does not route"),
        ("failover_ips", "0.0.0.0/0", "can never be a failover IP"),
    ],
)
def test_an_address_that_is_none_of_its_kind(key: str, item: str, error: str) -> None:
    [told] = errors(f"instances:\n  VI_1:\n    {key}: [{item}]\n")
    assert error in told


@pytest.mark.parametrize("name", ["web", "my web", "web-1", "10.web", "a.b", "1.2.3.4-web"])
def test_names_stay_names(name: str) -> None:
    config = parse(f"instances:\n  VI_1:\n    floating_ips: ['{name}']\n", "f.yaml")
    [refs] = config.resources.values()
    assert [name] == [str(ref) for ref in refs]


def test_one_address_is_of_one_kind() -> None:
    keys = "    floating_ips: [203.0.113.10]\n    failover_ips: [203.0.113.10/32]\n"
    [told] = errors(f"instances:\n  VI_1:\n{keys}")
    assert told == (
        "f.yaml:4:20: instances.VI_1.failover_ips[0]: `203.0.113.10` is already listed, as a"
        " floating IP in line 3; it can be one of them only"
    )


@pytest.mark.parametrize(
    ("key", "item", "own", "noun"),
    [
        ("floating_ips", "203.0.113.10", "203.0.113.10", "floating IP"),
        ("alias_ips", "10.0.0.100", "10.0.0.100", "alias IP"),
        ("failover_ips", "2001:db8:fa11::/64", "2001:db8:fa11::5", "failover IP"),
    ],
)
def test_a_vrrp_address_that_moves_is_called_by_its_kind(
    key: str, item: str, own: str, noun: str
) -> None:
    [told] = errors(f"instances:\n  VI_1:\n    {key}: [{item}]\n    vrrp_address: {own}\n")
    assert f"`{own}` is the {noun} itself; expected the private address" in told


@pytest.mark.parametrize(
    ("text", "meant"), [("1m30s", "90s"), ("0h1m", "1m"), ("1h30m", "90m"), ("90sec", "90s")]
)
def test_a_duration_of_several_units_is_told_in_one(text: str, meant: str) -> None:
    [told] = errors(f"{WEB}hetzner: {{timeout: {text}}}\n")
    assert told.endswith(f"did you mean `{meant}`?")


@pytest.mark.parametrize(
    ("section", "error"),
    [
        (
            "keepalived: {track_file: /run/keepalived.pid}",
            "4:26: keepalived.track_file: `/run/keepalived.pid` is the file of `keepalived.pid",
        ),
        (
            "keepalived: {fifo: /var/run//keepalived.pid}",
            "4:20: keepalived.pid_file: `/run/keepalived.pid` is the file of `keepalived.fifo`",
        ),
        (
            "hetzner: {token_file: /etc/x, ca_file: /etc/./x}",
            "4:40: hetzner.ca_file: `/etc/x` is the file of `hetzner.token_file`, too",
        ),
    ],
)
def test_one_file_has_one_purpose(section: str, error: str) -> None:
    [told] = errors(f"{WEB}{section}\n")
    assert told.startswith(f"f.yaml:{error}")
