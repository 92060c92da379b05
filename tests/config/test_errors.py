"""Every mistake has its own message, at its own place. Expected texts are parts of messages."""

import re

import pytest

from hakeeper.config import ConfigErrors, parse

GOOD = "instances: {VI_1: {floating_ips: [web]}}\n"


def errors_of(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse(text, "f.yaml")
    assert str(caught.value).splitlines() == [str(error) for error in caught.value.errors]
    return str(caught.value).splitlines()


def only_error(text: str) -> str:
    errors = errors_of(text)
    assert len(errors) == 1, errors
    return errors[0]


def with_address(text: str) -> str:
    return f"instances:\n  VI_1:\n    floating_ips: [{text}]\n"


def test_all_errors_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = (
        "servr: web-1\n"
        "instances:\n"
        "  VI_1:\n"
        "    floating_ips: [web, 12:30]\n"
        "hetzner:\n"
        "  timeout: 5\n"
        "  timeout: 6s\n"
        "keepalived:\n"
        "  state: dbuss\n"
    )
    places = [re.match(r"f\.yaml:(\d+):(\d+): ([^:]+): ", error) for error in errors_of(text)]
    assert [place.groups() for place in places if place] == [
        ("1", "1", "servr"),
        ("4", "25", "instances.VI_1.floating_ips[1]"),
        ("6", "12", "hetzner.timeout"),
        ("7", "3", "hetzner.timeout"),
        ("9", "10", "keepalived.state"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("servr: x\n", "f.yaml:1:1: servr: unknown key; did you mean `server`?"),
        ("Server: x\n", "did you mean `server`?"),
        ("hetzner: {token-file: /x}\n", "hetzner.token-file: unknown key; did you mean `token_fil"),
        ("keepalived: {pidfile: /x}\n", "did you mean `pid_file`?"),
        ("zzz: 1\n", "zzz: unknown key; expected instances, groups, server, keepalived, hetzner"),
        ("fifo: /x\n", "fifo: unknown key here; it belongs under `keepalived:`"),
        ("hetzner: {server: auto}\n", "it belongs at the top level, not indented"),
        ("server: a\nserver: b\n", "f.yaml:2:1: server: duplicate key; it is already in line 1"),
        ('server: a\n"server": b\n', "f.yaml:2:1: server: duplicate key"),
        ("hetzner:\n  timeout: 5s\n  timeout: 5s\n", "f.yaml:3:3: hetzner.timeout: duplicate key"),
    ],
)
def test_unknown_and_duplicate_keys_are_errors(text: str, expected: str) -> None:
    assert expected in only_error(text + GOOD)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("no", "the boolean false"),
        ("Yes", "the boolean true"),
        ("on", "the boolean true"),
        ("off", "the boolean false"),
        ("12:30", "the number 750 (base 60)"),
        ("0755", "the number 493 (octal)"),
        ("0o17", "the number 15 (octal)"),
        ("0x1F", "the number 31"),
        ("0x_", "the number 0"),
        ("1_000", "a number"),
        ("-5", "a number"),
        ("1e3", "a number"),
        ("1.5", "a number"),
        (".inf", "a number"),
        ("2026-01-30", "a date"),
        ("0", "a number"),
        ("9" * 200, "a number"),
        ("2001:10:20:30:40:50:1:1", "a number (base 60)"),
    ],
)
@pytest.mark.parametrize("key", ["floating_ips", "server", "endpoint"])
def test_a_value_that_yaml_takes_for_something_else_is_an_error(
    key: str, value: str, meaning: str
) -> None:
    places = {
        "floating_ips": with_address(value),
        "server": f"server: {value}\n{GOOD}",
        "endpoint": f"hetzner: {{endpoint: {value}}}\n{GOOD}",
    }
    assert f"YAML reads the unquoted `{value}` as {meaning}; expected" in (
        only_error(places[key]).replace("[hidden]", value)
    )


@pytest.mark.parametrize("value", ["no", "12:30", "0755", "2026-01-30", "~", "1"])
def test_a_name_that_yaml_takes_for_something_else_is_an_error(value: str) -> None:
    error = only_error(f"instances:\n  {value}:\n    floating_ips: [web]\n")
    assert error.startswith("f.yaml:2:3: instances: ")
    assert "expected the name of a vrrp_instance" in error


