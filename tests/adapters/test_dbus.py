import contextlib
import os
import queue
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import eventually
from jeepney import (  # type: ignore[import-untyped]  # it ships no types
    HeaderFields,
    Message,
    MessageType,
    Parser,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.wrappers import DBusAddress  # type: ignore[import-untyped]  # it ships no types
from privileges import let_everybody_enter

from hakeeper.adapters.keepalived import bus as bus_module
from hakeeper.adapters.keepalived.bus import BusOwner, KeepalivedBus
from hakeeper.adapters.keepalived.link import MESSAGE_BYTES
from hakeeper.adapters.keepalived.roles import ROOT_PATH
from hakeeper.core.events import RolesQueried
from hakeeper.core.model import Role
from hakeeper.sim.lab.keepalived import Keepalived
from hakeeper.sim.lab.netns import Namespace
from hakeeper.sim.lab.process import LabProcess
from hakeeper.sim.lab.reaping import adopting_orphans

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="keepalived needs root")

BUS_CONF = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_sender="*"/>
  </policy>
  {policy}
</busconfig>
"""
SHIPPED_POLICY = """\
  <policy user="root">
    <allow own="org.keepalived.Vrrp1"/>
    <allow send_destination="org.keepalived.Vrrp1"/>
  </policy>
  <policy context="default">
    <allow send_destination="org.keepalived.Vrrp1"
           send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.keepalived.Vrrp1"
           send_interface="org.freedesktop.DBus.Peer"/>
    <allow send_destination="org.keepalived.Vrrp1"
           send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
"""
"""What keepalived's package installs: everybody may read, root may do the rest."""
DENIED_POLICY = '<policy user="root"><allow own="org.keepalived.Vrrp1"/></policy>'


def instance(name: str, vrid: int, priority: int, interface: str = "eth0") -> str:
    return f"""
vrrp_instance "{name}" {{
    state BACKUP
    interface {interface}
    virtual_router_id {vrid}
    priority {priority}
    version 3
    advert_int 0.1
    unicast_src_ip 10.99.0.1
    unicast_peer {{
        10.99.0.2
    }}
    virtual_ipaddress {{
        10.99.1.{vrid}/32 dev eth0
    }}
}}
"""


GLOBAL_DEFS = "global_defs {\n    router_id test\n    enable_dbus\n    vrrp_startup_delay 0\n}\n"
CONF = (
    GLOBAL_DEFS
    + instance("VI 1", 51, 150)
    + instance("it's ä", 52, 150)
    + instance("VI_F", 53, 150, "eth9")
)


class Listener:
    """Collects what the thread delivers."""

    def __init__(self) -> None:
        self._values: queue.SimpleQueue[RolesQueried | BusOwner] = queue.SimpleQueue()
        self.owners: list[BusOwner] = []
        self.answers: list[RolesQueried] = []

    def __call__(self, value: RolesQueried | BusOwner) -> None:
        self._values.put(value)

    def next(self) -> RolesQueried | BusOwner:
        value = self._values.get(timeout=20)
        if isinstance(value, BusOwner):
            self.owners.append(value)
        else:
            self.answers.append(value)
        return value

    def answer(self) -> RolesQueried:
        while True:
            value = self.next()
            if isinstance(value, RolesQueried):
                return value

    def owner(self) -> BusOwner:
        while True:
            value = self.next()
            if isinstance(value, BusOwner):
                return value

    def nothing_more(self) -> bool:
        return self._values.empty()


class DbusDaemon:
    """A real dbus-daemon with a socket and a policy of its own."""

    def __init__(self, folder: Path, policy: str) -> None:
        self._folder = folder
        self.socket_path = folder / "bus"
        self.address = f"unix:path={self.socket_path}"
        conf = BUS_CONF.format(socket=self.socket_path, policy=policy)
        (folder / "bus.conf").write_text(conf)
        self.process: LabProcess

    def start(self) -> None:
        argv = ["dbus-daemon", f"--config-file={self._folder / 'bus.conf'}", "--nofork"]
        log_path = self._folder / "bus.log"
        self.process = LabProcess("bus", [*argv, "--nopidfile"], log_path=log_path)
        eventually(self._answers)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket_path)) == 0

    def kill(self) -> None:
        self.process.kill_group()
        self.socket_path.unlink(missing_ok=True)


