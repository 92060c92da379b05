"""From a path to a checked configuration, its secrets, and the API adapters made with both."""

import os
from collections.abc import Callable
from pathlib import Path

from hakeeper import __version__
from hakeeper.adapters.cafile import fault_of_ca_file
from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.adapters.file_permissions import writable_by_others
from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.cloud import Identity, cloud_sessions
from hakeeper.adapters.hetzner.pool import WORKERS
from hakeeper.adapters.hetzner.robot import MainAddresses, robot_sessions
from hakeeper.adapters.hetzner.robot.api import WORKERS as ROBOT_WORKERS
from hakeeper.adapters.identity import LocalIdentity
from hakeeper.adapters.login import read_login
from hakeeper.adapters.redaction import Redactor
from hakeeper.adapters.secret import SecretUnusable
from hakeeper.adapters.token import read_token
from hakeeper.config import Config, ConfigErrors
from hakeeper.config.robot import networks_of
from hakeeper.core.calls import CallResult
from hakeeper.kinds.apis import CLOUD, ROBOT

LOAD_ERRORS = (ConfigErrors, ConfigUnreadable, SecretUnusable)
"""What is wrong with the configuration and its secrets: a start ends with it, a reload survives it.
What the system refuses is an OSError, and says nothing about them."""

WARNINGS_KEPT = 20
"""So many are known again, and told once."""


def warm_connections(config: Config, api: str) -> int:
    """Return how many connections to an API to keep open.

    One for each address's claim, and one for the reads. A selector may choose any number: for it,
    as many as are ever used at once. At Robot a move takes most of a minute, so that to connect
    first is no matter: one shows that the way is free.
    """
    if api == ROBOT.name:
        return 1
    return 1 + sum(CLOUD.max_parallel if ref.is_selector else 1 for ref in config.refs_of(api))


def api_options(config: Config, api: str) -> HetznerOptions:
    """Return how an API is reached."""
    section = config.section_of(api)
    return HetznerOptions(endpoint=section.endpoint, ca_file=section.ca_file, version=__version__)


def main_addresses(config: Config) -> MainAddresses:
    """Return what says which server this is at Robot."""
    moved = (ref.network for ref in config.refs_of(ROBOT.name))
    return MainAddresses(networks_of(config.robot.server), filter(None, moved))


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
        """Hide every secret that was ever read."""
        return self._redactor.text(text)

    def load(self) -> Config:
        """Read the configuration and try its secrets; raises LOAD_ERRORS.

        Of an API that the resources do not need, nothing is read.
        """
        config = load(self._path)
        files = [self._path]
        for api in config.apis:
            files += self._files(config, api)
            self.secret(config, api)
        for text in writable_by_others(files):
            self._warn_once(text)
        return config

    def _files(self, config: Config, api: str) -> list[Path]:
        """Return the files that an API's section names; raises ConfigUnreadable for a bad one."""
        name, secret_file = "hetzner", config.hetzner.token_file
        if api == ROBOT.name:
            name, secret_file = "robot", config.robot.credentials_file
        ca_file = config.section_of(api).ca_file
        fault = None if ca_file is None else fault_of_ca_file(ca_file)
        if ca_file is not None and fault is not None:
            message = f"cannot be used as {name}.ca_file: {fault.reason}"
            raise ConfigUnreadable(ca_file, fault.exit_code, message)
        return [path for path in (ca_file, secret_file) if path is not None]

    def secret(self, config: Config, api: str) -> str:
        """Read the token or login of an API, and have it hidden; raises SecretUnusable."""
        return self._login(config) if api == ROBOT.name else self._token(config)

    def _token(self, config: Config) -> str:
        found = read_token(config.hetzner.token_file, os.environ)
        value = found.token.reveal()
        self._redactor.add(value)
        for warning in found.warnings:
            self._warn_once(warning)
        return value

    def _login(self, config: Config) -> str:
        found = read_login(config.robot.credentials_file, os.environ)
        found.login.hide_in(self._redactor)
        for warning in found.warnings:
            self._warn_once(warning)
        return found.login.reveal()

    def _warn_once(self, text: str) -> None:
        """Warn of it unless that was the last time so: secrets are read again and again."""
        if text not in self._warned:
            self._warned = {*self._warned, text} if len(self._warned) < WARNINGS_KEPT else {text}
            self._warn(text)

    def make_pool(
        self,
        config: Config,
        api: str,
        deliver: Callable[[CallResult], None],
        objection: Callable[[float], str | None],
    ) -> HetznerPool:
        """Make the adapter of an API; raises LOAD_ERRORS for an unusable secret, and OSError."""
        options = api_options(config, api)
        if api == ROBOT.name:
            sessions, workers, noun = (
                robot_sessions(options, main_addresses(config)),
                ROBOT_WORKERS,
                "login",
            )
        else:
            local = LocalIdentity.from_environment(os.environ).candidates
            sessions = cloud_sessions(options, Identity(config.server, local))
            workers, noun = WORKERS, "token"
        return HetznerPool(
            options,
            sessions,
            read_secret=lambda: self.secret(config, api),
            redact=self._redactor.text,
            deliver=deliver,
            objection=objection,
            workers=workers,
            warm=warm_connections(config, api),
            noun=noun,
        )
