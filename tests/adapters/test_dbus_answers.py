"""Buses that misbehave as no real one does, and a keepalived whose answers a test makes up."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jeepney import (  # type: ignore[import-untyped]  # it ships no types
    HeaderFields,
    Message,
    MessageType,
    Parser,
    new_error,
    new_signal,
)
from jeepney.wrappers import DBusAddress  # type: ignore[import-untyped]  # it ships no types

from hakeeper.adapters.keepalived import bus as bus_module
from hakeeper.adapters.keepalived.bus import BusOwner, KeepalivedBus
from hakeeper.adapters.keepalived.bus_connection import MESSAGE_BYTES
from hakeeper.adapters.keepalived.dbus_roles import ROOT_PATH
from hakeeper.core.events import RolesQueried
from hakeeper.core.model import Role
from tests.support.bus_listener import Listener, listening
from tests.support.fake_bus import FakeBus, Service, greet, until_closed


@contextlib.contextmanager
def fake_bus(
    folder: Path, behave: Callable[[socket.socket], None]
) -> Iterator[tuple[KeepalivedBus, Listener]]:
    fake = FakeBus(folder / "fake", behave)
    try:
        with listening(fake.address) as pair:
            yield pair
    finally:
        fake.close()


def silent(client: socket.socket) -> None:
    until_closed(client)


def hangs_up(client: socket.socket) -> None:
    client.recv(1)


def refuses(client: socket.socket) -> None:
    client.recv(1)
    client.sendall(b"REJECTED\r\n")
    until_closed(client)


def greets_for_ever(client: socket.socket) -> None:
    while True:
        client.sendall(b"OK" * 1000)


def drips(client: socket.socket) -> None:
    """One byte now and then: each read is quick, the whole never ends."""
    while not select.select([client], [], [], 0.05)[0] or client.recv(65536):
        client.sendall(b"O")


def greets_then_garbage(client: socket.socket) -> None:
    greet(client)
    client.sendall(b"\xff" * 64)
    until_closed(client)


def greets_then_huge(client: socket.socket) -> None:
    greet(client)
    client.sendall(b"l\2\0\1" + (MESSAGE_BYTES * 64).to_bytes(4, "little") + b"\1\0\0\0\0\0\0\0")
    until_closed(client)


def greets_then_silent(client: socket.socket) -> None:
    greet(client)
    until_closed(client)


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (silent, "no answer in time"),
        (hangs_up, "the bus closed the connection"),
        (refuses, "the bus refuses us"),
        (greets_for_ever, "this is not a D-Bus"),
        (drips, "no answer in time"),
        (greets_then_garbage, "the bus sent an unreadable message"),
        (greets_then_huge, "the bus announces a message of"),
        (greets_then_silent, "no answer in time"),
    ],
)
def test_whatever_answers_instead_of_a_bus_each_query_has_one_answer(
    tmp_path: Path, behave: Callable[[socket.socket], None], reason: str
) -> None:
    with fake_bus(tmp_path, behave) as (bus, listener):
        bus.query(1)
        bus.query(2)
        answers = [listener.answer(), listener.answer()]
        assert [answer.query_id for answer in answers] == [1, 2]
        assert answers[0].roles is None
        assert answers[0].reason.startswith(reason)
        assert listener.nothing_more()


def owner_changed(before: str, after: str, *, sender: str) -> bytes:
    """A signal that keepalived's name went from one to another."""
    emitter = DBusAddress("/org/freedesktop/DBus", interface="org.freedesktop.DBus")
    signal = new_signal(emitter, "NameOwnerChanged", "sss", (Service.name, before, after))
    signal.header.fields[HeaderFields.sender] = sender
    assert signal.header.message_type is MessageType.signal
    return bytes(signal.serialise(serial=99))


def ask_service(folder: Path, service: Service) -> RolesQueried:
    with fake_bus(folder, service) as (bus, listener):
        bus.query(1)
        return listener.answer()


@pytest.mark.parametrize(
    ("number", "role"),
    [
        (0, Role.UNKNOWN),
        (1, Role.BACKUP),
        (2, Role.MASTER),
        (3, Role.FAULT),
        (97, Role.STOPPED),
        (98, Role.STOPPED),
        (4, Role.UNKNOWN),
        (4_000_000_000, Role.UNKNOWN),
    ],
)
def test_each_state_number_has_its_role(tmp_path: Path, number: int, role: Role) -> None:
    service = Service()
    service.state = (number, "?")
    assert RolesQueried(1, {"VI_1": role}) == ask_service(tmp_path, service)


@pytest.mark.parametrize("signature", ["s", "(s)"])
def test_both_declarations_of_the_name_are_understood(tmp_path: Path, signature: str) -> None:
    service = Service()
    name = "VI_1" if signature == "s" else ("VI_1",)
    service.properties = {"Name": (signature, name), "State": ("(us)", (1, "Backup"))}
    assert RolesQueried(1, {"VI_1": Role.BACKUP}) == ask_service(tmp_path, service)


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"Name": ("s", "VI_1")},
        {"State": ("(us)", (2, "Master"))},
        {"Name": ("u", 5), "State": ("(us)", (2, "Master"))},
        {"Name": ("s", "VI_1"), "State": ("s", "Master")},
        {"Name": ("s", "VI_1"), "State": ("(ss)", ("2", "Master"))},
    ],
    ids=str,
)
def test_half_an_answer_is_no_answer(
    tmp_path: Path, properties: dict[str, tuple[str, object]]
) -> None:
    service = Service()
    service.properties = properties
    expected = RolesQueried(1, None, "an instance did not give its name and state")
    assert expected == ask_service(tmp_path, service)


def test_an_answer_from_another_process_than_the_names_owner_is_refused(tmp_path: Path) -> None:
    service = Service()
    service.sender = ":1.8"
    expected = RolesQueried(1, None, "keepalived was replaced during the query")
    assert expected == ask_service(tmp_path, service)


def test_an_object_that_goes_away_during_the_walk_makes_it_begin_again(tmp_path: Path) -> None:
    service = Service()
    service.error, service.errors_left = "org.freedesktop.DBus.Error.UnknownMethod", 2
    assert RolesQueried(1, {"VI_1": Role.MASTER}) == ask_service(tmp_path, service)


def test_objects_that_go_away_for_ever_end_in_a_reason(tmp_path: Path) -> None:
    service = Service()
    service.error, service.errors_left = "org.freedesktop.DBus.Error.UnknownMethod", 1000
    answer = ask_service(tmp_path, service)
    assert RolesQueried(1, None, "org.freedesktop.DBus.Error.UnknownMethod") == answer
    assert service.errors_left == 997


class Restless(Service):
    """The owner changes at the very moment of an answer: both arrive with one read."""

    def __init__(self, method: str, *owners: str) -> None:
        self.method = method
        self.owners = list(owners)

    def _bytes(self, message: Message) -> bytes:
        data = super()._bytes(message)
        if message.header.fields[HeaderFields.member] == self.method and len(self.owners) > 1:
            before, after = self.owners.pop(0), self.owners[0]
            data += owner_changed(before, after, sender="org.freedesktop.DBus")
        return data

    def _answer(self, message: Message) -> Message:
        if message.header.fields[HeaderFields.member] != "GetNameOwner" or self.owners[0]:
            return super()._answer(message)
        reply = new_error(message, "org.freedesktop.DBus.Error.NameHasNoOwner")
        reply.header.fields[HeaderFields.sender] = "org.freedesktop.DBus"
        return reply


def test_a_keepalived_that_comes_in_the_moment_of_our_first_question_is_asked(
    tmp_path: Path,
) -> None:
    with fake_bus(tmp_path, Restless("GetNameOwner", "", ":1.7")) as (bus, listener):
        assert BusOwner(4711) == listener.owner()
        bus.query(1)
        assert RolesQueried(1, {"VI_1": Role.MASTER}) == listener.answer()


@pytest.mark.parametrize("method", ["GetConnectionUnixProcessID", "GetAll"])
def test_a_keepalived_that_goes_in_the_moment_of_an_answer_is_reported(
    tmp_path: Path, method: str
) -> None:
    with fake_bus(tmp_path, Restless(method, ":1.7", "")) as (bus, listener):
        if method == "GetAll":
            bus.query(1)
        assert BusOwner(4711) == listener.owner()
        assert BusOwner(None) == listener.owner()


class Grove(Service):
    """A tree of objects like keepalived's, which a test can change; each is named by its path."""

    def __init__(self, *instances: str) -> None:
        self.instances = instances
        self.answer_together = 1
        """So many calls have to be there before the first of them is answered."""

    def __call__(self, client: socket.socket) -> None:
        greet(client)
        parser = Parser()
        waiting: list[Message] = []
        while data := client.recv(65536):
            waiting += parser.feed(data)
            if len(waiting) < self.answer_together:
                continue
            for message in waiting:
                answer = self._answer(message)
                client.sendall(answer.serialise(serial=message.header.serial))
            waiting.clear()

    def _answer(self, message: Message) -> Message:
        self.path = str(message.header.fields[HeaderFields.path])
        return super()._answer(message)

    def _body(self, method: str) -> tuple[str | None, tuple[object, ...]]:
        if method == "GetAll":
            name = self.path.rpartition("/")[2]
            return "a{sv}", ({"Name": ("s", name), "State": ("(us)", self.state)},)
        if method != "Introspect":
            return super()._body(method)
        if self.path == ROOT_PATH:
            return "s", ("".join(f'<node name="{each}"/>' for each in self.instances),)
        return "s", ('<node><interface name="org.keepalived.Vrrp1.Instance"/></node>',)


def test_an_instance_that_was_added_since_the_last_query_is_reported(tmp_path: Path) -> None:
    service = Grove("A")
    with fake_bus(tmp_path, service) as (bus, listener):
        told = []
        for number, instances in enumerate((("A",), ("A",), ("A", "B"), ("B",), ("B", "C"))):
            service.instances = instances
            bus.query(number)
            told.append(tuple(listener.answer().roles or ()))
    assert [("A",), ("A",), ("A", "B"), ("B",), ("B", "C")] == told


def test_all_that_is_known_from_the_last_query_is_asked_for_at_once(tmp_path: Path) -> None:
    service = Grove("A", "B")
    with fake_bus(tmp_path, service) as (bus, listener):
        bus.query(1)
        listener.answer()
        service.answer_together = 5  # three objects describe themselves, two tell their state
        service.state = (1, "Backup")
        bus.query(2)
        assert RolesQueried(2, {"A": Role.BACKUP, "B": Role.BACKUP}) == listener.answer()


def test_an_endless_tree_of_objects_is_given_up(tmp_path: Path) -> None:
    class Endless(Service):
        def _body(self, method: str) -> tuple[str | None, tuple[object, ...]]:
            if method == "Introspect":
                nodes = "".join(f'<node name="n{number}"/>' for number in range(100))
                return "s", (f"<node>{nodes}</node>",)
            return super()._body(method)

    expected = RolesQueried(1, None, "keepalived lists more than 4096 objects")
    assert expected == ask_service(tmp_path, Endless())


def test_a_signal_that_only_pretends_to_be_the_bus_s_is_ignored(tmp_path: Path) -> None:
    class Forger(Service):
        def _bytes(self, message: Message) -> bytes:
            return owner_changed(":1.7", "", sender=":1.66") + super()._bytes(message)

    with fake_bus(tmp_path, Forger()) as (bus, listener):
        bus.query(1)
        assert RolesQueried(1, {"VI_1": Role.MASTER}) == listener.answer()
        assert [BusOwner(4711)] == listener.owners


def test_a_connection_that_went_silent_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    class SilentOnce(Service):
        connections = 0

        def __call__(self, client: socket.socket) -> None:
            self.connections += 1
            try:
                super().__call__(client)
            except BrokenPipeError:
                until_closed(client)

        def _body(self, method: str) -> tuple[str | None, tuple[object, ...]]:
            if method == "Introspect" and self.connections == 1:
                raise BrokenPipeError  # the call is swallowed, and all after it
            return super()._body(method)

    with fake_bus(tmp_path, SilentOnce()) as (bus, listener):
        bus.query(1)
        assert RolesQueried(1, None, "no answer in time") == listener.answer()
        bus.query(2)
        assert RolesQueried(2, {"VI_1": Role.MASTER}) == listener.answer()


def test_queries_from_many_threads_are_each_answered_once(tmp_path: Path) -> None:
    with fake_bus(tmp_path, Service()) as (bus, listener):

        def ask(first: int) -> None:
            for number in range(first, first + 50):
                bus.query(number)

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(0, 400, 50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers = [listener.answer() for _ in range(400)]
        assert list(range(400)) == sorted(answer.query_id for answer in answers)
        assert listener.nothing_more()


def test_close_during_a_hang_returns_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PATIENCE_S", 2.0)
    monkeypatch.setattr(bus_module, "CLOSE_S", 30.0)  # on a busy machine
    before = len(list(Path("/proc/self/fd").iterdir()))
    fake = FakeBus(tmp_path / "fake", silent)
    listener = Listener()
    bus = KeepalivedBus(listener, address=fake.address)
    bus.query(1)
    bus.close()
    assert not bus._thread.is_alive()
    assert listener.nothing_more()
    fake.close()
    assert before == len(list(Path("/proc/self/fd").iterdir()))