@contextlib.contextmanager
def dbus_daemon(folder: Path, policy: str = SHIPPED_POLICY) -> Iterator[DbusDaemon]:
    daemon = DbusDaemon(folder, policy)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.kill()


@pytest.fixture
def dbus(tmp_path: Path) -> Iterator[DbusDaemon]:
    with dbus_daemon(tmp_path) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with adopting_orphans():
        namespace = Namespace("dbus")
        namespace.ip(
            "link add eth0 type veth peer name eth1",
            "link set eth0 up",
            "link set eth1 up",
            "address add 10.99.0.1/24 dev eth0",
            "link add eth9 type veth peer name eth8",
        )
        yield namespace
        namespace.close()


@contextlib.contextmanager
def running_keepalived(
    namespace: Namespace, folder: Path, address: str, conf: str = CONF
) -> Iterator[Keepalived]:
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": address}
    keepalived = Keepalived(
        "a",
        folder,
        namespace=namespace,
        conf=conf,
        environment=environment,
        on_death=lambda: None,
    )
    keepalived.start()
    try:
        yield keepalived
    finally:
        keepalived.close()


@pytest.fixture
def keepalived(namespace: Namespace, dbus: DbusDaemon, tmp_path: Path) -> Iterator[Keepalived]:
    with running_keepalived(namespace, tmp_path, dbus.address) as keepalived:
        yield keepalived


@contextlib.contextmanager
def listening(address: str) -> Iterator[tuple[KeepalivedBus, Listener]]:
    listener = Listener()
    bus = KeepalivedBus(listener, address=address)
    try:
        yield bus, listener
    finally:
        bus.close()
        assert not bus._thread.is_alive()


def ask_until(
    bus: KeepalivedBus, listener: Listener, good: Callable[[RolesQueried], bool]
) -> RolesQueried:
    numbers = iter(range(1000, 100_000))

    def ask() -> RolesQueried | None:
        number = next(numbers)
        bus.query(number)
        answer = listener.answer()
        assert number == answer.query_id
        return answer if good(answer) else None

    found = eventually(ask, timeout_s=20)
    assert found is not None
    return found


# --- real keepalived, real bus --------------------------------------------------------------


@needs_root
def test_every_instance_is_told_by_name_with_its_role(
    keepalived: Keepalived, dbus: DbusDaemon
) -> None:
    expected = {"VI 1": Role.MASTER, "it's ä": Role.MASTER, "VI_F": Role.FAULT}
    with listening(dbus.address) as (bus, listener):
        answer = ask_until(bus, listener, lambda one: one.roles == expected)
        assert answer.reason == ""
        assert expected == {**keepalived.states()}


@needs_root
def test_a_backup_is_told_as_backup(namespace: Namespace, dbus: DbusDaemon, tmp_path: Path) -> None:
    conf = GLOBAL_DEFS + instance("VI_1", 51, 100).replace("advert_int 0.1", "advert_int 30")
    with (
        running_keepalived(namespace, tmp_path, dbus.address, conf),
        listening(dbus.address) as (bus, listener),
    ):
        ask_until(bus, listener, lambda one: one.roles == {"VI_1": Role.BACKUP})


@needs_root
def test_many_instances_are_all_told(
    namespace: Namespace, dbus: DbusDaemon, tmp_path: Path
) -> None:
    conf = GLOBAL_DEFS + "".join(instance(f"VI_{number}", number, 255) for number in range(1, 101))
    with (
        running_keepalived(namespace, tmp_path, dbus.address, conf),
        listening(dbus.address) as (bus, listener),
    ):
        expected = {f"VI_{number}": Role.MASTER for number in range(1, 101)}
        ask_until(bus, listener, lambda one: one.roles == expected)


_ASK_AS_NOBODY = """
import os, queue, sys
from hakeeper.adapters.keepalived.bus import KeepalivedBus
from hakeeper.core.events import RolesQueried
os.setgid(65534); os.setuid(65534)
values = queue.SimpleQueue()
bus = KeepalivedBus(values.put, address=sys.argv[1])
bus.query(1)
while not isinstance(value := values.get(timeout=20), RolesQueried):
    pass
print(value.roles and sorted(value.roles), value.reason)
bus.close()
"""


