"""What the workers of one API share: its token, whom to trust, and the way to it."""

import threading
from collections.abc import Callable

from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.route import Route
from hakeeper.adapters.hetzner.trust import Trust


class TokenUnreadableError(Exception):
    """The token could not be read again."""


class Access:
    """The access to the API that `options` describe; safe to use from all threads."""

    def __init__(self, options: HetznerOptions, read_token: Callable[[], str]) -> None:
        """Read the token for the first time; raises what `read_token` raises."""
        self.options = options
        self.trust = Trust(options)
        self.route = Route(options.address)
        self._read_token = read_token
        self._lock = threading.Lock()
        self._token: str | None = read_token()

    def forget_token(self) -> None:
        """Have the token read again before the next call."""
        with self._lock:
            self._token = None

    def token(self) -> str:
        """Return the token, read again if it was forgotten; raises TokenUnreadableError."""
        with self._lock:
            if self._token is None:
                try:
                    self._token = self._read_token()
                except Exception as error:
                    raise TokenUnreadableError(f"cannot read the token: {error}") from error
            return self._token
