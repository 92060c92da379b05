"""The simulated cloud in this process: engine, ports and interface in one object."""

import contextlib
import ipaddress
import ssl
import types
from typing import Any, Self

from hakeeper.demo.cloud.api import BASE_PATH
from hakeeper.demo.cloud.commands import Commands
from hakeeper.demo.cloud.control import ControlService
from hakeeper.demo.cloud.engine import Engine
from hakeeper.demo.cloud.front import CloudFront
from hakeeper.demo.cloud.listener import Listener
from hakeeper.demo.cloud.metadata import METADATA_PATH, MetadataService
from hakeeper.demo.cloud.service import ApiService, Observer
from hakeeper.demo.cloud.values import Rules

LOOPBACK = "127.0.0.1"


class SimCloud(CloudFront):
    """A simulated Hetzner Cloud on a loopback port; use it as a context manager.

    With `tls` the API speaks HTTPS. Addresses other than loopback are refused unless
    `allow_non_loopback`, since it is not meant to be reachable from outside.
    """

    def __init__(  # noqa: PLR0913 - all named, all with a default
        self,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        control_host: str | None = None,
        control_port: int = 0,
        tls: ssl.SSLContext | None = None,
        rules: Rules | None = None,
        observer: Observer | None = None,
        allow_non_loopback: bool = False,
    ) -> None:
        """Bind the ports and start to serve; OSError if a port is taken."""
        engine = Engine(rules or Rules())
        self._ports = _Ports(engine, allow_non_loopback=allow_non_loopback)
        self._commands = Commands(engine, self._ports)
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._ports.open_api((host, port), tls, observer)
            control = self._ports.open_control(self._commands, (control_host or host, control_port))
            undo.pop_all()
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://{_netloc(self._ports.api)}{BASE_PATH}"
        self.control_url = f"http://{_netloc(control)}"

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


class _Ports:
    """The listening side: the API's port, the control port, metadata ports."""

    api: Listener

    def __init__(self, engine: Engine, *, allow_non_loopback: bool) -> None:
        self._engine = engine
        self._allow_non_loopback = allow_non_loopback
        self._listeners: list[Listener] = []

    def open_api(
        self, address: tuple[str, int], tls: ssl.SSLContext | None, observer: Observer | None
    ) -> None:
        self._check(address)
        self.api = self._start(ApiService(self._engine, address, tls, observer).listener)

    def open_control(self, commands: Commands, address: tuple[str, int]) -> Listener:
        self._check(address)
        return self._start(ControlService(commands, address).listener)

    def close(self) -> None:
        self._engine.stop()
        for listener in self._listeners:
            listener.stop()
        self._listeners.clear()

    def drop_connections(self) -> None:
        for connection in self.api.connections():
            connection.drop()

    def use_certificate(self, certfile: str, keyfile: str) -> None:
        if self.api.tls is None:
            raise ValueError("this cloud does not speak TLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certfile, keyfile)
        self.api.tls = context

    def metadata_url(self, server: int, host: str | None, port: int) -> str:
        address = (host or self.api.host, port)
        self._check(address)
        listener = self._start(MetadataService(self._engine, address, server).listener)
        return f"http://{_netloc(listener)}{METADATA_PATH}"

    def connection_counts(self) -> tuple[int, int]:
        return self.api.accepted, len(self.api.connections())

    def _check(self, address: tuple[str, int]) -> None:
        if not self._allow_non_loopback and not ipaddress.ip_address(address[0]).is_loopback:
            raise ValueError(f"{address[0]} is not a loopback address")

    def _start(self, listener: Listener) -> Listener:
        listener.start()
        self._listeners.append(listener)
        return listener


def _netloc(listener: Listener) -> str:
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    return f"{host}:{listener.port}"
