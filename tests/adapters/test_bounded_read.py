"""Whatever stands in a file's place is read, or an error with a name, and not touched."""

import os
from pathlib import Path

import pytest

from hakeeper.adapters.bounded_read import NotAFileError, read_bounded


def test_a_file_is_read_up_to_one_byte_more_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert (b"x" * 11, 0o644) == (read_bounded(path, 10).data, read_bounded(path, 10).mode)


def test_a_read_that_would_wait_is_an_error_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of /proc/kmsg, which is a regular file by its mode and has nothing to read."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK)
    path = tmp_path / "file"
    path.touch()
    mode = path.stat()
    monkeypatch.setattr(os, "open", lambda *_: read_end)
    monkeypatch.setattr(os, "fstat", lambda _: mode)
    try:
        with pytest.raises(BlockingIOError, match=str(path)):
            read_bounded(path, 10)
    finally:
        os.close(write_end)


@pytest.mark.parametrize("kind", ["directory", "fifo", "device", "link to a device"])
def test_a_device_is_not_even_opened(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To open some devices does something: /dev/watchdog begins to count."""
    path = tmp_path / "file"
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            path = Path("/dev/null")
        case _:
            path.symlink_to("/dev/zero")
    opened: list[object] = []
    monkeypatch.setattr(os, "open", lambda *given: opened.append(given))
    with pytest.raises(NotAFileError):
        read_bounded(path, 10)
    assert [] == opened


def test_a_link_is_followed_unless_its_folder_is_not_to_be_trusted(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_text("x")
    link.symlink_to(path)
    assert read_bounded(link, 10).data == b"x"
    with pytest.raises(NotAFileError):
        read_bounded(link, 10, follow=False)
