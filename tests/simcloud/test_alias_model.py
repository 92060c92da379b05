import math

import pytest

from hakeeper.demo.cloud import AliasChange
from hakeeper.demo.cloud.engine import CloudEngine
from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.project import Action, Quirk
from hakeeper.demo.cloud.values import Rules
from tests.simcloud.conftest import LAN, VIP

NEXT = "10.0.1.101"


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


def test_a_change_without_the_end_of_an_action_is_one_that_one_can_wait_for() -> None:
    engine = CloudEngine(Rules(action_s=0.0))
    engine.model.networks.add("lan", "10.0.0.0/16", 0.0, network_id=LAN)
    engine.model.add_server("node-a", 0.0, server_id=42)
    engine.model.attach(42, LAN, "10.0.1.11", 0.0)
    write(engine.model, 42, 10.0, VIP, quirk=Quirk(late_commit_s=20.0))
    before = engine.version
    engine.model.register.advance(30.0)
    assert before + 1 == engine.version
