import pytest

from hakeeper.demo.cloud import Fault
from tests.simcloud.conftest import LAN, VIP, Scene

NEXT = "10.0.1.101"
WRITES = "/actions/change_alias_ips$"


def code(response: object) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]  # type: ignore[attr-defined]


def test_a_list_is_accepted_first_and_replaces_the_old_one_when_its_action_ends(
    lan: Scene,
) -> None:
    lan.cloud.set_rules(action_s=0.2)
    response = lan.a.write_aliases(lan.server_a, LAN, NEXT)
    action = response.json()["action"]
    assert (201, "running", "change_alias_ips") == (
        response.status_code,
        action["status"],
        action["command"],
    )
    assert [{"id": 42, "type": "server"}, {"id": LAN, "type": "network"}] == action["resources"]
    lan.cloud.wait_for(lambda: {NEXT: 42} == lan.cloud.aliases(LAN))
    done = lan.a.get(f"/actions/{action['id']}")["action"]
    assert ("success", 100, None) == (done["status"], done["progress"], done["error"])
    lost, won = lan.cloud.alias_moves()
    assert [(VIP, 42, None), (NEXT, None, 42)] == [
        (each.ip, each.old, each.new) for each in (lost, won)
    ]
    (write,) = lan.cloud.alias_writes()
    assert 0.2 <= won.at_s - write.received_s
    assert ("node-a", False, action["id"]) == (won.cause, won.late, won.action)
    assert lost.at_s == won.at_s


def test_an_alias_moves_by_two_writes_and_is_nobodys_in_between(lan: Scene) -> None:
    lan.cloud.set_rules(action_s=0)
    assert (422, "ip_not_available") == code(lan.b.write_aliases(lan.server_b, LAN, VIP))
    assert 201 == lan.b.write_aliases(lan.server_a, LAN).status_code
    assert {} == lan.cloud.aliases(LAN)
    assert "success" == lan.b.write_aliases(lan.server_b, LAN, VIP).json()["action"]["status"]
    assert {VIP: 43} == lan.cloud.aliases(LAN)
    assert [(None, 42), (42, None), (None, 43)] == [
        (each.old, each.new) for each in lan.cloud.alias_changes(LAN, VIP)
    ]
    assert ["created", "node-b", "node-b"] == [each.cause for each in lan.cloud.alias_changes()]
    assert [] == lan.cloud.alias_changes(LAN + 1)
    assert [] == lan.cloud.moves()


def test_the_log_tells_what_was_written(lan: Scene) -> None:
    lan.a.write_aliases(lan.server_b, LAN, VIP)
    lan.b.write_aliases(lan.server_a, "lan", 5)
    lan.b.post("/servers/42/actions/change_alias_ips", [])
    first, second, third = lan.cloud.alias_writes()
    assert (43, LAN, (VIP,), 422) == (first.server, first.network, first.alias_ips, first.status)
    assert (42, None, ("5",)) == (second.server, second.network, second.alias_ips)
    assert (42, None, None) == (third.server, third.network, third.alias_ips)
    assert [first] == lan.cloud.alias_writes(client="node-a")
    assert [second, third] == lan.cloud.alias_writes(server=42)
    assert (None, None) == (first.floating_ip, lan.cloud.requests()[0].fault)
    assert [] == lan.cloud.assigns()


@pytest.mark.parametrize(
    ("server", "network", "alias_ips", "status", "expected", "field"),
    [
        (99, LAN, [], 404, "not_found", None),
        (43, 99, [], 404, "not_found", None),
        (44, LAN, [], 404, "not_found", None),
        (43, "7", [], 422, "invalid_input", "network"),
        (43, True, [], 422, "invalid_input", "network"),
        (43, None, [], 422, "invalid_input", "network"),
        (43, LAN, [5], 422, "invalid_input", "alias_ips"),
        (43, LAN, [None], 422, "invalid_input", "alias_ips"),
        (43, LAN, ["x"], 422, "invalid_input", "alias_ips"),
        (43, LAN, ["fd00::1"], 422, "invalid_input", "alias_ips"),
        (43, LAN, ["10.0.1.50/32"], 422, "invalid_input", "alias_ips"),
        (43, LAN, ["10.1.0.1"], 422, "invalid_input", "alias_ips"),
        (43, LAN, ["10.0.1.50", "10.0.1.50"], 422, "invalid_input", "alias_ips"),
        (43, LAN, [f"10.0.1.{each}" for each in range(50, 56)], 422, "invalid_input", "alias_ips"),
        (43, LAN, ["10.0.1.12"], 422, "invalid_input", "alias_ips"),
        (43, LAN, ["10.0.1.50", VIP], 422, "ip_not_available", None),
        (43, LAN, ["10.0.1.11"], 422, "ip_not_available", None),
    ],
)
def test_a_list_that_cannot_be_is_refused(  # noqa: PLR0917 - a table
    lan: Scene,
    server: int,
    network: object,
    alias_ips: list[object],
    status: int,
    expected: str,
    field: str | None,
) -> None:
    lan.cloud.add_server("node-c", server_id=44)
    response = lan.b.write_aliases(server, network, *alias_ips)
    assert (status, expected) == code(response)
    fields = response.json()["error"].get("details", {}).get("fields", [])
    assert ([] if field is None else [field]) == [each["name"] for each in fields]
    assert [] == lan.cloud.actions()
    assert {VIP: 42} == lan.cloud.aliases(LAN)


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [("{", 400, "json_error"), ("[]", 400, "json_error"), ('{"network":7}', 422, "invalid_input")],
)
def test_a_bad_body_is_refused(lan: Scene, body: str, status: int, expected: str) -> None:
    response = lan.a.send("POST", "/servers/42/actions/change_alias_ips", data=body)
    assert (status, expected) == code(response)


