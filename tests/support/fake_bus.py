"""Buses that a test makes up, with a keepalived on them whose answers it makes up as well."""

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from jeepney import (  # type: ignore[import-untyped]  # it ships no types
    HeaderFields,
    Message,
    Parser,
    new_error,
    new_method_return,
)


class FakeBus:
    """A unix server that does what a test tells it; for what a real bus never does."""

    def __init__(self, path: Path, behave: Callable[[socket.socket], None]) -> None:
        self.address = f"unix:path={path}"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._behave = behave
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(20)
                self._behave(client)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(20)


def until_closed(client: socket.socket) -> None:
    while client.recv(65536):
        pass


def greet(client: socket.socket) -> None:
    data = b""
    while not data.endswith(b"\r\n"):
        data += client.recv(1)
    client.sendall(b"OK 1234\r\n")
    data = b""
    while not data.endswith(b"BEGIN\r\n"):
        data += client.recv(1)


class Service:
    """A bus with one service on it, whose answers a test can replace."""

    name = "org.keepalived.Vrrp1"
    state: object = (2, "Master")
    properties: dict[str, tuple[str, object]] | None = None
    sender = ":1.7"
    forged_owner: str | None = None
    error = ""
    errors_left = 0

    def __call__(self, client: socket.socket) -> None:
        greet(client)
        parser = Parser()
        while data := client.recv(65536):
            for message in parser.feed(data):
                client.sendall(self._bytes(message))

    def _bytes(self, message: Message) -> bytes:
        """All that is sent when this message came, in one piece."""
        return bytes(self._answer(message).serialise(serial=message.header.serial))

    def _answer(self, message: Message) -> Message:
        fields = message.header.fields
        method = fields[HeaderFields.member]
        to_bus = fields[HeaderFields.destination] == "org.freedesktop.DBus"
        if method == "GetAll" and self.errors_left > 0:
            self.errors_left -= 1
            reply = new_error(message, self.error)
        else:
            signature, body = self._body(method)
            reply = new_method_return(message, signature, body)
        reply.header.fields[HeaderFields.sender] = "org.freedesktop.DBus" if to_bus else self.sender
        return reply

    def _body(self, method: str) -> tuple[str | None, tuple[object, ...]]:
        match method:
            case "AddMatch":
                return None, ()
            case "Hello" | "GetNameOwner":
                return "s", (":1.7",)
            case "GetConnectionUnixProcessID":
                return "u", (4711,)
            case "Introspect":
                return "s", ('<node><interface name="org.keepalived.Vrrp1.Instance"/></node>',)
            case _:
                default = {"Name": ("s", "VI_1"), "State": ("(us)", self.state)}
                return "a{sv}", (default if self.properties is None else self.properties,)


class Hung(Service):
    """A keepalived that is on the bus, and lets every question to itself wait."""

    def _bytes(self, message: Message) -> bytes:
        to_bus = message.header.fields[HeaderFields.destination] == "org.freedesktop.DBus"
        return super()._bytes(message) if to_bus else b""
