"""The package on booted machines, Debian 12 and 13: installed, used, upgraded, removed, purged.

What "used" means stands in debian/tests/service, which is the package's autopkgtest too.
"""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hakeeper import __version__
from tests.package.building import REPO, Build
from tests.package.machine import Machine, booted
from tests.package.sandbox import put_in_the_sandbox

pytestmark = pytest.mark.timeout(1800)  # two roots are made, beside whatever else runs
NEWER = f"{__version__}+next"
EARLIER = f"{__version__}~before"
MEMORY = str(256 << 20)
# What apt, dpkg, systemd, the kernel and keepalived (its name for iproute2) write by themselves.
_NOT_OURS = re.compile(
    r"/(root|tmp|etc/iproute2|var/(cache|log|tmp)|var/lib/(apt|dbus|dpkg|systemd))(/|$)"
    r"|/etc/(passwd|group|shadow|gshadow)-$|/usr/(bin|lib|share)/.*__pycache__"
)


@pytest.fixture
def machine(base: Path, first: Build, tmp_path: Path) -> Iterator[Machine]:
    """A booted machine with both packages in /root."""
    with booted(base, tmp_path / "machine") as machine:
        debs = {
            "this": first.deb,
            "next": newer(first.deb, tmp_path),
            "before": before(first.deb, tmp_path),
        }
        for name, deb in debs.items():
            shutil.copy(deb, machine.inside(f"/root/{name}.deb"))
        shutil.copy(REPO / "debian/tests/service", machine.inside("/root/service"))
        yield machine


def newer(deb: Path, folder: Path) -> Path:
    """The same package under a later version."""
    return changed(deb, folder / "next", {"DEBIAN/control": (f": {__version__}\n", f": {NEWER}\n")})


def before(deb: Path, folder: Path) -> Path:
    """An earlier version, whose folder of the FIFO was its user's and held the socket, too."""
    changes = {
        "DEBIAN/control": (f": {__version__}\n", f": {EARLIER}\n"),
        "usr/lib/tmpfiles.d/hakeeper.conf": (
            "0755 root     root ",
            "0755 hakeeper hakeeper ",
        ),
        "usr/lib/systemd/system/hakeeper.service": (
            "RuntimeDirectory=hakeeper/daemon\n",
            "RuntimeDirectory=hakeeper\nRuntimeDirectoryPreserve=yes\n",
        ),
        "usr/lib/hakeeper/hakeeper/cli/options.py": ("/run/hakeeper/daemon", "/run/hakeeper"),
    }
    return changed(deb, folder / "before", changes)


def changed(deb: Path, folder: Path, changes: Mapping[str, tuple[str, str]]) -> Path:
    """The same package with other texts in some of its files."""
    parts = folder / "parts"
    folder.mkdir()
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(parts)], check=True)
    for name, (old, new) in changes.items():
        text = (parts / name).read_text()
        assert old in text
        (parts / name).write_text(text.replace(old, new))
    made = folder / "made.deb"
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

    assert machine.run(install("this")).stdout.count("\nhakeeper: next: ") == 1
    is_quiet(machine)
    is_sound_to_systemd(machine)
    machine.run("hakeeper demo --no-pauses")
    said = machine.run(f"python3 /root/service --upgrade '{install('next')}'").stdout
    assert said.splitlines()[-1] == "all is shown", said
    assert machine.run("dpkg-query -W hakeeper").stdout.split()[1] == NEWER

    machine.run("systemctl start hakeeper")
    machine.run("apt-get remove --yes hakeeper")
    is_removed(machine)
    assert "hakeeper: next: " not in machine.run(install("this")).stdout, "it is configured"
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
    assert machine.run("systemctl is-enabled hakeeper-metrics", check=False).stdout == "disabled\n"
    assert machine.says("systemctl is-failed hakeeper-metrics") == "inactive"
    has_its_folder(machine)
    assert machine.says("hakeeper --version") == f"hakeeper {__version__}"
    assert "not installed" not in machine.run("hakeeper version").stdout
    compiled = machine.run("find /usr/lib/hakeeper/hakeeper -name '*.pyc'").stdout
    assert "core/__pycache__/core" in compiled, "the sandbox cannot compile it at each start"


def has_its_folder(machine: Machine) -> None:
    """The FIFO in a folder of root's: keepalived, as root, acts there by names."""
    found = machine.says("stat -c '%F %U %G %a' /run/hakeeper /run/hakeeper/notify.fifo")
    assert found.splitlines() == ["directory root root 755", "fifo hakeeper hakeeper 600"]


def is_sound_to_systemd(machine: Machine) -> None:
    """By this Debian's own systemd, whose judgement differs from that of the others."""
    catalog = REPO / "systemd/hakeeper.catalog"
    shown = machine.run("journalctl --list-catalog").stdout
    assert ("hakeeper" in shown.lower()) == catalog.exists(), "dpkg's trigger takes it over"
    verified = machine.run("systemd-analyze verify --man=no hakeeper.service")
    assert (verified.stdout, verified.stderr) == ("", "")
    machine.run("systemd-analyze security --no-pager --threshold=12 hakeeper.service")
    verified = machine.run("systemd-analyze verify --man=no hakeeper-metrics.service")
    assert (verified.stdout, verified.stderr) == ("", "")
    machine.run("systemd-analyze security --no-pager --threshold=10 hakeeper-metrics.service")


