import math

import pytest

from hakeeper.demo.cloud import AliasChange, Fault
from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.project import Action, Quirk
from hakeeper.demo.cloud.values import Rules
from tests.simcloud.conftest import LAN, VIP, Scene

NEXT = "10.0.1.101"
WRITES = "/actions/change_alias_ips$"


def code(response: object) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]  # type: ignore[attr-defined]


# --- over HTTP ----------------------------------------------------------------------------------


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


# --- in virtual time ----------------------------------------------------------------------------


@pytest.fixture
def model() -> CloudModel:
    """Three servers in a network; the first has an alias IP. An action takes five seconds."""
    made = CloudModel(rules=Rules(action_s=5.0))
    made.networks.add("lan", "10.0.0.0/16", 0.0, network_id=LAN)
    for server in (1, 2, 3):
        made.add_server(f"node-{server}", 0.0, server_id=server)
        made.attach(server, LAN, f"10.0.1.{server}", 0.0, [VIP] if server == 1 else [])
    return made


def write(
    model: CloudModel, server: int, now: float, *alias_ips: str, quirk: Quirk | None = None
) -> Action:
    return model.change_alias_ips(
        server, LAN, alias_ips, now, cause=f"c{server}", quirk=quirk or Quirk()
    )


def aliases(model: CloudModel, now: float) -> dict[str, int]:
    model.register.advance(now)
    return model.networks.aliases(LAN)


def told(changes: list[AliasChange]) -> list[tuple[float, str, int | None, int | None, bool]]:
    return [(each.at_s, each.ip, each.old, each.new, each.late) for each in changes]


def test_changes_happen_at_their_own_time_however_late_one_looks(model: CloudModel) -> None:
    write(model, 1, 10.0)
    assert 15.0 == model.register.next_at()
    assert {VIP: 1} == aliases(model, 14.9)
    assert {} == aliases(model, 99.0)
    assert (15.0, VIP, 1, None, False) == told(model.networks.changes)[-1]
    assert math.inf == model.register.next_at()


def test_the_list_can_be_made_to_change_with_the_201(model: CloudModel) -> None:
    model.rules = Rules(action_s=5.0, holder_at_accept=True)
    action = write(model, 1, 10.0, NEXT)
    assert {NEXT: 1} == aliases(model, 10.0)
    assert "running" == action.status(10.0)


def test_the_past_can_be_asked(model: CloudModel) -> None:
    write(model, 1, 10.0, VIP, NEXT)
    write(model, 1, 20.0)
    model.detach(1, LAN, 30.0)
    found = [model.networks.member_at(LAN, 1, at_s) for at_s in (-5, 14.9, 15, 24.9, 25, 29.9, 30)]
    expected = [(VIP,), (VIP,), (VIP, NEXT), (VIP, NEXT), (), (), None]
    assert expected == [each and each.alias_ips for each in found]
    assert [1, 2, 3] == list(model.networks.members_at(LAN, 29.9))
    assert [2, 3] == list(model.networks.members_at(LAN, 30.0))


def test_a_late_write_replaces_the_whole_list_of_its_server(model: CloudModel) -> None:
    write(model, 1, 10.0, VIP, quirk=Quirk(late_commit_s=20.0))
    write(model, 1, 16.0, VIP, NEXT)
    assert {VIP: 1, NEXT: 1} == aliases(model, 21.0)
    assert {VIP: 1} == aliases(model, 30.0)
    assert (30.0, NEXT, 1, None, True) == told(model.networks.changes)[-1]


def test_a_late_write_takes_its_address_out_again(model: CloudModel) -> None:
    write(model, 1, 10.0, quirk=Quirk(late_commit_s=20.0))
    model.set_alias_ips(1, LAN, [VIP, NEXT], 16.0)
    assert {} == aliases(model, 30.0)


def test_a_late_write_gets_nothing_that_another_server_has_by_then(model: CloudModel) -> None:
    write(model, 1, 10.0, VIP, NEXT, "10.0.1.102", quirk=Quirk(late_commit_s=20.0))
    write(model, 1, 15.0)
    write(model, 2, 20.0, VIP)
    model.detach(3, LAN, 26.0)
    model.attach(3, LAN, NEXT, 26.0)
    assert {VIP: 2, "10.0.1.102": 1} == aliases(model, 30.0)
    assert [(30.0, "10.0.1.102", None, 1, True)] == told(model.networks.changes)[-1:]


def test_of_two_writes_of_one_address_the_first_to_commit_wins(model: CloudModel) -> None:
    model.rules = Rules(action_s=5.0, lock_networks=False)
    write(model, 2, 10.0, NEXT)
    write(model, 3, 11.0, NEXT)
    assert {VIP: 1, NEXT: 2} == aliases(model, 20.0)


def test_a_write_changes_nothing_once_its_server_is_detached(model: CloudModel) -> None:
    write(model, 1, 10.0, VIP, NEXT)
    model.detach(1, LAN, 12.0)
    assert {} == aliases(model, 20.0)
    assert 1 == model.register.ended


def test_a_write_changes_nothing_once_its_server_is_deleted(model: CloudModel) -> None:
    write(model, 1, 10.0, VIP, NEXT)
    model.remove_server(1, 12.0)
    assert {} == aliases(model, 20.0)


def test_a_list_that_is_there_already_is_accepted_and_changes_nothing(model: CloudModel) -> None:
    before = told(model.networks.changes)
    assert "success" == write(model, 1, 10.0, VIP).status(15.0)
    assert {VIP: 1} == aliases(model, 20.0)
    assert before == told(model.networks.changes)


def test_the_order_of_a_list_can_be_changed(model: CloudModel) -> None:
    write(model, 1, 10.0, NEXT, VIP)
    write(model, 1, 15.0, VIP, NEXT)
    model.register.advance(20.0)
    at = [model.networks.member_at(LAN, 1, at_s) for at_s in (15.0, 20.0)]
    assert [(NEXT, VIP), (VIP, NEXT)] == [each and each.alias_ips for each in at]
    assert 2 == len(model.networks.changes)


def test_the_operators_hand_heeds_no_lock(model: CloudModel) -> None:
    write(model, 1, 10.0)
    model.set_alias_ips(1, LAN, [NEXT], 11.0)
    assert {NEXT: 1} == aliases(model, 11.0)
    assert {} == aliases(model, 15.0)
    with pytest.raises(ApiError, match="not found"):
        model.set_alias_ips(9, LAN, [], 11.0)


def test_a_stuck_action_need_not_lock(model: CloudModel) -> None:
    write(model, 1, 10.0, quirk=Quirk(action_s=math.inf, locks=False))
    write(model, 1, 11.0, NEXT)
    assert {NEXT: 1} == aliases(model, 16.0)
