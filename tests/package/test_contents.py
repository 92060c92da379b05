"""What is in the package, the wheel and the sdist; and that it is the same each time."""

import gzip
import importlib.metadata
import re
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from hakeeper import __version__
from tests.package.building import REPO, Build

pytestmark = pytest.mark.timeout(900)  # the first one builds, beside whatever else runs
COMPILED = ("pyyaml", "systemd-python")
DEBIANS = ("certifi", "tzdata")


def locked(name: str = "runtime") -> dict[str, str]:
    """Return what a lock file names, with the version."""
    text = (REPO / f".ci/locks/{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", text, re.MULTILINE))


def field(deb: Path, name: str) -> str:
    argv = ["dpkg-deb", "--field", str(deb), name]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.nightly
def test_two_builds_give_the_same_bytes(first: Build, second: Build) -> None:
    names = sorted(path.name for path in first.dist.iterdir())

    assert names == sorted(path.name for path in second.dist.iterdir())
    assert len(names) == 3
    for name in names:
        assert (first.dist / name).read_bytes() == (second.dist / name).read_bytes(), name


# Debian 12's lintian says so of every package with a unit; Debian 13's no longer knows the tag, and
# would call an override of it an error. The service lives on what systemd alone gives: readiness,
# watchdog, credentials, the sandbox.
NO_INIT_SCRIPT = "package-supports-alternative-init-but-no-init.d-script"


