"""The bill of materials: all that is locked, as it is locked, with licences."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hakeeper import __version__

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / ".ci/locks/runtime.txt").read_text()


def sbom(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, str(root / ".ci/sbom"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with what the script reads, to change it."""
    for name in (".ci/sbom", ".ci/locks/runtime.txt", ".ci/packaging/stage"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def bill(tmp_path: Path) -> dict[str, Any]:
    done = sbom(ROOT, str(tmp_path / "bill.json"))
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    found: dict[str, Any] = json.loads((tmp_path / "bill.json").read_text())
    return found


def test_it_lists_what_is_locked_with_version_and_hash(bill: dict[str, Any]) -> None:
    listed = {(c["name"], c["version"], c["hashes"][0]["content"]) for c in bill["components"]}
    names = re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE)
    digests = re.findall(r"sha256:([0-9a-f]{64})", LOCK)

    assert listed == {(*name, digest) for name, digest in zip(names, digests, strict=True)}
    assert {c["hashes"][0]["alg"] for c in bill["components"]} == {"SHA-256"}


def test_it_is_cyclonedx_about_this_version(bill: dict[str, Any]) -> None:
    subject = bill["metadata"]["component"]

    assert ("CycloneDX", "1.6", 1) == (bill["bomFormat"], bill["specVersion"], bill["version"])
    assert ("application", "hakeeper", __version__) == (
        subject["type"], subject["name"], subject["version"]
    )  # fmt: skip
    for each in (subject, *bill["components"]):
        assert each["purl"] == each["bom-ref"] == f"pkg:pypi/{each['name']}@{each['version']}"


def test_every_licence_is_named_as_spdx_does(bill: dict[str, Any]) -> None:
    licences = {each["name"]: each["licenses"] for each in bill["components"]}

    assert licences["structlog"] == [{"expression": "MIT OR Apache-2.0"}]
    assert licences["requests"] == [{"expression": "Apache-2.0"}]
    assert all(["expression"] == [*one] for [one] in licences.values())


def test_what_debian_brings_is_optional(bill: dict[str, Any]) -> None:
    optional = {each["name"] for each in bill["components"] if each["scope"] == "optional"}

    assert optional == {"certifi", "tzdata"}


def test_the_same_lock_gives_the_same_bytes_and_another_one_another_number(
    copy: Path, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / name for name in ("1", "2", "3"))
    assert sbom(ROOT, str(first)).returncode == 0
    assert sbom(copy, str(second)).returncode == 0
    lock = copy / ".ci/locks/runtime.txt"
    lock.write_text(lock.read_text().replace("sha256:7", "sha256:8"))
    assert sbom(copy, str(third)).returncode == 0

    assert first.read_bytes() == second.read_bytes()
    numbers = {json.loads(path.read_text())["serialNumber"] for path in (first, third)}
    assert len(numbers) == 2


def test_another_version_than_the_locked_one_is_refused(copy: Path, tmp_path: Path) -> None:
    lock = copy / ".ci/locks/runtime.txt"
    lock.write_text(re.sub(r"^h11==\S+", "h11==0.1", lock.read_text(), flags=re.MULTILINE))
    done = sbom(copy, str(tmp_path / "bill.json"))

    assert done.returncode == 1
    assert re.fullmatch(r"sbom: h11 \S+ is installed, not 0.1; run `make setup`\n", done.stderr)
    assert not (tmp_path / "bill.json").exists()


def test_it_wants_one_file(tmp_path: Path) -> None:
    for arguments in ((), (str(tmp_path / "a"), str(tmp_path / "b"))):
        done = sbom(ROOT, *arguments)
        assert (1, "sbom: expected one argument, the file to write\n") == (
            done.returncode, done.stderr
        )  # fmt: skip
