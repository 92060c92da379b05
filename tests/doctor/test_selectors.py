"""`check --online` with label selectors: what they choose is checked as if it were named."""

from dataclasses import replace

import pytest

from hakeeper.core.calls import AllRead
from hakeeper.core.observation import Reading, Unreadable
from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import DaemonFacts, DaemonProblem
from hakeeper.doctor.finding import Passed
from hakeeper.kinds import FLOATING_IPS
from tests.doctor.selector_rows import AT, BOTH, LABELLED, case, many, other
from tests.support.server_facts import CONF_PATH, WEB, YAML_PATH, Case, result


def said(of: Case) -> list[tuple[str, str, str, str]]:
    return [(name, one.severity.value, one.what, str(one.place)) for name, one in of.findings()]


def passed(of: Case) -> list[str]:
    results = judge(of.facts()).results
    return [one.text for name, one in results if name == "floating IP" and isinstance(one, Passed)]


def test_what_is_chosen_is_checked_as_what_is_named() -> None:
    good = case(LABELLED, other(7))
    assert [] == said(good)
    assert [
        "label role=web chooses 1 of the project's 2 floating IPs: 203.0.113.10",
        "203.0.113.10 (id 4711, label role=web), now on server 102",
    ] == passed(good)


def test_a_chosen_one_that_keepalived_does_not_add_is_an_error_at_the_selector() -> None:
    found = said(case(LABELLED, other(7, role="web")))
    assert [("virtual IP", "error")] == [each[:2] for each in found]
    assert "203.0.113.27 is on no interface here" in found[0][2]
    assert found[0][3].startswith(CONF_PATH)


def test_a_chosen_one_that_is_blocked_is_an_error_at_the_selector() -> None:
    found = said(case(replace(LABELLED, blocked=True)))
    assert [
        ("floating IP", "error", "VI_1: 4711 (203.0.113.10) is blocked by Hetzner", AT)
    ] == found


def test_a_selector_that_chooses_nothing_is_an_error() -> None:
    found = said(case(WEB, other(7, role="db")))
    what = "VI_1: label role=web chooses none of the project's 2 floating IPs"
    assert [("floating IP", "error", what, AT)] == found


@pytest.mark.parametrize("kept", [True, False])
def test_what_the_daemon_says_of_an_empty_selector_is_not_said_twice(
    kept: bool,  # noqa: FBT001  # whether the check sees it as well
) -> None:
    text = "VI_1: label role=web chooses no floating IP"
    problem = DaemonProblem(is_broken=False, text=text, code="selector.empty")
    found = said(
        replace(
            case(LABELLED if kept else WEB),
            daemon=DaemonFacts(is_running=True, problems=(problem,)),
        )
    )
    assert [("hakeeper" if kept else "floating IP")] == [each[0] for each in found]


def test_a_selector_that_chooses_most_of_the_project_is_a_warning() -> None:
    [found] = [each for each in said(case(*many(10))) if each[0] == "floating IP"]
    shown = ", ".join(f"203.0.113.{number}" for number in (10, *range(21, 28)))
    what = (
        "VI_1: label role=web chooses 10 of the project's 10 floating IPs, most of what there is:"
        f" {shown} and 2 more"
    )
    assert ("floating IP", "warning", what, AT) == found


def test_the_same_of_a_large_project_is_none() -> None:
    rest = [other(number) for number in range(10, 16)]
    assert [] == [each for each in said(case(*many(6), *rest)) if each[0] == "floating IP"]


def test_two_instances_that_choose_the_same_are_told() -> None:
    found = said(case(LABELLED, yaml=f"{BOTH}[{{label: role}}]"))
    what = "VI_2: label role chooses 203.0.113.10, which follows VI_1 by label role=web"
    assert ("floating IP", "warning", what, f"{YAML_PATH}:5") in found


def test_one_that_is_named_elsewhere_is_no_finding() -> None:
    found = said(case(LABELLED, yaml=f"{BOTH}[web]"))
    assert [] == [each for each in found if each[0] == "floating IP"]
    assert "web = 203.0.113.10 (id 4711), now on server 102" in passed(
        case(LABELLED, yaml=f"{BOTH}[web]")
    )


def test_nothing_is_said_of_a_selector_while_nothing_is_listed() -> None:
    unlisted = Case().with_yaml("[web]", "[{label: role=web}]").with_api(listed={})
    assert [] == [each for each in said(unlisted) if each[0] == "floating IP"]


def test_one_whose_labels_cannot_be_read_is_not_chosen() -> None:
    odd = Unreadable(key=4711, name="web", label="203.0.113.10", why="labels are no object")
    lists = {FLOATING_IPS.name: result(AllRead(FLOATING_IPS.name, Reading((WEB,), (odd,))))}
    found = said(Case().with_yaml("[web]", "[{label: '!x'}]").with_api(listed=lists))
    assert ["VI_1: label !x chooses none of the project's 1 floating IPs"] == [
        each[2] for each in found
    ]


@pytest.mark.parametrize(
    ("follows", "is_current"),
    [
        (("label role=web",), True),
        (("web",), False),
        (("label role=web", "mail"), False),
    ],
)
def test_the_daemon_is_asked_for_its_selectors(
    follows: tuple[str, ...],
    is_current: bool,  # noqa: FBT001  # what is expected
) -> None:
    good = case(LABELLED)
    [vrrp] = good.facts().config.config.resources
    found = said(replace(good, daemon=DaemonFacts(is_running=True, follows={vrrp: follows})))
    assert is_current is not any("runs with another configuration" in each[2] for each in found)
