"""The page about the commands is what `--help` says, for each command that there is."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from hakeeper.cli.main import full_parser
from tests.support.generated_docs import check_section

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_the_page_has_what_help_says() -> None:
    check_section(PAGE, "commands", "\n".join(lines(full_parser())))


def lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Give the lines of the page: they depend on no terminal, and on no version of argparse."""
    [commands] = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for name, command in commands.choices.items():
        yield f"## hakeeper {name}\n"
        yield f"{command.description}\n"
        options = [each for each in command._actions if each.dest != "help"]
        if options:
            yield "| option | meaning |"
            yield "|---|---|"
            yield from (f"| {spelling(each)} | {meaning(command, each)} |" for each in options)
            yield ""
        if command.epilog:
            yield f"```text\n{command.epilog.strip()}\n```\n"
    yield "## All commands\n"
    yield f"```text\n{(parser.epilog or '').strip()}\n```\n"


def spelling(action: argparse.Action) -> str:
    """How an option or an argument is written."""
    value = "\\|".join(map(str, action.choices)) if action.choices else action.metavar
    argument = f" {value}" if value else ""
    return ", ".join(f"`{name}{argument}`" for name in action.option_strings) or f"`{value}`"


def meaning(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    """What an option is for, in a line of a table."""
    text = " ".join(command._get_formatter()._expand_help(action).split())
    return text.replace("|", "\\|").replace("<", "\\<")
