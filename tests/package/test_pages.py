"""Man pages and completions tell what the program has, since they are made from it."""

import argparse
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.cli.main import COMMANDS, full_parser
from hakeeper.config import Config, InstanceConfig
from hakeeper.config.table import rows
from tests.package.building import REPO, Build

pytestmark = pytest.mark.timeout(900)  # the first one builds, beside whatever else runs
BASH = "usr/share/bash-completion/completions/hakeeper"
ZSH = "usr/share/zsh/vendor-completions/_hakeeper"
FISH = "usr/share/fish/vendor_completions.d/hakeeper.fish"


def options() -> Iterator[tuple[str, str]]:
    """Every command with each of its options."""
    for action in full_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                for option in command._option_string_actions:
                    if option not in {"-h", "--help"}:
                        yield name, option


def page(build: Build, name: str) -> str:
    """The page as a terminal shows it."""
    path = build.package / f"usr/share/man/man{name[-1]}/{name}.gz"
    argv = ["mandoc", "-T", "ascii", "-O", "width=200", str(path)]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return re.sub(".\b", "", shown)


def section(build: Build, command: str) -> str:
    """What hakeeper(8) says of one command."""
    parts = re.split(r"^   hakeeper ([\w-]+)\n", page(build, "hakeeper.8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[command]


@pytest.mark.parametrize("name", ["hakeeper.8", "hakeeper.yaml.5"])
def test_mandoc_finds_no_fault_with_the_page(first: Build, name: str) -> None:
    path = first.package / f"usr/share/man/man{name[-1]}/{name}.gz"
    argv = ["mandoc", "-T", "lint", "-W", "warning", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_the_page_names_every_command_and_option(first: Build) -> None:
    listed = [*options()]

    assert len(listed) > 20
    for command, option in listed:
        assert re.search(rf"(^| ){option}\b", section(first, command), re.MULTILINE), option
    for each in COMMANDS:
        assert each.help.rstrip(".")[1:].split("`")[0] in section(first, each.name)


def test_the_page_of_the_configuration_holds_the_short_example_and_every_key(first: Build) -> None:
    shown = page(first, "hakeeper.yaml.5")
    text = (REPO / "conf/hakeeper.yaml").read_text()
    assert "\n".join(f"     {line}".rstrip() for line in text.splitlines()) in shown
    for row in (*rows(Config), *rows(InstanceConfig)):
        assert re.search(rf"^     (\S+\.)?{re.escape(row.path)}( |$)", shown, re.MULTILINE)
        assert (f"Default: {row.written}." if row.written else "No default.") in shown


def test_the_page_names_the_files_of_the_service(first: Build) -> None:
    shown = page(first, "hakeeper.8")
    unit = (REPO / "systemd/hakeeper.service").read_text()
    for path in re.findall(r"/(?:etc|run)/hakeeper/\S+", unit):
        assert path in shown
    prevented = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)

    assert prevented == ["2 66 77 78"]
    assert "does not restart the service after 2, 66, 77 and 78" in shown


def test_fish_completes_every_command_and_option(first: Build) -> None:
    for each in COMMANDS:
        assert each.name in fish(first, "hakeeper ")
    for command, option in options():
        if option.startswith("--"):
            assert option in fish(first, f"hakeeper {command} {option[:3]}"), command


def fish(build: Build, line: str) -> list[str]:
    """What fish offers for a line."""
    script = f"source {build.package / FISH}; complete --do-complete '{line}'"
    argv = ["fish", "--no-config", "--command", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [found.split("\t")[0] for found in done.stdout.splitlines()]


def test_bash_completes_every_command_and_option(first: Build) -> None:
    for each in COMMANDS:
        assert each.name in bash(first, "hakeeper", "")
    for command, option in options():
        assert option in bash(first, "hakeeper", command, "-"), command


def test_bash_offers_files_where_one_is_wanted(first: Build, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()

    assert bash(first, "hakeeper", "check", "-c", f"{tmp_path}/m") == [f"{tmp_path}/mine.yaml"]


def bash(build: Build, *words: str) -> list[str]:
    """What bash offers for the last word."""
    script = """
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        handler=$(complete -p hakeeper | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')
        $handler hakeeper "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    argv = ["bash", "--norc", "-c", script, "bash", str(build.package / BASH), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_zsh_has_every_command_and_option_and_can_read_the_file(first: Build) -> None:
    path = first.package / ZSH
    subprocess.run(["zsh", "--no-rcs", "-n", str(path)], check=True, capture_output=True)
    text = path.read_text()
    for each in COMMANDS:
        assert f"\n    {each.name}:'" in text
    for command, option in options():
        name = re.escape(f"_shtab_hakeeper_{command.replace('-', '_')}_options")
        block = re.search(rf"^{name}=\($.*?^\)$", text, re.MULTILINE | re.DOTALL)
        assert block, command
        assert re.search(rf"[\"{{,]{option}[\"}},\[=]", block[0]), (command, option)
