"""The files for the forge: valid by its schemas, careful with rights, and what they run exists."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FORGE = ROOT / ".github"
WORKFLOWS = sorted((FORGE / "workflows").iterdir())
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "dependabot": [FORGE / "dependabot.yml"],
    "github-issue-config": [FORGE / "ISSUE_TEMPLATE/config.yml"],
    "github-issue-forms": [FORGE / "ISSUE_TEMPLATE/bug.yml", FORGE / "ISSUE_TEMPLATE/feature.yml"],
}
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
SECRETS = {"release.yml": {"APT_SECRET_KEY"}}
WRITES = {
    ("release.yml", "build"): {"id-token", "attestations"},
    ("release.yml", "publish"): {"contents"},
    ("release.yml", "site"): {"contents"},
}
"""The only jobs that may write anything, and what."""

by_file = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["jobs"]
    return found


def run_lines(path: Path) -> Iterator[str]:
    """The commands of all jobs."""
    for job in jobs(path).values():
        yield from (step["run"] for step in job.get("steps", ()) if "run" in step)


@pytest.mark.parametrize(
    ("schema", "path"), [(schema, path) for schema, paths in SCHEMAS.items() for path in paths]
)
def test_it_is_valid(schema: str, path: Path) -> None:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*argv, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_not_valid_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("runs-on:", "runs-at:"))
    with pytest.raises(AssertionError, match="runs-at"):
        test_it_is_valid("github-workflows", wrong)


def test_every_file_for_the_forge_is_looked_at() -> None:
    looked_at = {path for paths in SCHEMAS.values() for path in paths}
    assert set(FORGE.rglob("*.y*ml")) == looked_at


@by_file
def test_every_job_has_a_limit_and_no_more_rights_than_it_needs(path: Path) -> None:
    text = path.read_text()
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert set(re.findall(r"secrets\.(\w+)", text)) == SECRETS.get(path.name, set())
    assert "pull_request_target" not in text
    for name, job in jobs(path).items():
        writes = {right for right, how in job["permissions"].items() if how == "write"}
        assert writes == WRITES.get((path.name, name), set())
        assert set(job["permissions"].values()) <= {"read", "write"}
        # Who may use a secret is approved by a person.
        assert ("secrets." in str(job)) is ("environment" in job)
        assert "uses" in job or (job["timeout-minutes"] <= 120 and job["steps"])


@by_file
def test_actions_of_others_are_pinned_and_leave_no_token_behind(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "uses:" in line and "uses: ./" not in line:
            assert PINNED.search(line), line
    for job in jobs(path).values():
        for step in job.get("steps", ()):
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"] == {"persist-credentials": False}


@by_file
def test_nothing_from_outside_becomes_part_of_a_command(path: Path) -> None:
    assert [line for line in run_lines(path) if "${{" in line] == []


@by_file
def test_every_target_and_script_that_is_run_exists(path: Path) -> None:
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in run_lines(path):
        for target in re.findall(r"(?:^|&& )make (\S+)", line):
            assert target in targets
        for script in re.findall(r"(?:^|&& )(\.ci/\S+)", line):
            assert os.access(ROOT / script, os.X_OK), script
        for word in re.findall(r"\.ci/\S+", line):
            assert (ROOT / word).exists(), word
    for job in jobs(path).values():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()


def test_every_lock_is_audited() -> None:
    job = jobs(FORGE / "workflows/audit.yml")["holes"]
    locks = {path.stem for path in (ROOT / ".ci/locks").glob("*.txt")}
    assert set(job["strategy"]["matrix"]["lock"]) == locks
    assert job["env"]["LOCK"] == ".ci/locks/${{ matrix.lock }}.txt"


def test_the_oldest_python_that_is_tried_is_the_oldest_that_is_supported() -> None:
    tried = jobs(FORGE / "workflows/checks.yml")["core"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={tried[0]}"


def test_the_programs_of_pre_commit_are_those_of_make_lint() -> None:
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lint is not None
    run = lint[1].replace("$(BIN)", ".venv/bin")
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].removesuffix(" --force-exclude") in run
