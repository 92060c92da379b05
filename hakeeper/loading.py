"""From a path to a checked configuration, its token, and the API adapter made with both."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from hakeeper import __version__, exits
from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.identity import LocalIdentity
from hakeeper.adapters.redaction import Redactor
from hakeeper.adapters.smallfile import NotAFileError, read_small
from hakeeper.adapters.token import TokenUnusable, read_token
from hakeeper.config import Config, ConfigErrors
from hakeeper.core.calls import CallResult

LOAD_ERRORS = (ConfigErrors, ConfigUnreadable, TokenUnusable, OSError)
"""What loading may meet: a start ends with it, a reload survives it."""


class Loader:
    """Loads and reloads the configuration of one daemon.

    Every token that was ever read is made known to the redactor, so that an old one stays hidden
    too. `warn` hears what is odd but usable.
    """

    def __init__(self, path: Path, redactor: Redactor, warn: Callable[[str], None]) -> None:
        self._path = path
        self._redactor = redactor
        self._warn = warn

    def load(self) -> Config:
        """Read the configuration and try its token; raises LOAD_ERRORS."""
        config = load(self._path)
        if config.hetzner.ca_file is not None:
            _try_ca_file(config.hetzner.ca_file)
        self._token(config)
        return config

    def _token(self, config: Config) -> str:
        found = read_token(config.hetzner.token_file, os.environ)
        value = found.token.reveal()
        self._redactor.add(value)
        for warning in found.warnings:
            self._warn(warning)
        return value

    def make_pool(self, config: Config, deliver: Callable[[CallResult], None]) -> HetznerPool:
        """Make the API adapter; raises LOAD_ERRORS for a token or CA file that is unusable."""
        return HetznerPool(
            HetznerOptions(
                endpoint=config.hetzner.endpoint,
                ca_file=config.hetzner.ca_file,
                server=config.server,
                version=__version__,
            ),
            read_token=lambda: self._token(config),
            redact=self._redactor.text,
            identity=LocalIdentity.from_environment(os.environ).candidates,
            deliver=deliver,
        )


def _try_ca_file(path: Path) -> None:
    """Use the file once, for an error that names it: OpenSSL's own does not say which it was."""
    try:
        read_small(path, 0)  # OpenSSL would wait for somebody to write into a FIFO
        ssl.create_default_context(cafile=path)
    except PermissionError as error:
        raise _ca_file_unusable(path, error.strerror, exits.NO_PERMISSION) from None
    except ssl.SSLError:
        reason = "holds no certificate in PEM format"
        raise _ca_file_unusable(path, reason, exits.BAD_CONFIG) from None
    except (NotAFileError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _ca_file_unusable(path, reason, exits.BAD_CONFIG) from None


def _ca_file_unusable(path: Path, reason: str | None, exit_code: int) -> ConfigUnreadable:
    return ConfigUnreadable(path, exit_code, f"cannot be used as hetzner.ca_file: {reason}")
