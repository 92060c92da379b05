"""Where the token comes from, what is refused, and that nothing ever shows it."""

import copy
import os
import pickle
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.token import (
    FoundToken,
    SecretSource,
    SecretUnusable,
    SourceKind,
    Token,
    find_source,
    read_token,
)
from tests.support.privileges import public_folder, unprivileged

SECRET = "Zq7" * 21 + "x"
OTHER = "Yp4" * 21 + "y"


def token_file(folder: Path, content: str | bytes = SECRET, mode: int = 0o640) -> Path:
    path = folder / "token"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def refusal(file: Path | None, environ: dict[str, str]) -> SecretUnusable:
    with pytest.raises(SecretUnusable) as caught:
        read_token(file, environ)
    return caught.value


def credential(folder: Path, content: str, mode: int = 0o444) -> dict[str, str]:
    path = folder / "hcloud-token"
    path.write_text(content)
    path.chmod(mode)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def test_a_configured_file_comes_before_the_credential_and_the_variable(tmp_path: Path) -> None:
    environ = credential(tmp_path, OTHER) | {"HCLOUD_TOKEN": OTHER}
    file = token_file(tmp_path)
    found = FoundToken(Token(SECRET), SecretSource(SourceKind.FILE, file))
    assert found == read_token(file, environ)


def test_a_credential_comes_before_the_variable(tmp_path: Path) -> None:
    environ = credential(tmp_path, SECRET) | {"HCLOUD_TOKEN": OTHER}
    source = SecretSource(SourceKind.CREDENTIAL, tmp_path / "hcloud-token")
    assert FoundToken(Token(SECRET), source) == read_token(None, environ)


def test_the_variable_is_used_where_nothing_else_is(tmp_path: Path) -> None:
    environ = {"HCLOUD_TOKEN": SECRET, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert FoundToken(
        Token(SECRET), SecretSource(SourceKind.ENVIRONMENT, variable="HCLOUD_TOKEN")
    ) == read_token(None, environ)


def test_a_configured_file_that_is_missing_is_not_passed_over(tmp_path: Path) -> None:
    refused = refusal(tmp_path / "token", {"HCLOUD_TOKEN": SECRET})
    assert refused.exit_code == 78
    assert (
        f"file {tmp_path}/token: cannot be read (No such file or directory); write it, as root:"
        f" install -m 0600 -o hakeeper /dev/stdin {tmp_path}/token (paste the token, Enter, Ctrl-D)"
    ) in str(refused)


def test_no_token_at_all_names_the_three_ways() -> None:
    refused = refusal(None, {})
    assert refused.exit_code == 78
    for way in ("hetzner.token_file", "LoadCredential=hcloud-token:", "HCLOUD_TOKEN"):
        assert way in str(refused)
    assert find_source(None, {}) is None


@pytest.mark.parametrize("around", ["\n", "\r\n", " ", "\t", "\n\n", " \v\f "])
def test_white_space_around_the_token_is_stripped(tmp_path: Path, around: str) -> None:
    for content in (SECRET + around, around + SECRET):
        assert Token(SECRET) == read_token(token_file(tmp_path, content), {}).token
        assert Token(SECRET) == read_token(None, {"HCLOUD_TOKEN": content}).token


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (SECRET.encode() + b"\n" + OTHER.encode(), "character 65 is white space"),
        (SECRET.encode() + b" x", "character 65 is white space"),
        (b"abc\x00" + SECRET.encode(), "character 4 is a control character"),
        (b"abc\x1b" + SECRET.encode(), "character 4 is a control character"),
        (b"\xef\xbb\xbf" + SECRET.encode(), "character 1 is not ASCII"),
        ("ä".encode() + SECRET.encode(), "character 1 is not ASCII"),
        (SECRET.encode() + b"\xa0", "character 65 is not ASCII"),
        (b'"' + SECRET.encode() + b'"', "character 1 is not allowed in a token"),
        (b"HCLOUD_TOKEN=" + SECRET.encode(), "has `HCLOUD_TOKEN=` before the token"),
        (b"Bearer " + SECRET.encode(), "character 7 is white space"),
        (b"abc=" + SECRET.encode(), "character 4 is not allowed in a token"),
        (b"Zq7Zq7x", "is too short for an API token (7 characters)"),
        (b"A" * 5000, "is larger than 4096 bytes"),
    ],
)
def test_what_cannot_be_a_token_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    refused = refusal(token_file(tmp_path, content), {})
    assert expected in str(refused)
    assert refused.exit_code == 78
    assert "Zq7" not in str(refused) + repr(refused)
    assert refused.__cause__ is None


