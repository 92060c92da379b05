"""The addresses of a server: read as far as they are told, and never a reason to fail."""

import pytest

from hakeeper.adapters.hetzner.cloud import parse
from hakeeper.core.calls import ReadServer, ServerRead
from hakeeper.demo.cloud import SimCloud
from hakeeper.kinds.json_fields import NAME_LIMIT
from tests.support.hetzner_bodies import ME, server_json
from tests.support.pool_bench import Bench
from tests.support.resources import CLOUD

IPV4 = {"id": 1, "ip": "192.0.2.7", "blocked": False, "dns_ptr": "x.example.com"}
IPV6 = {"id": 2, "ip": "2001:db8:7::/64", "blocked": False, "dns_ptr": []}


@pytest.mark.parametrize(
    ("told", "own", "without"),
    [
        ({}, None, ()),
        ({"public_net": None, "private_net": None}, None, ()),
        ({"public_net": [], "private_net": {}}, None, ()),
        ({"public_net": {}, "private_net": []}, None, ()),
        ({"public_net": {"ipv4": None}}, None, (4,)),
        ({"public_net": {"ipv4": None, "ipv6": None}}, None, (4, 6)),
        ({"public_net": {"ipv4": None, "ipv6": None}, "private_net": []}, [], (4, 6)),
        ({"public_net": {"ipv4": IPV4, "ipv6": IPV6}}, ["192.0.2.7/32", "2001:db8:7::/64"], ()),
        ({"public_net": {"ipv4": {}, "ipv6": {"ip": None}}}, None, ()),
        ({"public_net": {"ipv4": {"ip": "none"}, "ipv6": IPV6}}, ["2001:db8:7::/64"], ()),
        ({"public_net": {"ipv4": None, "ipv6": {"ip": "2001:db8:7::1"}}}, ["2001:db8:7::/64"],
            (4,)),
        ({"private_net": [{"ip": "10.0.0.7", "alias_ips": ["10.0.0.99"]}, None, {"ip": 7}]},
            ["10.0.0.7/32"], ()),
        ({"private_net": [{"ip": "10.0.0.7"}] * 1000}, ["10.0.0.7/32"] * 16, ()),
    ],
)  # fmt: skip
def test_what_is_not_told_is_not_known(
    told: dict[str, object], own: list[str] | None, without: tuple[int, ...]
) -> None:
    server = parse.server(server_json(ME, **told))

    shown = None if server.own is None else list(map(str, server.own))
    assert (own, without) == (shown, server.without)


def test_a_server_of_the_cloud_is_read_with_its_addresses() -> None:
    with SimCloud() as cloud:
        cloud.add_server("a", server_id=ME, ipv6=None, private_ips=["10.0.0.7"])
        token = cloud.add_client("node")
        with Bench(cloud.url, token=lambda: token) as made:
            outcome = made.call(ReadServer(CLOUD, ME)).outcome

    assert isinstance(outcome, ServerRead)
    assert [f"198.51.100.{ME}/32", "10.0.0.7/32"] == list(map(str, outcome.server.own or ()))
    assert (6,) == outcome.server.without


def test_a_name_has_a_bound() -> None:
    assert "x" * NAME_LIMIT == parse.server(server_json(ME, name="x" * 100_000)).name
    assert "größer" == parse.server(server_json(ME, name="größer")).name
