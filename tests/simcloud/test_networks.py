from typing import Any

import pytest

from hakeeper.demo.cloud import CommandError, Fault
from tests.simcloud.conftest import LAN, VIP, Scene


def private_nets(scene: Scene, server: int) -> list[tuple[int, str, list[str]]]:
    nets = scene.a.get(f"/servers/{server}")["server"]["private_net"]
    return [(each["network"], each["ip"], each["alias_ips"]) for each in nets]


def members(scene: Scene, query: str = "") -> list[dict[str, Any]]:
    found = scene.a.get(f"/networks/{LAN}/members{query}")["members"]
    assert isinstance(found, list)
    return found


def test_a_network_tells_its_ranges_and_its_servers(lan: Scene) -> None:
    item = lan.a.get(f"/networks/{LAN}")["network"]
    assert ("lan", "10.0.0.0/16", [42, 43]) == (item["name"], item["ip_range"], item["servers"])
    assert [("10.0.1.0/24", "10.0.1.1")] == [
        (each["ip_range"], each["gateway"]) for each in item["subnets"]
    ]


def test_servers_tell_their_networks_addresses_and_aliases(lan: Scene) -> None:
    second = lan.cloud.add_network("second", "10.1.0.0/24")
    lan.cloud.attach(lan.server_b, second, "10.1.0.2", alias_ips=["10.1.0.9", "10.1.0.8"])
    assert 1 == second
    assert [(LAN, "10.0.1.11", [VIP])] == private_nets(lan, lan.server_a)
    assert [(LAN, "10.0.1.12", []), (1, "10.1.0.2", ["10.1.0.9", "10.1.0.8"])] == private_nets(
        lan, lan.server_b
    )
    listed = [
        mac["mac_address"]
        for server in lan.a.get("/servers")["servers"]
        for mac in server["private_net"]
    ]
    assert 3 == len(set(listed))


def test_members_tell_who_has_what(lan: Scene) -> None:
    expected = {"type": "server", "subnet": "10.0.1.0/24", "status": "ok"}
    assert [
        {"id": 42, "ip": "10.0.1.11", "alias_ips": [VIP], **expected},
        {"id": 43, "ip": "10.0.1.12", "alias_ips": [], **expected},
    ] == members(lan)


def test_a_member_is_updating_while_its_list_changes(lan: Scene) -> None:
    second = lan.cloud.add_network("second", "10.1.0.0/24")
    lan.cloud.attach(lan.server_a, second, "10.1.0.2")
    lan.cloud.set_rules(action_s=60)
    lan.a.write_aliases(lan.server_a, LAN)
    assert [(42, "updating", [VIP]), (43, "ok", [])] == [
        (each["id"], each["status"], each["alias_ips"]) for each in members(lan)
    ]
    assert ["ok"] == [each["status"] for each in lan.a.get("/networks/1/members")["members"]]
    with lan.cloud.faulty(Fault(method="GET", stale_s=3600)):
        assert ["ok", "ok"] == [each["status"] for each in members(lan)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?type=server", [42, 43, 44]),
        ("?type=load_balancer", []),
        ("?status=ok&status=error", [42, 43, 44]),
        ("?status=attaching", []),
        ("?subnet=10.0.1.0/24", [42, 43]),
        ("?subnet=10.0.2.0/24&subnet=10.0.1.0/24", [42, 43, 44]),
        ("?sort=id:desc", [44, 43, 42]),
        ("?sort=ip", [43, 42, 44]),
        ("?sort=status&sort=type&sort=ip:desc", [44, 42, 43]),
        ("?per_page=2&page=2", [44]),
    ],
)
def test_members_can_be_filtered_sorted_and_paged(
    scene: Scene, query: str, expected: list[int]
) -> None:
    subnets = ["10.0.1.0/24", "10.0.2.0/24"]
    scene.cloud.add_network("lan", "10.0.0.0/16", network_id=LAN, subnets=subnets)
    third = scene.cloud.add_server("node-c", server_id=44)
    for server, ip in ((third, "10.0.2.9"), (42, "10.0.1.100"), (43, "10.0.1.20")):
        scene.cloud.attach(server, LAN, ip)
    assert expected == [each["id"] for each in members(scene, query)]


def test_an_api_of_before_has_no_members(lan: Scene) -> None:
    lan.cloud.set_rules(members=False)
    answer = lan.a.send("GET", f"/networks/{LAN}/members")
    assert (404, "not_found") == (answer.status_code, answer.json()["error"]["code"])
    assert 200 == lan.a.send("GET", f"/networks/{LAN}").status_code


