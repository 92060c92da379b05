"""The package on booted machines, Debian 12 and 13: installed, used, upgraded, removed, purged.

What "used" means stands in debian/tests/service, which is the package's autopkgtest too.
"""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper import __version__
from package.building import REPO, Build
from package.machine import Machine, booted

pytestmark = pytest.mark.timeout(1800)  # two roots are made, beside whatever else runs
NEWER = f"{__version__}+next"
# What apt, dpkg, systemd, the kernel and keepalived (its name for iproute2) write by themselves.
_NOT_OURS = re.compile(
    r"/(root|tmp|etc/iproute2|var/(cache|log|tmp)|var/lib/(apt|dbus|dpkg|systemd))(/|$)"
    r"|/etc/(passwd|group|shadow|gshadow)-$|/usr/(bin|lib|share)/.*__pycache__"
)


@pytest.fixture
def machine(base: Path, first: Build, tmp_path: Path) -> Iterator[Machine]:
    """A booted machine with both packages in /root."""
    with booted(base, tmp_path / "machine") as machine:
        for name, deb in (("this", first.deb), ("next", newer(first.deb, tmp_path))):
            shutil.copy(deb, machine.inside(f"/root/{name}.deb"))
        shutil.copy(REPO / "debian/tests/service", machine.inside("/root/service"))
        yield machine


def newer(deb: Path, folder: Path) -> Path:
    """The same package under a later version."""
    parts = folder / "parts"
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(parts)], check=True)
    control = parts / "DEBIAN/control"
    control.write_text(control.read_text().replace(f"Version: {__version__}", f"Version: {NEWER}"))
    made = folder / "next.deb"
    argv = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(parts), str(made)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return made


def files(machine: Machine) -> set[str]:
    """Everything on the machine that is named after the package, or that nobody else writes."""
    found = machine.run("find / -xdev -print; find /run/hakeeper -print 2>/dev/null || true")
    paths = found.stdout.splitlines()
    return {path for path in paths if "hakeeper" in path or not _NOT_OURS.match(path)}


def accounts(machine: Machine) -> str:
    return machine.run("cut -d: -f1 /etc/passwd /etc/group /etc/shadow /etc/gshadow").stdout


def install(name: str) -> str:
    return f"apt-get install --yes -o Dpkg::Use-Pty=0 /root/{name}.deb"


def test_the_whole_life_of_the_package(machine: Machine) -> None:
    before, people = files(machine), accounts(machine)

    machine.run(install("this"))
    is_quiet(machine)
    is_sound_to_systemd(machine)
    machine.run("hakeeper demo --no-pauses")
    said = machine.run(f"python3 /root/service --upgrade '{install('next')}'").stdout
    assert said.splitlines()[-1] == "all is shown", said
    assert machine.run("dpkg-query -W hakeeper").stdout.split()[1] == NEWER

    machine.run("systemctl start hakeeper")
    machine.run("apt-get remove --yes hakeeper")
    is_removed(machine)
    machine.run(install("this"))
    assert machine.says("systemctl is-active hakeeper") == "active"

    machine.run("apt-get purge --yes hakeeper")
    machine.run("rm /usr/local/share/ca-certificates/*; update-ca-certificates --fresh")
    left = files(machine) - before - {"/etc/keepalived/keepalived.conf"}
    assert left == set()
    assert accounts(machine) == people


def is_quiet(machine: Machine) -> None:
    """As installed: enabled, not running, not failed, and the FIFO is there for its user."""
    assert machine.says("systemctl is-enabled hakeeper") == "enabled"
    assert machine.says("systemctl is-failed hakeeper") == "inactive"
    found = machine.says("stat -c '%F %U %G %a' /run/hakeeper/notify.fifo")
    assert found == "fifo hakeeper hakeeper 600"
    assert machine.says("hakeeper --version") == f"hakeeper {__version__}"
    assert "not installed" not in machine.run("hakeeper version").stdout
    compiled = machine.run("find /usr/lib/hakeeper/hakeeper -name '*.pyc'").stdout
    assert "core/__pycache__/keeper" in compiled, "the sandbox cannot compile it at each start"


def is_sound_to_systemd(machine: Machine) -> None:
    """By this Debian's own systemd, whose judgement differs from that of the others."""
    catalog = REPO / "systemd/hakeeper.catalog"
    shown = machine.run("journalctl --list-catalog").stdout
    assert ("hakeeper" in shown.lower()) == catalog.exists(), "dpkg's trigger takes it over"
    verified = machine.run("systemd-analyze verify --man=no hakeeper.service")
    assert (verified.stdout, verified.stderr) == ("", "")
    machine.run("systemd-analyze security --no-pager --threshold=12 hakeeper.service")


def is_removed(machine: Machine) -> None:
    """Nothing runs; what the operator wrote is kept."""
    assert machine.says("systemctl is-active hakeeper") in {"inactive", "unknown"}
    assert machine.run("pgrep -u hakeeper", check=False).returncode == 1
    assert machine.run("command -v hakeeper", check=False).returncode != 0
    assert machine.says("ls /etc/hakeeper") == "hakeeper.yaml\ntoken\ntoken.cred"
    assert machine.says("ls /usr/lib/hakeeper 2>&1").endswith("No such file or directory")


def test_a_machine_that_is_thrown_away_leaves_no_process(base: Path, tmp_path: Path) -> None:
    with contextlib.suppress(KeyError), booted(base, tmp_path / "machine") as machine:
        pid = machine.pid
        raise KeyError
    assert not Path(f"/proc/{pid}/root/etc").exists()
    assert not (tmp_path / "machine/root").is_mount()