def is_removed(machine: Machine) -> None:
    """Nothing runs; what the operator wrote is kept."""
    assert machine.says("systemctl is-active hakeeper") in {"inactive", "unknown"}
    assert machine.run("pgrep -u hakeeper", check=False).returncode == 1
    assert machine.run("command -v hakeeper", check=False).returncode != 0
    assert machine.says("ls /etc/hakeeper") == "hakeeper.yaml\ntoken\ntoken.cred"
    assert machine.says("ls /usr/lib/hakeeper 2>&1").endswith("No such file or directory")


def test_an_upgrade_takes_the_folder_of_the_fifo_from_the_services_user(machine: Machine) -> None:
    machine.run(install("before"))
    assert machine.says("stat -c %U /run/hakeeper") == "hakeeper"
    look = "(stat -c %i /run/hakeeper/notify.fifo; find /run/hakeeper -name *.sock)"
    steps = f"{look} >/root/old; {install('this')}; {look} >/root/new"
    said = machine.run(f"python3 /root/service --upgrade '{steps}'").stdout

    assert said.splitlines()[-1] == "all is shown", said
    old, new = (machine.says(f"cat /root/{name}").splitlines() for name in ("old", "new"))
    assert ["/run/hakeeper/control.sock"] == old[1:]
    assert [old[0], "/run/hakeeper/daemon/control.sock"] == new, "the FIFO is the same"
    has_its_folder(machine)
    machine.run("systemctl start hakeeper")
    assert machine.says("stat -c '%U %a' /run/hakeeper/daemon") == "hakeeper 755"
    machine.run("systemctl stop hakeeper")
    has_its_folder(machine)
    assert machine.says("ls /run/hakeeper") == "notify.fifo"


@pytest.mark.nightly
def test_make_install_needs_neither_apt_nor_network_and_goes_again(
    base: Path, parts: Path, tmp_path: Path
) -> None:
    """As on another distribution: what `make install-parts` has fetched is all that is there."""
    with booted(base, tmp_path / "machine") as machine:
        listed = subprocess.run(
            ["git", "ls-files"], cwd=REPO, capture_output=True, text=True, check=True
        )
        for name in listed.stdout.splitlines():
            copied = machine.inside(f"/root/hakeeper/{name}")
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, copied)
        shutil.copytree(parts, machine.inside("/root/hakeeper/build/install"))
        shutil.copy(REPO / "debian/tests/service", machine.inside("/root/service"))
        machine.run("rm /usr/bin/apt*")
        assert machine.says("command -v apt-get gcc pip curl") == ""
        before, people = files(machine), accounts(machine)

        machine.run("make --no-print-directory -C /root/hakeeper install")
        machine.run("make --no-print-directory -C /root/hakeeper install")  # as an upgrade does
        has_its_folder(machine)
        is_sound_to_systemd(machine)
        assert machine.says("/usr/local/bin/hakeeper --version") == f"hakeeper {__version__}"
        machine.run("sed -i s,/usr/lib/hakeeper,/usr/local/lib/hakeeper, /root/service")
        machine.run("systemctl enable --now hakeeper hakeeper-hooks.socket")
        said = machine.run("PATH=/usr/local/bin:$PATH python3 /root/service").stdout
        assert said.splitlines()[-1] == "all is shown", said

        said = machine.run("make --no-print-directory -C /root/hakeeper uninstall").stdout
        assert said.splitlines()[-1].startswith("/etc/hakeeper stays")
        machine.run("rm /usr/local/share/ca-certificates/*; update-ca-certificates --fresh")
        operators = ("/root/hakeeper", "/etc/hakeeper", "/etc/keepalived")
        left = {path for path in files(machine) - before if not path.startswith(operators)}
        assert left == set()
        assert accounts(machine) == people


def test_in_the_sandbox_nothing_is_done_that_the_service_never_does(machine: Machine) -> None:
    machine.run(install("this"))
    put_in_the_sandbox(machine, "probe.py", "oneshot")
    machine.run("systemctl start probe")
    found = json.loads(machine.says("cat /var/lib/hakeeper/probe.json"))

    assert found["refused"] == {
        "a shell": "EACCES",
        "a library of its own": "refused",
        "memfd_create": "EPERM",
        "io_uring_setup": "EPERM",
        "a core dump": "EPERM",
    }
    assert found["works"] == {"python": 0, "hakeeper": 0}
    own = {"/tmp", "/var/tmp", "/var/lib/hakeeper", "/run/hakeeper/daemon"}
    assert own <= found["places"].keys()
    assert "ALLOWED" not in found["places"].values(), found["places"]
    shown = machine.says("systemctl show hakeeper -p MemoryMax -p TasksMax -p SocketBindDeny")
    for limit in (f"MemoryMax={MEMORY}", "TasksMax=64", "SocketBindDeny=ipv4:tcp", "=ipv6:tcp"):
        assert limit in shown
    # What the kernel itself holds, where a machine in a container may set it.
    wanted = {"memory.max": MEMORY, "memory.limit_in_bytes": MEMORY, "pids.max": "64"}
    assert found["limits"].items() <= wanted.items()
    if "-BPF_FRAMEWORK" in machine.says("systemctl --version"):  # docs/dev/attacks.md tells of it
        assert found["listening"] == "ALLOWED"
    else:
        assert found["listening"] in {"EPERM", "ALLOWED"}, "a container may not load BPF"


def test_a_machine_that_is_thrown_away_leaves_no_process(base: Path, tmp_path: Path) -> None:
    with contextlib.suppress(KeyError), booted(base, tmp_path / "machine") as machine:
        pid = machine.pid
        raise KeyError
    assert not Path(f"/proc/{pid}/root/etc").exists()
    assert not (tmp_path / "machine/root").is_mount()
