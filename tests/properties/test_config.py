"""The configuration: what is written is read, and every error stands in the file.

What must never be shown of a text, and more kinds of damage: tests/config/test_properties.py.
"""

from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hakeeper.config import ConfigErrors, parse
from hakeeper.config.files import shared
from tests.fuzz import config as target
from tests.properties.configs import Written, written
from tests.properties.steady import steady

YAML_BITS = st.sampled_from(
    [*"[]{}&*!|>'\"#%@`,?:-~<\\", "\t", "\r", "\r\n", "\n", "\n  ", "\x00", "\x85", "\u2028",
     "\ud800", "\ufeff", "---", "...", "!!str ", "*a", "&a ", "<<: ", ": ", "- ", "''"]
)  # fmt: skip
TEXTS = st.lists(st.text(max_size=6) | YAML_BITS, max_size=20).map("".join)


@steady(300)
@given(written())
def test_a_configuration_is_read_as_it_was_written(one: Written) -> None:
    assume(not [*shared(one.config)])  # a file has one purpose
    read = parse(one.text, "f.yaml")
    assert one.config.hetzner.timeout_s == pytest.approx(read.hetzner.timeout_s)
    timed = replace(one.config.hetzner, timeout_s=read.hetzner.timeout_s)
    assert replace(one.config, hetzner=timed) == read


@steady(300)
@given(TEXTS)
@example("a\r\x00")
@example('server: "\\U00110000"')
def test_any_text_is_a_configuration_or_has_its_errors_in_the_file(text: str) -> None:
    check(text)


@steady(150)
@given(written(), st.integers(0, 5000), st.integers(0, 30), TEXTS)
def test_a_damaged_configuration_is_one_still_or_has_its_errors_in_the_file(
    one: Written, place: int, removed: int, put: str
) -> None:
    place %= len(one.text)
    check(one.text[:place] + put + one.text[place + removed :])


def check(text: str) -> None:
    """Read the text; whatever it raises but `ConfigErrors` fails the test."""
    try:
        config = parse(text, "f.yaml")
    except ConfigErrors as errors:
        target.check_errors(errors, text)
    else:
        target.check_config(config)
