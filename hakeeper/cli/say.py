"""Sentences on stdout and stderr: on a terminal they fit; a program gets each in one line."""

import sys
from typing import Final, TextIO

from hakeeper.printable import fitting, printable, printable_lines

WIDTH: Final = 80


def say(text: str) -> None:
    """Write a sentence to stdout."""
    _write(sys.stdout, printable(text))


def complain(text: str) -> None:
    """Write a sentence to stderr."""
    _write(sys.stderr, printable(text))


def complain_in_lines(text: str) -> None:
    """Write a text of our own to stderr whose lines mean something."""
    _write(sys.stderr, printable_lines(text))


def _write(stream: TextIO, text: str) -> None:
    stream.write((fitting(text, WIDTH) if stream.isatty() else text) + "\n")
