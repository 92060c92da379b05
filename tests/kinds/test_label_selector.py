"""Label selectors: hcloud's syntax, and which floating IPs they choose."""

import pytest

from hakeeper.core.observation import Reading, ResourceId
from hakeeper.demo.cloud.query import label_filter
from hakeeper.kinds import FLOATING_IPS, label_selector
from hakeeper.kinds.floating_ip import by_label, by_name
from tests.kinds.test_floating_ip_answers import LIST, page
from tests.support.hetzner_bodies import floating_ip_json
from tests.support.resources import fip

SETS: tuple[dict[str, str], ...] = (
    {},
    {"role": "web"},
    {"role": "db"},
    {"role": ""},
    {"role": "web", "env": "prod"},
    {"env": "test", "example.com/role": "web"},
)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("role=web", [1, 4]),
        ("role==web", [1, 4]),
        (" role = web ", [1, 4]),
        ("role!=web", [0, 2, 3, 5]),
        ("role", [1, 2, 3, 4]),
        ("!role", [0, 5]),
        ("! role", [0, 5]),
        ("role=", [3]),
        ("role in (web,db)", [1, 2, 4]),
        ("role in (web, db)", [1, 2, 4]),
        ("role notin (web,db)", [0, 3, 5]),
        ("role=web,env", [4]),
        ("role=web, !env", [1]),
        ("role in (web,db),env notin (test)", [1, 2, 4]),
        ("example.com/role=web", [5]),
        ("role=web,!role", []),
    ],
)
def test_what_a_selector_chooses(selector: str, chosen: list[int]) -> None:
    parsed, in_the_cloud = label_selector.parse(selector), label_filter(selector)
    assert chosen == [number for number, labels in enumerate(SETS) if parsed.matches(labels)]
    assert chosen == [number for number, labels in enumerate(SETS) if in_the_cloud(labels)]


@pytest.mark.parametrize(
    "selector",
    ["", " ", ",", "a,", "=b", "!", "!!a", "a in ()", "a in (b", "a in b", "a b", "a=b c", "-a",
     "a-", "a=-b", "a>b", "a/b/c", "x" * 64, f"a={'x' * 64}", "a in (b,,c)", "!a=b"],
)  # fmt: skip
def test_what_is_no_selector(selector: str) -> None:
    with pytest.raises(ValueError, match=r"has|lacks|would"):
        label_selector.parse(selector)


def test_the_longest_that_is_allowed() -> None:
    key, value = f"{'p' * 253}/{'x' * 63}", "y" * 63
    assert label_selector.parse(f"{key}={value}").matches({key: value})


def chosen(reading: Reading, selector: str) -> list[ResourceId]:
    return [each.id for each in FLOATING_IPS.choose(by_label(selector), reading)]


def test_floating_ips_are_chosen_by_the_labels_that_the_list_has() -> None:
    reading = FLOATING_IPS.read_list(
        LIST,
        page(
            floating_ip_json(1, labels={"role": "web", "env": "prod"}),
            floating_ip_json(2, labels={}),
            floating_ip_json(3, labels={"role": "web"}),
        ),
    )
    assert () == reading.unreadable
    assert [fip(1), fip(3)] == chosen(reading, "role=web")
    assert [fip(2), fip(3)] == chosen(reading, "!env")
    assert [] == chosen(reading, "role=db")


@pytest.mark.parametrize("odd", [None, [], "role=web", 7, {"role": None}, {"role": "web", "x": 7}])
def test_labels_that_cannot_be_read_choose_nothing_and_hide_nothing_else(
    odd: object,
) -> None:
    reading = FLOATING_IPS.read_list(
        LIST, page(floating_ip_json(1, labels=odd), floating_ip_json(2, labels={"role": "web"}))
    )
    assert [fip(1), fip(2)] == [each.id for each in reading.found]
    assert [(1, "floating IP 1: labels are no object of strings")] == [
        (each.key, each.why) for each in reading.unreadable
    ]
    assert [fip(2)] == chosen(reading, "role")
    assert [] == chosen(reading, "!role")
    found = FLOATING_IPS.find(by_name("ip-1"), None, reading)
    assert found is not None


def test_a_selector_means_no_single_one() -> None:
    reading = FLOATING_IPS.read_list(LIST, page(floating_ip_json(1, labels={"role": "web"})))
    assert FLOATING_IPS.find(by_label("role=web"), None, reading) is None
    assert FLOATING_IPS.why_unreadable(by_label("role=web"), reading) is None