def test_a_variable_that_is_not_utf8_is_refused() -> None:
    value = os.fsdecode(b"abc\xff" + SECRET.encode())
    assert "character 4 is not ASCII" in str(refusal(None, {"HCLOUD_TOKEN": value}))


@pytest.mark.parametrize("value", [SECRET[:-1], SECRET + "a", SECRET[:-1] + "-", "test-token"])
def test_an_unusual_token_is_used_with_a_warning(value: str) -> None:
    found = read_token(None, {"HCLOUD_TOKEN": value})
    assert found.token.reveal() == value
    assert [
        f"({len(value)} characters): was it copied completely" in w for w in found.warnings
    ] == [True]
    assert value not in str(found)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666, 0o601])
def test_a_file_open_to_everybody_is_refused_with_the_chmod_to_run(
    tmp_path: Path, mode: int
) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    file = token_file(folder, mode=mode)
    refused = refusal(file, {})
    assert refused.exit_code == 78
    assert f"(mode {mode:04o}); run: chmod o-rwx '{file}'" in str(refused)
    os.system(str(refused).split("run: ")[1])  # noqa: S605 - the advice itself is tested
    assert Token(SECRET) == read_token(file, {}).token


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640, 0o660])
def test_a_file_open_to_its_group_at_most_is_accepted(tmp_path: Path, mode: int) -> None:
    assert Token(SECRET) == read_token(token_file(tmp_path, mode=mode), {}).token


def test_the_mode_of_a_credential_is_the_business_of_systemd(tmp_path: Path) -> None:
    assert Token(SECRET) == read_token(None, credential(tmp_path, SECRET, 0o644)).token


def test_a_file_without_permission_is_77() -> None:
    with public_folder() as folder:
        file = token_file(folder, mode=0)
        with unprivileged():
            refused = refusal(file, {})
        as_the_service = {"CREDENTIALS_DIRECTORY": str(folder / "none")}
        with unprivileged():
            told_the_service = str(refusal(file, as_the_service))
    assert refused.exit_code == 77
    assert f"); run it as root, or see modes and owners with: namei -l {file}" in str(refused)
    assert told_the_service.endswith(f"); see modes and owners with: namei -l {file}")


def test_an_empty_file_is_reported_with_the_command_that_fills_it(tmp_path: Path) -> None:
    file = token_file(tmp_path, "\n")
    said = str(refusal(file, {}))
    # `install` would make another file, which the service may not read.
    command = f"cat > {file}"
    assert (
        f"must contain the API token; write it, as root: {command} (paste the token, Enter,"
        " Ctrl-D); then: systemctl reload-or-restart hakeeper"
    ) in said
    before = file.stat()
    subprocess.run(["sh", "-euc", command], input=SECRET, text=True, check=True)
    after = file.stat()
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
    assert Token(SECRET) == read_token(file, {}).token


def test_a_fifo_or_a_directory_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    assert "is not a regular file" in str(refusal(tmp_path / "fifo", {}))
    assert "is a directory" in str(refusal(tmp_path, {}))


def test_a_token_never_shows_its_value_implicitly() -> None:
    token = Token(SECRET)
    found = FoundToken(token, SecretSource(SourceKind.ENVIRONMENT, variable="HCLOUD_TOKEN"))
    shown = f"{token} {token!r} {[token]} {found} {vars(Token).keys()} %s" % token
    assert "Zq7" not in shown
    for leak in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not copied or pickled"):
            leak(token)
    assert token.reveal() == SECRET


def test_tokens_compare_by_value() -> None:
    assert Token(SECRET) == Token(SECRET)
    assert Token(SECRET) != Token(OTHER)
    assert Token(SECRET) != SECRET
    assert len({Token(SECRET), Token(SECRET), Token(OTHER)}) == 2


def shown_of(variable: str) -> str:
    try:
        return str(read_token(None, {"HCLOUD_TOKEN": variable}))
    except SecretUnusable as refused:
        return str(refused) + repr(refused)


@given(st.text(), st.text(string.ascii_letters, min_size=20))
def test_no_message_shows_the_content_of_the_variable(text: str, secret: str) -> None:
    shown = shown_of(secret + text)
    assert shown
    assert secret not in shown


def test_an_empty_credential_names_the_file_that_the_service_takes_it_from(tmp_path: Path) -> None:
    # What SetCredential= in hakeeper.service hands over where /etc/hakeeper/token is missing.
    with pytest.raises(SecretUnusable, match=r"is empty.*/etc/hakeeper/token.*systemctl restart"):
        read_token(None, credential(tmp_path, "\n"))
