"""Reads hakeeper.yaml, whatever the path leads to, without ever blocking."""

import codecs
import os
from pathlib import Path

from hakeeper import exits
from hakeeper.adapters.bounded_read import (
    NotAFileError,
    exit_code_of,
    permission_hint,
    read_bounded,
)
from hakeeper.config import MAX_BYTES, Config, ConfigError, ConfigErrors, parse
from hakeeper.config.text import LINE_BREAK


class ConfigUnreadable(Exception):  # noqa: N818 - named as ConfigErrors is
    """The file cannot be read; `exit_code` is one of `hakeeper.exits`."""

    def __init__(self, path: Path, exit_code: int, message: str) -> None:
        """Take the file, and a message that says what to do."""
        super().__init__(f"{path}: {message}")
        self.path = path
        self.exit_code = exit_code
        self.message = message


def load(path: Path) -> Config:
    """Return the configuration in the file.

    Raises `ConfigErrors` for mistakes in it, `ConfigUnreadable` if it cannot be read.
    """
    return parse(_decoded(_bytes_of(path), str(path)), str(path))


def _bytes_of(path: Path) -> bytes:
    try:
        data = read_bounded(path, MAX_BYTES).data
    except NotAFileError as error:
        hint = f"; name the file in it, such as {path / 'hakeeper.yaml'}" if error.is_folder else ""
        raise ConfigUnreadable(path, exits.BAD_CONFIG, f"{error}{hint}") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(data) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES >> 20} MiB; this is not a configuration"
        raise ConfigUnreadable(path, exits.BAD_CONFIG, message)
    return data


def _unreadable(path: Path, error: OSError) -> ConfigUnreadable:
    reason = os.strerror(error.errno or 0)
    code = exit_code_of(error, absent=exits.NO_CONFIG)
    message = f"cannot be read ({reason})"
    if code == exits.NO_PERMISSION:
        message += f"; {permission_hint(path, os.environ)}"
    elif code == exits.NO_CONFIG:
        message = (
            f"there is no configuration file here ({reason}); name another one with -c FILE, or"
            " create this one; this is enough: `instances: {VI_1: {floating_ips: [web]}}`"
        )
    return ConfigUnreadable(path, code, message)


def _decoded(data: bytes, file_name: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _not_utf8(file_name, 1, 1, "the file is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        lines = LINE_BREAK.split(data[: error.start].decode("utf-8"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8 here; save the file as UTF-8"
        raise _not_utf8(file_name, len(lines), len(lines[-1]) + 1, message) from None


def _not_utf8(file_name: str, line: int, column: int, message: str) -> ConfigErrors:
    return ConfigErrors([ConfigError(file_name, line, column, "", message)])