def test_the_same_words_in_quotes_are_text() -> None:
    config = parse('instances:\n  "no": {floating_ips: ["12:30x", "0755", "yes"]}\n', "f.yaml")
    assert [vrrp.name for vrrp in config.resources] == ["no"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5", "`5` has no unit; expected a duration such as 500ms, 5s, 2m or 1h: `5s`?"),
        ("2.5", "`2.5` has no unit"),
        ('"5"', "`5` has no unit"),
        ("5 s", "did you mean `5s`?"),
        ("5S", "did you mean `5s`?"),
        ("5sec", "did you mean `5s`?"),
        ("2 minutes", "did you mean `2m`?"),
        ("5d", "`d` is not a unit here"),
        ("-5s", "`-5s` is not a duration"),
        ("1m30s", "`1m30s` is not a duration"),
        ("\u0665s", "is not a duration"),
        ("12:30", "as the number 750 (base 60)"),
        ("0755", "as the number 493 (octal)"),
        ("1e3", "as a number"),
        ("1e3s", "`1e3s` is not a duration"),
        ("", "has no value; expected a duration"),
        ('""', "is empty; expected a duration"),
        ("no", "as the boolean false"),
        ("[5s]", "expected a duration such as 500ms, 5s, 2m or 1h, got a list"),
        ("{a: 5s}", "got a mapping"),
        ("0s", "`0s` is out of range; expected 1s to 1m: below, good calls fail"),
        ("500ms", "`500ms` is out of range"),
        ("61s", "`61s` is out of range"),
        ("2h", "`2h` is out of range"),
    ],
)
def test_a_duration_needs_its_unit_and_sense(value: str, expected: str) -> None:
    error = only_error(f"hetzner:\n  timeout: {value}\n{GOOD}")
    assert expected in error
    assert error.startswith("f.yaml:2:")
    assert ": hetzner.timeout: " in error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("instances: []\n", "f.yaml:1:12: instances: expected a mapping, got a list"),
        ("instances: web\n", "instances: expected a mapping, got `web`"),
        ("instances:\n  VI_1: web\n", "f.yaml:2:9: instances.VI_1: expected a mapping, got `web`"),
        ("instances:\n  VI_1: [web]\n", "got a list; write `floating_ips:` before it"),
        ("instances: {VI_1: {floating_ips: web}}\n", "got `web`; put it in square brackets"),
        ("instances: {VI_1: {floating_ips: {a: b}}}\n", "expected a list, got a mapping"),
        ("instances: {VI_1: {floating_ips: [[web]]}}\n", "[0]: expected the name, id or address"),
        (f"keepalived: [a]\n{GOOD}", "keepalived: expected a mapping, got a list"),
        (f"hetzner: 5\n{GOOD}", "hetzner: expected a mapping, got `5`"),
        (
            f"server: [a]\n{GOOD}",
            "server: expected auto, the id of a server or its name, got a list",
        ),
        ("[]\n", "f.yaml:1:1: expected a mapping, got a list"),
        ("web\n", "f.yaml:1:1: expected a mapping, got `web`"),
        (f"? [a]\n: b\n{GOOD}", "a key must be a plain word, not a list or mapping"),
    ],
)
def test_a_wrong_type_is_reported_in_the_operators_terms(text: str, expected: str) -> None:
    assert any(expected in error for error in errors_of(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.yaml:1:1: the file is empty; this much is needed: `instances: {VI_1:"),
        (" \n# nothing\n", "the file is empty"),
        ("---\n", "the file is empty"),
        ("\ufeff", "the file is empty"),
        ("{}\n", "names no instance or group; this much is needed"),
        ("server: auto\n", "names no instance or group"),
        ("instances:\n", "names no instance or group"),
        ("instances: {}\ngroups: {}\n", "names no instance or group"),
        ("instances:\n  VI_1:\n", "f.yaml:2:3: instances.VI_1.floating_ips: lists no floating IP"),
        ("instances: {VI_1: {}}\n", "lists no floating IP"),
        ("groups: {G: {floating_ips: []}}\n", "f.yaml:1:28: groups.G.floating_ips: lists no"),
        ("groups: {G: {floating_ips: }}\n", "groups.G.floating_ips: lists no floating IP"),
        ("groups: {G: {floating_ips: [~]}}\n", "floating_ips[0]: has no value; expected the name"),
    ],
)
def test_a_configuration_that_does_nothing_is_an_error(text: str, expected: str) -> None:
    assert expected in only_error(text)


@pytest.mark.parametrize(
    "second",
    [
        "web", "'web'", "4711", "'4711'", "203.0.113.10", "203.0.113.10/32", "'2001:db8:1:2::/64'",
        "2001:db8:1:2::1", "'2001:0DB8:0001:0002:0000:0000:0000:0000'", "2001:db8:1:2:0::9/64",
        "'2001:db8:1:2:ffff:ffff:203.0.113.7'",
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["VI_1", "VI_2", "group G"])
def test_an_address_listed_twice_is_an_error_however_it_is_written(where: str, second: str) -> None:
    first = "web, 4711, 203.0.113.10, 2001:db8:1:2::5"
    text = {
        "VI_1": f"instances:\n  VI_1:\n    floating_ips: [{first}, {second}]\n",
        "VI_2": f"instances:\n  VI_1: {{floating_ips: [{first}]}}\n  VI_2:"
        f" {{floating_ips: [{second}]}}\n",
        "group G": f"groups:\n  G: {{floating_ips: [{second}]}}\ninstances:\n"
        f"  VI_1: {{floating_ips: [{first}]}}\n",
    }[where]
    holder, line = {"VI_1": ("VI_1", 3), "VI_2": ("VI_1", 2), "group G": ("VI_1", 4)}[where]
    assert f"is already listed, for {holder} in line {line}" in only_error(text)


def test_addresses_in_neighbouring_networks_are_not_the_same() -> None:
    config = parse(with_address("2001:db8:1:2::1, 2001:db8:1:3::1, 4711, web"), "f.yaml")
    assert [len(refs) for refs in config.resources.values()] == [4]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("203.0.113.0/24", "an IPv4 floating IP is one address; write `203.0.113.0` without"),
        ("203.0.113.300", "`203.0.113.300` is not a valid address"),
        ("203.0.113.010", "is not a valid address"),
        ("10.1", "as a number"),
        ("'10.1'", "is not a valid address"),
        ("'2001:db8::/48'", "write `2001:db8::/64`"),
        ("2001:db8::1/128", "Hetzner moves IPv6 floating IPs as /64 networks"),
        ("2001:db8::g", "is not a valid address"),
        ("'2001:db8:::1'", "is not a valid address"),
        ("'203.0.113.1:80'", "is not a valid address"),
        ("2001:db8::/", "write `2001:db8::/64`"),
        ("'fe80::1%eth0'", "can never be a floating IP"),
        ("'2001:db8::1%eth0'", "is not the address of a floating IP"),
        ("'::ffff:203.0.113.1'", "is not the address of a floating IP"),
        ("127.0.0.1", "can never be a floating IP"),
        ("0.0.0.0", "can never be a floating IP"),
        ("224.0.0.1", "can never be a floating IP"),
        ("2001:db8::", "YAML reads `2001:db8::` as a mapping; put the address in quotes"),
        ("{a: b}", "has the unknown key `a`; expected label"),
        ('""', "is empty; expected the name, id or address of a floating IP"),
        ('" web"', "begins or ends with a space"),
        ('"a\\tb"', "`a\\tb` contains the character U+0009; expected"),
        ('"a\\nb"', "`a\\nb` contains"),
        ("'a\"b'", 'contains a `"`'),
        ("x-" * 150, "is too long"),
        ("9999999999999999", "is larger than any id at Hetzner"),
        ("true", "as the boolean true"),
    ],
)  # fmt: skip
def test_what_cannot_name_a_floating_ip_is_refused(value: str, expected: str) -> None:
    error = only_error(with_address(value))
    assert "f.yaml:3:20: instances.VI_1.floating_ips[0]: " in error
    assert expected in error


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('""', "is empty; expected the name of a vrrp_instance of keepalived.conf"),
        ("'a\"b'", 'contains a `"`'),
        ('"a\\nb"', "contains the character U+000A; expected"),
        ('"a\\u0000b"', "contains the character U+0000; expected"),
        ('" a"', "begins or ends with a space"),
        ("x-" * 150, "is longer than 255 characters"),
    ],
)
def test_a_name_that_keepalived_cannot_have_is_refused(name: str, expected: str) -> None:
    assert expected in only_error(f"instances:\n  {name}: {{floating_ips: [web]}}\n")


