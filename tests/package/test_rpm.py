"""The RPM: what is in it, and what its scriptlets do. No system of RPM is booted here.

They are run by rpm in the root of a Debian, with its systemd, which is not running.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper import __version__
from tests.package.building import REPO
from tests.package.machine import base_of, overlay
from tests.package.staging import is_ours, names, staged
from tests.support.once import once

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]  # the first one builds
RPMS_OWN = ("var/lib/rpm", "root/.rpmdb", "var/tmp")
ENABLED = "etc/systemd/system/multi-user.target.wants/hakeeper.service"


@pytest.fixture(scope="session")
def built(parts: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder with both packages."""

    def make(folder: Path) -> None:
        argv = [".ci/build-rpm", str(parts), f"{folder}/work", f"{folder}/dist"]
        subprocess.run(argv, cwd=REPO, check=True, stdout=subprocess.DEVNULL)

    return once(tmp_path_factory, "rpm", make, worker_id) / "dist"


@pytest.fixture(scope="session")
def package(built: Path) -> Path:
    return built / f"hakeeper-{__version__}-1.noarch.rpm"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A Debian, whose files are what the scriptlets call."""
    with overlay(base_of("bookworm", REPO / ".machines"), tmp_path / "machine") as made:
        proc = str(made / "proc")
        subprocess.run(["mount", "-t", "proc", "proc", proc], check=True)
        try:
            yield made
        finally:
            subprocess.run(["umount", proc], check=True)


def rpm(root: Path, *arguments: object) -> str:
    """Run rpm on a root; fails if it, or a scriptlet, complains of anything."""
    argv = ["rpm", "--force-debian", "--root", str(root), *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    noise = [line for line in done.stderr.splitlines() if not _is_of_a_chroot(line)]
    assert (0, []) == (done.returncode, noise), done.stderr
    return done.stdout


def _is_of_a_chroot(line: str) -> bool:
    """By sysusers and systemctl, which tell what they do, or of what does not run there."""
    told = ("Creating group ", "Creating user ", "Created symlink ", "Removed ")
    return line.startswith((*told, "Running in chroot"))


def test_rpmlint_has_nothing_to_say(built: Path) -> None:
    argv = [
        "rpmlint",
        "--config",
        str(REPO / ".ci/packaging/rpmlint.toml"),
        *map(str, built.iterdir()),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert " 0 errors, 0 warnings" in done.stdout
    assert "packages: 2" in done.stdout


def test_its_files_are_those_of_the_list(package: Path, tmp_path: Path) -> None:
    rpm(tmp_path / "empty", "--install", "--nodeps", "--noscripts", package)

    found = {name for name in names(tmp_path / "empty") if not name[1:].startswith(RPMS_OWN)}
    listed = names(staged(tmp_path / "list", "/usr"))
    assert {*filter(is_ours, found)} == {*filter(is_ours, listed)}
    assert "/usr/lib/hakeeper/hcloud/__init__.py" in found
    assert (tmp_path / "empty/etc/hakeeper").is_dir()


def test_installed_upgraded_and_removed_it_leaves_what_is_the_operators(
    package: Path, root: Path
) -> None:
    before = tree(root)
    rpm(root, "--install", "--nodeps", package)

    accounts = (root / "etc/passwd").read_text()
    assert "\nhakeeper:" in accounts
    assert "\nhakeeper-hooks:" in accounts
    assert (root / "run/hakeeper/notify.fifo").is_fifo()
    assert (root / ENABLED).is_symlink(), "Debian's policy: what is installed is enabled"
    assert not (root / ENABLED).with_name("hakeeper-metrics.service").is_symlink()
    assert [*(root / "usr/lib/hakeeper/hakeeper/core").rglob("*.pyc")] != []
    said = subprocess.run(
        ["chroot", root, "hakeeper", "version"], capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith(f"hakeeper {__version__}\n")
    assert "not installed" not in said
    (root / "etc/hakeeper/token").touch()

    (root / ENABLED).unlink()
    rpm(root, "--upgrade", "--nodeps", "--replacepkgs", package)
    assert not (root / ENABLED).exists(), "an upgrade enables nothing that was disabled"
    assert (root / "usr/bin/hakeeper").exists()

    rpm(root, "--erase", "hakeeper")
    left = {name for name in tree(root) - before if not name.startswith(RPMS_OWN)}
    ours = {name for name in left if "hakeeper" in name}
    assert ours == {"etc/hakeeper", "etc/hakeeper/token"}
    assert left - ours <= {"etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-"}


def tree(root: Path) -> set[str]:
    argv = ["find", str(root), "-xdev", "-printf", "%P\n"]
    return set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines())
