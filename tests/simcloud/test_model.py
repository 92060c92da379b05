import math

import pytest

from hakeeper.core.observation import Key
from hakeeper.demo.cloud.access import Bucket, Tokens
from hakeeper.demo.cloud.api import Api, ApiRequest
from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.project import Action, Quirk
from hakeeper.demo.cloud.values import Rules


@pytest.fixture
def model() -> CloudModel:
    made = CloudModel(rules=Rules(action_s=5.0))
    made.add_server("a", 0.0, server_id=1)
    made.add_server("b", 0.0, server_id=2)
    made.add_floating_ip("web", "203.0.113.10", 0.0, floating_ip_id=7, server=1)
    return made


def assign(model: CloudModel, server: int, now: float, quirk: Quirk | None = None) -> Action:
    return model.assign(7, server, now, cause=f"c{server}", quirk=quirk or Quirk())


def holder(model: CloudModel, now: float) -> Key | None:
    model.register.advance(now)
    return model.register.holder(7)


def test_changes_happen_at_their_own_time_however_late_one_looks(model: CloudModel) -> None:
    assign(model, 2, 10.0)
    assert 15.0 == model.register.next_at()
    assert 2 == holder(model, 99.0)
    assert 15.0 == model.changes[-1].at_s
    assert math.inf == model.register.next_at()


def test_the_past_can_be_asked(model: CloudModel) -> None:
    assign(model, 2, 10.0)
    model.register.advance(20.0)
    assert [1, 1, 2] == [model.register.holder_at(7, at_s) for at_s in (-5.0, 14.9, 15.0)]


def test_a_late_commit_of_an_old_writer_undoes_a_newer_one(model: CloudModel) -> None:
    assign(model, 2, 10.0, Quirk(late_commit_s=20.0))
    assert 1 == holder(model, 15.0)
    third = model.add_server("c", 15.0, server_id=3)
    assign(model, third.id, 16.0)
    assert 3 == holder(model, 21.0)
    assert 2 == holder(model, 30.0)
    assert (30.0, True, "c2") == (
        model.changes[-1].at_s,
        model.changes[-1].late,
        model.changes[-1].cause,
    )


def test_a_failing_action_changes_nothing_and_locks_until_it_has_failed(model: CloudModel) -> None:
    action = assign(model, 2, 10.0, Quirk(action_error=("action_failed", "Action failed")))
    assert ["running", "error"] == [action.status(at_s) for at_s in (14.9, 15.0)]
    with pytest.raises(ApiError, match="locked"):
        assign(model, 2, 14.0)
    assert 1 == holder(model, 99.0)
    assign(model, 2, 99.0)


def test_a_stuck_action_fails_when_its_fault_ends(model: CloudModel) -> None:
    stuck = assign(model, 2, 10.0, Quirk(fault=4, action_s=math.inf))
    assert 1 == holder(model, 9999.0)
    model.end_actions_of(4, 10_000.0)
    assert "error" == model.register.actions[stuck.id].status(10_000.0)
    assign(model, 2, 10_000.0)
    assert 2 == holder(model, 10_005.0)


def test_a_stuck_action_need_not_lock(model: CloudModel) -> None:
    assign(model, 2, 10.0, Quirk(action_s=math.inf, locks=False))
    assign(model, 2, 11.0)
    assert 2 == holder(model, 16.0)


def test_an_assign_to_a_server_deleted_meanwhile_leaves_nobody(model: CloudModel) -> None:
    assign(model, 2, 10.0)
    model.remove_server(2, 12.0)
    assert holder(model, 20.0) is None


@pytest.mark.parametrize("ip", ["203.0.113.300", "2001:db8::1/64", "host"])
def test_an_address_must_be_one(model: CloudModel, ip: str) -> None:
    with pytest.raises(ApiError, match="'ip'"):
        model.add_floating_ip("bad", ip, 0.0)


def test_names_and_ids_are_unique(model: CloudModel) -> None:
    with pytest.raises(ApiError, match="already used"):
        model.add_server("a", 0.0)
    with pytest.raises(ApiError, match="already used"):
        model.add_server("c", 0.0, server_id=1)
    with pytest.raises(ApiError, match="already used"):
        model.add_floating_ip("web", "203.0.113.11", 0.0)


def test_the_api_works_without_sockets_in_virtual_time(model: CloudModel) -> None:
    tokens = Tokens()
    authorization = "Bearer " + tokens.give("node-b")
    api = Api(model, tokens, Bucket(3600))
    path = "/v1/floating_ips/7"
    post = ApiRequest(
        method="POST",
        path=path + "/actions/assign",
        body=b'{"server":2}',
        authorization=authorization,
    )
    assert 201 == api.handle(post, 1e6).status
    get = ApiRequest(method="GET", path=path, authorization=authorization)
    later = [api.handle(get, 1e6 + passed_s).body for passed_s in (4.9, 5.0)]
    assert [1, 2] == [body["floating_ip"]["server"] for body in later if body is not None]
    stale = api.handle(get, 1e6 + 6, stale_s=2.0).body
    assert stale is not None
    assert 1 == stale["floating_ip"]["server"]


def test_the_ends_of_actions_are_counted_whoever_looks(model: CloudModel) -> None:
    assign(model, 2, 10.0, Quirk(action_error=("action_failed", "Action failed")))
    assert 15.0 == model.register.next_at()
    ended = []
    for now in (14.9, 15.0, 16.0):
        model.register.advance(now)
        ended.append(model.register.ended)
    assert [0, 1, 1] == ended
