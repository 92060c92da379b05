"""Configuration errors: collected, sorted by place, printed as compilers print them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hakeeper import exits
from hakeeper.hide_secrets import hide_secrets

ERROR_LIMIT: Final = 100
"""Further errors are only counted."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the text; line and column start at 1, and a column is a character."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class ConfigError:
    """One error. `path` is the key, such as `hetzner.timeout`, or empty for the whole file."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        """Return `file:line:col: path: message`, which editors can jump to."""
        place = f"{self.file}:{self.line}:{self.column}: "
        return place + (f"{self.path}: {self.message}" if self.path else self.message)


class ConfigErrors(Exception):  # noqa: N818 - the plural is right
    """An invalid configuration; `errors` are in the order of the file."""

    exit_code: Final = exits.BAD_CONFIG

    def __init__(self, errors: Iterable[ConfigError], left_out: int = 0) -> None:
        """Take the errors in any order, and the number of further ones."""
        self.errors: tuple[ConfigError, ...] = tuple(sorted(errors))
        self.left_out = left_out
        lines = [str(error) for error in self.errors]
        if left_out:
            lines.append(f"... and {left_out} more errors")
        super().__init__("\n".join(lines))


class Problems:
    """Collects the errors of one text, and hides secrets in them."""

    def __init__(self, file_name: str) -> None:
        """Start without errors."""
        self._file_name = file_name
        self._errors: list[ConfigError] = []
        self._left_out = 0

    @property
    def count(self) -> int:
        """How many there are so far."""
        return len(self._errors) + self._left_out

    def add(self, at: Position, path: str, message: str) -> None:
        """Add an error."""
        if len(self._errors) >= ERROR_LIMIT:
            self._left_out += 1
            return
        path, message = hide_secrets(path), hide_secrets(message)
        self._errors.append(ConfigError(self._file_name, at.line, at.column, path, message))

    def raise_if_any(self) -> None:
        """Raise `ConfigErrors` with all errors, if there are any."""
        if self._errors:
            raise ConfigErrors(self._errors, self._left_out)
