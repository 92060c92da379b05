"""What tells of the next start: who added an address, how keepalived ended, what the kernel has."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.keepalived.processes import read_stat
from hakeeper.demo.lab.netns import Namespace
from hakeeper.doctor.gather.kernel import has_ipvs
from hakeeper.doctor.gather.last_exit import changed_after_start, read_end
from hakeeper.doctor.gather.netlink import age, jiffies_s
from tests.support.waiting import eventually

ASK = """
import json, sys
from hakeeper.doctor.gather.netlink import addresses_added_after
found = addresses_added_after(int(sys.argv[1]))
print(json.dumps(None if found is None else sorted(map(str, found))))
"""
SHOWN = "ExecMainCode={}\nExecMainStatus={}\nExecMainExitTimestampMonotonic={}\n"


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_addresses_added_after_a_process_are_distinguished_from_earlier_ones(
    sleeper: "subprocess.Popen[bytes]",
) -> None:
    seen = read_stat(sleeper.pid)
    assert seen is not None
    began_s = seen.start_ticks / os.sysconf("SC_CLK_TCK")
    with Namespace("late") as namespace:
        namespace.ip("link set lo up")
        none_yet = namespace.run(sys.executable, "-c", ASK, str(os.getpid()))
        eventually(
            lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > began_s + 0.1,
            timeout_s=10,
            what="the clock to go on",
        )
        namespace.ip("address add 192.0.2.9/32 dev lo", "address add 2001:db8::9/128 dev lo nodad")
        told = json.loads(namespace.run(sys.executable, "-c", ASK, str(sleeper.pid)))
        of_a_later_one = namespace.run(
            sys.executable, "-c", ASK.replace("int(sys.argv[1])", "__import__('os').getpid()")
        )

    assert {"192.0.2.9", "2001:db8::9"} <= set(told)
    assert "192.0.2.9" not in none_yet
    assert [] == json.loads(of_a_later_one)


@pytest.mark.parametrize("ticks_per_s", [100, 250, 300, 1000])
@pytest.mark.parametrize("asleep_s", [0.3, 86_400.0])
def test_jiffies_are_found_whatever_a_kernel_was_built_with(
    ticks_per_s: int, asleep_s: float
) -> None:
    up_s = 4_000_000.0
    times_s = ((1 << 32) - 300 * ticks_per_s) / ticks_per_s + up_s
    assert pytest.approx(up_s) == jiffies_s(times_s, up_s + asleep_s)


@pytest.mark.parametrize(
    ("now", "stamp", "passed"), [(500, 200, 300), (100, (1 << 32) - 50, 150), (200, 203, 0)]
)
def test_the_age_of_a_stamp_passes_the_end_of_its_bits(now: int, stamp: int, passed: int) -> None:
    assert passed == age(now, stamp)


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    with Namespace("late") as namespace:
        assert "null" == namespace.run(sys.executable, "-c", ASK, str(1 << 30)).strip()


def test_a_file_that_was_moved_there_after_the_start_counts_as_changed(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    new = tmp_path / "keepalived.conf"
    new.write_text("")
    os.utime(new, (0, 0))  # as one that was copied with its times

    assert changed_after_start(1, [str(new)])
    assert changed_after_start(sleeper.pid, [str(tmp_path / "gone")])
    assert not changed_after_start(sleeper.pid, ["/usr/bin/env"])


@pytest.mark.parametrize(
    ("text", "how"),
    [
        (SHOWN.format(1, 2, 5_000_000), ("exit code 2", 5.0)),
        (SHOWN.format(3, 11, 5_000_000), ("signal 11", 5.0)),
        (SHOWN.format(2, 15, 5_000_000), None),
        (SHOWN.format(1, 0, 5_000_000), None),
        (SHOWN.format(0, 0, 0), None),
        ("", None),
        ("ExecMainCode=1\nExecMainStatus=2\nExecMainExitTimestampMonotonic=x\n", None),
    ],
)
def test_only_an_end_of_its_own_is_a_refusal(text: str, how: tuple[str, float] | None) -> None:
    assert how == read_end(text)


def test_the_lists_of_modules_tell_of_ipvs(tmp_path: Path) -> None:
    loaded, modules = tmp_path / "ip_vs", tmp_path / "modules"
    folder = modules / os.uname().release
    folder.mkdir(parents=True)
    (folder / "modules.dep").write_text("kernel/net/netfilter/nf_tables.ko:\n")
    without = has_ipvs(loaded, modules)
    (folder / "modules.builtin").write_text("kernel/net/netfilter/ipvs/ip_vs.ko\n")
    built_in = has_ipvs(loaded, modules)
    loaded.write_text("")

    assert (False, True) == (without, built_in)
    assert has_ipvs(loaded, tmp_path / "none")
