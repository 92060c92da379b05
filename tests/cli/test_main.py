"""The command line as a whole: help, versions, exit codes, and the last resort."""

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import hakeeper
from hakeeper.cli import version
from hakeeper.cli.main import COMMANDS, run_command

SECRET = "Zq7" * 21 + "x"
HAKEEPER = Path(sys.executable).with_name("hakeeper")


def hakeeper_says(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run(
        [HAKEEPER, *words], env=environment, capture_output=True, text=True, check=False
    )


def failing(monkeypatch: pytest.MonkeyPatch, act: Callable[[argparse.Namespace], int]) -> None:
    monkeypatch.setattr(version, "run", act)


def test_help_has_every_command_examples_and_exit_codes() -> None:
    result = hakeeper_says("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for word in [*(command.name for command in COMMANDS), "examples:", "exit codes:", "66", "78"]:
        assert word in result.stdout


def test_the_version_is_shown_by_option_and_by_command() -> None:
    assert hakeeper_says("--version").stdout == f"hakeeper {hakeeper.__version__}\n"
    assert hakeeper_says("version").stdout.startswith(f"hakeeper {hakeeper.__version__}\npython ")
    versions = json.loads(hakeeper_says("version", "--json").stdout)
    assert {"hakeeper", "python", "hcloud"} <= versions.keys()
    assert versions["hakeeper"] == hakeeper.__version__


def test_python_can_run_the_package() -> None:
    words = [sys.executable, "-m", "hakeeper", "--version"]
    output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert output == f"hakeeper {hakeeper.__version__}\n"


@pytest.mark.parametrize("words", [[], ["chek"], ["check", "--nonsense"], ["check", "--js"]])
def test_wrong_use_is_2_with_the_usage(words: list[str]) -> None:
    result = hakeeper_says(*words)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("usage: hakeeper")


def test_a_token_on_the_command_line_is_not_repeated() -> None:
    result = hakeeper_says("check", "--token", SECRET)
    assert "unrecognized arguments: --token [hidden]" in result.stderr


def test_only_the_module_of_the_chosen_command_is_imported() -> None:
    code = (
        "import sys; from hakeeper.cli.main import run_command; run_command(['version']);"
        "print([m for m in ('yaml', 'hcloud', 'requests', 'structlog', 'hakeeper.cli.check')"
        " if m in sys.modules])"
    )
    words = [sys.executable, "-c", code]
    output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "[]"


def test_an_unexpected_error_is_one_line_without_the_token(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def act(args: argparse.Namespace) -> int:
        args.redactor.add("short-secret")
        raise ValueError(f"header\n{SECRET} Authorization: Bearer xyz short-secret")

    failing(monkeypatch, act)
    assert run_command(["version"]) == 70
    out, err = capfd.readouterr()
    assert out == ""
    assert err == (
        "hakeeper: unexpected error, please report it: ValueError: header [hidden]"
        " Authorization: Bearer [hidden] [hidden]"
        " (`hakeeper --debug COMMAND` shows more)\n"
    )


@pytest.mark.parametrize("known", ["", "x-" + SECRET])
def test_the_traceback_is_for_debugging_and_without_the_token(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], known: str
) -> None:
    def act(_: argparse.Namespace) -> int:
        raise RuntimeError(f"while {SECRET}") from ValueError(f"x-{SECRET}"[:40])

    monkeypatch.setenv("HCLOUD_TOKEN", known)
    failing(monkeypatch, act)
    assert run_command(["--debug", "version"]) == 70
    err = capfd.readouterr().err
    assert "Traceback (most recent call last):" in err
    assert "RuntimeError: while [hidden]" in err
    assert "Zq7" not in err


def test_an_error_in_a_thread_is_reported_without_the_token(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError(f"in a thread: {SECRET}")

    def act(_: argparse.Namespace) -> int:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        return 0

    hook = threading.excepthook
    failing(monkeypatch, act)
    assert run_command(["version"]) == 0
    assert "ValueError: in a thread: [hidden]" in capfd.readouterr().err
    assert threading.excepthook is hook


def test_a_command_that_cannot_be_imported_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "hakeeper.cli.version", None)
    assert run_command(["version"]) == 70
    assert "ModuleNotFoundError" in capfd.readouterr().err


def test_ctrl_c_is_130_and_quiet(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def act(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    failing(monkeypatch, act)
    assert run_command(["version"]) == 130
    assert capfd.readouterr() == ("", "")


def test_a_reader_that_has_gone_ends_the_command_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    buffered = {"PATH": os.environ["PATH"]}  # PYTHONUNBUFFERED would hide the trouble at exit
    with subprocess.Popen(
        [HAKEEPER, "version"], env=buffered, stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        _, stderr = process.communicate()
    assert (process.returncode, stderr) == (141, b"")


@pytest.mark.parametrize("words", [["check"], ["simulate"], ["run"], ["hooks", "--try", "a", "b"]])
def test_a_path_does_nothing_to_the_terminal(words: list[str]) -> None:
    result = hakeeper_says(*words, "-c", "/nowhere/\x1b[31mred")
    assert result.returncode == 66
    assert "/nowhere/\\x1b[31mred: there is no configuration file here" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr
