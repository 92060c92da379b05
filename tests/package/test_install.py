"""`make install`, and the one list of files that it shares with the packages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package.building import REPO, Build
from tests.package.staging import is_ours, names, staged

OURS = re.compile(r"/usr/(?:bin|lib|share|share/doc)/hakeeper")
DEBIANS_OWN = {
    "/usr/share/doc/hakeeper/changelog.Debian",
    "/usr/share/lintian/overrides/hakeeper",
    "/usr/share/python3/runtime.d/hakeeper.rtupdate",
}
"""What debhelper puts beside the list."""
SYSTEMS = ("systemd/", "sysusers.d/", "tmpfiles.d/")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged(tmp_path_factory.mktemp("local"), "/usr/local")


def script(name: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    argv = [str(REPO / ".ci/packaging" / name), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


# --- which files ----------------------------------------------------------------------------------


def test_the_packages_and_make_install_have_one_list() -> None:
    for name in ("Makefile", "debian/rules", ".ci/packaging/hakeeper.spec"):
        text = (REPO / name).read_text()
        assert ".ci/packaging/stage " in text, name
        assert re.findall(r"\binstall -[Dm] ?.*", text) == [], f"{name}: belongs into the list"


def test_without_a_package_the_same_files_lie_below_the_prefix(local: Path, tmp_path: Path) -> None:
    packaged = names(staged(tmp_path, "/usr"))

    assert len(packaged) > 300
    assert names(local) == {re.sub(r"^/usr/", "/usr/local/", name) for name in packaged}


def test_what_systemd_reads_lies_where_it_looks_whatever_the_prefix(tmp_path: Path) -> None:
    found = names(staged(tmp_path, "/opt/hakeeper"))

    outside = {name for name in found if not name.startswith("/opt/hakeeper/")}
    assert len(outside) > 5
    for name in outside:
        assert name.removeprefix("/usr/local/lib/").startswith(SYSTEMS), name


def test_no_text_names_a_place_of_the_package(local: Path) -> None:
    texts = [path for path in local.rglob("*") if path.is_file() and path.suffix != ".gz"]
    wrong = {str(path) for path in texts if OURS.search(path.read_text(errors="replace"))}

    assert wrong == set()
    unit = (local / "usr/local/lib/systemd/system/hakeeper.service").read_text()
    assert "\nExecStart=/usr/local/bin/hakeeper run\n" in unit
    assert f"\nExecPaths=/usr/local/bin/hakeeper {sys.executable} " in unit
    launcher = (local / "usr/local/bin/hakeeper").read_text()
    assert launcher.startswith(f"#!{sys.executable} -IS\n")
    assert '"/usr/local/lib/hakeeper"' in launcher


@pytest.mark.nightly
def test_the_debian_package_has_the_list_and_what_debian_wants(
    first: Build, tmp_path: Path
) -> None:
    made = {
        name for name in names(first.package) if is_ours(name) and not name.startswith("/DEBIAN/")
    }
    listed = {*filter(is_ours, names(staged(tmp_path, "/usr", ZSH_FOLDER="vendor-completions")))}

    assert made - listed == DEBIANS_OWN
    assert listed - made == set()


# --- putting them there, and taking them away -----------------------------------------------------


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def stage(folder: Path, *files: str) -> Path:
    for name in (*files, "usr/local/lib/hakeeper/code.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(str(folder))
    (folder / "etc/hakeeper").mkdir(parents=True)
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root on which somebody else's files are."""
    for name in ("usr/local/share/man/man8/other.8", "etc/passwd"):
        (tmp_path / "machine" / name).parent.mkdir(parents=True)
        (tmp_path / "machine" / name).touch()
    (tmp_path / "machine/usr/local/bin").mkdir()
    return tmp_path / "machine"


def put(*arguments: object) -> "subprocess.CompletedProcess[str]":
    done = script("put", *arguments, "/usr/local")
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    return done


def test_what_was_installed_goes_again_and_the_operators_folder_stays(
    machine: Path, tmp_path: Path
) -> None:
    before = tree(machine)
    files = ("usr/local/share/man/man8/hakeeper.8", "usr/local/bin/hakeeper")
    parts = stage(tmp_path / "parts", *files)
    put("install", parts, machine)
    assert "usr/local/bin/hakeeper" in tree(machine)
    (machine / "etc/hakeeper/token").touch()
    (machine / "usr/local/lib/hakeeper/__pycache__").mkdir()

    put("remove", machine)

    assert tree(machine) - before == {"etc/hakeeper", "etc/hakeeper/token"}
    assert before <= tree(machine), "folders that were there before stay, empty or not"


def test_a_newer_version_takes_the_place_of_the_older(machine: Path, tmp_path: Path) -> None:
    before = tree(machine)
    gone, kept = "usr/local/share/gone/a", "usr/local/share/kept/b"
    put("install", stage(tmp_path / "old", gone, kept), machine)
    put("install", stage(tmp_path / "new", kept), machine)

    assert (machine / kept).read_text() == str(tmp_path / "new")
    assert not (machine / "usr/local/share/gone").exists()
    put("remove", machine)
    assert tree(machine) - before == {"etc/hakeeper"}


def test_what_is_not_installed_cannot_be_taken_away(machine: Path) -> None:
    done = script("put", "remove", machine, "/usr/local")

    assert (66, "") == (done.returncode, done.stdout)
    assert f"{machine}/usr/local/lib/hakeeper/installed is missing" in done.stderr


# --- what it needs --------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A Python without any package."""
    folder = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin/python"


def test_what_is_missing_is_told_in_the_words_of_each_distribution(bare: Path) -> None:
    done = script("needs", bare)

    assert (69, "") == (done.returncode, done.stdout)
    assert done.stderr == (
        f"{bare} lacks certifi, PyYAML, systemd-python. Install what your distribution calls"
        " Debian/Ubuntu: python3-certifi python3-yaml python3-systemd;"
        " Fedora/EL: python3-certifi python3-pyyaml python3-systemd;"
        " openSUSE: python3-certifi python3-PyYAML python3-systemd;"
        " Arch: python-certifi python-yaml python-systemd.\n"
    )


def test_where_all_is_there_nothing_is_said() -> None:
    done = script("needs", sys.executable, "build")

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("text", ["#!/bin/sh\n[ $1 != -c ] && echo Python 3.9.18\n", None])
def test_an_old_python_is_told_with_the_way_out(tmp_path: Path, text: str | None) -> None:
    python = tmp_path / "python3"
    if text:
        python.write_text(text)
        python.chmod(0o755)
    done = script("needs", python)

    assert (69, "") == (done.returncode, done.stdout)
    assert "Python 3.11 or newer" in done.stderr
    assert ("is Python 3.9.18." if text else "No such file") in done.stderr
    assert "make install SERVICE_PYTHON=/usr/bin/python3.12" in done.stderr
