import pytest

from tests.simcloud.conftest import Scene


def test_an_assign_is_accepted_first_and_the_holder_changes_when_its_action_ends(
    scene: Scene,
) -> None:
    scene.cloud.set_rules(action_s=0.3)
    response = scene.b.assign(scene.web, scene.server_b)
    action = response.json()["action"]
    assert (201, "running", None) == (response.status_code, action["status"], action["finished"])
    assert [
        {"id": scene.server_b, "type": "server"},
        {"id": scene.web, "type": "floating_ip"},
    ] == action["resources"]
    assert scene.server_a == scene.a.get(f"/floating_ips/{scene.web}")["floating_ip"]["server"]
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)
    done = scene.b.get(f"/actions/{action['id']}")["action"]
    assert ("success", 100, None) == (done["status"], done["progress"], done["error"])
    assert done["finished"] is not None
    (move,) = scene.cloud.moves(scene.web)
    (assign,) = scene.cloud.assigns()
    assert ("node-b", 42, 43, False) == (move.cause, move.old, move.new, move.late)
    assert 0.3 <= move.at_s - assign.received_s


def test_the_holder_can_be_made_to_change_with_the_201(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=60, holder_at_accept=True)
    scene.b.assign(scene.web, scene.server_b)
    assert scene.server_b == scene.cloud.holder(scene.web)
    assert ["running"] == [action["status"] for action in scene.cloud.actions()]


def test_an_action_that_takes_no_time_is_a_success_in_the_201(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0)
    action = scene.b.assign(scene.web, scene.server_b).json()["action"]
    assert "success" == action["status"]
    assert scene.server_b == scene.cloud.holder(scene.web)


def test_an_unassign_leaves_nobody(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0)
    response = scene.a.post(f"/floating_ips/{scene.web}/actions/unassign")
    assert (201, None) == (response.status_code, scene.cloud.holder(scene.web))
    again = scene.a.post(f"/floating_ips/{scene.web}/actions/unassign", {})
    assert (422, "invalid_input") == (again.status_code, again.json()["error"]["code"])


def test_an_assign_to_the_holder_is_refused(scene: Scene) -> None:
    response = scene.a.assign(scene.web, scene.server_a)
    assert 422 == response.status_code
    assert "floating_ip_assigned" == response.json()["error"]["code"]


def test_an_address_is_locked_while_its_action_runs(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0.3)
    scene.b.assign(scene.web, scene.server_b)
    for path in ("assign", "unassign"):
        response = scene.a.post(f"/floating_ips/{scene.web}/actions/{path}", {"server": 42})
        assert (423, "locked") == (response.status_code, response.json()["error"]["code"])
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)
    assert 201 == scene.a.assign(scene.web, scene.server_a).status_code


@pytest.mark.parametrize(("lock_servers", "status"), [(False, 201), (True, 423)])
def test_a_target_server_is_locked_only_if_the_rules_say_so(
    scene: Scene, *, lock_servers: bool, status: int
) -> None:
    scene.cloud.set_rules(action_s=60, lock_servers=lock_servers)
    other = scene.cloud.add_floating_ip("other", "203.0.113.11")
    scene.b.assign(scene.web, scene.server_b)
    assert status == scene.b.assign(other, scene.server_b).status_code
    assert 201 == scene.b.assign(other, scene.server_a).status_code or lock_servers is False


def test_actions_are_found_by_id_by_address_and_by_status(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=0)
    other = scene.cloud.add_floating_ip("other", "203.0.113.11")
    first = scene.b.assign(scene.web, scene.server_b).json()["action"]["id"]
    scene.cloud.set_rules(action_s=60)
    second = scene.b.assign(other, scene.server_b).json()["action"]["id"]
    third = scene.b.assign(scene.web, scene.server_a).json()["action"]["id"]

    def ids(path: str) -> list[int]:
        return [action["id"] for action in scene.a.get(path)["actions"]]

    assert [first, third] == ids(f"/actions?id={first}&id={third}")
    assert [third, first] == ids(f"/floating_ips/{scene.web}/actions?sort=id:desc")
    assert [third] == ids(f"/floating_ips/{scene.web}/actions?status=running")
    assert [second, third] == ids("/floating_ips/actions?status=running")
    assert [first] == ids(f"/floating_ips/actions?id={first}")
    assert [] == ids("/actions?id=999")
    own = scene.a.get(f"/floating_ips/{scene.web}/actions/{first}")["action"]
    assert own == scene.a.get(f"/floating_ips/actions/{first}")["action"]
    assert 404 == scene.a.send("GET", f"/floating_ips/{other}/actions/{first}").status_code


def test_an_operator_moves_an_address_at_once_and_a_running_action_still_ends(
    scene: Scene,
) -> None:
    third = scene.cloud.add_server("node-c")
    scene.cloud.set_rules(action_s=0.2)
    scene.b.assign(scene.web, scene.server_b)
    scene.cloud.move(scene.web, third)
    assert third == scene.cloud.holder(scene.web)
    scene.cloud.wait_for(lambda: scene.cloud.holder(scene.web) == scene.server_b)
    assert ["created", "operator", "node-b"] == [
        change.cause for change in scene.cloud.holder_changes(scene.web)
    ]


def test_a_deleted_server_leaves_its_addresses_to_nobody(scene: Scene) -> None:
    scene.cloud.remove_server(scene.server_a)
    assert scene.cloud.holder(scene.web) is None
    assert 404 == scene.b.assign(scene.web, scene.server_a).status_code
