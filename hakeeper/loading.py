"""From a path to a checked configuration, its token, and the API adapter made with both."""

import os
from collections.abc import Callable
from pathlib import Path

from hakeeper import __version__
from hakeeper.adapters.cafile import fault_of_ca_file
from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.adapters.file_permissions import writable_by_others
from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.identity import LocalIdentity
from hakeeper.adapters.redaction import Redactor
from hakeeper.adapters.token import TokenUnusable, read_token
from hakeeper.config import Config, ConfigErrors
from hakeeper.core.calls import CallResult
from hakeeper.kinds.apis import CLOUD

LOAD_ERRORS = (ConfigErrors, ConfigUnreadable, TokenUnusable)
"""What is wrong with the configuration and its secrets: a start ends with it, a reload survives it.
What the system refuses is an OSError, and says nothing about them."""

WARNINGS_KEPT = 20
"""So many are known again, and told once."""


def warm_connections(config: Config) -> int:
    """Return how many connections to keep open: one for each address's claim, one for the reads.

    A selector may choose any number: for it, as many as are ever used at once.
    """
    refs = (ref for some in config.resources.values() for ref in some)
    return 1 + sum(CLOUD.max_parallel if ref.is_selector else 1 for ref in refs)


def api_options(config: Config) -> HetznerOptions:
    """Return how the API is reached."""
    return HetznerOptions(
        endpoint=config.hetzner.endpoint,
        ca_file=config.hetzner.ca_file,
        server=config.server,
        version=__version__,
    )


class Loader:
    """Loads and reloads the configuration of one daemon.

    Every token that was ever read is made known to the redactor, so that an old one stays hidden
    too. `warn` hears what is odd but usable, each thing once.
    """

    def __init__(self, path: Path, redactor: Redactor, warn: Callable[[str], None]) -> None:
        self._path = path
        self._redactor = redactor
        self._warn = warn
        self._warned: set[str] = set()

    @property
    def path(self) -> Path:
        """Where the configuration is read from."""
        return self._path

    def redact(self, text: str) -> str:
        """Hide every token that was ever read."""
        return self._redactor.text(text)

    def load(self) -> Config:
        """Read the configuration and try its token; raises LOAD_ERRORS."""
        config = load(self._path)
        ca_file = config.hetzner.ca_file
        fault = None if ca_file is None else fault_of_ca_file(ca_file)
        if ca_file is not None and fault is not None:
            message = f"cannot be used as hetzner.ca_file: {fault.reason}"
            raise ConfigUnreadable(ca_file, fault.exit_code, message)
        self._token(config)
        files = (self._path, config.hetzner.ca_file, config.hetzner.token_file)
        for text in writable_by_others(path for path in files if path is not None):
            self._warn_once(text)
        return config

    def _token(self, config: Config) -> str:
        found = read_token(config.hetzner.token_file, os.environ)
        value = found.token.reveal()
        self._redactor.add(value)
        for warning in found.warnings:
            self._warn_once(warning)
        return value

    def _warn_once(self, text: str) -> None:
        """Warn of it unless that was the last time so: the token is read again and again."""
        if text not in self._warned:
            self._warned = {*self._warned, text} if len(self._warned) < WARNINGS_KEPT else {text}
            self._warn(text)

    def make_pool(
        self,
        config: Config,
        deliver: Callable[[CallResult], None],
        objection: Callable[[float], str | None],
    ) -> HetznerPool:
        """Make the API adapter; raises LOAD_ERRORS for an unusable token, and OSError."""
        return HetznerPool(
            api_options(config),
            read_token=lambda: self._token(config),
            redact=self._redactor.text,
            identity=LocalIdentity.from_environment(os.environ).candidates,
            deliver=deliver,
            objection=objection,
            warm=warm_connections(config),
        )