@needs_root
@pytest.mark.usefixtures("keepalived")
def test_an_unprivileged_user_may_ask_under_the_policy_that_keepalived_ships(
    dbus: DbusDaemon, tmp_path: Path
) -> None:
    let_everybody_enter(tmp_path)
    with listening(dbus.address) as (bus, listener):
        ask_until(bus, listener, lambda one: len(one.roles or ()) == 3)
    done = subprocess.run(
        [sys.executable, "-c", _ASK_AS_NOBODY, dbus.address],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{sorted(['VI 1', 'VI_F', chr(105) + 't' + chr(39) + 's ä'])} \n"


@needs_root
def test_a_refusing_policy_is_told_as_access_denied(namespace: Namespace, tmp_path: Path) -> None:
    with (
        dbus_daemon(tmp_path, DENIED_POLICY) as dbus,
        running_keepalived(namespace, tmp_path, dbus.address),
        listening(dbus.address) as (bus, listener),
    ):
        answer = ask_until(bus, listener, lambda one: "is not on the bus" not in one.reason)
        assert answer.roles is None
        assert "AccessDenied" in answer.reason


@needs_root
def test_the_bus_tells_when_keepalived_comes_and_goes(
    namespace: Namespace, dbus: DbusDaemon, tmp_path: Path
) -> None:
    with listening(dbus.address) as (bus, listener):
        bus.query(1)
        answer = listener.answer()
        assert answer.roles is None
        assert "`enable_dbus`" in answer.reason
        with running_keepalived(namespace, tmp_path, dbus.address) as keepalived:
            assert BusOwner(keepalived.wait_for_child()) == listener.owner()
            keepalived.kill_all()
            assert listener.owner() == BusOwner(None)
            bus.query(2)
            answer = listener.answer()
            assert answer.roles is None
            assert "is not on the bus" in answer.reason
        assert listener.nothing_more()


@needs_root
def test_a_keepalived_that_was_there_before_us_is_told_once(
    keepalived: Keepalived, dbus: DbusDaemon
) -> None:
    with listening(dbus.address) as (bus, listener):
        ask_until(bus, listener, lambda one: one.roles is not None)
    with listening(dbus.address) as (bus, listener):
        assert BusOwner(keepalived.wait_for_child()) == listener.owner()
        bus.query(1)
        listener.answer()
        assert len(listener.owners) == 1


@needs_root
def test_a_keepalived_that_hangs_is_a_failed_query_and_works_again_afterwards(
    keepalived: Keepalived, dbus: DbusDaemon
) -> None:
    with listening(dbus.address) as (bus, listener):
        ask_until(bus, listener, lambda one: len(one.roles or ()) == 3)
        child = keepalived.wait_for_child()
        os.kill(child, signal.SIGSTOP)
        try:
            bus.query(1)
            answer = listener.answer()
        finally:
            os.kill(child, signal.SIGCONT)
        assert RolesQueried(1, None, "no answer in time") == answer
        ask_until(bus, listener, lambda one: len(one.roles or ()) == 3)


@needs_root
def test_a_bus_that_hangs_is_a_failed_query_and_works_again_afterwards(
    keepalived: Keepalived, dbus: DbusDaemon
) -> None:
    assert keepalived.running
    with listening(dbus.address) as (bus, listener):
        ask_until(bus, listener, lambda one: len(one.roles or ()) == 3)
        os.kill(dbus.process.pid, signal.SIGSTOP)
        try:
            bus.query(1)
            bus.query(2)
            answers = {listener.answer(), listener.answer()}
            assert {1, 2} == {answer.query_id for answer in answers}
            assert {None} == {answer.roles for answer in answers}
        finally:
            os.kill(dbus.process.pid, signal.SIGCONT)
        ask_until(bus, listener, lambda one: len(one.roles or ()) == 3)


@needs_root
def test_a_reload_that_adds_and_removes_instances_is_seen_and_never_half_an_answer(
    keepalived: Keepalived, dbus: DbusDaemon
) -> None:
    with listening(dbus.address) as (bus, listener):
        ask_until(bus, listener, lambda one: len(one.roles or ()) == 3)
        keepalived.write_conf(GLOBAL_DEFS + instance("NEW", 77, 150))
        keepalived.reload()
        answer = ask_until(bus, listener, lambda one: set(one.roles or ()) == {"NEW"})
        assert answer.roles is not None


# --- buses that are not there, or are not buses ----------------------------------------------


def test_no_bus_at_all_is_a_reason_in_words(tmp_path: Path) -> None:
    with listening(f"unix:path={tmp_path / 'none'}") as (bus, listener):
        bus.query(7)
        expected = f"no bus at '{tmp_path / 'none'}': No such file or directory"
        assert RolesQueried(7, None, expected) == listener.answer()


@pytest.mark.parametrize(
    "address", ["nonsense", "unix:", "tcp:host=localhost,port=1", "unix:path=" + "x" * 200]
)
def test_an_address_that_cannot_be_used_is_a_reason_in_words(address: str) -> None:
    with listening(address) as (bus, listener):
        bus.query(7)
        answer = listener.answer()
        assert answer.roles is None
        assert re.match("the bus address is not|no bus at", answer.reason)


def test_the_environment_names_the_system_bus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'from-env'}")
    listener = Listener()
    bus = KeepalivedBus(listener)
    bus.query(1)
    assert str(tmp_path / "from-env") in listener.answer().reason
    bus.close()


