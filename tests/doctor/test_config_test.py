"""The table of remarks, measured with the keepalived that is installed: what it says, what it does.

Each remark is made with a file of its own, and that file is tested, started and reloaded.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.demo.lab.netns import Namespace
from hakeeper.doctor.checks.config_test import (
    NO_INTERFACE as NO_INTERFACE_REMARK,
)
from hakeeper.doctor.checks.config_test import (
    ONLY_WITHOUT_ROOT,
    OTHER,
    REMARK_KINDS,
    SCRIPTS_INSECURE,
    parse_remarks,
)
from hakeeper.doctor.finding import Place
from hakeeper.doctor.gather.keepalived_program import find_program, version_of
from hakeeper.doctor.gather.kernel import has_ipvs
from hakeeper.doctor.keepalived_facts import ConfigTest, KeepalivedsReading
from tests.support.privileges import NOBODY, public_folder
from tests.support.waiting import eventually

GOOD = """\
global_defs {
    router_id a
}
vrrp_instance VI_1 {
    state BACKUP
    interface enp7s0
    virtual_router_id 60
    priority 100
    unicast_src_ip 192.0.2.2
    unicast_peer {
        192.0.2.3
    }
    virtual_ipaddress {
        203.0.113.10/32 dev eth0
    }
}
"""
VIP = "    virtual_ipaddress {\n        203.0.113.10/32 dev eth0\n    }\n"
PEERS = "    unicast_src_ip 192.0.2.2\n    unicast_peer {\n        192.0.2.3\n    }\n"
SECOND = GOOD[GOOD.index("vrrp_instance") :].replace("VI_1", "VI_2").replace(".10/", ".11/")
SCRIPT = 'vrrp_script chk {\n    script "/usr/bin/true"\n}\n'
GROUP = "vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n}\n"
WEIGHTED = SCRIPT.replace("}", "    weight 1\n}")
SECURE = "    router_id a\n    script_user root\n    enable_script_security\n"
TRACKED = "    state BACKUP\n    track_script {\n        chk\n    }\n"


def auth(password: str, more: str = "") -> str:
    return (
        f"    state BACKUP\n{more}    authentication {{\n        auth_type PASS\n{password}    }}\n"
    )


LONG = auth("        auth_pass longerthan8\n")
NO_INTERFACE = ("    interface enp7s0\n", "")
FILES: dict[str, list[tuple[str, str]]] = {
    "interface": [("interface enp7s0", "interface enp9s9")],
    "VIP's interface": [("dev eth0", "dev eth9")],
    "tracked": [("    state", "    track_interface {\n        eth9\n    }\n    state")],
    "no interface": [NO_INTERFACE, (PEERS, "")],
    "no interface, no source": [NO_INTERFACE, ("    unicast_src_ip 192.0.2.2\n", "")],
    "no VIP, version 3": [(VIP, "    version 3\n")],
    "no id": [("    virtual_router_id 60\n", "")],
    "no parameter": [("vrrp_instance", "vrrp_script\nvrrp_instance")],
    "long password": [("    state BACKUP\n", LONG)],
    "password in version 3": [("    state BACKUP\n", auth("auth_pass x\n", "    version 3\n"))],
    "no password": [("    state BACKUP\n", auth(""))],
    "group of one": [("vrrp_instance",
        "vrrp_sync_group G {\n group {\n VI_1\n }\n}\nvrrp_instance")],
    "group of none": [("vrrp_instance", "vrrp_sync_group G {\n}\nvrrp_instance")],
    "weight in a group": [("    router_id a\n", SECURE), ("    state BACKUP\n", TRACKED),
        ("}\n}\n", "}\n}\n" + SECOND.replace("id 60", "id 61")),
        ("vrrp_instance", WEIGHTED + GROUP + "vrrp_instance")],
    "no VIP": [(VIP, "")],
    "nopreempt": [("state BACKUP", "state MASTER\n    nopreempt")],
    "security": [("vrrp_instance", f"{SCRIPT}vrrp_instance"), ("    state BACKUP\n", TRACKED)],
    "script that is not there": [("    router_id a\n", SECURE), ("    state BACKUP\n", TRACKED),
        ("vrrp_instance", SCRIPT.replace("/true", "/none") + "vrrp_instance")],
    "script that is not known": [("    router_id a\n", SECURE), ("    state BACKUP\n", TRACKED)],
    "file that is not known": [("    state BACKUP\n", TRACKED.replace("script", "file"))],
    "no peer": [("        192.0.2.3\n", "")],
    "keyword": [("    state", "    stata")],
    "brace": [(VIP, VIP[: -len("    }\n")])],
    "half a second": [("    state", "    advert_int 0.5\n    state")],
    "another family": [("        203", "        2001:db8::1/128 dev eth0\n        203")],
    "one number twice": [("}\n}\n", "}\n}\n" + SECOND)],
    "one number twice by multicast": [(PEERS, ""),
        ("}\n}\n", "}\n}\n" + SECOND.replace(PEERS, ""))],
    "a state that there is not": [("state BACKUP", "state SLAVE")],
    "too high a priority": [("priority 100", "priority 300")],
    "no such user": [("    router_id a\n", "    router_id a\n    script_user no-such-user\n"),
        ("    state BACKUP\n", TRACKED), ("vrrp_instance", f"{SCRIPT}vrrp_instance")],
    "no such user of a script": [("    router_id a\n", SECURE), ("    state BACKUP\n", TRACKED),
        ("vrrp_instance", SCRIPT.replace("}", "    user no-such-user\n}") + "vrrp_instance")],
    "two faults of one line": [("    state",
        "    lvs_sync_daemon_interface\n    state")],
    "a fault after many remarks": [("    virtual_router_id 60\n",
        "".join(f"    odd_word_{n}\n" for n in range(30)))],
    "something else": [("203.0.113.10/32", "203.0.113.310/32")],
}  # fmt: skip
"""How to spoil the file, by a name."""
NEWER: dict[str, list[tuple[str, str]]] = {
    "script in a linked directory": [("    router_id a\n", SECURE), ("    state BACKUP\n", TRACKED),
        ("vrrp_instance", SCRIPT.replace("/usr/bin", "/bin") + "vrrp_instance")],
    "no interface, and none of the VIP": [NO_INTERFACE, (" dev eth0", "")],
}  # fmt: skip
"""What keepalived 2.3 has a remark about, and 2.2.7 has not, or another one."""
_FOUND = version_of(find_program() or "")
VERSION = _FOUND if isinstance(_FOUND, tuple) else (0, 0, 0)
if VERSION >= (2, 3, 0):
    FILES |= NEWER
ENDS = ("interface", "VIP's interface", "tracked", "no interface", "no interface, no source",
    "no VIP, version 3", "no id",
    "no parameter", "one number twice", "one number twice by multicast", "two faults of one line",
    "a fault after many remarks")  # fmt: skip


class Machine:
    """A network with two interfaces, and keepalived in it."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace, self.folder = namespace, folder
        self.conf = folder / "keepalived.conf"
        self.log = folder / "log"

    def write(self, changes: list[tuple[str, str]], *, with_check: bool = False) -> None:
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        if with_check:
            text = text.replace("router_id a", "router_id a\n    reload_check_config")
        self.conf.write_text(text)

    def test(self) -> tuple[int, tuple[str, ...]]:
        argv = [find_program() or "", "--config-test", "-f", str(self.conf)]
        done = subprocess.run(
            self.namespace.inside(argv), capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, tuple(done.stderr.splitlines())

    @contextlib.contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        names = {"-p": "keepalived.pid", "-r": "vrrp.pid", "-c": "checkers.pid"}
        paths = [word for key, name in names.items() for word in (key, str(self.folder / name))]
        argv = [find_program() or "", "-n", "-l", "-D", "-f", str(self.conf), *paths]
        with (
            self.log.open("wb") as log,
            subprocess.Popen(
                self.namespace.inside(argv), stdout=log, stderr=log, start_new_session=True
            ) as process,
        ):
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait()

    def has_come(self, process: "subprocess.Popen[bytes]") -> bool:
        """Wait until it is BACKUP, or has ended; say whether it is there."""
        eventually(
            lambda: process.poll() is not None or "Entering BACKUP STATE" in self.log.read_text(),
            timeout_s=30,
            what="keepalived to start or to end",
        )
        return process.poll() is None


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Namespace(f"hkremarks{os.getpid()}") as namespace:
        for name in ("eth0", "enp7s0"):
            namespace.ip(
                f"link add {name} type veth peer name {name}-p",
                f"link set {name}-p up",
                f"link set {name} up",
            )
        namespace.ip("address add 192.0.2.2/24 dev enp7s0", "address add 198.51.100.9/32 dev eth0")
        yield Machine(namespace, tmp_path_factory.mktemp("remarks"))


@pytest.mark.parametrize("name", FILES)
def test_keepalived_does_what_the_table_says(machine: Machine, name: str) -> None:
    machine.write(FILES[name])
    code, said = machine.test()
    kinds = [one.kind for one in parse_remarks(said, str(machine.conf))]
    with machine.running() as process:
        starts = machine.has_come(process)
    machine.write(FILES[name], with_check=True)
    with machine.running() as process:
        starts_with_check = machine.has_come(process)

    assert code != 0
    assert kinds
    assert (OTHER in kinds) is (name == "something else")
    assert starts is not any(kind.ends for kind in kinds)
    assert starts is (name not in ENDS)
    assert not starts_with_check


def test_every_row_of_the_table_is_made_but_those_that_need_others(machine: Machine) -> None:
    seen = set()
    for changes in FILES.values():
        machine.write(changes)
        _, said = machine.test()
        seen |= {one.kind.says for one in parse_remarks(said, str(machine.conf))}
        seen |= {kind.says for kind in REMARK_KINDS if any(kind.says in one for one in said)}

    unseen = {kind.says for kind in REMARK_KINDS} - seen
    of_newer = {
        r"Disabling track script \S+ due to insecure",
        r"Unicast instances must have unicast_src_ip or interface",
        r"no interface for e?vip \S+ - removing",
    }
    assert unseen - of_newer == {r"unicast with use_vmac requires vmac_xmit_base"}
    assert unseen & of_newer == (set() if VERSION >= (2, 3, 0) else of_newer)


def test_an_instance_that_speaks_unicast_needs_no_interface_since_2_3(machine: Machine) -> None:
    machine.write([NO_INTERFACE])
    code, said = machine.test()
    with machine.running() as process:
        starts = machine.has_come(process)

    assert starts is (code == 0)
    assert starts is (VERSION >= (2, 3, 0))
    assert starts is not any(NO_INTERFACE_REMARK in one for one in said)


@pytest.mark.parametrize("with_check", [False, True])
@pytest.mark.parametrize("name", ["long password", "interface"])
def test_a_reload_is_refused_or_ends_it(machine: Machine, name: str, *, with_check: bool) -> None:
    machine.write([], with_check=with_check)
    with machine.running() as process:
        assert machine.has_come(process)
        machine.write(FILES[name], with_check=with_check)
        process.send_signal(signal.SIGHUP)
        words = "failed validation" if with_check else "Truncating auth_pass"
        eventually(
            lambda: process.poll() is not None or words in machine.log.read_text(),
            timeout_s=30,
            what="the reload to be refused, done or fatal",
        )
        ended = process.poll() is not None

    assert ended is (name == "interface" and not with_check)


# --- what keepalived reads ----------------------------------------------------------------------


def reads(machine: Machine, *names: str, is_doubtful: bool = False) -> KeepalivedsReading | None:
    code = (
        "from pathlib import Path\n"
        "from hakeeper.core.model import VrrpId, VrrpKind\n"
        "from hakeeper.doctor.gather.keepalived_program import parse_with_keepalived\n"
        f"names = [VrrpId(VrrpKind.INSTANCE, name) for name in {names!r}]\n"
        f"print(repr(parse_with_keepalived({find_program()!r}, Path({str(machine.conf)!r}), None,"
        f" names, is_doubtful={is_doubtful!r})))"
    )

    done = subprocess.run(
        machine.namespace.inside([sys.executable, "-c", code]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    known = {
        "KeepalivedsReading": KeepalivedsReading,
        "Place": Place,
        "VrrpId": VrrpId,
    }
    text = done.stdout.strip()
    for kind in VrrpKind:
        text = text.replace(repr(kind), f"VrrpKind.{kind.name}")
    found = eval(text, {**known, "VrrpKind": VrrpKind})  # noqa: S307  # what we printed ourselves
    assert found is None or isinstance(found, KeepalivedsReading)
    return found


def test_keepalived_tells_what_it_reads_after_parameters_and_includes(machine: Machine) -> None:
    other = machine.folder / "more.conf"
    other.write_text("vrrp_instance VI_2 {\n    interface enp7s0\n}\n")
    machine.write(
        [
            ("global_defs {\n", "$RUN=/run/hakeeper\nglobal_defs {\n"),
            ("router_id a\n", "router_id a\n    vrrp_notify_fifo ${RUN}/notify.fifo root\n"),
        ]
    )
    machine.conf.write_text(f"{machine.conf.read_text()}include ${{_PWD}}/more.conf\n")
    found = reads(machine, "VI_1", "VI_2", "VI_3", "odd name")
    ids = {name: VrrpId(VrrpKind.INSTANCE, name) for name in ("VI_1", "VI_2", "VI_3")}

    assert found is not None
    assert ("/run/hakeeper/notify.fifo", Place(str(machine.conf), 4)) == (
        found.fifo,
        found.fifo_place,
    )
    assert frozenset(ids.values()) == found.asked
    assert {ids["VI_1"], ids["VI_2"]} == found.has


def test_keepalived_tells_that_there_is_nothing(machine: Machine) -> None:
    machine.write([])
    found = reads(machine, "VI_9")

    assert found is not None
    assert (None, frozenset()) == (found.fifo, found.has)
    assert len(found.asked) == 1
    assert ConfigTest() == ConfigTest(code=0)


def test_keepalived_that_stops_reading_does_not_tell_that_there_is_nothing(
    machine: Machine,
) -> None:
    machine.write([("vrrp_instance", "vrrp_script chk {\n    interval\n}\nvrrp_instance")])
    _, said = machine.test()

    assert any("missing a parameter" in one for one in said)
    assert reads(machine, "VI_1") is None


def test_keepalived_finds_what_comes_after_a_block_whose_braces_do_not_match(
    machine: Machine,
) -> None:
    machine.write(
        [
            ("}\n}\n", "}\n}\n" + SECOND.replace("id 60", "id 61")),
            ("        192.0.2.3\n    }\n", "        192.0.2.3\n    }\n    odd {\n"),
            ("    router_id a\n", "    router_id a\n    vrrp_notify_fifo /run/f root\n"),
        ]
    )
    together = reads(machine, "VI_1", "VI_2")
    alone = reads(machine, "VI_1", "VI_2", "VI_3", is_doubtful=True)

    assert together is not None
    assert alone is not None
    assert {"VI_1"} == {one.name for one in together.has}
    assert {"VI_1", "VI_2"} == {one.name for one in alone.has}
    assert {"VI_1", "VI_2", "VI_3"} == {one.name for one in alone.asked}
    assert "/run/f" == alone.fifo


def test_keepalived_needs_ipvs_to_synchronize_connections(machine: Machine) -> None:
    machine.write([("    state", "    lvs_sync_daemon_interface enp7s0\n    state")])
    with machine.running() as process:
        starts = machine.has_come(process)

    assert starts is (has_ipvs() is True)


def test_an_interface_that_may_come_is_waited_for(machine: Machine) -> None:
    machine.write(
        [
            ("interface enp7s0", "interface enp9s9"),
            ("    router_id a\n", "    router_id a\n    dynamic_interfaces\n"),
        ]
    )
    with machine.running() as process:
        eventually(
            lambda: process.poll() is not None or "FAULT" in machine.log.read_text(),
            timeout_s=30,
            what="keepalived to start or to end",
        )
        runs = process.poll() is None

    assert runs


def test_keepalived_reports_scripts_differently_to_other_users(machine: Machine) -> None:
    """It is told that scripts are insecure, whatever they are, and of a violation all the same."""
    with public_folder() as folder:
        public = Machine(machine.namespace, folder)
        told = []
        for name in ("security", "script that is not there"):
            public.write(FILES[name])
            public.conf.chmod(0o644)
            argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            argv += [find_program() or "", "--config-test", "-f", str(public.conf)]
            done = subprocess.run(
                public.namespace.inside(argv),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            told.append(done.stderr)

    assert SCRIPTS_INSECURE in told[0]
    assert ONLY_WITHOUT_ROOT.search(told[1].strip())
