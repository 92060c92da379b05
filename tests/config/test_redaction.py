"""The token and its pieces are taken out of everything, and nothing else is."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.cures import TROUBLES
from hakeeper.adapters.redaction import Redactor
from hakeeper.core.kind import not_there
from hakeeper.kinds import FLOATING_IPS

SECRET = string.ascii_lowercase + string.ascii_uppercase + "0123456789" + "xy"
OTHER = SECRET[::-1].swapcase()
"""A token that nobody told us of."""
DIGEST = "0123456789abcdef" * 4
OLD = "".join(reversed(SECRET))
NOT_THERE = not_there(FLOATING_IPS)
HETZNER_429 = "Limit of '3600' requests per hour for token '{}...' reached."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SECRET, "[hidden]"),
        (f"a {SECRET} b {SECRET}c", "a [hidden] b [hidden]c"),
        (SECRET[:12], "[hidden]"),
        (f"<{SECRET[20:40]}>", "<[hidden]>"),
        (f"<{SECRET[-12:]}>", "<[hidden]>"),
        (SECRET[:11], SECRET[:11]),
        (SECRET[:20] + SECRET[40:], "[hidden][hidden]"),
        ("", ""),
        ("nothing here", "nothing here"),
        (HETZNER_429.format(SECRET[:32]), HETZNER_429.format("[hidden]")),
        (HETZNER_429.format(OTHER[:32]), HETZNER_429.format("[hidden]")),
        (HETZNER_429.format("unknown"), HETZNER_429.format("unknown")),
        (f"token={OTHER};", "token=[hidden];"),
        (f"<{OTHER}{OTHER[:9]}>", "<[hidden]>"),
        (OTHER[:63], OTHER[:63]),
        (f"sha256:{DIGEST}", f"sha256:{DIGEST}"),
        (DIGEST[:32] + "...", "[hidden]..."),
        ("this token's project", "this token's project"),
        ("the token 'web' of Jane's", "the token 'web' of Jane's"),
        ("a bearer token is a token", "a bearer token is a token"),
        (f"Bearer {OTHER[:20]}", "Bearer [hidden]"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer [hidden]"),
        ("{'authorization': 'bearer abc='}", "{'authorization': 'bearer [hidden]'}"),
        ("Authorization: Basic dTpw", "Authorization: Basic [hidden]"),
        ("{'Authorization': 'Basic dTpw', 'a': 1}", "{'Authorization': 'Basic [hidden]', 'a': 1}"),
        ("basic sense", "basic sense"),
    ],
)
def test_secrets_are_hidden_and_the_rest_stays(text: str, expected: str) -> None:
    redactor = Redactor([SECRET])
    assert expected == redactor.text(text)
    assert expected == redactor.text(redactor.text(text))


def test_after_a_rotation_old_and_new_are_hidden() -> None:
    redactor = Redactor([OLD])
    redactor.add(SECRET)
    redactor.add(SECRET)
    assert redactor.text(f"{OLD[5:30]} {SECRET[5:30]}") == "[hidden] [hidden]"
    assert repr(redactor) == "Redactor(2 tokens)"


def test_no_more_than_eight_tokens_are_kept_and_they_are_the_newest() -> None:
    redactor = Redactor([f"{i:02}-some-token" for i in range(20)])
    assert repr(redactor) == "Redactor(8 tokens)"
    assert redactor.text("19-some-token") == "[hidden]"


@pytest.mark.parametrize("token", ["", " ", "a", "1234567"])
def test_text_too_short_for_a_token_is_not_hidden(token: str) -> None:
    assert Redactor([token]).text("a 1234567 b") == "a 1234567 b"


def test_a_token_of_less_than_twelve_characters_is_hidden_whole() -> None:
    assert Redactor(["short-tok\n"]).text("a short-tok b short-to") == "a [hidden] b short-to"


def test_log_fields_are_cleaned_however_deep_they_are() -> None:
    redactor = Redactor([SECRET])
    value = {
        "text": f"a {SECRET}",
        SECRET: 1,
        "list": [SECRET, (SECRET, 2.5), {"k": {SECRET}}],
        "bytes": SECRET.encode(),
        "error": ValueError(f"bad {SECRET}"),
        "object": type("O", (), {"__repr__": lambda _: SECRET})(),
        "plain": [None, True, 7],
    }
    expected = {
        "text": "a [hidden]",
        "[hidden]": 1,
        "list": ["[hidden]", ["[hidden]", 2.5], {"k": ["[hidden]"]}],
        "bytes": "[hidden]",
        "error": "ValueError: bad [hidden]",
        "object": "[hidden]",
        "plain": [None, True, 7],
    }
    assert expected == redactor.value(value)


def test_endless_structures_end() -> None:
    endless: list[object] = [SECRET]
    endless.append(endless)
    assert SECRET not in json.dumps(Redactor([SECRET]).value(endless))


@given(st.text(), st.integers(0, 52), st.integers(12, 64), st.text())
def test_no_piece_of_twelve_characters_gets_through(
    before: str, start: int, length: int, after: str
) -> None:
    piece = SECRET[start : start + length]
    redacted = Redactor([OLD, SECRET]).text(before + piece + after)
    assert not [at for at in range(53) if SECRET[at : at + 12] in redacted]


@given(st.text(string.digits + " .:-'\n", max_size=200))
def test_text_without_secrets_is_not_touched(text: str) -> None:
    assert text == Redactor([string.ascii_letters]).text(text)


# --- our own sentences ---------------------------------------------------------------------------

REPO = Path(__file__).parents[2]


def sentences(path: Path) -> Iterator[str]:
    """Every text of a module; what is filled in stands as `x`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
            )


def _as_written(sentence: str) -> str:
    """A sentence about floating IPs before they were filled in."""
    return sentence.replace(FLOATING_IPS.noun, "x").replace(FLOATING_IPS.config_key, "x")


def test_a_sentence_about_a_token_is_no_token() -> None:
    text = f"VI_1: web: {not_there(FLOATING_IPS)}"
    assert "token" in text
    assert text == Redactor([SECRET]).text(text)


def test_every_sentence_of_ours_passes_unchanged() -> None:
    modules = sorted((REPO / "hakeeper").rglob("*.py"))
    ours = [text for path in modules for text in sentences(path)]
    texts = [*(REPO / "systemd").iterdir(), *(REPO / "docs").rglob("*.md"), REPO / "README.md"]
    ours += [path.read_text() for path in texts]
    redactor = Redactor([SECRET])

    assert len(ours) > 5000
    assert TROUBLES["token.rejected"].meaning in ours
    assert [] == [text for text in ours if text != redactor.text(text)]