def test_a_bus_that_comes_back_is_found_again_and_again(
    dbus: DbusDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "LAST_RETRY_S", 0.05)
    monkeypatch.setattr(bus_module, "FIRST_RETRY_S", 0.05)
    with listening(dbus.address) as (bus, _):
        for _ in range(3):
            eventually(lambda: bus._link)
            dbus.kill()
            eventually(lambda: bus._link is None)
            dbus.start()


def test_attempts_to_reach_a_missing_bus_grow_rare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "FIRST_RETRY_S", 0.001)
    with listening(f"unix:path={tmp_path / 'none'}") as (bus, _):
        eventually(lambda: bus._retry_s >= 0.064)


def test_an_idle_thread_makes_no_system_call(dbus: DbusDaemon) -> None:
    def switches(thread: threading.Thread) -> int:
        text = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        found = re.search(r"^voluntary_ctxt_switches:\t(\d+)", text, re.MULTILINE)
        assert found is not None
        return int(found[1])

    with listening(dbus.address) as (bus, listener):
        bus.query(1)
        listener.answer()
        eventually(lambda: asleep(bus._thread))
        before = switches(bus._thread)
        time.sleep(1.5)  # not to synchronise: to see that nothing happens meanwhile
        assert before == switches(bus._thread)


def asleep(thread: threading.Thread) -> bool:
    return "epoll" in Path(f"/proc/self/task/{thread.native_id}/wchan").read_text()


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
        (hangs_up, "the bus has left"),
        (refuses, "the bus refuses us"),
        (greets_for_ever, "what answers is not a bus"),
        (drips, "no answer in time"),
        (greets_then_garbage, "the bus says what we cannot read"),
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
                answer = self._answer(message)
                client.sendall(answer.serialise(serial=message.header.serial))

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
    expected = RolesQueried(1, None, "an instance does not tell its name and state")
    assert expected == ask_service(tmp_path, service)


def test_an_answer_from_another_process_than_the_names_owner_is_refused(tmp_path: Path) -> None:
    service = Service()
    service.sender = ":1.8"
    expected = RolesQueried(1, None, "keepalived was replaced while it was asked")
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


def test_an_instance_that_was_added_since_the_last_query_is_told(tmp_path: Path) -> None:
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
        def __call__(self, client: socket.socket) -> None:
            emitter = DBusAddress("/org/freedesktop/DBus", interface="org.freedesktop.DBus")
            forged = new_signal(emitter, "NameOwnerChanged", "sss", (self.name, ":1.7", ""))
            forged.header.fields[HeaderFields.sender] = ":1.66"
            assert forged.header.message_type is MessageType.signal
            greet(client)
            parser = Parser()
            while data := client.recv(65536):
                for message in parser.feed(data):
                    answer = self._answer(message).serialise(serial=1)
                    client.sendall(forged.serialise(serial=99) + answer)

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
