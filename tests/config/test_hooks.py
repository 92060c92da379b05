"""`hooks` of an instance: commands, as lists of words that no shell reads."""

import pytest

from hakeeper.config import Config, ConfigErrors, parse
from hakeeper.config.hooks import WORD_LIMIT_BYTES, WORDS_LIMIT, HooksConfig, Moment
from hakeeper.config.pages import as_markdown, example
from hakeeper.core.model import VrrpId, VrrpKind
from tests.config.test_config import VI_1


def text(*lines: str) -> str:
    body = "\n".join(f"      {line}" for line in lines)
    return f"instances:\n  VI_1:\n    floating_ips: [web]\n    hooks:\n{body}\n"


def error_of(*lines: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        parse(text(*lines), "f.yaml")
    [error] = caught.value.errors
    return str(error)


def test_a_command_is_a_path_or_a_list() -> None:
    config = parse(
        text("on_master: /bin/a", "on_failed: [/bin/b, '-x', 'two words']", "timeout: 2m"), "f"
    )
    hooks = config.hooks[VI_1]
    assert hooks.command(Moment.MASTER) == ("/bin/a",)
    assert hooks.command(Moment.FAILED) == ("/bin/b", "-x", "two words")
    assert hooks.timeout_s == 120.0
    assert [moment for moment, _ in hooks.commands] == [Moment.MASTER, Moment.FAILED]


def test_each_moment_has_its_key() -> None:
    for moment in Moment:
        hooks = parse(text(f"{moment.value}: /bin/{moment.value}"), "f").hooks[VI_1]
        assert hooks.commands == ((moment, (f"/bin/{moment.value}",)),)


def test_groups_have_hooks_and_null_is_none() -> None:
    hooks = "hooks: {on_master: null, on_claimed: /bin/a}"
    config = parse(f"groups: {{G: {{floating_ips: [web], {hooks}}}}}", "f")
    assert config.hooks == {
        VrrpId(VrrpKind.GROUP, "G"): HooksConfig(on_claimed=("/bin/a",)),
    }
    assert parse(text("on_master: null"), "f").hooks == {}
    assert parse("instances: {VI_1: {floating_ips: [web]}}", "f").hooks == {}


@pytest.mark.parametrize(
    ("line", "place", "why"),
    [
        ("on_mastr: /bin/a", "5:7: instances.VI_1.hooks.on_mastr", "did you mean `on_master`?"),
        ("on_master: bin/a", "5:18: instances.VI_1.hooks.on_master", "does not begin with `/`"),
        ("on_master: /bin/", "5:18: instances.VI_1.hooks.on_master", "ends with `/`"),
        ("on_master: /bin/a b", "5:18: instances.VI_1.hooks.on_master", "it is a list: [/path,"),
        ("on_master: []", "5:18: instances.VI_1.hooks.on_master", "lists nothing"),
        ("on_master: yes", "5:18: instances.VI_1.hooks.on_master", "as the boolean true"),
        ("on_master: [/bin/a, 5]", "5:18: instances.VI_1.hooks.on_master", "as a number"),
        ("on_master: {a: b}", "5:18: instances.VI_1.hooks.on_master", "got a mapping"),
        ("on_master: [/bin/a, [b]]", "5:18: instances.VI_1.hooks.on_master", "got a list"),
        ('on_master: [/bin/a, "\\e"]', "5:18: instances.VI_1.hooks.on_master", "control character"),
        ("timeout: 30", "5:16: instances.VI_1.hooks.timeout", "`30s`?"),
        ("timeout: 11m", "5:16: instances.VI_1.hooks.timeout", "expected 1s to 10m"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_way_out(line: str, place: str, why: str) -> None:
    error = error_of(line)
    assert error.startswith(f"f.yaml:{place}: ")
    assert why in error


def test_a_command_has_bounds() -> None:
    many = ", ".join(["/bin/a"] * (WORDS_LIMIT + 1))
    assert f"at most {WORDS_LIMIT} are allowed" in error_of(f"on_master: [{many}]")
    long = "a b" * WORD_LIMIT_BYTES
    assert "put it in a file" in error_of(f"on_master: [/bin/a, '{long}']")


def test_hooks_stand_alone_on_no_instance() -> None:
    with pytest.raises(ConfigErrors, match="lists no floating IP"):
        parse("instances: {VI_1: {hooks: {on_master: /bin/a}}}", "f")
    with pytest.raises(ConfigErrors, match="hooks: expected a mapping, got a list"):
        parse("instances: {VI_1: {floating_ips: [web], hooks: [a]}}", "f")


def test_the_documents_have_the_keys_under_their_section() -> None:
    assert "    hooks:\n      # A command" in example(Config)
    assert "### `instances.NAME.hooks.on_master`\n" in as_markdown(Config)
