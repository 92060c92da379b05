"""A simulated API in this process: its ports, and when they are opened and closed."""

import contextlib
import ipaddress
import ssl
import types
from collections.abc import Callable
from typing import Any, NamedTuple, Self

from hakeeper.demo.cloud.command_table import CommandTable
from hakeeper.demo.cloud.control import ControlService
from hakeeper.demo.cloud.engine import Engine
from hakeeper.demo.cloud.listener import Listener
from hakeeper.demo.cloud.server_front import ServerFront
from hakeeper.demo.cloud.service import PortService

LOOPBACK = "127.0.0.1"


class Where(NamedTuple):
    """The addresses to serve on: host and port, of the API and of the control port."""

    api: tuple[str, int]
    control: tuple[str, int]


class Ports:
    """The listening side: the API's port, the control port, perhaps others."""

    api: Listener

    def __init__(self, engine: Engine, *, allow_non_loopback: bool) -> None:
        """Begin without a port."""
        self._engine = engine
        self._allow_non_loopback = allow_non_loopback
        self._listeners: list[Listener] = []

    def check(self, address: tuple[str, int]) -> None:
        """Raise ValueError for an address that is not meant to be served on."""
        if not self._allow_non_loopback and not ipaddress.ip_address(address[0]).is_loopback:
            raise ValueError(f"{address[0]} is not a loopback address")

    def start(self, listener: Listener) -> Listener:
        """Let a listener begin; it is stopped with all others."""
        listener.start()
        self._listeners.append(listener)
        return listener

    def close(self) -> None:
        """Stop serving, end all threads."""
        self._engine.stop()
        for listener in self._listeners:
            listener.stop()
        self._listeners.clear()

    def drop_connections(self) -> None:
        """Reset the API's connections."""
        for connection in self.api.connections():
            connection.drop()

    def use_certificate(self, certfile: str, keyfile: str) -> None:
        """Serve another certificate to new connections; ValueError without TLS."""
        if self.api.tls is None:
            raise ValueError("this cloud does not speak TLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certfile, keyfile)
        self.api.tls = context

    def connection_counts(self) -> tuple[int, int]:
        """Return how many connections were accepted and how many are open."""
        return self.api.accepted, len(self.api.connections())


class Simulator(ServerFront):
    """A simulated API that runs in this process; use it as a context manager."""

    control_url: str
    """Where a client in another process sends its commands."""

    def serve(
        self, ports: Ports, commands: CommandTable, api: Callable[[], PortService], where: Where
    ) -> None:
        """Bind the ports and start; OSError if a port is taken."""
        self._ports = ports
        self._commands = commands
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            ports.check(where.api)
            ports.api = ports.start(api().listener)
            ports.check(where.control)
            control = ports.start(ControlService(commands, where.control).listener)
            undo.pop_all()
        scheme = "http" if ports.api.tls is None else "https"
        self.url = f"{scheme}://{netloc(ports.api)}"
        self.control_url = f"http://{netloc(control)}"

    def call(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Carry the command out here."""
        return self._commands.run(command, arguments)

    def close(self) -> None:
        """Stop serving, end all threads."""
        self._ports.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()


def netloc(listener: Listener) -> str:
    """Return host and port as a URL has them."""
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    return f"{host}:{listener.port}"
