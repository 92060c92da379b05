"""What is seen of real files, pipes, interfaces and programs."""

import grp
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from hakeeper.config import parse
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.demo.lab.netns import Namespace
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.facts import DaemonProblem, MachineFacts
from hakeeper.doctor.gather import files
from hakeeper.doctor.gather.config import config_facts
from hakeeper.doctor.gather.keepalived import keepalived_facts, read_conf
from hakeeper.doctor.gather.keepalived_program import (
    TEST_TIMEOUT_S,
    config_test,
    find_program,
    parse_with_keepalived,
    version_of,
)
from hakeeper.doctor.gather.machine import machine_facts
from hakeeper.doctor.gather.service import daemon_facts, fifo_facts
from hakeeper.doctor.keepalived_facts import ConfigTest, ConfUnreadable
from tests.support.privileges import NOBODY, public_folder, unprivileged
from tests.support.resources import by_id, by_name, by_network
from tests.support.server_facts import CONF

GOOD = "instances: {VI_1: {floating_ips: [web]}}\n"

# --- the FIFO ---------------------------------------------------------------------------------


def test_a_fifo_with_its_owner_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    path.chmod(0o640)
    os.chown(path, NOBODY, 7)
    seen = fifo_facts(path)

    assert ("FIFO", "nobody", NOBODY, 7, 0o640) == (
        seen.kind,
        seen.owner,
        seen.owner_id,
        seen.group_id,
        seen.mode,
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda _: None, ""),
        (lambda path: path.touch(), "a regular file"),
        (lambda path: path.mkdir(), "a directory"),
        (lambda path: path.symlink_to("/dev/null"), "a symbolic link"),
        (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "something else"),
    ],
)
def test_what_is_no_fifo(tmp_path: Path, make: Callable[[Path], None], kind: str) -> None:
    make(tmp_path / "it")
    assert (kind, "") == (fifo_facts(tmp_path / "it").kind, fifo_facts(tmp_path / "it").problem)


def test_a_fifo_in_an_unreadable_directory_cannot_be_examined() -> None:
    with public_folder() as folder:
        (folder / "closed").mkdir(mode=0o700)
        os.mkfifo(folder / "closed" / "fifo")
        with unprivileged():
            seen = fifo_facts(folder / "closed" / "fifo")

    assert "Permission denied" in seen.problem


# --- the files ----------------------------------------------------------------------------------


def test_the_lines_of_hakeeper_yaml(tmp_path: Path) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(
        "server: 7\ninstances:\n  VI_1:\n    floating_ips:\n      - web\n      - 12\n"
        "groups:\n  G: {floating_ips: [203.0.113.9]}\nhetzner:\n  timeout: 2s\n"
    )
    facts = config_facts(parse(path.read_text(), str(path)), path, "")
    lines = {str(ref): place.line for ref, place in facts.addresses.items()}

    assert {"web": 5, "12": 6, "203.0.113.9": 8} == lines
    address = by_network(ip_network("203.0.113.9"))
    assert {by_name("web"), by_id(12), address} == set(facts.addresses)
    assert 3 == facts.sections[VrrpId(VrrpKind.INSTANCE, "VI_1")].line
    assert 8 == facts.sections[VrrpId(VrrpKind.GROUP, "G")].line
    assert [1, 10] == [
        place.line for key in ("server", "hetzner.timeout") if (place := facts.key(key))
    ]
    assert facts.key("hetzner.ca_file") is None


def test_an_unreadable_conf_is_reported() -> None:
    with public_folder() as folder:
        path = folder / "keepalived.conf"
        path.write_text(CONF)
        path.chmod(0o600)
        with unprivileged():
            closed = read_conf(path, "x")
        path.chmod(0o644)
        with unprivileged():
            opened = read_conf(path, "x")

    assert closed == ConfUnreadable(str(path), "Permission denied", is_denied=True)
    assert isinstance(opened, KeepalivedConf)