def lintian(deb: Path) -> "subprocess.CompletedProcess[str]":
    argv = ["lintian", "--display-info", "--pedantic", "--allow-root"]
    argv += ["--suppress-tags", NO_INIT_SCRIPT, str(deb)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_lintian_has_nothing_to_say(first: Build) -> None:
    done = lintian(first.deb)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_lintian_would_say_it(first: Build, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    subprocess.run(["dpkg-deb", "--raw-extract", str(first.deb), str(parts)], check=True)
    (parts / "usr/bin/hakeeper").chmod(0o666)
    made = tmp_path / "hakeeper.deb"
    subprocess.run(["dpkg-deb", "-Znone", "--build", str(parts), str(made)], check=True)

    assert "executable" in lintian(made).stdout or "permissions" in lintian(made).stdout


def test_one_version_stands_everywhere(first: Build) -> None:
    assert field(first.deb, "Version") == __version__
    assert first.deb.name == f"hakeeper_{__version__}_all.deb"
    assert first.one("*.whl").name == f"hakeeper-{__version__}-py3-none-any.whl"
    assert first.one("*.tar.gz").name == f"hakeeper-{__version__}.tar.gz"


def test_the_package_brings_what_is_locked_and_nothing_else(first: Build) -> None:
    library = first.package / "usr/lib/hakeeper"
    brought = {
        found.name: found.version for found in importlib.metadata.distributions(path=[str(library)])
    }
    wanted = {name: version for name, version in locked().items() if name not in DEBIANS}

    assert brought == wanted | {"hakeeper": __version__}
    assert [*library.rglob("*.so")] == []
    assert [*library.rglob("*.pyc")] == []


def test_the_tests_run_with_what_is_locked() -> None:
    found = {name: importlib.metadata.version(name) for name in locked()}

    assert found == locked(), "`make setup` installs what .ci/locks/runtime.txt says"


def test_what_is_compiled_and_the_authorities_are_debians(first: Build) -> None:
    depends = {each.split()[0] for each in field(first.deb, "Depends").split(", ")}

    assert {"python3-yaml", "python3-systemd", "python3-certifi", "ca-certificates"} <= depends
    assert "keepalived" in field(first.deb, "Recommends")
    assert "keepalived" not in depends


def test_every_dependency_is_brought_or_debians() -> None:
    requires = importlib.metadata.requires("hakeeper") or []
    always = [each for each in requires if "extra ==" not in each]
    names = {re.match(r"[A-Za-z0-9-]+", each)[0].lower() for each in always}  # type: ignore[index]

    assert names <= locked().keys() | set(COMPILED)


def test_each_that_is_brought_stands_in_the_copyright_file() -> None:
    text = (REPO / "debian/copyright").read_text()
    folders = {"charset-normalizer": "charset_normalizer", "python-dateutil": "dateutil"}
    for name in locked().keys() - set(DEBIANS):
        assert f"Files: /usr/lib/hakeeper/{folders.get(name, name)}/*\n" in text


@pytest.mark.parametrize(
    "path",
    [
        "usr/bin/hakeeper",
        "usr/lib/systemd/catalog/hakeeper.catalog",
        "usr/lib/systemd/system/hakeeper-check.service",
        "usr/lib/systemd/system/hakeeper-hooks.service",
        "usr/lib/systemd/system/hakeeper-hooks.socket",
        "usr/lib/systemd/system/hakeeper-metrics.service",
        "usr/lib/systemd/system/hakeeper.service",
        "usr/lib/sysusers.d/hakeeper.conf",
        "usr/lib/tmpfiles.d/hakeeper.conf",
        "usr/share/bash-completion/completions/hakeeper",
        "usr/share/doc/hakeeper/examples/hakeeper-full.yaml",
        "usr/share/doc/hakeeper/examples/grafana/hakeeper.json",
        "usr/share/doc/hakeeper/examples/keepalived/plain-web-a.conf",
        "usr/share/doc/hakeeper/examples/prometheus/hakeeper.rules.yml",
        "usr/share/fish/vendor_completions.d/hakeeper.fish",
        "usr/share/man/man5/hakeeper.yaml.5.gz",
        "usr/share/man/man8/hakeeper.8.gz",
        "usr/share/zsh/vendor-completions/_hakeeper",
    ],
)
def test_the_package_has_it_in_its_place(first: Build, path: str) -> None:
    assert (first.package / path).is_file()


def test_nothing_is_writable_for_others_or_runs_with_more_rights(first: Build) -> None:
    listed = ["dpkg-deb", "--contents", str(first.deb)]
    lines = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines()

    assert len(lines) > 100
    for line in lines:
        mode, owner, *_ = line.split()
        assert owner == "root/root"
        assert mode[0] == "l" or mode[1:] in {"rwxr-xr-x", "rw-r--r--"}, line


def test_the_program_asks_neither_the_environment_nor_pip_for_modules(first: Build) -> None:
    launcher = first.package / "usr/bin/hakeeper"

    assert launcher.read_text().startswith("#!/usr/bin/python3 -IS\n")
    assert stat.S_IMODE(launcher.stat().st_mode) == 0o755


def test_the_news_is_in_the_package(first: Build) -> None:
    page = first.package / "usr/share/doc/hakeeper/changelog.gz"

    assert gzip.decompress(page.read_bytes()) == (REPO / "CHANGELOG.md").read_bytes()


# --- sdist and wheel ------------------------------------------------------------------------------


def test_the_sdist_has_what_git_has_and_nothing_else(first: Build) -> None:
    with tarfile.open(first.one("*.tar.gz")) as archive:
        found = {each.name.partition("/")[2] for each in archive.getmembers() if each.isfile()}
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    listed = subprocess.run(argv, cwd=REPO, capture_output=True, text=True, check=True)

    assert found == {*listed.stdout.splitlines(), "PKG-INFO"}


def test_the_wheel_has_the_program_and_nothing_for_contributors(first: Build) -> None:
    names = zipfile.ZipFile(first.one("*.whl")).namelist()

    assert "hakeeper/core/core.py" in names
    assert {"hakeeper", f"hakeeper-{__version__}.dist-info"} == {
        name.partition("/")[0] for name in names
    }


def test_the_wheel_works_in_an_environment_of_its_own(first: Build, tmp_path: Path) -> None:
    """As `pipx install` makes one: with the newest of all that pyproject.toml names."""
    python = tmp_path / "venv/bin/python"
    for argv in (
        ["python3", "-m", "venv", str(tmp_path / "venv")],
        [str(python), "-m", "pip", "install", "--quiet", str(first.one("*.whl"))],
    ):
        subprocess.run(argv, check=True, cwd=tmp_path)

    said = subprocess.run(
        [str(python.parent / "hakeeper"), "version"], capture_output=True, text=True, check=True
    ).stdout

    assert said.startswith(f"hakeeper {__version__}\n")
    assert "not installed" not in said
