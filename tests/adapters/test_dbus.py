import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.keepalived import bus as bus_module
from hakeeper.adapters.keepalived.bus import BusOwner, KeepalivedBus
from hakeeper.core.events import RolesQueried
from hakeeper.core.model import Role
from hakeeper.demo.lab.keepalived import Keepalived
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.process import LabProcess
from hakeeper.demo.lab.reaping import adopting_orphans
from hakeeper.demo.lab.waiting import wait_until
from tests.support.bus_listener import Listener, listening
from tests.support.privileges import public_folder
from tests.support.waiting import eventually

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
def dbus() -> Iterator[DbusDaemon]:
    with public_folder() as folder, dbus_daemon(folder) as daemon:
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


def ask_until(
    bus: KeepalivedBus, listener: Listener, good: Callable[[RolesQueried], bool]
) -> RolesQueried:
    numbers = iter(range(1000, 100_000))
    answer = None

    def ask() -> bool:
        nonlocal answer
        number = next(numbers)
        bus.query(number)
        answer = listener.answer()
        assert number == answer.query_id
        return good(answer)

    wait_until(ask, timeout_s=20, what=lambda: f"another answer than {answer}")
    assert answer is not None
    return answer


# --- real keepalived, real bus --------------------------------------------------------------


@needs_root
def test_every_instance_is_reported_by_name_with_its_role(
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
    dbus: DbusDaemon,
) -> None:
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
def test_a_refusing_bus_policy_is_reported_as_access_denied(
    namespace: Namespace, tmp_path: Path
) -> None:
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
def test_a_keepalived_that_was_there_before_us_is_reported_once(
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
        reason = "keepalived is on the bus, but does not answer in time"
        assert RolesQueried(1, None, reason, waits=True) == answer
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
            assert {(None, False)} == {(answer.roles, answer.waits) for answer in answers}
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


def test_a_missing_bus_is_a_clear_reason(tmp_path: Path) -> None:
    with listening(f"unix:path={tmp_path / 'none'}") as (bus, listener):
        bus.query(7)
        expected = f"no bus at '{tmp_path / 'none'}': No such file or directory"
        assert RolesQueried(7, None, expected) == listener.answer()


@pytest.mark.parametrize(
    "address", ["nonsense", "unix:", "tcp:host=localhost,port=1", "unix:path=" + "x" * 200]
)
def test_an_unusable_bus_address_is_a_clear_reason(address: str) -> None:
    with listening(address) as (bus, listener):
        bus.query(7)
        answer = listener.answer()
        assert answer.roles is None
        assert re.match("the bus address is unusable|no bus at", answer.reason)


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
    return "poll" in Path(f"/proc/self/task/{thread.native_id}/wchan").read_text()
