"""The account in virtual time."""

import pytest

from hakeeper.demo.cloud.project import Quirk
from hakeeper.demo.robot.access import Logins, Quotas
from hakeeper.demo.robot.model import RobotModel
from hakeeper.demo.robot.values import Kind, Login, RobotError, RobotRules
from tests.simcloud.robot_scene import MAIN_A, MAIN_B, NET_A, NET_B, WEB

HOUR_S = 3600.0


@pytest.fixture
def model() -> RobotModel:
    made = RobotModel(RobotRules(switch_s=60.0))
    made.add_server(MAIN_A, NET_A)
    made.add_server(MAIN_B, NET_B)
    made.add_failover(WEB, 321, 321, 0.0)
    return made


def test_a_switch_takes_its_time_and_the_route_changes_at_its_end(model: RobotModel) -> None:
    switch = model.route(WEB, MAIN_B, 100.0, cause="node-b")
    assert 160.0 == switch.ends_s
    model.register.advance(159.9)
    shown = model.shown(model.failover(WEB), 159.9)
    assert (MAIN_A, "processing") == (shown["active_server_ip"], shown["status"])
    model.register.advance(160.0)
    shown = model.shown(model.failover(WEB), 160.0)
    assert (MAIN_B, "ready") == (shown["active_server_ip"], shown["status"])
    assert [(0.0, 321), (160.0, 322)] == [(each.at_s, each.new) for each in model.changes]


def test_a_stale_reading_shows_what_was(model: RobotModel) -> None:
    model.route(WEB, MAIN_B, 100.0, cause="node-b")
    model.register.advance(200.0)
    failover = model.failover(WEB)
    shown = [model.shown(failover, at_s) for at_s in (50.0, 159.0, 160.0)]
    assert [(MAIN_A, "ready"), (MAIN_A, "processing"), (MAIN_B, "ready")] == [
        (each["active_server_ip"], each["status"]) for each in shown
    ]


def test_a_late_commit_overwrites_what_came_after_it(model: RobotModel) -> None:
    model.route(WEB, MAIN_B, 0.0, cause="node-b", quirk=Quirk(late_commit_s=130.0))
    model.register.advance(60.0)
    assert 321 == model.register.holder(WEB)
    model.move(WEB, None, 70.0)
    model.register.advance(130.0)
    assert 322 == model.register.holder(WEB)
    assert [False, False, True] == [each.late for each in model.changes]


def test_a_switch_to_a_server_that_is_gone_by_then_routes_to_none(model: RobotModel) -> None:
    model.route(WEB, MAIN_B, 0.0, cause="node-b")
    model.remove_server(322, 30.0)
    model.register.advance(60.0)
    assert model.register.holder(WEB) is None


@pytest.mark.parametrize(
    ("add", "reason"),
    [
        (lambda model: model.add_server("x", NET_A), "'x'"),
        (lambda model: model.add_server(MAIN_A, "x"), "'x'"),
        (lambda model: model.add_server(MAIN_A, NET_A, 321), "321 is there already"),
        (lambda model: model.add_failover("203.0.113.8", 9, None, 0.0), "9 is not there"),
        (lambda model: model.add_failover("203.0.113.8", 321, 9, 0.0), "9 is not there"),
        (lambda model: model.add_failover(WEB, 321, None, 0.0), "is there already"),
        (lambda model: model.move(WEB, 9, 0.0), "9 is not there"),
        (lambda model: model.remove_server(9, 0.0), "9 is not there"),
        (lambda model: model.remove_server(321, 0.0), "321 has failover IPs"),
    ],
)
def test_a_scene_that_cannot_be_is_refused(model: RobotModel, add: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        add(model)  # type: ignore[operator]


def take_all(quotas: Quotas, now: float, kind: Kind = Kind.POST) -> int:
    """Take until it is refused, and return how often it was not."""
    taken = 0
    while quotas.left(kind, now, HOUR_S):
        quotas.take(kind, now, HOUR_S)
        taken += 1
    return taken


def test_the_documented_quotas_hold_for_each_kind_of_request() -> None:
    quotas = Quotas()
    assert [100, 100, 50, 50] == [take_all(quotas, 0.0, kind) for kind in Kind]


def test_the_hour_slides(model: RobotModel) -> None:
    del model
    quotas = Quotas()
    quotas.set(Kind.POST, 3, None, 0.0)
    quotas.take(Kind.POST, 0.0, HOUR_S)
    quotas.take(Kind.POST, 1800.0, HOUR_S)
    quotas.take(Kind.POST, 1800.0, HOUR_S)
    for at_s in (1800.0, 3599.9):
        with pytest.raises(RobotError) as refused:
            quotas.take(Kind.POST, at_s, HOUR_S)
        assert {"max_request": 3, "interval": 3600} == refused.value.details
    assert 1 == take_all(quotas, 3600.0)
    assert 0 == take_all(quotas, 5399.9)
    assert 2 == take_all(quotas, 5400.0)


def test_three_failed_logins_block_an_address_for_ten_minutes() -> None:
    logins, rules = Logins(), RobotRules()
    logins.give("node-a", Login("user", "right"))
    right, wrong = "Basic dXNlcjpyaWdodA==", "Basic dXNlcjp3cm9uZw=="

    def works(header: str, now: float, source: str = "192.0.2.1") -> bool:
        try:
            logins.check(header, source, now, rules)
        except RobotError as error:
            return error.status != 401
        return True

    assert not works(wrong, 0.0)
    assert not works(wrong, 1.0)
    assert works(right, 2.0)  # wipes nothing away
    assert not works("", 2.5)  # counts for nothing
    assert not logins.is_blocked("192.0.2.1", 2.9)
    assert not works(wrong, 3.0)
    assert logins.is_blocked("192.0.2.1", 3.0)
    assert not works(right, 602.9)
    assert works(right, 602.9, source="192.0.2.2")
    assert works(right, 603.0)
    # Failures that are older than a block count no more.
    assert not works(wrong, 1000.0)
    assert not works(wrong, 1001.0)
    assert not works(wrong, 1600.5)
    assert works(right, 1600.6)


@pytest.mark.parametrize("header", ["Basic !", "Basic /w==", "basic dXNlcg=="])
def test_a_login_that_cannot_be_read_is_one_that_failed(header: str) -> None:
    logins, rules = Logins(), RobotRules(failed_logins=1)
    with pytest.raises(RobotError):
        logins.check(header, "192.0.2.1", 0.0, rules)
    assert logins.is_blocked("192.0.2.1", 0.0)