def test_networks_can_be_found_by_name_and_labels_and_sorted(lan: Scene) -> None:
    lan.cloud.add_network("db", "10.1.0.0/24", labels={"tier": "db"})
    lan.cloud.add_network("web", "10.2.0.0/24", labels={"tier": "web"})

    def names(query: str) -> list[str]:
        return [each["name"] for each in lan.a.get("/networks" + query)["networks"]]

    assert ["db", "web", "lan"] == names("")
    assert ["db"] == names("?name=db")
    assert [] == names("?name=d")
    assert ["web"] == names("?label_selector=tier!=db,tier")
    assert ["web", "lan", "db"] == names("?sort=name:desc")
    assert ["lan", "db", "web"] == names("?sort=created")


def test_networks_come_in_pages(scene: Scene) -> None:
    for number in range(30):
        scene.cloud.add_network(f"net-{number}", f"10.{number}.0.0/24")
    first, second = scene.a.get("/networks"), scene.a.get("/networks?page=2")
    assert [25, 5] == [len(each["networks"]) for each in (first, second)]
    assert 30 == second["meta"]["pagination"]["total_entries"]


def test_servers_of_a_network_come_in_the_order_of_their_ids(lan: Scene) -> None:
    lan.cloud.add_server("node-c", server_id=9)
    lan.cloud.attach(9, LAN, "10.0.1.13")
    assert [9, 42, 43] == lan.a.get(f"/networks/{LAN}")["network"]["servers"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/networks/99", 404, "not_found"),
        ("/networks/99/members", 404, "not_found"),
        ("/networks/99/actions", 404, "not_found"),
        ("/networks/7/members?type=cat", 422, "invalid_input"),
        ("/networks/7/members?status=cat", 422, "invalid_input"),
        ("/networks/7/members?sort=subnet", 422, "invalid_input"),
        ("/networks?sort=ip_range", 422, "invalid_input"),
    ],
)
def test_what_is_not_there_is_refused(lan: Scene, path: str, status: int, code: str) -> None:
    answer = lan.a.send("GET", path)
    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])


def test_stale_readings_show_aliases_and_members_of_before(lan: Scene) -> None:
    lan.cloud.set_alias_ips(lan.server_a, LAN, [])
    lan.cloud.set_alias_ips(lan.server_b, LAN, [VIP])
    now = [(42, []), (43, [VIP])]
    before = [(42, [VIP]), (43, [])]

    def seen() -> list[list[tuple[int, list[str]]]]:
        servers = [
            *lan.a.get("/servers")["servers"],
            *(lan.a.get(f"/servers/{each}")["server"] for each in (42, 43)),
        ]
        shown = [(each["id"], each["private_net"][0]["alias_ips"]) for each in servers]
        return [shown[:2], shown[2:], [(each["id"], each["alias_ips"]) for each in members(lan)]]

    assert [now] * 3 == seen()
    with lan.cloud.faulty(Fault(method="GET", stale_s=3600)):
        assert [before] * 3 == seen()
    lan.cloud.detach(lan.server_b, LAN)
    assert [42] == lan.a.get(f"/networks/{LAN}")["network"]["servers"]
    with lan.cloud.faulty(Fault(method="GET", stale_s=3600)):
        assert [42, 43] == lan.a.get(f"/networks/{LAN}")["network"]["servers"]


# --- the operator's hand ----------------------------------------------------------------------


def test_a_detached_server_loses_its_aliases(lan: Scene) -> None:
    lan.cloud.detach(lan.server_a, LAN)
    assert ({}, []) == (lan.cloud.aliases(LAN), private_nets(lan, lan.server_a))
    assert [43] == [each["id"] for each in members(lan)]
    (change,) = lan.cloud.alias_moves()
    assert (LAN, VIP, 42, None, "operator") == (
        change.network,
        change.ip,
        change.old,
        change.new,
        change.cause,
    )
    lan.cloud.attach(lan.server_a, LAN, "10.0.1.13")
    assert [(LAN, "10.0.1.13", [])] == private_nets(lan, lan.server_a)


def test_a_deleted_server_loses_its_aliases_and_floating_ips(lan: Scene) -> None:
    lan.cloud.remove_server(lan.server_a)
    assert {} == lan.cloud.aliases(LAN)
    assert [43] == lan.a.get(f"/networks/{LAN}")["network"]["servers"]
    assert lan.cloud.holder(lan.web) is None
    lan.cloud.set_alias_ips(lan.server_b, LAN, [VIP])
    assert {VIP: 43} == lan.cloud.aliases(LAN)


def test_a_server_that_is_off_keeps_its_aliases(lan: Scene) -> None:
    lan.cloud.set_server_status(lan.server_a, "off")
    assert {VIP: 42} == lan.cloud.aliases(LAN)


