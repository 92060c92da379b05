"""Whatever is in the place of the configuration file: told, with the right exit code, at once."""

import contextlib
import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.config import Config, ConfigErrors, parse
from tests.support.privileges import public_folder, unprivileged

GOOD = "instances: {VI_1: {floating_ips: [web]}}\n"


def refusal(path: Path) -> ConfigUnreadable:
    with pytest.raises(ConfigUnreadable) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    return caught.value


def first_error(path: Path) -> str:
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    assert caught.value.exit_code == 78
    return str(caught.value.errors[0])


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(GOOD)
    assert parse(GOOD, "any") == load(path)


def test_errors_name_the_file_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(f"servr: x\n{GOOD}")
    assert first_error(path).startswith(f"{path}:1:1: servr: ")


@pytest.mark.parametrize("name", ["missing.yaml", "file/x.yaml", "dangling", "x" * 300, "loop"])
def test_no_file_is_66_and_says_what_to_write(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    refused = refusal(tmp_path / name)
    assert refused.exit_code == 66
    assert "instances: {VI_1: {floating_ips: [web]}}" in refused.message
    assert "-c FILE" in refused.message


def test_a_directory_is_78_and_named_as_one(tmp_path: Path) -> None:
    refused = refusal(tmp_path)
    assert refused.exit_code == 78
    assert f"is a directory; name the file in it, such as {tmp_path}/" in refused.message


def test_a_file_without_permission_is_77() -> None:
    with public_folder() as folder:
        path = folder / "hakeeper.yaml"
        path.write_text(GOOD)
        path.chmod(0)
        with unprivileged():
            refused = refusal(path)
    assert refused.exit_code == 77
    assert f"; run it as root, or see modes and owners with: namei -l {path}" in refused.message


def test_a_fifo_a_device_and_a_socket_are_refused_without_waiting(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert refusal(fifo).message == "is not a regular file"
    assert refusal(Path("/dev/zero")).message == "is not a regular file"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert refusal(tmp_path / "socket").message == "is not a regular file"


def test_ten_megabytes_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_bytes(b"[" * 10_000_000)
    refused = refusal(path)
    assert (refused.exit_code, refused.message) == (
        78,
        "is larger than 1 MiB; this is not a configuration",
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"# f\xfcr\n", ":1:4: byte 0xfc is not UTF-8 here; save the file as UTF-8"),
        (b"# \xc3\xbc\nserver: \xff\n", ":2:9: byte 0xff is not UTF-8"),
        (b"\xc3\xbc\xc3\xbc\xed\xa0\x80", ":1:3: byte 0xed is not UTF-8"),
        (b"server: \xe2\x82", ":1:9: byte 0xe2 is not UTF-8"),
        (b"a: 1\r\xff", ":2:1: byte 0xff is not UTF-8"),
        ("server: auto\n".encode("utf-16"), ":1:1: the file is UTF-16; save it as UTF-8"),
    ],
)
def test_bytes_that_are_not_utf8_are_reported_with_their_place(
    tmp_path: Path, data: bytes, expected: str
) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_bytes(data)
    assert first_error(path).startswith(f"{path}{expected}")


@settings(max_examples=300)
@given(st.one_of(st.binary(), st.binary().map(lambda data: GOOD.encode() + data)))
def test_any_bytes_give_a_configuration_or_errors(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(ConfigErrors):
            assert isinstance(load(Path(file.name)), Config)