@pytest.mark.parametrize("name", ["VI 1", "it's", "VI_ä", r"VI\t1", "VI-1", "a.b", "#1"])
def test_names_that_keepalived_accepts_are_accepted(name: str) -> None:
    quoted = name.replace("'", "''")
    config = parse(f"instances:\n  '{quoted}': {{floating_ips: [web]}}\n", "f.yaml")
    assert [name] == [vrrp.name for vrrp in config.resources]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server: &a x\n", "f.yaml:1:9: server: anchors (`&name`) are not accepted"),
        ("server: *a\n", "f.yaml:1:9: server: aliases (`*name`) are not accepted"),
        ("<<: {server: x}\n", "merge keys (`<<`) are not accepted"),
        ("server: !!str 5\n", "f.yaml:1:9: server: tags (`!name`) are not accepted"),
        ("server: ! 5\n", "tags (`!name`) are not accepted"),
        ("hetzner: !vault {a: b}\n", "tags (`!name`) are not accepted"),
        ("server: !!python/object/apply:os.system [id]\n", "tags (`!name`) are not accepted"),
    ],
)
def test_what_yaml_can_do_and_nobody_needs_is_refused(text: str, expected: str) -> None:
    assert expected in only_error(text + GOOD)


def test_an_alias_bomb_is_refused_where_it_begins() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n"
        for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    assert "f.yaml:1:4: a: anchors (`&name`) are not accepted; remove it" in errors_of(bomb)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        (f"{GOOD}---\nserver: x\n", "2:1", "a second YAML document"),
        ("instances:\n\tVI_1: x\n", "2:1", "a tab where YAML needs spaces"),
        ("a: b: c\n", "1:5", "mapping values are not allowed here (is a space missing"),
        (
            "server: 'x\n",
            "2:1",
            "unexpected end of stream (while scanning a quoted scalar, started in",
        ),
        ("a: [1, 2\n", "2:1", "not valid YAML"),
        ("@x\n", "1:1", "not valid YAML"),
        ('server: "\\UFFFFFFFF"\n', "1:1", "not valid YAML from here on"),
        ("%YAML 3.0\n---\na: b\n", "1:1", "not valid YAML"),
        ("server: a\x00b\n" + GOOD, "1:10", "invisible character U+0000; delete it"),
        ("# a\x1b[31m\n" + GOOD, "1:4", "invisible character U+001B"),
        ("# a\u2028\n" + GOOD, "1:4", "invisible character U+2028"),
        ("# a\ufeff\n" + GOOD, "1:4", "invisible character U+FEFF"),
        ("# \ud800\n" + GOOD, "1:3", "invisible character U+D800"),
    ],
)
def test_text_that_is_not_yaml_is_reported_with_its_place(
    text: str, place: str, expected: str
) -> None:
    assert any(
        error.startswith(f"f.yaml:{place}: ") and expected in error for error in errors_of(text)
    )


