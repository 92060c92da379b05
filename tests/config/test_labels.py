"""An item of `floating_ips` that is a mapping: a label selector."""

from typing import Any, cast

import pytest

from hakeeper.config import ConfigErrors, parse
from hakeeper.kinds.floating_ip import by_label, by_name
from tests.config.test_config import VI_1


def items(text: str) -> str:
    return f"instances: {{VI_1: {{floating_ips: [{text}]}}}}\n"


def error_of(text: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        parse(items(text), "f.yaml")
    [error] = caught.value.errors
    return str(error)


def test_an_item_may_be_a_selector() -> None:
    config = parse(items("web, {label: role=web}, {label: 'env in (a,b),!test'}"), "f.yaml")
    selectors = (by_label("role=web"), by_label("env in (a,b),!test"))
    assert {VI_1: (by_name("web"), *selectors)} == config.resources
    [shown] = cast("Any", config.as_json()["addresses"])
    assert ["web", "label role=web", "label env in (a,b),!test"] == shown["floating_ips"]


def test_a_name_with_a_sign_of_equality_is_still_a_name() -> None:
    assert {VI_1: (by_name("role=web"),)} == parse(items("role=web"), "f.yaml").resources


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (
            "{label: =web}",
            "`=web` lacks a label key; its parts are such as `role=web`, `role!=",
        ),
        ("{label: role=a b}", "`role=a b` has no valid label value where it says `a b`"),
        ("{label: 'a,,b'}", "`a,,b` has nothing beside a comma"),
        ("{label: 'a,'}", "`a,` has nothing beside a comma"),
        ("{label: ','}", "`,` would choose everything; a label selector is made of parts such as"),
        ("{label: 'env in ()'}", "has an empty value in `env in ()`; write such as"),
        ("{label: role>1}", "has no valid label key where it says `role>1`"),
        ("{label: role=}x", "not valid YAML"),
        ("{label: a=b=c}", "has no valid label value where it says `b=c`"),
        ("{label: role=web, tier=front}", "has the unknown key `tier=front` (a comma in a value"),
        ("{label: env in (a,b)}", "has the unknown key `b)` (a comma in a value needs quotes"),
        ("{label: !env}", "(put text that begins with `!` in quotes)"),
        ("{label: }", "has no value; expected a value for `label`, such as {label: role=web}"),
        ("{label: ''}", "is empty; expected a value for `label`, such as {label: role=web}"),
        ("{label: no}", "YAML reads the unquoted `no` as the boolean false"),
        ("{lable: role=web}", "has the unknown key `lable`; expected label"),
        ("{}", "lacks the key `label`; expected label"),
        ("{label: role=web}, {label: role=web}", "`label role=web` is already listed, for VI_1"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(item: str, error: str) -> None:
    said = error_of(item)
    assert said.startswith("f.yaml:1:")
    assert error in said


def test_two_instances_may_not_have_the_same_selector() -> None:
    each = "{floating_ips: [{label: role=web}]}"
    with pytest.raises(ConfigErrors, match="is already listed, for VI_1 in line 1"):
        parse(f"instances: {{VI_1: {each}, VI_2: {each}}}\n", "f.yaml")


def test_a_selector_is_not_read_as_addresses() -> None:
    """Its text is never an address, so a private one cannot lie in it."""
    config = parse(
        "instances: {VI_1: {floating_ips: [{label: role=web}], vrrp_address: 10.0.0.2}}\n", "f.yaml"
    )
    assert config.vrrp_addresses