def test_a_missing_or_unusable_conf_is_reported(tmp_path: Path) -> None:
    missing, folder = read_conf(tmp_path / "none", "x"), read_conf(tmp_path, "x")
    (tmp_path / "huge").write_bytes(b"\n" * (files.SIZE_LIMIT + 1))
    huge = read_conf(tmp_path / "huge", "x")

    assert isinstance(missing, ConfUnreadable)
    assert ("No such file or directory", False) == (missing.reason, missing.is_denied)
    assert isinstance(folder, ConfUnreadable)
    assert "is a directory" == folder.reason
    assert isinstance(huge, ConfUnreadable)
    assert "is larger than 4 MiB" == huge.reason


def test_what_an_include_names_must_be_there_but_what_it_matches_need_not(tmp_path: Path) -> None:
    (tmp_path / "one-a.conf").write_text("vrrp_instance A {\n}\n")
    (tmp_path / "one-b.conf").write_text("vrrp_instance B {\n}\n")
    path = tmp_path / "keepalived.conf"
    path.write_text("include none.conf\ninclude none*.conf\ninclude one-*.conf\ninclude x/*\n")
    conf = read_conf(path, "x")

    assert isinstance(conf, KeepalivedConf)
    assert [("No such file or directory", 1), ("No such file or directory", 4)] == [
        (one.what.rpartition(": ")[2], one.place.line) for one in conf.unread
    ]
    assert ["A", "B"] == [one.name for one in conf.instances]


def test_included_files_that_may_not_be_read_are_reported() -> None:
    with public_folder() as folder:
        (folder / "conf.d").mkdir(mode=0o700)
        (folder / "conf.d" / "a.conf").write_text("x y\n")
        (folder / "one.conf").write_text("x y\n")
        (folder / "one.conf").chmod(0o600)
        path = folder / "keepalived.conf"
        path.write_text("include conf.d/*.conf\ninclude one.conf\ninclude {a,b}.conf\n")
        path.chmod(0o644)
        with unprivileged():
            conf = read_conf(path, "x")

    assert isinstance(conf, KeepalivedConf)
    assert [1, 2, 3] == [one.place.line for one in conf.unread]
    assert ["Permission denied"] * 2 == [one.what.rpartition(": ")[2] for one in conf.unread[:2]]
    assert "{a,b}.conf`: No such file or directory" in conf.unread[2].what


# --- keepalived ---------------------------------------------------------------------------------


def test_the_version_and_no_process(tmp_path: Path) -> None:
    config = parse(f"{GOOD}keepalived: {{pid_file: {tmp_path}/pid}}\n", "x")
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")  # alive, and no keepalived
    (tmp_path / "keepalived.conf").write_text(CONF)
    seen = keepalived_facts(config, tmp_path / "keepalived.conf")

    assert seen.version is not None
    assert seen.version >= (2, 0, 0)
    assert (None, None) == (seen.pid, seen.roles)
    assert not seen.is_config_id_sure


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """A machine with a public and a private interface."""
    with Namespace(f"hkgather{os.getpid()}") as namespace:
        for name in ("eth0", "enp7s0"):
            namespace.ip(f"link add {name} type veth peer name {name}-p", f"link set {name} up")
        namespace.ip("address add 10.0.0.2/24 dev enp7s0", "address add 192.0.2.9/32 dev eth0")
        namespace.ip("address add 2001:db8:1:2::1/128 dev lo")
        yield namespace