def test_errors_after_an_invisible_character_are_reported_too() -> None:
    assert errors_of(f"# a\x1b\nservr: x\n{GOOD}") == [
        "f.yaml:1:4: invisible character U+001B; delete it",
        "f.yaml:2:1: servr: unknown key; did you mean `server`?",
    ]


@pytest.mark.parametrize("text", ["{}: x\n", "hetzner: {{{}: x}}\n", "!{}!x server: y\n"])
def test_half_a_token_is_not_shown_in_a_path_or_by_the_yaml_library(text: str) -> None:
    half = "Zq7" * 11
    errors = errors_of(text.format(half))
    assert half not in str(errors)
    assert "[hidden]" in str(errors)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[[{", "{"])
def test_deep_nesting_ends_at_a_limit(opening: str) -> None:
    text = opening * (1_000_000 // len(opening))
    assert any("nested more than 12 deep" in error for error in errors_of(text))


def test_ten_megabytes_of_nesting_are_refused_unread() -> None:
    assert (
        only_error("[" * 10_000_000)
        == "f.yaml:1:1: is longer than 1 MiB; this is not a configuration"
    )


def test_too_many_values_end_at_a_limit() -> None:
    assert any("more than 20000 values" in e for e in errors_of("a: [" + "x," * 100_000 + "]"))


@pytest.mark.parametrize("value", ["1_" * 400_000 + "x", "1" + ":1" * 400_000, "." * 900_000])
def test_a_huge_value_is_refused_in_linear_time(value: str) -> None:
    assert only_error(with_address(value))


def test_more_errors_than_anyone_reads_are_counted() -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse("".join(f"k{i}: x\n" for i in range(250)) + GOOD, "f.yaml")
    assert len(caught.value.errors) == 100
    assert caught.value.left_out == 150
    assert str(caught.value).splitlines()[-1] == "... and 150 more errors"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://api.example.com/v1", "would send the token unencrypted"),
        ("http://api.example.com/v1", "did you mean `https://api.example.com/v1`?"),
        ("http://127.0.0.1.example.com", "unencrypted"),
        ("http://localhost.example.com", "unencrypted"),
        ("http://10.0.0.1/v1", "unencrypted"),
        ("http://[::2]/v1", "unencrypted"),
        ("http://[::ffff:10.0.0.1]/v1", "unencrypted"),
        ("http://127.1/v1", "unencrypted"),
        ("HTTP://example.com/v1", "unencrypted"),
        ("ftp://example.com", "is not an http or https URL with a host"),
        ("example.com", "is not an http or https URL"),
        ("https://", "is not an http or https URL with a host"),
        ("https:///v1", "with a host"),
        ("https://example.com:99999", "is not a URL"),
        ("https://example.com:0", "is not an http or https URL"),
        ("https://example.com:x", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://example.com/v1?x=y", "a character that is not allowed"),
        ("https://example.com/#v1", "a character that is not allowed"),
        ("'https://example.com/ v1'", "a character that is not allowed"),
        ("http://127.0.0.1\\.example.com", "a character that is not allowed"),
        ("https://api.hetzner.cloud", "did you mean `https://api.hetzner.cloud/v1`?"),
        ("https://api.hetzner.cloud/v2", "did you mean `https://api.hetzner.cloud/v1`?"),
        ("null", "has no value; expected a URL"),
    ],
)  # fmt: skip
def test_an_endpoint_that_is_wrong_or_unsafe_is_refused(value: str, expected: str) -> None:
    error = only_error(f"hetzner:\n  endpoint: {value}\n{GOOD}")
    assert error.startswith("f.yaml:2:13: hetzner.endpoint: ")
    assert expected in error


def test_a_password_in_the_endpoint_is_refused_and_not_shown() -> None:
    error = only_error(f"hetzner:\n  endpoint: https://bob:hunter2@example.com/v1\n{GOOD}")
    assert "contains a user name or password (`@`)" in error
    assert "hunter2" not in error
    assert "bob" not in error


@pytest.mark.parametrize("key", ["fifo", "pid_file"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("run/x", "`run/x` does not begin with `/`; expected an absolute path"),
        ("~/x", "`~/x` does not begin with `/`"),
        ("/run/x/", "ends with `/`"),
        ('"/run/a\\nb"', "contains a control character"),
        ("/" + "a/b-" * 1100, "is longer than 4095 bytes"),
        ("null", "has no value; expected an absolute path"),
        ("no", "as the boolean false"),
    ],
)
def test_a_path_must_be_absolute_and_possible(key: str, value: str, expected: str) -> None:
    assert expected in only_error(f"keepalived: {{{key}: {value}}}\n{GOOD}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("web_1", "cannot be a server's name"),
        ("-web", "cannot be a server's name"),
        ("'web 1'", "cannot be a server's name"),
        ("AUTO", "did you mean `auto`?"),
        ("-1", "as a number"),
        ("~", "has no value; expected auto, the id of a server or its name"),
        ("9999999999999999", "larger than any id"),
    ],
)
def test_what_cannot_name_a_server_is_refused(value: str, expected: str) -> None:
    assert expected in only_error(f"server: {value}\n{GOOD}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("dbuss", "`dbuss` is unknown; expected one of auto, dbus, none; did you mean `dbus`?"),
        ("None", "did you mean `none`?"),
        ("null", "has no value; expected one of auto, dbus, none"),
        ("off", "as the boolean false; expected one of auto, dbus, none"),
    ],
)
def test_an_unknown_source_of_the_state_is_refused(value: str, expected: str) -> None:
    assert expected in only_error(f"keepalived: {{state: {value}}}\n{GOOD}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{interval: 2m}", "1m (the default) is shorter than reconcile.interval, 2m"),
        ("{interval: 30s, standby_interval: 20s}", "20s is shorter than reconcile.interval, 30s"),
        ("{standby_interval: 5s}", "5s is shorter than reconcile.interval, 10s"),
        ("{interval: 900ms}", "`900ms` is out of range; expected 1s to 1h: all nodes share"),
        ("{interval: 2h, standby_interval: 1h}", "`2h` is out of range"),
    ],
)
def test_intervals_have_to_agree_with_each_other(text: str, expected: str) -> None:
    assert expected in only_error(f"reconcile: {text}\n{GOOD}")


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_are_counted_in_the_same_way_for_all_kinds_of_error(line_break: str) -> None:
    """PyYAML ends a line at a carriage return too, so our own search has to."""
    lines = ["# one", "server: a\ufeff", "instances: [", "]]"]
    with pytest.raises(ConfigErrors) as caught:
        parse(line_break.join(lines), "f.yaml")
    assert [(2, 10), (4, 2)] == [(e.line, e.column) for e in caught.value.errors]


