"""What root's check runs and has read: nothing that others can choose."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hakeeper.doctor.gather import keepalived_program as program_module
from hakeeper.doctor.gather.keepalived_program import find_program, only_root_can_change

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="it is about root")


@needs_root
def test_root_runs_no_keepalived_from_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = Path(shutil.copy("/bin/true", tmp_path / "keepalived"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(evil) != find_program()
    monkeypatch.setattr(program_module, "_PLACES", str(tmp_path / "nowhere"))
    assert find_program() is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert str(evil) == find_program()


def test_the_keepalived_that_runs_is_asked_before_others(tmp_path: Path) -> None:
    path = shutil.copy("/bin/sleep", tmp_path / "keepalived")
    with subprocess.Popen([path, "600"]) as process:
        try:
            assert str(path) == find_program(process.pid)
            Path(path).unlink()
            assert str(path) != find_program(process.pid)
        finally:
            process.kill()


@needs_root
@pytest.mark.parametrize("what", ["mode of the file", "owner of the file", "mode of the folder"])
def test_a_file_that_others_may_write_is_known(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    path = folder / "keepalived.conf"
    path.touch(mode=0o644)
    assert only_root_can_change(path)
    match what:
        case "mode of the file":
            path.chmod(0o646)
        case "owner of the file":
            os.chown(path, 65534, 65534)
        case _:
            folder.chmod(0o777)
    assert not only_root_can_change(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert not only_root_can_change(link)
    assert not only_root_can_change(tmp_path / "nothing")
