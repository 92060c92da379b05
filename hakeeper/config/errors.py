"""Configuration errors: collected, sorted by place, printed as compilers print them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hakeeper import exits
from hakeeper.hiding import hide_secrets

ERROR_LIMIT: Final = 100
"""More than anyone reads; the rest is only counted."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the text, both counted from 1; columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class ConfigError:
    """One thing to correct. `path` names the key (`hetzner.timeout`), empty for the whole file."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        """Return `file:line:col: path: message`, which editors can jump to."""
        place = f"{self.file}:{self.line}:{self.column}: "
        return place + (f"{self.path}: {self.message}" if self.path else self.message)


class ConfigErrors(Exception):  # noqa: N818 - it holds many errors, and says so
    """A configuration that cannot be used; `errors` are in the order of the file."""

    exit_code: Final = exits.BAD_CONFIG

    def __init__(self, errors: Iterable[ConfigError], left_out: int = 0) -> None:
        """Take the errors in any order, and how many more there were."""
        self.errors: tuple[ConfigError, ...] = tuple(sorted(errors))
        self.left_out = left_out
        lines = [str(error) for error in self.errors]
        if left_out:
            lines.append(f"... and {left_out} more errors")
        super().__init__("\n".join(lines))


class Problems:
    """Collects the errors of one text. Secrets are hidden here, so no caller can forget it."""

    def __init__(self, file_name: str) -> None:
        """Start without any."""
        self._file_name = file_name
        self._errors: list[ConfigError] = []
        self._left_out = 0

    def add(self, at: Position, path: str, message: str) -> None:
        """Note one more error."""
        if len(self._errors) >= ERROR_LIMIT:
            self._left_out += 1
            return
        path, message = hide_secrets(path), hide_secrets(message)
        self._errors.append(ConfigError(self._file_name, at.line, at.column, path, message))

    def raise_if_any(self) -> None:
        """Raise `ConfigErrors` with all that was noted, if anything was."""
        if self._errors:
            raise ConfigErrors(self._errors, self._left_out)