def test_five_addresses_of_the_range_are_possible_even_outside_of_its_subnets(lan: Scene) -> None:
    lan.cloud.set_rules(action_s=0)
    five = [f"10.0.9.{each}" for each in (5, 3, 1, 2, 4)]
    assert 201 == lan.b.write_aliases(lan.server_b, LAN, *five).status_code
    server = lan.b.get("/servers/43")["server"]
    assert five == server["private_net"][0]["alias_ips"]


def test_five_is_the_limit_of_a_server_in_all_its_networks(lan: Scene) -> None:
    second = lan.cloud.add_network("second", "10.1.0.0/24")
    lan.cloud.attach(lan.server_b, second, "10.1.0.2", alias_ips=["10.1.0.3", "10.1.0.4"])
    four = [f"10.0.1.{each}" for each in range(50, 54)]
    assert (422, "invalid_input") == code(lan.b.write_aliases(lan.server_b, LAN, *four))
    assert 201 == lan.b.write_aliases(lan.server_b, LAN, *four[1:]).status_code


def test_the_same_address_may_be_in_two_networks(lan: Scene) -> None:
    twin = lan.cloud.add_network("twin", "10.0.0.0/16")
    third = lan.cloud.add_server("node-c")
    lan.cloud.attach(third, twin, "10.0.1.11", alias_ips=[VIP])
    assert ({VIP: 42}, {VIP: third}) == (lan.cloud.aliases(LAN), lan.cloud.aliases(twin))


def test_server_and_network_are_locked_while_an_action_runs(lan: Scene) -> None:
    second = lan.cloud.add_network("second", "10.1.0.0/24")
    third = lan.cloud.add_server("node-c")
    lan.cloud.attach(lan.server_a, second, "10.1.0.2")
    lan.cloud.attach(third, second, "10.1.0.3")
    lan.cloud.set_rules(action_s=60)
    assert 201 == lan.a.write_aliases(lan.server_a, LAN).status_code
    for server, network in ((lan.server_a, LAN), (lan.server_b, LAN), (lan.server_a, second)):
        assert (423, "locked") == code(lan.a.write_aliases(server, network))
    assert 201 == lan.a.write_aliases(third, second).status_code
    assert 201 == lan.a.assign(lan.web, lan.server_b).status_code


def test_a_network_need_not_be_locked(lan: Scene) -> None:
    lan.cloud.set_rules(action_s=60, lock_networks=False)
    assert 201 == lan.a.write_aliases(lan.server_a, LAN).status_code
    assert (423, "locked") == code(lan.a.write_aliases(lan.server_a, LAN))
    assert 201 == lan.a.write_aliases(lan.server_b, LAN).status_code


@pytest.mark.parametrize(("lock_servers", "status"), [(False, 201), (True, 423)])
def test_floating_ips_and_aliases_of_a_server_lock_each_other_only_if_the_rules_say_so(
    lan: Scene, *, lock_servers: bool, status: int
) -> None:
    lan.cloud.set_rules(action_s=60, lock_servers=lock_servers)
    lan.a.write_aliases(lan.server_a, LAN)
    other = lan.cloud.add_floating_ip("other", "203.0.113.11")
    assert status == lan.a.assign(other, lan.server_a).status_code
    assert 201 == lan.a.assign(lan.web, lan.server_b).status_code
    second = lan.cloud.add_network("second", "10.1.0.0/24")
    lan.cloud.attach(lan.server_b, second, "10.1.0.2")
    assert status == lan.a.write_aliases(lan.server_b, second).status_code