def test_a_server_with_private_ips_is_attached_to_the_network_that_has_them(scene: Scene) -> None:
    scene.cloud.add_network("lan", "10.0.0.0/16", network_id=LAN, subnets=["10.0.1.0/24"])
    both = ["10.0.1.5", "10.3.0.5"]
    one = scene.cloud.add_server("one", private_ips=both)
    other = scene.cloud.add_server("other", private_ips=both)
    for server in (one, other):
        assert [(LAN, "10.0.1.5", []), (1, "10.3.0.5", [])] == private_nets(scene, server)
    made = scene.a.get("/networks/1")["network"]
    assert ("10.3.0.0/24", [one, other]) == (made["ip_range"], made["servers"])
    scene.cloud.set_alias_ips(one, LAN, [VIP])
    assert {VIP: one} == scene.cloud.aliases(LAN)
    scene.cloud.remove_server(one)
    assert [other] == scene.a.get("/networks/1")["network"]["servers"]


def test_a_second_address_of_a_network_is_in_one_of_its_own(scene: Scene) -> None:
    server = scene.cloud.add_server("one", private_ips=["10.0.0.5", "10.0.0.6"])
    assert [(1, "10.0.0.5", []), (2, "10.0.0.6", [])] == private_nets(scene, server)


@pytest.mark.parametrize(
    ("command", "arguments", "reason"),
    [
        ("add_network", {"name": "lan", "ip_range": "10.9.0.0/24"}, "already used"),
        ("add_network", {"name": "x", "ip_range": "10.9.0.0/24", "network_id": 7}, "already used"),
        ("add_network", {"name": "x", "ip_range": "10.9.0.1/24"}, "'ip_range'"),
        ("add_network", {"name": "x", "ip_range": "fd00::/64"}, "'ip_range'"),
        ("add_network", {"name": "x", "ip_range": "10.9.0.0/24", "subnets": ["y"]}, "'subnets'"),
        (
            "add_network",
            {"name": "x", "ip_range": "10.9.0.0/24", "subnets": ["10.9.1.0/24"]},
            "inside",
        ),
        (
            "add_network",
            {"name": "x", "ip_range": "10.9.0.0/24", "subnets": ["10.9.0.0/25", "10.9.0.0/26"]},
            "overlap",
        ),
        ("attach", {"server": 42, "network": 7, "ip": "10.0.1.20"}, "already attached"),
        ("attach", {"server": 44, "network": 99, "ip": "10.0.1.20"}, "'99' not found"),
        ("attach", {"server": 99, "network": 7, "ip": "10.0.1.20"}, "'99' not found"),
        ("attach", {"server": 44, "network": 7, "ip": "10.0.2.20"}, "not in a subnet"),
        ("attach", {"server": 44, "network": 7, "ip": "x"}, "'ip'"),
        ("attach", {"server": 44, "network": 7, "ip": "10.0.1.11"}, "not available"),
        ("attach", {"server": 44, "network": 7, "ip": VIP}, "not available"),
        (
            "attach",
            {"server": 44, "network": 7, "ip": "10.0.1.20", "alias_ips": [VIP]},
            "not available",
        ),
        (
            "attach",
            {"server": 44, "network": 7, "ip": "10.0.1.20", "alias_ips": ["10.0.1.20"]},
            "own address",
        ),
        ("detach", {"server": 44, "network": 7}, "not attached"),
        ("detach", {"server": 42, "network": 99}, "'99' not found"),
        ("set_alias_ips", {"server": 44, "network": 7, "alias_ips": []}, "not attached"),
        ("set_alias_ips", {"server": 43, "network": 7, "alias_ips": [VIP]}, "not available"),
        ("set_alias_ips", {"server": 43, "network": 7, "alias_ips": VIP}, "list of strings"),
        ("aliases", {"network": 99}, "'99' not found"),
        ("add_server", {"name": "x", "private_ips": ["fd00::1"]}, "'private_ips'"),
    ],
)
def test_a_wrong_command_is_refused_with_its_reason(
    lan: Scene, command: str, arguments: dict[str, object], reason: str
) -> None:
    lan.cloud.add_server("node-c", server_id=44)
    with pytest.raises(CommandError, match=reason):
        lan.cloud.call(command, **arguments)
    assert {VIP: 42} == lan.cloud.aliases(LAN)
    assert [42, 43] == lan.a.get(f"/networks/{LAN}")["network"]["servers"]
    assert ["node-a", "node-b", "node-c"] == [
        each["name"] for each in lan.a.get("/servers")["servers"]
    ]


def test_a_server_has_three_networks_at_most_and_none_that_overlap(lan: Scene) -> None:
    cloud = lan.cloud
    inner = cloud.add_network("inner", "10.0.3.0/24")
    with pytest.raises(CommandError, match="overlaps"):
        cloud.attach(lan.server_a, inner, "10.0.3.2")
    for number in (1, 2):
        network = cloud.add_network(f"more-{number}", f"10.{number}.0.0/24")
        cloud.attach(lan.server_a, network, f"10.{number}.0.2")
    last = cloud.add_network("last", "10.9.0.0/24")
    with pytest.raises(CommandError, match="too many networks"):
        cloud.attach(lan.server_a, last, "10.9.0.2")
    cloud.attach(lan.server_b, last, "10.9.0.2")
