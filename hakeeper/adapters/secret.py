"""Finds and reads a secret, and keeps it from leaking.

Sources; the first that exists is used:

1. the file that the configuration names;
2. a systemd credential (`LoadCredential=`, systemd.exec(5));
3. an environment variable. The least private: /proc/PID/environ shows it to the same user and to
   root as long as the process runs, even if the process deletes its copy, and every child process
   inherits it.
"""

import enum
import hmac
import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from hakeeper import exits
from hakeeper.adapters.bounded_read import (
    NotAFileError,
    exit_code_of,
    permission_hint,
    read_bounded,
)
from hakeeper.hide_secrets import HIDDEN

MAX_BYTES: Final = 4096


class Secret:
    """A text that only `reveal` returns; reprs, f-strings and pickles do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take a value that was validated."""
        self._value = value

    def reveal(self) -> str:
        """Return the value; only for the Authorization header and the redactor."""
        return self._value

    def __repr__(self) -> str:
        """Return the same text for all of a sort."""
        return f"{type(self).__name__}({HIDDEN})"

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """Return the hash of the value."""
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying, which would duplicate the value."""
        raise TypeError("a secret is not copied or pickled")


class SourceKind(enum.Enum):
    """The three kinds of sources."""

    FILE = "file"
    CREDENTIAL = "systemd credential"
    ENVIRONMENT = "environment variable"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """One source; `path` is None for the environment, of which `variable` is the name."""

    kind: SourceKind
    path: Path | None = None
    variable: str = ""

    def __str__(self) -> str:
        """Return its name for people."""
        return f"{self.kind.value} {self.variable if self.path is None else self.path}"


class SecretUnusable(Exception):  # noqa: N818 - named as ConfigUnreadable is
    """There is no usable token or login. The message never contains a part of the value.

    `exit_code` is one of `hakeeper.exits`; `source` None: there is no source at all.
    """

    def __init__(self, message: str, exit_code: int, source: SecretSource | None) -> None:
        """Take a message that says what to do."""
        super().__init__(message if source is None else f"{source}: {message}")
        self.exit_code = exit_code
        self.source = source


@dataclass(frozen=True, slots=True)
class Places:
    """Where one sort of secret is looked for, beside a file that the configuration names."""

    credential: str
    variable: str
    service_file: Path
    """The file that hakeeper.service loads as its credential (`LoadCredential=`)."""
    paste: str
    """What goes into it, for people: `the token`."""

    def how_to_write(self, path: Path) -> str:
        """Return what to do to write it to a file that systemd reads for the service."""
        return self._typed(f"install -m 0600 /dev/stdin {shlex.quote(str(path))}")

    def _how_to_write_own(self, path: Path, *, is_there: bool) -> str:
        """Return the same for a file of the configuration's, which the service itself reads.

        One that is there keeps its owner and its mode.
        """
        at = shlex.quote(str(path))
        command = f"cat > {at}" if is_there else f"install -m 0600 -o hakeeper /dev/stdin {at}"
        return f"{self._typed(command)}; then: systemctl reload-or-restart hakeeper"

    def _typed(self, command: str) -> str:
        return f"write it, as root: {command} (paste {self.paste}, Enter, Ctrl-D)"

    def find(self, file: Path | None, environ: Mapping[str, str]) -> SecretSource | None:
        """Return the first source that exists; a configured file counts even if it is missing."""
        if file is not None:
            return SecretSource(SourceKind.FILE, file)
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if folder and os.path.lexists(credential := Path(folder, self.credential)):
            return SecretSource(SourceKind.CREDENTIAL, credential)
        if self.variable in environ:
            return SecretSource(SourceKind.ENVIRONMENT, variable=self.variable)
        return None

    def cure(self, source: SecretSource) -> str:
        """Return what to add to a message about a source that is empty."""
        if source.path is None:
            return ""
        if source.kind is SourceKind.FILE:
            return f"; {self._how_to_write_own(source.path, is_there=True)}"
        # Without a file, hakeeper.service has an empty credential (`SetCredential=`).
        return (
            f". hakeeper.service reads it from {self.service_file};"
            f" {self.how_to_write(self.service_file)}; then: systemctl restart hakeeper"
        )

    def read(self, source: SecretSource, environ: Mapping[str, str], encoding: str) -> str:
        """Return the text of a source without white space around it; raises SecretUnusable."""
        # Bytes of the variable that are not UTF-8 become lone surrogates, which no check lets pass.
        if source.path is None:
            text = environ[source.variable]
        else:
            try:
                text = _file_text(source, source.path, encoding)
            except OSError as error:
                raise self._unreadable(source, source.path, error, environ) from None
        return text.strip(" \t\r\n\v\f")

    def _unreadable(
        self, source: SecretSource, path: Path, error: OSError, environ: Mapping[str, str]
    ) -> SecretUnusable:
        code = exit_code_of(error)
        message = f"cannot be read ({os.strerror(error.errno or 0)})"
        if code == exits.NO_PERMISSION:
            message += f"; {permission_hint(path, environ)}"
        elif source.kind is SourceKind.FILE and isinstance(error, FileNotFoundError):
            message += f"; {self._how_to_write_own(path, is_there=False)}"
        return SecretUnusable(message, code, source)


def _file_text(source: SecretSource, path: Path, encoding: str) -> str:
    """Return what is in the file; raises SecretUnusable and OSError."""
    try:
        file = read_bounded(path, MAX_BYTES)
    except NotAFileError as error:
        raise SecretUnusable(str(error), exits.BAD_CONFIG, source) from None
    if source.kind is SourceKind.FILE and file.mode & stat.S_IRWXO:
        command = f"chmod o-rwx {shlex.quote(str(path))}"
        message = f"every user can read or replace it (mode {file.mode:04o}); run: {command}"
        raise SecretUnusable(message, exits.BAD_CONFIG, source)
    if len(file.data) > MAX_BYTES:
        raise SecretUnusable(f"is larger than {MAX_BYTES} bytes", exits.BAD_CONFIG, source)
    return file.data.decode(encoding, "surrogateescape")
