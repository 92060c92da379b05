"""The full example and the page of the configuration are those of the table in the code."""

import re
from pathlib import Path

import pytest

from hakeeper.config import Config, ConfigErrors, parse
from hakeeper.config.pages import as_markdown, example
from tests.support.generated_docs import check_file, check_section

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "conf" / "hakeeper-full.yaml"


def test_the_keys_of_the_page_are_those_in_the_code() -> None:
    check_section(PAGE, "keys", as_markdown(Config))


def test_the_full_example_is_written_from_the_keys_in_the_code() -> None:
    check_file(EXAMPLE, example(Config))


def test_the_smallest_file_on_the_page_is_good() -> None:
    shown = re.findall("^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert ["VI_1"] == [name for text in shown for name in parse(text, "f.yaml").instances]


def test_the_mistakes_on_the_page_are_reported_so() -> None:
    text = (
        "instances:\n  VI_1:\n    # two\n    floating_ips: [web, 12:30]\nhetzner:\n  timout: 5s\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        parse(text, "hakeeper.yaml")
    assert f"```\n{caught.value}\n```\n" in PAGE.read_text()
