"""What the running keepalived shows: the FIFO it holds, who reads it, and what that is worth."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.keepalived.processes import children_of
from hakeeper.doctor.gather.keepalived_program import find_program, version_of
from tests.doctor.station import Station, Told, its_file, restarted_with
from tests.support.waiting import eventually

TAKES_IN = version_of(find_program() or "") != (2, 3, 4)
"""Whether a reload takes in the file with `reload_check_config`: 2.3.4 goes on with the old one."""


def verdicts(told: Told) -> tuple[bool, bool]:
    return told.json["online"]["ready_now"], told.json["online"]["ready_after_restart"]


def started(station: Station) -> None:
    station.node.keepalived.start()
    station.lab.wait_until(station.node.keepalived.states, timeout_s=15, what="an answer")


def holds(station: Station) -> bool:
    return station.node.keepalived.has_open(station.node.paths.fifo)


def test_a_fifo_that_was_made_anew_is_read_beside_the_old_one(station: Station) -> None:
    path = station.node.paths.fifo
    path.unlink()
    os.mkfifo(path, 0o600)
    eventually(lambda: station.check("--json").code == 0, 30, "the new one to be read")
    told = station.check("--json")
    cures = [one["cure"] for one in told.json["online"]["findings"]]
    station.node.keepalived.reload()
    eventually(lambda: holds(station), 15, "keepalived to open the new FIFO")
    healed = eventually(
        lambda: (now := station.check("--json")).code == 0 and now, 30, "all to be well again"
    )

    assert [
        ("keepalived writes to a FIFO that was replaced; hakeeper still reads that one, too")
    ] == [what for name, what in told.findings("warning") if name == "FIFO reader"]
    assert (True, True) == verdicts(told)
    assert "systemctl reload keepalived" in cures
    assert healed


def test_a_line_that_is_lost_counts_from_the_next_reload_on(station: Station) -> None:
    keepalived, fifo = station.node.keepalived, station.node.paths.fifo
    conf = keepalived.own_conf
    keepalived.write_conf(conf.replace(f"    vrrp_notify_fifo {fifo} root\n", ""))
    before = station.trouble()
    keepalived.reload()
    if TAKES_IN:
        eventually(lambda: not holds(station), 15, "keepalived to close the FIFO")
    else:
        eventually(lambda: "Reload complete" in keepalived.log_text(), 15, "the reload")
        assert holds(station)
    after = station.trouble()
    keepalived.write_conf()
    keepalived.reload()
    eventually(lambda: holds(station), 15, "keepalived to open the FIFO")

    # The lab's own witness has a line, too.
    lost = f"keepalived writes to {station.node.paths.witness_fifo}, but hakeeper reads {fifo}"
    for told in (before, after):
        [(name, what)] = told.findings()
        assert ("FIFO line", True) == (name, what.startswith(lost))
    assert [(True, False), (not TAKES_IN, False)] == [verdicts(before), verdicts(after)]


def test_a_group_that_does_not_exist_costs_the_fifo(station: Station) -> None:
    fifo = station.node.paths.fifo
    with restarted_with(station, (f"{fifo} root\n", f"{fifo} root no-such-group-1\n")):
        before = station.trouble(*its_file(station))
        started(station)
        told = station.trouble()
        is_used = holds(station)

    found = ("FIFO line", "the group no-such-group-1 on the FIFO line does not exist")
    assert not is_used
    assert found in before.findings()
    assert [found] == told.findings()


@pytest.fixture
def reader(station: Station) -> Iterator[Path]:
    path = station.node.folder / "reader.sh"
    path.write_text("#!/bin/sh\nwhile read -r line; do :; done < $1\n")
    path.chmod(0o755)
    yield path
    path.unlink()


def test_a_script_that_reads_the_fifo_is_found_by_its_line(station: Station, reader: Path) -> None:
    fifo = station.node.paths.fifo
    line = f"vrrp_notify_fifo_script {reader} root"
    with restarted_with(station, (f"{fifo} root\n", f"{fifo} root\n    {line}\n")):
        started(station)
        child = station.node.keepalived.wait_for_child()
        eventually(lambda: children_of(child), 15, "keepalived to start the script")
        told = station.trouble()
        conf = station.node.keepalived.conf_path
        number = conf.read_text().splitlines().index(f"    {line}") + 1

    [(name, what)] = told.findings()
    [found] = told.json["online"]["findings"]
    assert name == "FIFO line"
    assert what.startswith("`vrrp_notify_fifo_script` starts a script (process ")
    assert (str(conf), number) == (found["file"], found["line"])
    assert (False, False) == verdicts(told)


def test_any_other_process_that_reads_the_fifo_is_named(station: Station) -> None:
    path = station.node.paths.fifo
    with subprocess.Popen(["/bin/cat", path], stdout=subprocess.DEVNULL) as thief:
        fds = Path(f"/proc/{thief.pid}/fd")
        eventually(lambda: any(fd.readlink() == path for fd in fds.iterdir()), 10, "an open FIFO")
        told = station.trouble()
        thief.terminate()

    assert [("FIFO reader", f"process {thief.pid} reads the FIFO, too: /bin/cat {path}")] == (
        told.findings()
    )
    assert (False, False) == verdicts(told)


def test_the_same_file_by_another_path_is_the_same(station: Station) -> None:
    fifo = station.node.paths.fifo
    link = station.node.folder.parent / "var-run"
    link.symlink_to(fifo.parent)
    with restarted_with(station, (f"fifo {fifo} ", f"fifo {link / fifo.name} ")):
        started(station)
        told = station.check("--json")
        is_used = holds(station)
    link.unlink()

    assert is_used
    assert (0, []) == (told.code, told.json["online"]["findings"])


AUTH = "    authentication {\n        auth_type PASS\n        auth_pass short\n    }\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    state BACKUP\n", f"    state BACKUP\n{AUTH}", "does not support authentication"),
        ("vrrp_instance", "vrrp_sync_group G {\n group {\n VI_1\n }\n}\nvrrp_instance", "only 1"),
        ("    unicast_src_ip", "    nonsense 1\n    unicast_src_ip", "Unknown keyword"),
    ],
)
def test_a_remark_is_no_error_if_keepalived_starts_with_it(
    station: Station, old: str, new: str, words: str
) -> None:
    tolerant = ("    reload_check_config\n", "")
    with restarted_with(station, (old, new), tolerant):
        before = station.check("--json", *its_file(station))
        started(station)
        told = station.check("--json")
        is_used = holds(station)
    remarks = [what for _, what in told.findings("warning") if what.startswith("keepalived says:")]

    assert is_used
    assert (0, False, True) == (before.code, *verdicts(before))
    assert (0, []) == (told.code, told.findings())
    assert 1 == len(remarks)
    assert words in remarks[0]


def test_a_keepalived_that_the_pid_file_does_not_name_is_found(station: Station) -> None:
    told = station.check("--json", keepalived__pid_file="/nonexistent/keepalived.pid")
    pid = station.node.keepalived.pid

    assert 0 == told.code
    assert [
        (
            "keepalived",
            f"keepalived runs as process {pid}, but /nonexistent/keepalived.pid does not name it",
        )
    ] == told.findings("warning")