def inside(server: Namespace, code: str) -> str:
    """Run Python on that machine."""
    argv = server.inside([sys.executable, "-c", code])
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_keepalived_itself_is_asked_for_its_opinion(server: Namespace, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.conf", tmp_path / "bad.conf"
    good.write_text(CONF.replace("hakeeper hakeeper", "root"))
    bad.write_text(CONF.replace("    version 3", "    versoin 3"))
    program = find_program()
    code = (
        "from pathlib import Path\n"
        "from hakeeper.doctor.gather.keepalived_program import config_test\n"
        f"print(*[config_test({program!r}, Path(p), None) for p in ({str(good)!r}, {str(bad)!r})],"
        " sep='\\n')"
    )
    first, second = inside(server, code).splitlines()

    assert str(ConfigTest()) == first
    assert "code=5" in second
    assert "Line 15) Unknown keyword 'versoin'" in second


def program_that(folder: Path, does: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return str(path)


def test_a_keepalived_that_says_no_version_is_not_asked_about_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does that of Debian 13 without a file of its package, whatever it is asked."""
    program = program_that(tmp_path, "echo 'Unable to read it' >&2; exit 1")
    conf = tmp_path / "keepalived.conf"
    conf.write_text(CONF)
    monkeypatch.setattr("hakeeper.doctor.gather.keepalived.find_program", lambda _pid: program)
    seen = keepalived_facts(parse(GOOD, "x"), conf)

    assert (None, "Unable to read it") == (seen.version, seen.without_version)
    assert (None, None, "") == (seen.test, seen.reading, seen.writable_file)


def test_a_version_is_read_or_what_stands_in_its_place(tmp_path: Path) -> None:
    assert (2, 3, 3) == version_of(program_that(tmp_path, "echo 'Keepalived v2.3.3 (03/30,2025)'"))
    assert "no" == version_of(program_that(tmp_path, "echo; echo no"))
    assert "" == version_of(str(tmp_path / "none"))


def test_a_program_that_cannot_be_asked_has_no_opinion(tmp_path: Path) -> None:
    ended = program_that(tmp_path, "kill -TERM $$")

    assert config_test(ended, tmp_path, None) is None
    assert config_test(str(tmp_path / "none"), tmp_path, None) is None


def test_one_that_does_not_end_has_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hakeeper.doctor.gather.keepalived_program.TEST_TIMEOUT_S", 0.2)
    endless = program_that(tmp_path, "exec sleep 3600")

    assert config_test(endless, tmp_path, None) is None
    assert parse_with_keepalived(endless, tmp_path / "x", None, ()) is None


def test_the_limit_leaves_room_for_a_dead_resolver() -> None:
    """Without `router_id` keepalived waits 10 s for the name of the host."""
    assert TEST_TIMEOUT_S >= 20


def test_a_program_that_dies_of_the_file_is_reported(tmp_path: Path) -> None:
    dead, silent = program_that(tmp_path, "kill -SEGV $$"), tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexit 5\n")
    silent.chmod(0o755)

    assert ConfigTest(died_of="SIGSEGV") == config_test(dead, tmp_path, None)
    assert ConfigTest(code=5) == config_test(str(silent), tmp_path, "x")


def test_what_keepalived_is_asked_needs_no_resolver(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    program = program_that(tmp_path, f'cat "$3" >> {copy}')
    names = [VrrpId(VrrpKind.INSTANCE, f"VI_{n}") for n in range(3)]
    told = parse_with_keepalived(program, tmp_path / "x", None, names, is_doubtful=True)
    asked = copy.read_text()

    assert told is not None
    assert set(names) == told.asked
    assert 4 == asked.count("router_id ") == asked.count("vrrp_notify_fifo ")
    assert 4 == asked.count("smtp_helo_name ") == asked.count("notification_email_from ")
    assert 3 == asked.count("vrrp_instance ")


def test_what_keepalived_says_after_many_remarks_is_kept(tmp_path: Path) -> None:
    many = program_that(tmp_path, "seq 500; echo the virtual router id must be set; exit 5")
    told = config_test(many, tmp_path, None)

    assert told is not None
    assert "the virtual router id must be set" == told.remarks[-1]


def test_a_sending_keepalived_is_reported() -> None:
    with public_folder() as folder:
        program = program_that(folder, "echo Disabling track script x due to insecure >&2; exit 5")
        told = config_test(program, folder, None)
        with unprivileged():
            to_others = config_test(program, folder, None)

    assert told is not None
    assert to_others is not None
    assert ("Disabling track script x due to insecure",) == told.remarks == to_others.remarks
    assert (True, False) == (told.by_root, to_others.by_root)


# --- the machine --------------------------------------------------------------------------------


def test_addresses_and_interfaces_of_the_machine(server: Namespace) -> None:
    code = (
        "from ipaddress import ip_address\n"
        "from hakeeper.doctor.gather.machine import machine_facts\n"
        "seen = machine_facts(map(ip_address, ('10.0.0.2', '10.0.0.3')), ())\n"
        "print(sorted(map(str, seen.here)), sorted(seen.interfaces),"
        " {k: str(v) for k, v in seen.primaries.items()}, sep='\\n')"
    )
    here, interfaces, primaries = inside(server, code).splitlines()

    assert "'10.0.0.2'" in here
    assert "'10.0.0.3'" not in here
    assert "'2001:db8:1:2::1'" in here
    assert str(["enp7s0", "enp7s0-p", "eth0", "eth0-p", "lo"]) == interfaces
    assert "'enp7s0': '10.0.0.2/24'" in primaries
    assert "'eth0': '192.0.2.9/32'" in primaries


def test_the_service_is_judged_as_the_user_that_asks() -> None:
    with unprivileged():
        seen: MachineFacts = machine_facts([ip_address("127.0.0.1")], ["root", "no-such-user-1"])

    assert ("nobody", NOBODY) == (seen.user, seen.user_id)
    assert "root" in seen.known_users
    assert "no-such-user-1" not in seen.known_users
    assert ip_address("127.0.0.1") in seen.here


def test_the_groups_of_the_user_count(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [grp.struct_group(("a", "x", 71, ["nobody"])), grp.struct_group(("b", "x", 72, []))]
    monkeypatch.setattr("hakeeper.doctor.gather.machine.grp.getgrall", lambda: groups)
    with unprivileged():
        seen = machine_facts([], [])

    assert {71} == seen.group_ids - {NOBODY}


# --- the daemon ---------------------------------------------------------------------------------


def test_nobody_listens(tmp_path: Path) -> None:
    seen = daemon_facts(tmp_path / "control.sock")

    assert not seen.is_running
    assert "hakeeper does not run" in seen.detail


def answer(problem: dict[str, object]) -> dict[str, object]:
    role = {
        "kind": VrrpKind.INSTANCE.value,
        "name": "VI_1",
        "role": "BACKUP",
        "addresses": [{"ref": "web"}],
    }
    return {"problems": [problem], "roles": [role]}


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        (
            {"health": "broken", "text": "so it is"},
            DaemonProblem(is_broken=True, text="so it is"),
        ),
        (
            {"health": "degraded", "text": "t", "code": "c", "cause": "why", "cure": "do"},
            DaemonProblem(is_broken=False, text="t", code="c", cure="do"),
        ),
    ],
)
def test_the_daemons_problems_and_roles_are_gathered(
    monkeypatch: pytest.MonkeyPatch, problem: dict[str, object], wanted: DaemonProblem
) -> None:
    told = answer(problem)
    monkeypatch.setattr("hakeeper.doctor.gather.service.ask", lambda *_: told)
    seen = daemon_facts(Path("/x"))
    vrrp = VrrpId(VrrpKind.INSTANCE, "VI_1")

    assert (wanted,) == seen.problems
    assert ({vrrp: "backup"}, {vrrp: ("web",)}) == (seen.roles, seen.follows)


def test_paths_are_compared_as_files(tmp_path: Path) -> None:
    path, link = tmp_path / "run" / "fifo", tmp_path / "var-run"
    path.parent.mkdir()
    link.symlink_to(path.parent)
    os.mkfifo(path)
    named = [str(link / "fifo"), f"{path.parent}/./fifo", str(tmp_path / "other"), "fifo"]
    (tmp_path / "link").symlink_to(path)
    named += [f"{path}/", str(tmp_path / "link")]  # keepalived uses neither
    there = fifo_facts(path, named)
    path.unlink()

    assert frozenset(named[:2]) == there.same_paths == fifo_facts(path, named).same_paths


def test_groups_are_known_by_name() -> None:
    name = grp.getgrgid(os.getgid()).gr_name
    seen = machine_facts([], [], [name, "no-such-group-1"])

    assert frozenset((name,)) == seen.known_groups
