"""keepalived's track file: it has the number, in place, or the reason is told."""

import errno
import os
from pathlib import Path

import pytest

from hakeeper.adapters.track_file import LOWERED, NORMAL, TrackFile, way_out


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "step-down"
    made.write_text("0\n")
    return made


def test_it_has_the_number_and_stays_the_same_file(path: Path) -> None:
    file, before = TrackFile(path), path.stat().st_ino
    file.check()
    file.write(LOWERED)
    assert ("-253\n", before) == (path.read_text(), path.stat().st_ino)
    file.write(NORMAL)
    assert ("0\n", before) == (path.read_text(), path.stat().st_ino)


def test_a_number_that_is_there_is_not_written_again(path: Path) -> None:
    path.chmod(0o444)
    before = path.stat().st_mtime_ns
    TrackFile(path).write(NORMAL)
    assert before == path.stat().st_mtime_ns


@pytest.mark.parametrize("content", ["", "-253\n0\n", "x", "9" * 99])
def test_whatever_else_is_in_it_is_replaced(path: Path, content: str) -> None:
    path.write_text(content)
    TrackFile(path).write(NORMAL)
    assert "0\n" == path.read_text()


def test_a_missing_one_is_not_made(path: Path) -> None:
    path.unlink()
    for use in (TrackFile(path).check, lambda: TrackFile(path).write(LOWERED)):
        with pytest.raises(FileNotFoundError):
            use()
    assert not path.exists()


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    path.rename(aim)
    path.symlink_to(aim)
    with pytest.raises(OSError, match="symbolic link"):
        TrackFile(path).write(LOWERED)
    assert "0\n" == aim.read_text()


def test_a_fifo_is_no_file_and_stops_nobody(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(OSError, match="is not a file"):
            TrackFile(path).check()
    finally:
        os.close(reader)


def test_another_path_is_used_from_then_on(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    file = TrackFile(path)
    file.move_to(other)
    file.write(LOWERED)
    assert ("0\n", "-253\n") == (path.read_text(), other.read_text())


def test_the_file_of_the_package_comes_back_by_its_tmpfiles() -> None:
    ours, other = "/run/hakeeper-step-down", "/run/other"
    rule = Path(__file__).parents[2] / "systemd" / "tmpfiles.conf"
    assert f"f {ours} " in rule.read_text()
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", ours)
    assert "; to make it anew: systemd-tmpfiles --create hakeeper.conf" == way_out(missing)
    assert "" == way_out(FileNotFoundError(errno.ENOENT, "No such file or directory", other))
    assert "" == way_out(PermissionError(errno.EACCES, "Permission denied", ours))
