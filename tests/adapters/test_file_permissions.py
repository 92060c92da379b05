"""Who else may write a file, on real files with real owners and modes."""

import os
from pathlib import Path

import pytest

from hakeeper.adapters.file_permissions import writable_by_others

ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
NOBODY = 65534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "hakeeper.yaml"
    path.parent.mkdir(mode=0o755)
    path.write_text("instances: {}\n")
    path.chmod(0o644)
    return path


def test_a_file_that_its_owner_alone_may_write_is_good(file: Path) -> None:
    assert () == writable_by_others([file])


@pytest.mark.parametrize("mode", [0o666, 0o622, 0o777])
def test_a_file_that_everybody_may_write(file: Path, mode: int) -> None:
    file.chmod(mode)
    (told,) = writable_by_others([file, file])
    assert told == (
        f"{file}: every user may write to it, and decide what hakeeper does (mode {mode:04o});"
        f" run: chmod go-w {file}"
    )


def test_a_folder_that_everybody_may_write(file: Path) -> None:
    file.parent.chmod(0o777)
    (told,) = writable_by_others([file])
    assert told == (
        f"{file.parent}: every user may write to it, and replace files in it (mode 0777);"
        f" run: chmod go-w {file.parent}"
    )


def test_in_a_sticky_directory_other_users_files_are_safe(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert () == writable_by_others([file])


def test_the_target_of_a_link_is_checked_too(file: Path, tmp_path: Path) -> None:
    file.parent.chmod(0o777)
    file.chmod(0o666)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    told = writable_by_others([link])
    assert [f"{file}: every user", f"{file.parent}: every user"] == [
        each.partition(" may")[0] for each in told
    ]


@ROOT_ALONE
def test_a_group_that_may_write_is_named_and_roots_own_is_none(file: Path) -> None:
    file.chmod(0o664)
    assert () == writable_by_others([file])
    os.chown(file, -1, 54321)
    (told,) = writable_by_others([file])
    assert told.startswith(f"{file}: the group 54321 may write to it, and decide")
    assert told.endswith(f"(mode 0664); run: chmod g-w {file}")


@ROOT_ALONE
def test_an_owner_who_is_neither_root_nor_the_service_is_named(file: Path) -> None:
    os.chown(file, NOBODY, 0)
    (told,) = writable_by_others([file])
    assert told.startswith(f"{file}: the user nobody may write to it, and decide")
    assert told.endswith(f"; run: chown root {file}")


def test_a_missing_file_yields_no_permission_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert () == writable_by_others([tmp_path / "missing"])
