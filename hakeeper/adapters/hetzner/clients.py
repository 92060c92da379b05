"""The token and the clients made with it."""

import threading
from collections.abc import Callable

from hcloud import Client

from hakeeper.adapters.hetzner.client import make_client
from hakeeper.adapters.hetzner.connection import Connection
from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.route import Route
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.adapters.hetzner.trust import Trust


class TokenUnreadableError(Exception):
    """The token could not be read again."""


class Clients:
    """Makes a client for each worker, and knows whether the token has been replaced since."""

    def __init__(self, options: HetznerOptions, read_token: Callable[[], str]) -> None:
        """Read the token for the first time; raises what `read_token` raises."""
        self._options = options
        self._read_token = read_token
        self.trust = Trust(options)
        self.route = Route(options.address)
        self._lock = threading.Lock()
        self._generation = 0
        self._token: str | None = read_token()

    def renew(self) -> None:
        """Forget the token: the next call reads it again."""
        with self._lock:
            self._generation += 1
            self._token = None

    def make(self) -> "OwnClient":
        """Make the client of one worker, with a connection of its own."""
        connection = Connection(self.route, self.trust)
        return OwnClient(self, Transport(self._options.address, connection))

    def current(self) -> tuple[int, str]:
        """Return the token and its generation; TokenUnreadableError if it cannot be read."""
        with self._lock:
            if self._token is None:
                try:
                    self._token = self._read_token()
                except Exception as error:
                    raise TokenUnreadableError(f"cannot read the token: {error}") from error
            return self._generation, self._token

    def is_current(self, generation: int) -> bool:
        """Say whether a client of that generation still has the newest token."""
        return generation == self._generation

    def client(self, token: str, transport: Transport) -> Client:
        """Make a client."""
        return make_client(token, self._options, transport)


class OwnClient:
    """The client of one worker. A new token makes a new client on the same connection."""

    def __init__(self, clients: Clients, transport: Transport) -> None:
        """Remember how to make a client; nothing is made yet."""
        self.transport = transport
        self._clients = clients
        self._generation = 0
        self._client: Client | None = None

    def client(self) -> Client:
        """Return a client with the newest token."""
        if self._client is None or not self._clients.is_current(self._generation):
            generation, token = self._clients.current()
            self._client = self._clients.client(token, self.transport)
            self._generation = generation
        return self._client
