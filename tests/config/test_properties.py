"""Whatever the text: a configuration or errors, and never a secret in them."""

import string

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hakeeper.config import Config, ConfigErrors, parse
from hakeeper.core.observation import ResourceRef

FULL = """\
server: auto
instances:
  VI_1:
    floating_ips: [web, 4711, "2001:db8::/64"]
    vrrp_address: [10.0.0.2, "fd00::2"]
groups: {G: {floating_ips: [203.0.113.10], vrrp_address: 10.0.0.2}}
keepalived:
  fifo: /run/hakeeper/notify.fifo
  state: auto
hetzner:
  endpoint: https://api.hetzner.cloud/v1
  token_file: null
  timeout: 5s
reconcile: {interval: 10s, standby_interval: 60s}
"""
YAML_WORDS = """
    no 12:30 0755 1e3 null ~ 2001:db8:: [ ] { } & * ! | > ' " # % @ ` , ? - : << --- ... 0x_ 0b 1:
    instances: floating_ips: hetzner: timeout: token: endpoint: !!python/object:x *a &a
    \\UFFFFFFFF http://a@b
"""
PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(YAML_WORDS.split()),
    st.sampled_from(["\t", "\r\n", "\x00", "\x85", "\u2028", "\ud800", "\ufeff"]),
    st.just("\n"),
    st.just(" "),
    st.just("\n  "),
)
TOKENS = st.text(string.ascii_letters + string.digits, min_size=64, max_size=64)


def outcome(text: str) -> Config | ConfigErrors:
    try:
        return parse(text, "f.yaml")
    except ConfigErrors as errors:
        return errors


def check(result: Config | ConfigErrors) -> None:
    match result:
        case ConfigErrors():
            assert result.errors
            lines = str(result).splitlines()
            assert len(lines) == len(result.errors) + bool(result.left_out)
            assert all(error.line >= 1 and error.column >= 1 for error in result.errors)
        case Config():
            refs: list[ResourceRef] = [ref for some in result.resources.values() for ref in some]
            assert refs
            assert len(refs) == len(set(refs))
            assert 1 <= result.interval_s <= result.standby_interval_s <= 3600
            assert 1 <= result.hetzner.timeout_s <= 60


@settings(max_examples=400)
@given(st.text())
def test_any_text_gives_a_configuration_or_errors(text: str) -> None:
    check(outcome(text))


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=30).map("".join))
@example('server: "\\UFFFFFFFF"')
@example("%YAML " + "1" * 5000 + ".1\n---\n")
def test_pieces_of_yaml_in_any_order_give_a_configuration_or_errors(text: str) -> None:
    check(outcome(text))


@settings(max_examples=600)
@given(st.integers(0, len(FULL)), st.integers(0, 12), st.lists(PIECES, max_size=3).map("".join))
def test_a_damaged_configuration_gives_a_configuration_or_errors(
    place: int, removed: int, put: str
) -> None:
    check(outcome(FULL[:place] + put + FULL[place + removed :]))


@settings(max_examples=400)
@given(TOKENS, st.integers(0, len(FULL)), st.sampled_from(["", " ", "\n", '"', "\n  token: ", "#"]))
def test_a_token_anywhere_in_the_text_is_refused_and_never_shown(
    token: str, place: int, around: str
) -> None:
    result = outcome(FULL[:place] + around + token + around + FULL[place:])
    if isinstance(result, Config):
        # Run together with its neighbours it has no longer the shape of a token.
        before, after = FULL[place - 1 : place], FULL[place : place + 1]
        assert not around
        assert (before + after).strip().isalnum() or before.isalnum() or after.isalnum()
        return
    said = str(result) + repr(result) + repr(result.errors)
    assert not [start for start in range(53) if token[start : start + 12] in said]


@settings(max_examples=200)
@given(
    st.sampled_from(["token", "hcloud_token", "HCLOUD-TOKEN", "api_key", "password", "secret"]),
    st.sampled_from(["", "hetzner", "keepalived"]),
    st.text(string.ascii_letters + string.digits, min_size=12, max_size=80),
)
def test_a_secret_under_a_telling_key_is_refused_and_never_shown(
    key: str, section: str, secret: str
) -> None:
    line = f'{section}:\n  {key}: "{secret}"\n' if section else f'{key}: "{secret}"\n'
    result = outcome(line + "instances: {VI_1: {floating_ips: [web]}}")
    assert isinstance(result, ConfigErrors)
    assert "secrets are not allowed in this file" in str(result)
    assert "hetzner.token_file" in str(result)
    assert secret not in str(result)


@given(st.text(string.ascii_letters + string.digits, min_size=12, max_size=80))
def test_a_token_in_the_place_of_its_file_is_refused_and_never_shown(secret: str) -> None:
    text = f'hetzner: {{token_file: "{secret}"}}\ninstances: {{VI_1: {{floating_ips: [web]}}}}'
    result = outcome(text)
    assert isinstance(result, ConfigErrors)
    assert "hetzner.token_file: the value does not begin with `/`" in str(result)
    assert secret not in str(result)
