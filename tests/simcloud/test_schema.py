from typing import Any

import pytest

from tests.simcloud.conftest import LAN, Scene
from tests.simcloud.schema import AnswerChecker


def test_a_right_answer_has_no_problems(scene: Scene, checker: AnswerChecker) -> None:
    path = f"/v1/floating_ips/{scene.web}"
    body = scene.a.get(f"/floating_ips/{scene.web}")
    assert [] == checker.problems("GET", path, 200, body)


@pytest.mark.parametrize(
    ("key", "value"),
    [("server", "42"), ("description", 7), ("id", None), ("labels", None), ("created", "today")],
)
def test_a_wrong_value_is_noticed(
    scene: Scene, checker: AnswerChecker, key: str, value: object
) -> None:
    body = scene.a.get(f"/floating_ips/{scene.web}")
    body["floating_ip"][key] = value
    problems = checker.problems("GET", f"/v1/floating_ips/{scene.web}", 200, body)
    assert problems
    assert all(f"$.floating_ip.{key}: " in problem for problem in problems)


def test_null_is_right_only_where_the_document_says_so(
    scene: Scene, checker: AnswerChecker
) -> None:
    body: dict[str, Any] = scene.a.get(f"/floating_ips/{scene.web}")
    for key in ("server", "description"):
        body["floating_ip"][key] = None
    assert [] == checker.problems("GET", f"/v1/floating_ips/{scene.web}", 200, body)


def test_a_missing_field_is_noticed(scene: Scene, checker: AnswerChecker) -> None:
    body = scene.a.get("/servers/42")
    del body["server"]["server_type"]["locations"][0]["recommended"]
    (problem,) = checker.problems("GET", "/v1/servers/42", 200, body)
    assert "'recommended' is a required property" in problem


def test_an_undescribed_answer_is_noticed(checker: AnswerChecker) -> None:
    assert checker.problems("GET", "/v1/nothing", 200, {})
    assert checker.problems("POST", "/v1/floating_ips/1/actions/assign", 200, {})
    assert checker.problems("GET", "/v1/servers/1", 404, {"error": {"code": "not_found"}})


def test_members_are_held_against_their_own_description(lan: Scene, checker: AnswerChecker) -> None:
    path = f"/v1/networks/{LAN}/members"
    body = lan.a.get(f"/networks/{LAN}/members")
    assert [] == checker.problems("GET", path, 200, body)
    body["members"][0]["status"] = "fine"
    del body["members"][1]["alias_ips"]
    first, second = checker.problems("GET", path, 200, body)
    assert "'fine' is not one of" in first
    assert "'alias_ips' is a required property" in second
    assert checker.problems("GET", path, 404, {"error": {}})


def test_action_paths_are_not_taken_for_ids(checker: AnswerChecker) -> None:
    assert "/floating_ips/actions" == checker.template("/v1/floating_ips/actions")
    assert "/floating_ips/{id}/actions/{action_id}" == checker.template(
        "/v1/floating_ips/1/actions/2"
    )
