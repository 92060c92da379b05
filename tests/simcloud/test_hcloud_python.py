from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hcloud
import pytest
import requests
from hcloud import Client
from hcloud.actions import ActionFailedException
from hcloud.floating_ips import FloatingIP
from hcloud.networks import Network
from hcloud.servers import Server

from hakeeper.demo.cloud import Answer, Fault
from tests.simcloud.conftest import LAN, VIP, Caller, Scene, add_lan


@contextmanager
def hcloud_client(caller: Caller) -> Iterator[Client]:
    client = Client(token=caller.token, api_endpoint=caller.url, poll_interval=0.02, timeout=20)
    base: Any = getattr(client, "_client", client)  # itself, up to 2.5
    session = getattr(base, "_session", None) or base._requests_session
    base._retry_max_retries = 0
    session.trust_env = False
    session.verify = caller.session.verify
    with session:
        yield client


@pytest.fixture(params=["scene", "tls_scene"], ids=["http", "https"])
def either(request: pytest.FixtureRequest) -> Scene:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, Scene)
    return made


def test_hcloud_reads_all_pages(either: Scene) -> None:
    for index in range(119):
        either.cloud.add_floating_ip(f"more-{index}", f"203.0.113.{index + 20}")
    with hcloud_client(either.a) as client:
        found = client.floating_ips.get_all()
    assert 120 == len({item.id for item in found})
    assert 3 == len(either.cloud.requests(path="/floating_ips"))


def test_hcloud_finds_by_name_and_reads_every_field_of_a_server(either: Scene) -> None:
    with hcloud_client(either.a) as client:
        item = client.floating_ips.get_by_name("web")
        assert item is not None
        assert item.server is not None
        assert (either.web, either.server_a) == (item.id, item.server.id)
        assert client.floating_ips.get_by_name("wed") is None
        server = client.servers.get_by_id(either.server_a)
    assert ("node-a", "running") == (server.name, server.status)
    assert server.public_net is not None
    assert [either.web] == [each.id for each in server.public_net.floating_ips or ()]


def test_hcloud_assigns_and_waits_for_the_action(either: Scene) -> None:
    with hcloud_client(either.b) as client:
        action = client.floating_ips.assign(FloatingIP(id=either.web), Server(id=either.server_b))
        assert "running" == action.status
        action.wait_until_finished()
        item = client.floating_ips.get_by_id(either.web)
        assert item.server is not None
        assert either.server_b == item.server.id
        actions = client.floating_ips.get_actions(item)
    assert ["assign_floating_ip"] == [each.command for each in actions]
    assert ["node-b"] == [change.cause for change in either.cloud.moves()]
    assert 1 == either.cloud.counters().connections


def test_hcloud_hears_why_it_is_refused(either: Scene) -> None:
    with hcloud_client(either.a) as client, pytest.raises(hcloud.APIException) as caught:
        client.floating_ips.assign(FloatingIP(id=either.web), Server(id=either.server_a))
    assert "floating_ip_assigned" == caught.value.code
    assert either.cloud.requests()[-1].correlation_id == caught.value.correlation_id


def test_hcloud_hears_of_an_action_that_failed(either: Scene) -> None:
    either.cloud.fault(Fault(action_error="action_failed"))
    with hcloud_client(either.b) as client:
        action = client.floating_ips.assign(FloatingIP(id=either.web), Server(id=either.server_b))
        with pytest.raises(ActionFailedException) as caught:
            action.wait_until_finished()
    error = caught.value.action.error
    assert error is not None
    assert "action_failed" == error["code"]
    assert either.server_a == either.cloud.holder(either.web)


@pytest.mark.parametrize(
    "fault", [Fault(status=503, body=""), Fault(status=412), Fault(status=429, client="node-a")]
)
def test_hcloud_understands_the_errors_that_faults_make(either: Scene, fault: Fault) -> None:
    either.cloud.fault(fault)
    with hcloud_client(either.a) as client, pytest.raises(hcloud.APIException) as caught:
        client.servers.get_all()
    expected = {503: 503, 412: "resource_unavailable", 429: "rate_limit_exceeded"}
    assert expected[fault.status or 0] == caught.value.code


def test_hcloud_survives_unknown_fields_but_not_a_broken_body(either: Scene) -> None:
    with hcloud_client(either.a) as client:
        with either.cloud.faulty(Fault(answer=Answer.EXTRA_FIELDS)):
            assert 1 == len(client.floating_ips.get_all())
        with (
            either.cloud.faulty(Fault(answer=Answer.EXTRA_PAGINATION)),
            pytest.raises(TypeError, match="unheard_of"),
        ):
            client.floating_ips.get_all()
        either.cloud.fault(Fault(answer=Answer.MALFORMED))
        with pytest.raises(hcloud.APIException):
            client.floating_ips.get_all()


def test_hcloud_sees_a_lost_answer_as_a_connection_error(either: Scene) -> None:
    either.cloud.fault(Fault(method="POST", answer=Answer.RESET, commit=True))
    with hcloud_client(either.b) as client, pytest.raises(requests.ConnectionError):
        client.floating_ips.assign(FloatingIP(id=either.web), Server(id=either.server_b))
    either.cloud.wait_for(lambda: either.cloud.holder(either.web) == either.server_b)


def test_hcloud_reads_networks_and_their_members(either: Scene) -> None:
    add_lan(either)
    for number in range(60):
        either.cloud.add_network(f"more-{number}", f"10.{number + 10}.0.0/24")
    with hcloud_client(either.a) as client:
        assert 61 == len(client.networks.get_all())
        network = client.networks.get_by_name("lan")
        assert network is not None
        assert (LAN, "10.0.0.0/16") == (network.id, network.ip_range)
        assert [42, 43] == [server.id for server in network.servers or ()]
        assert ["10.0.1.1"] == [subnet.gateway for subnet in network.subnets or ()]
        raw = client.request(method="GET", url=f"/networks/{LAN}/members")
        assert [42, 43] == [each["id"] for each in raw["members"]]
        if hasattr(client.networks, "get_member_all"):  # 2.3 is older than members
            members = client.networks.get_member_all(network, status=["ok"], sort=["id:desc"])
            assert [(43, "10.0.1.12", []), (42, "10.0.1.11", [VIP])] == [
                (each.id, each.ip, each.alias_ips) for each in members
            ]


def test_hcloud_moves_an_alias_ip(either: Scene) -> None:
    add_lan(either)
    network = Network(id=LAN)
    with hcloud_client(either.b) as client:
        with pytest.raises(hcloud.APIException) as caught:
            client.servers.change_alias_ips(Server(id=43), network, [VIP])
        assert "ip_not_available" == caught.value.code
        for number, alias_ips in ((42, []), (43, [VIP])):
            action = client.servers.change_alias_ips(Server(id=number), network, alias_ips)
            assert ("running", "change_alias_ips") == (action.status, action.command)
            action.wait_until_finished()
        server = client.servers.get_by_id(43)
        assert [[VIP]] == [each.alias_ips for each in server.private_net or ()]
        assert 2 == len(client.networks.get_actions(network))
        assert 1 == len(client.servers.get_actions(server))
    assert {VIP: 43} == either.cloud.aliases(LAN)
