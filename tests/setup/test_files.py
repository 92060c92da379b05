"""New files are put in place all or none, and nobody ever reads half of one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.setup.errors import SetupError
from hakeeper.setup.files import put_back, put_in_place
from hakeeper.setup.plan import NewFile

OLD, NEW = "old\n" * 300, "new\n" * 400
_KILLED = """
import os, signal, sys
from pathlib import Path
from hakeeper.setup.files import put_in_place
from hakeeper.setup.plan import NewFile

left = int(sys.argv[1])
WRITES = os.O_WRONLY | os.O_RDWR

def hook(event, args):
    global left
    is_ours = event in ("os.rename", "os.remove", "os.chown", "os.chmod", "os.mkdir") or (
        event == "open" and (args[2] or 0) & WRITES)
    if is_ours:
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

old, new = "old\\n" * 300, "new\\n" * 400
files = [NewFile(path=Path(sys.argv[2], "made/one"), before=None, after=new),
         NewFile(path=Path(sys.argv[2], "two"), before=old, after=new)]
sys.addaudithook(hook)
put_in_place(files)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk with room for little."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount one")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def two(folder: Path) -> list[NewFile]:
    (folder / "two").write_text(OLD)
    return [
        NewFile(path=folder / "one", before=None, after=NEW),
        NewFile(path=folder / "two", before=OLD, after=NEW),
    ]


def there(folder: Path) -> dict[str, str]:
    """Every file in the folder and below it, with its content."""
    return {
        str(each.relative_to(folder)): each.read_text()
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    }


def test_what_was_there_is_kept_beside_it_and_can_be_put_back(tmp_path: Path) -> None:
    placed = put_in_place(two(tmp_path))

    assert there(tmp_path) == {"one": NEW, "two": NEW, "two.before-hakeeper-init.1": OLD}
    assert put_back(placed) == "everything was put back as it was"
    assert there(tmp_path) == {"two": OLD}


def test_each_time_another_copy_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("0")
    for number in range(3):
        put_in_place([NewFile(path=path, before=str(number), after=str(number + 1))])

    kept = {f"file.before-hakeeper-init.{number + 1}": str(number) for number in range(3)}
    assert there(tmp_path) == {"file": "3", **kept}


def test_mode_and_owner_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(OLD)
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
    before = path.stat()
    (placed,) = put_in_place([NewFile(path=path, before=OLD, after=NEW)])
    assert placed.kept is not None

    for each in (path, placed.kept):
        seen = each.stat()
        assert (seen.st_mode, seen.st_uid, seen.st_gid) == (
            before.st_mode, before.st_uid, before.st_gid,
        )  # fmt: skip


def test_a_new_file_has_the_mode_that_was_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        put_in_place([
            NewFile(path=tmp_path / "plain", before=None, after="", mode=0o644),
            NewFile(path=tmp_path / "secret", before=None, after="", mode=0o600),
        ])  # fmt: skip
    finally:
        os.umask(old)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("plain", "secret")] == [
        0o644, 0o600,
    ]  # fmt: skip


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real/file"
    target.write_text(OLD)
    link = tmp_path / "link"
    link.symlink_to("real/file")
    placed = put_in_place([NewFile(path=link, before=OLD, after=NEW)])

    assert link.is_symlink()
    assert target.read_text() == NEW
    put_back(placed)
    assert link.is_symlink()
    assert target.read_text() == OLD


def test_a_file_that_was_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    files = two(tmp_path)
    (tmp_path / "two").write_text("somebody's\n")

    with pytest.raises(SetupError, match=r"two: was changed by .*; everything was put back"):
        put_in_place(files)
    assert there(tmp_path) == {"two": "somebody's\n"}


def test_what_was_changed_since_is_not_put_back(tmp_path: Path) -> None:
    placed = put_in_place(two(tmp_path))
    (tmp_path / "two").write_text("somebody's\n")

    assert put_back(placed).startswith("not everything could be put back: ")
    assert there(tmp_path) == {"two": "somebody's\n", "two.before-hakeeper-init.1": OLD}


@pytest.mark.parametrize("size", [9_000, 20_000])
def test_a_full_disk_changes_nothing(small_disk: Path, size: int) -> None:
    """9 kB: the copy still fits, and the new file does not; 20 kB: not even the first file."""
    files = two(small_disk)
    big = NewFile(path=small_disk / "two", before=OLD, after="x" * size)

    with pytest.raises(SetupError, match=r"No space left on device; everything was put back"):
        put_in_place([files[0], big])
    assert there(small_disk) == {"two": OLD}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount one")
def test_a_disk_that_is_read_only_changes_nothing(small_disk: Path) -> None:
    files = two(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    with pytest.raises(SetupError, match=r"Read-only file system; nothing was changed"):
        put_in_place(files)
    assert there(small_disk) == {"two": OLD}


def test_killed_at_any_step_every_file_is_whole_and_another_run_finishes(tmp_path: Path) -> None:
    codes = []
    for step in range(100):
        folder = tmp_path / str(step)
        folder.mkdir()
        (folder / "two").write_text(OLD)
        done = subprocess.run([sys.executable, "-c", _KILLED, str(step), folder], check=False)
        codes.append(done.returncode)
        names = {name: text for name, text in there(folder).items() if "hakeeper-init" not in name}
        assert names.get("made/one", NEW) == NEW
        assert names["two"] in (OLD, NEW)
        kept = folder / "two.before-hakeeper-init.1"
        assert names["two"] == OLD or kept.read_text() == OLD
        again = [
            NewFile(path=folder / "made/one", before=names.get("made/one"), after=NEW),
            NewFile(path=folder / "two", before=names["two"], after=NEW),
        ]
        put_in_place(one for one in again if one.before != one.after)
        assert there(folder).items() >= {"made/one": NEW, "two": NEW}.items()
        assert not [name for name in there(folder) if name.endswith("-new")], "nothing half stays"
        if done.returncode == 0:
            break
    assert codes[-1] == 0
    assert codes[:-1] == [-signal.SIGKILL] * (len(codes) - 1)
    assert len(codes) > 6