@pytest.mark.parametrize(("refuse_off", "status"), [(False, 201), (True, 422)])
def test_a_server_that_is_off_is_refused_only_if_the_rules_say_so(
    lan: Scene, *, refuse_off: bool, status: int
) -> None:
    lan.cloud.set_rules(refuse_off=refuse_off)
    lan.cloud.set_server_status(lan.server_a, "off")
    response = lan.b.write_aliases(lan.server_a, LAN)
    assert status == response.status_code
    if refuse_off:
        assert (422, "unsupported_error") == code(response)
        assert {VIP: 42} == lan.cloud.aliases(LAN)


def test_actions_are_found_by_server_by_network_and_by_id(lan: Scene) -> None:
    lan.cloud.set_rules(action_s=0)
    first = lan.a.write_aliases(lan.server_a, LAN).json()["action"]["id"]
    second = lan.b.write_aliases(lan.server_b, LAN, VIP).json()["action"]["id"]
    third = lan.a.assign(lan.web, lan.server_b).json()["action"]["id"]

    def ids(path: str) -> list[int]:
        return [action["id"] for action in lan.a.get(path)["actions"]]

    assert [first] == ids("/servers/42/actions")
    assert [second, third] == ids("/servers/43/actions")
    assert [third, second, first] == ids("/servers/actions?sort=id:desc")
    assert [first, second] == ids(f"/networks/{LAN}/actions")
    assert [second] == ids(f"/networks/actions?id={second}&id={third}")
    assert [third] == ids("/floating_ips/actions")
    assert [first, third] == ids(f"/actions?id={first}&id={third}")
    assert ["change_alias_ips"] * 2 + ["assign_floating_ip"] == [
        each["command"] for each in lan.cloud.actions()
    ]
    shown = [
        lan.a.get(f"{path}/{second}")["action"]
        for path in ("/actions", "/servers/actions", "/servers/43/actions", "/networks/7/actions")
    ]
    assert 1 == len({str(each) for each in shown})
    for path in ("/servers/42/actions", "/floating_ips/actions", "/floating_ips/4711/actions"):
        assert 404 == lan.a.send("GET", f"{path}/{second}").status_code


def test_a_read_only_token_may_only_read(lan: Scene) -> None:
    lan.b.token = lan.cloud.add_client("watcher", read_only=True)
    assert (401, "token_readonly") == code(lan.b.write_aliases(lan.server_a, LAN))
    assert 2 == len(lan.b.get(f"/networks/{LAN}/members")["members"])


def test_a_lost_answer_may_be_of_a_list_that_was_written(lan: Scene) -> None:
    lan.cloud.set_rules(action_s=0)
    lan.cloud.fault(Fault(path=WRITES, status=504, commit=True, count=1))
    assert 504 == lan.b.write_aliases(lan.server_a, LAN).status_code
    assert {} == lan.cloud.aliases(LAN)


def test_an_action_that_fails_changes_nothing(lan: Scene) -> None:
    lan.cloud.set_rules(action_s=0)
    lan.cloud.fault(Fault(path=WRITES, action_error="action_failed"))
    action = lan.b.write_aliases(lan.server_a, LAN).json()["action"]
    assert ("error", "action_failed") == (action["status"], action["error"]["code"])
    assert {VIP: 42} == lan.cloud.aliases(LAN)


def test_an_action_without_end_locks_until_its_fault_is_cleared(lan: Scene) -> None:
    fault = lan.cloud.fault(Fault(path=WRITES, action_never_ends=True, count=1))
    action = lan.b.write_aliases(lan.server_a, LAN).json()["action"]["id"]
    assert (423, "locked") == code(lan.b.write_aliases(lan.server_a, LAN))
    lan.cloud.clear(fault)
    assert "error" == lan.a.get(f"/actions/{action}")["action"]["status"]
    assert 201 == lan.b.write_aliases(lan.server_a, LAN).status_code


def test_a_new_order_is_a_change_that_one_can_wait_for(lan: Scene) -> None:
    lan.cloud.set_alias_ips(lan.server_a, LAN, [VIP, NEXT])
    version = lan.cloud.call("wait", after_version=-1, timeout_s=0)
    lan.cloud.set_alias_ips(lan.server_a, LAN, [NEXT, VIP])  # nobody gains or loses an address
    assert version < lan.cloud.call("wait", after_version=version, timeout_s=0)
