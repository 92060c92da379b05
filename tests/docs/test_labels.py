"""The page about labels: its configuration is accepted, and what it names exists."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from hakeeper.adapters.cures import TROUBLES
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.config import parse
from hakeeper.core.choice import FEW
from hakeeper.demo.cloud import SimCloud
from hakeeper.kinds import label_selector
from tests.e2e.book import typed

PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text()
ROWS = [line.split("|") for line in PAGE.splitlines() if re.match(r"\| `", line)]
SELECTORS = [(selector, row[2]) for row in ROWS for selector in re.findall(r"`([^`]+)`", row[1])]


def test_the_example_is_a_configuration() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [refs] = parse(text, "hakeeper.yaml").resources.values()
    assert ["label role=web"] == [str(ref) for ref in refs]


def test_the_command_gives_the_address_the_label_that_is_looked_for() -> None:
    [hcloud, *_] = typed("labels.md", "")
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [[ref]] = parse(text, "hakeeper.yaml").resources.values()
    with SimCloud() as cloud:
        web = cloud.add_floating_ip("web", "203.0.113.10")
        given = {"HCLOUD_ENDPOINT": cloud.url, "HCLOUD_TOKEN": cloud.add_client("operator")}
        subprocess.run(hcloud.split(), env={**os.environ, **given}, check=True)
        [request] = cloud.requests(method="PUT")
    assert request.path.endswith(f"/floating_ips/{web}")
    assert json.loads(request.body) == {"labels": {"role": "web"}}
    assert str(ref) == "label role=web"


def test_an_item_in_the_text_is_one_too() -> None:
    found = re.findall(r"`(\{label: [^`]+\})`", PAGE)
    assert found
    for item in found:
        parse(f"instances: {{VI_1: {{floating_ips: [{item}]}}}}", "hakeeper.yaml")


@pytest.mark.parametrize(("selector", "meaning"), SELECTORS)
def test_what_the_table_says_of_a_selector_is_so(selector: str, meaning: str) -> None:
    parsed = label_selector.parse(selector)
    without = re.search(r"has no such label|has none|`role` is$", meaning) is not None
    assert without is parsed.matches({})


def test_the_table_has_every_form() -> None:
    assert len(SELECTORS) == 8


def test_the_codes_and_events_are_those_in_the_code() -> None:
    named = set(re.findall(r"`((?:address|selector)\.\w+)`", PAGE))
    assert named <= set(TROUBLES) | set(EVENTS)
    assert {"selector.empty", "selector.broad", "address.selected", "address.deselected"} <= named


def test_what_is_many_is_what_the_code_says() -> None:
    assert 4 == FEW
    assert "and more than four" in PAGE