SPEAKS_FROM = "expected the private address that keepalived sends from, its unicast_src_ip"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("web", f"4:19: instances.VI_1.vrrp_address: `web` is not a valid address; {SPEAKS_FROM}"),
        ("10.0.0.256", "`10.0.0.256` is not a valid address"),
        ("10.0.0.2/24", "`10.0.0.2/24`: write only the address, `10.0.0.2`"),
        ("'fe80::1%eth0'", "`fe80::1%eth0`: write only the address, `fe80::1`"),
        ("'fe80::1%eth0/64'", "write only the address, `fe80::1`"),
        ("127.0.0.1", f"keepalived cannot use `127.0.0.1`; {SPEAKS_FROM}"),
        ("::1", "keepalived cannot use `::1`"),
        ("0.0.0.0", "keepalived cannot use `0.0.0.0`"),
        ("224.0.0.18", "keepalived cannot use `224.0.0.18`"),
        ("'::ffff:10.0.0.2'", "keepalived cannot use `::ffff:10.0.0.2`"),
        ("203.0.113.10", f"`203.0.113.10` is the floating IP itself; {SPEAKS_FROM}"),
        ("2001:db8:1:2::7", "`2001:db8:1:2::7` is the floating IP itself"),
        ("[]", "4:19: instances.VI_1.vrrp_address: lists no address; add at least one, or remove"),
        ("[10.0.0.2, x]", "4:30: instances.VI_1.vrrp_address[1]: `x` is not a valid address"),
        ("[10.0.0.2, '10.0.0.2']", "vrrp_address[1]: `10.0.0.2` is already listed"),
        ("[~]", f"vrrp_address[0]: has no value; {SPEAKS_FROM}"),
        ("[[10.0.0.2]]", "vrrp_address[0]: expected the private address"),
        ("{ip: 10.0.0.2}", "expected the private address"),
        ("[fd00::]", "YAML reads `fd00::` as a mapping; put the address in quotes"),
        ("012", "YAML reads the unquoted `012` as the number 10 (octal)"),
    ],
)
def test_a_private_address_is_an_address_and_nothing_else(written: str, expected: str) -> None:
    text = (
        "instances:\n"
        "  VI_1:\n"
        "    floating_ips: [web, 203.0.113.10, '2001:db8:1:2::/64']\n"
        f"    vrrp_address: {written}\n"
    )
    assert expected in only_error(text)


def test_a_private_address_that_is_misspelt_is_asked_about() -> None:
    text = "instances: {VI_1: {floating_ips: [web], vrrp_adress: 10.0.0.2}}"
    assert "did you mean `vrrp_address`?" in only_error(text)
