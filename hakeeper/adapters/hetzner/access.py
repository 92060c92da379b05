"""What the workers of one API share: its secret, whom to trust, and the way to it."""

import threading
from collections.abc import Callable

from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.route import Route
from hakeeper.adapters.hetzner.trust import Trust


class SecretUnreadableError(Exception):
    """The token or login could not be read again; `code` is one of ours."""

    def __init__(self, noun: str, error: Exception) -> None:
        """Say what could not be read, and why."""
        super().__init__(f"cannot read the {noun}: {error}")
        self.code = f"{noun}_unreadable"


class Access:
    """The access to the API that `options` describe; safe to use from all threads."""

    def __init__(
        self, options: HetznerOptions, read_secret: Callable[[], str], noun: str = "token"
    ) -> None:
        """Read the secret for the first time; raises what `read_secret` raises.

        `noun`: what people call it.
        """
        self.options = options
        self.trust = Trust(options)
        self.route = Route(options.address)
        self._read_secret = read_secret
        self._noun = noun
        self._lock = threading.Lock()
        self._secret: str | None = read_secret()

    def forget_secret(self) -> None:
        """Have the secret read again before the next call."""
        with self._lock:
            self._secret = None

    def secret(self) -> str:
        """Return the secret, read again if it was forgotten; raises SecretUnreadableError."""
        with self._lock:
            if self._secret is None:
                try:
                    self._secret = self._read_secret()
                except Exception as error:
                    raise SecretUnreadableError(self._noun, error) from error
            return self._secret
