"""A connection to a D-Bus on which every operation has a deadline.

jeepney builds and parses the messages; the socket is ours, because jeepney's own connection waits
without limit for the bus's first answer. Deadlines are times of `time.monotonic`.
"""

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from jeepney import (  # type: ignore[import-untyped]  # it ships no types
    DBusAddress,
    HeaderFields,
    Message,
    MessageFlag,
    MessageType,
    Parser,
    new_method_call,
)
from jeepney.bus import get_bus  # type: ignore[import-untyped]  # it ships no types

BUS_NAME = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
MESSAGE_BYTES = 1024 * 1024
"""A larger message ends the connection; keepalived's have a few hundred bytes."""
_READ_BYTES = 64 * 1024
_GREETING_BYTES = 4096
_CALLS_AT_ONCE = 64
"""By default, dbus-daemon allows 128 pending replies for a connection."""

T = TypeVar("T")


class BusError(Exception):
    """The bus gave no usable answer in time; the connection must be closed."""


class CallError(Exception):
    """A call was answered with an error; the connection is still usable."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}" if text else name)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method call; all `arguments` are strings."""

    path: str
    interface: str
    method: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a call, and the unique bus name of its sender."""

    sender: str
    body: tuple[object, ...]


class BusConnection:
    """An open connection that also watches the owner of the name `service`."""

    def __init__(self, service: str, sock: socket.socket) -> None:
        """Use `BusConnection.open`."""
        self.service = service
        self.owner = ""
        """The unique name of the service's owner, as last received from the bus; "" for none."""
        self._socket = sock
        self._parser = Parser()
        self._serial = 0

    @classmethod
    def open(cls, address: str | None, service: str, deadline_s: float) -> "BusConnection":
        """Connect (None: to the system bus) and watch the name; raises BusError."""
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise BusError(f"no socket for the bus: {error.strerror}") from error
        link = cls(service, sock)
        try:
            link._connect(address, deadline_s)
        except BaseException:
            link.close()
            raise
        return link

    def fileno(self) -> int:
        """Return the descriptor, which becomes readable when the bus has sent something."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def call(self, call: Call, deadline_s: float, *, to: str | None = None) -> Reply:
        """Call one method of the service, or of `to`; raises CallError or BusError."""
        (answer,) = self.call_all([call], deadline_s, to=to)
        if isinstance(answer, CallError):
            raise answer
        return answer

    def call_all(
        self, calls: Sequence[Call], deadline_s: float, *, to: str | None = None
    ) -> list[Reply | CallError]:
        """Make several calls at once; return the answers in the order of the calls."""
        answers: list[Reply | CallError] = []
        for start in range(0, len(calls), _CALLS_AT_ONCE):
            some = calls[start : start + _CALLS_AT_ONCE]
            serials = [self._send(call, to or self.service, deadline_s) for call in some]
            waiting = dict.fromkeys(serials)
            found: dict[int, Reply | CallError] = {}
            while len(found) < len(waiting):
                serial, answer = self._next_answer(deadline_s)
                if serial in waiting:
                    found[serial] = answer
            answers += [found[serial] for serial in serials]
        return answers

    def pump(self) -> None:
        """Process what the bus has sent, without waiting; raises BusError if it has closed.

        This includes messages that arrived together with the answer to a call, for which `fileno`
        does not become readable.
        """
        self._socket.settimeout(0)
        try:
            self._receive(self._socket.recv(_READ_BYTES))
        except BlockingIOError:
            pass
        except OSError as error:
            raise BusError(f"the bus closed the connection: {_text(error)}") from error
        while (message := self._next_message()) is not None:
            self._note(message)

    # --- connecting ------------------------------------------------------------------------

    def _connect(self, address: str | None, deadline_s: float) -> None:
        try:
            where = get_bus(address or "SYSTEM")
        except Exception as error:  # jeepney's parser raises many kinds
            raise BusError(f"the bus address is unusable: {error}") from error
        try:
            self._limit(deadline_s)
            self._socket.connect(where)
        except (OSError, ValueError) as error:
            raise BusError(f"no bus at {where!r}: {_text(error)}") from error
        self._authenticate(deadline_s)
        self._bus_call(deadline_s, "Hello")
        rule = (
            f"type='signal',sender='{BUS_NAME}',path='{BUS_PATH}',interface='{BUS_NAME}',"
            f"member='NameOwnerChanged',arg0='{self.service}'"
        )
        self._bus_call(deadline_s, "AddMatch", rule)
        try:
            (owner,) = self._bus_call(deadline_s, "GetNameOwner", self.service).body
        except CallError:  # NameHasNoOwner
            owner = ""
        self.owner = str(owner)

    def _authenticate(self, deadline_s: float) -> None:
        """Do the SASL exchange of the D-Bus specification, mechanism EXTERNAL (the user id)."""
        user = str(os.geteuid()).encode().hex()
        self._send_bytes(b"\0AUTH EXTERNAL " + user.encode() + b"\r\n", deadline_s)
        line = b""
        while not line.endswith(b"\r\n"):
            line += self._recv(deadline_s)
            if len(line) > _GREETING_BYTES:
                raise BusError("this is not a D-Bus: its greeting does not end")
        if not line.startswith(b"OK "):
            raise BusError(f"the bus refuses us: {line[:80]!r}")
        self._send_bytes(b"BEGIN\r\n", deadline_s)

    def _bus_call(self, deadline_s: float, method: str, *arguments: str) -> Reply:
        call = Call(path=BUS_PATH, interface=BUS_NAME, method=method, arguments=arguments)
        return self.call(call, deadline_s, to=BUS_NAME)

    def pid_of(self, owner: str, deadline_s: float) -> int | None:
        """Return the pid of an owner; None: gone, or the bus does not tell; raises BusError."""
        if not owner:
            return None
        try:
            (pid,) = self._bus_call(deadline_s, "GetConnectionUnixProcessID", owner).body
        except CallError:  # it has left meanwhile
            return None
        return pid if isinstance(pid, int) else None

    # --- sending and receiving -------------------------------------------------------------

    def _limit(self, deadline_s: float) -> None:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise BusError("no answer in time")
        self._socket.settimeout(left_s)

    def _send(self, call: Call, to: str, deadline_s: float) -> int:
        address = DBusAddress(call.path, bus_name=to, interface=call.interface)
        signature = "s" * len(call.arguments) or None
        message = new_method_call(address, call.method, signature, call.arguments)
        message.header.flags |= MessageFlag.no_auto_start  # a query must not start keepalived
        self._serial += 1
        self._send_bytes(message.serialise(serial=self._serial), deadline_s)
        return self._serial

    def _send_bytes(self, data: bytes, deadline_s: float) -> None:
        self._limit(deadline_s)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise BusError(f"cannot send to the bus: {_text(error)}") from error

    def _recv(self, deadline_s: float) -> bytes:
        self._limit(deadline_s)
        try:
            data = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            raise BusError("no answer in time") from None
        except OSError as error:
            raise BusError(f"the bus closed the connection: {_text(error)}") from error
        if not data:
            raise BusError("the bus closed the connection")
        return data

    def _receive(self, data: bytes) -> None:
        if not data:
            raise BusError("the bus closed the connection")
        self._parser.add_data(data)

    def _next_message(self) -> Message | None:
        try:
            message = self._parser.get_next_message()
            announced_bytes = 0 if message is not None else self._parser.bytes_desired()
        except Exception as error:  # jeepney's parser raises many kinds
            raise BusError(f"the bus sent an unreadable message: {error!r}") from error
        if announced_bytes > MESSAGE_BYTES:
            raise BusError(f"the bus announces a message of {announced_bytes} bytes")
        return message

    def _next_answer(self, deadline_s: float) -> tuple[int, Reply | CallError]:
        while True:
            message = self._next_message()
            if message is None:
                self._receive(self._recv(deadline_s))
                continue
            fields = message.header.fields
            serial = fields.get(HeaderFields.reply_serial)
            match message.header.message_type:
                case MessageType.method_return:
                    return serial, Reply(fields.get(HeaderFields.sender, ""), message.body)
                case MessageType.error:
                    name = fields.get(HeaderFields.error_name, "an error without a name")
                    text = message.body[0] if message.body else ""
                    return serial, CallError(str(name), str(text))
                case _:
                    self._note(message)

    def _note(self, message: Message) -> None:
        """Note a change of owner; ignore all other messages."""
        fields = message.header.fields
        # Anybody on the bus may send us a signal, but only the bus itself has this sender name.
        if fields.get(HeaderFields.sender) != BUS_NAME:
            return
        if fields.get(HeaderFields.member) != "NameOwnerChanged":
            return
        match message.body:
            case (self.service, str(), str(new)):
                self.owner = new
            case _:
                return


def _text(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error)
