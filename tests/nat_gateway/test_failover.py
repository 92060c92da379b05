"""The NAT gateway of docs/nat-gateway.md, set up by that page: packets find their way again."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.cloud import SimCloud
from tests.nat_gateway import guide
from tests.nat_gateway.private_network import ALIAS, CLIENT, RANGE
from tests.nat_gateway.scene import HOW, WORLD, Scene, fail_over, unavailable
from tests.nat_gateway.traffic import PATIENCE_S


@pytest.fixture(scope="module", autouse=True)
def _gateways_are_possible() -> None:
    reason = unavailable()
    if reason is not None:
        pytest.skip(f"no gateways here: {reason}")


@pytest.fixture
def scene() -> Iterator[Scene]:
    with Scene() as made:
        made.start()
        yield made


@pytest.mark.parametrize("how", HOW)
def test_when_the_master_gateway_fails_packets_go_through_the_other_one(
    scene: Scene, how: str
) -> None:
    seen = fail_over(scene, how)
    assert seen.sources == (scene.a.public_ip, scene.b.public_ip), scene.report()
    assert (scene.a.public_ip, "ConnectionResetError") == seen.connection
    assert {ALIAS: scene.b.server} == scene.cloud.aliases(scene.network)


def test_the_way_back_is_a_failover_too(scene: Scene) -> None:
    fail_over(scene, "stopped")
    sender = scene.sending()
    sender.wait_steady(scene.b.public_ip)
    scene.a.keepalived.start()
    scene.a.wait_for_role(Role.MASTER)
    sender.wait_steady(scene.a.public_ip)
    scene.wait_with(scene.a)


def test_a_gateway_without_its_way_out_hands_over(scene: Scene) -> None:
    sender = scene.sending()
    sender.wait_steady(scene.a.public_ip)
    scene.a.namespace.ip("link set eth0 down")
    scene.a.wait_for_role(Role.FAULT)
    sender.wait_steady(scene.b.public_ip)


@pytest.mark.parametrize("interface", ["enp7s0", "lo"])
def test_the_alias_ip_itself_is_answered_by_its_holder(scene: Scene, interface: str) -> None:
    scene.a.keepalived.stop()
    scene.wait_with(scene.b)
    conf = scene.a.keepalived.own_conf
    changed = conf.replace(f"{ALIAS}/32 dev enp7s0", f"{ALIAS}/32 dev {interface}")
    assert f"{ALIAS}/32 dev {interface}\n" in changed
    scene.a.keepalived.write_conf(changed)
    scene.a.keepalived.start()
    answers = {each.name: each.namespace.made(everywhere) for each in scene.gateways}
    scene.a.wait_for_role(Role.MASTER)
    scene.wait_with(scene.a)
    with answers["a"] as here, answers["b"]:
        here.settimeout(PATIENCE_S)
        with scene.client.made(lambda: socket.create_connection((ALIAS, PORT), PATIENCE_S)) as mine:
            accepted, sender = here.accept()
            accepted.close()
            assert (mine.getsockname(), (ALIAS, PORT)) == (sender, mine.getpeername())


PORT = 5432


def everywhere() -> socket.socket:
    return socket.create_server(("", PORT))


def test_after_a_boot_the_rules_are_there_again(scene: Scene) -> None:
    loaded = scene.a.folder / "etc" / "nftables.conf"
    before = scene.a.namespace.run("nft", "list", "ruleset")
    scene.a.namespace.run("nft", "flush", "ruleset")
    scene.a.namespace.run("nft", "-f", str(loaded))
    assert scene.a.namespace.run("nft", "list", "ruleset") == before
    assert "masquerade" in before


def test_what_the_internet_sends_by_itself_is_not_passed_on(scene: Scene) -> None:
    """Not even if it knows the way: what comes later, by a way that is open, comes first."""
    client = (CLIENT, 9)
    scene.internet.ip(f"route add {RANGE} via {scene.a.public_ip} dev to-a onlink")
    with (
        scene.client.made(udp) as behind,
        scene.internet.made(udp) as stranger,
        scene.private.namespace.made(udp) as neighbour,
    ):
        behind.bind(client)
        stranger.sendto(b"from the internet", client)
        neighbour.sendto(b"from the private network", client)
        behind.settimeout(PATIENCE_S)
        assert behind.recv(64) == b"from the private network"


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


# --- the page -------------------------------------------------------------------------------------


def test_every_command_of_the_page_is_carried_out_or_needs_a_whole_machine(scene: Scene) -> None:
    new = scene.a.folder / "etc/keepalived/keepalived.conf.new"
    assert [guide.PASS_ON, guide.HA, guide.ROUTE, guide.BEHIND, guide.SEE] == [
        title for title, blocks in guide.blocks().items() if blocks
    ]
    assert [
        "apt install nftables",
        "systemctl enable nftables",
        "hakeeper check",
        "systemctl start hakeeper",
        f"hakeeper check --online --keepalived-conf {new}",
        "systemctl enable keepalived",
        "systemctl restart keepalived",
    ] == scene.a.noted


def test_a_server_behind_sees_the_failover_as_the_page_says(scene: Scene) -> None:
    few = guide.three_looks(WORLD)
    for gateway in scene.gateways:
        scene.wait_with(gateway)
        assert {gateway.public_ip} == set(scene.client.run("bash", "-euc", few).split())
        gateway.keepalived.stop()


def test_the_check_and_the_status_have_no_remark_on_either_gateway(scene: Scene) -> None:
    for gateway in scene.gateways:
        files = ("-c", str(gateway.hakeeper.config_path))
        conf = ("--keepalived-conf", str(gateway.keepalived.conf_path))
        checked = gateway.hakeeper.command("check", "--online", *files, *conf)
        assert checked.stdout.endswith("would work (0 errors, 0 warnings).\n"), checked.stdout
        assert 0 == gateway.hakeeper.command("status").returncode


def test_the_command_for_the_route_sends_what_the_api_wants() -> None:
    """The simulated cloud has no routes: the request is what counts."""
    [command] = guide.blocks()[guide.ROUTE]
    with SimCloud() as cloud:
        network = cloud.add_network("internal", RANGE)
        environment = {"HCLOUD_ENDPOINT": cloud.url, "HCLOUD_TOKEN": cloud.add_client("operator")}
        subprocess.run(
            ["bash", "-euc", command],
            env={**os.environ, **environment},
            capture_output=True,
            check=False,
        )
        [request] = cloud.requests(method="POST")
    assert request.path == f"/v1/networks/{network}/actions/add_route"
    assert {"destination": "0.0.0.0/0", "gateway": ALIAS} == json.loads(request.body)
