"""The root file systems that the machines start from, and what apt will want inside.

`python -m tests.e2e.roots [RELEASE...]` makes all that is missing. It is the only part that needs a
network: how packages are reached is taken from this machine's own apt.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e import package

FOLDER = Path(__file__).parents[2] / ".e2e"
"""Ignored by git; `make clean` removes it."""
RELEASES = {"12": "bookworm", "13": "trixie", "14": "forky"}
"""Debian's numbers and suites."""
_PACKAGES = (
    "ca-certificates",
    "curl",  # by which a script calls the API
    "dbus",
    "iproute2",
    "netbase",
    "nginx-light",  # the service behind the address
    "procps",
    "systemd-sysv",
)
_ASKED_FOR = (
    *("adduser", "cloud-init", "jq", "nftables", "openssh-server", "python3-apt"),
    *("python3-prometheus-client", "sudo"),
)
"""What documents tell an operator to install inside, and what images of servers have."""
_FORM = 1
"""To be counted up when roots are made in another way, so that they are made again."""


def base(release: str) -> Path:
    """Return where the root of a Debian release lies; `make_base` makes it."""
    return FOLDER / RELEASES[release]


def make_base(release: str) -> Path:
    """Make a release's root unless it is there already."""
    root = base(release)
    stamp = FOLDER / f"{RELEASES[release]}.stamp"
    wanted = f"{_FORM} {' '.join(_PACKAGES)}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return root
    FOLDER.mkdir(exist_ok=True)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    suite = RELEASES[release]
    options = [f"--aptopt={path}" for path in _acquire_files()]
    subprocess.run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={','.join(_PACKAGES)}",
            "--skip=cleanup/apt/lists",  # apt inside has no network, and needs none
            *options,
            suite,
            root,
            *_sources(suite),
        ],
        check=True,
    )
    _finish(root)
    stamp.write_text(wanted)
    return root


def _acquire_files() -> list[str]:
    """Files of apt's configuration that say how to fetch."""
    places = [Path("/etc/apt/apt.conf"), *sorted(Path("/etc/apt/apt.conf.d").glob("*"))]
    texts = {path: path.read_text(errors="replace") for path in places if path.is_file()}
    return [
        str(path)
        for path, text in texts.items()
        if any(line.lstrip().startswith("Acquire::") for line in text.splitlines())
    ]


def _sources(suite: str) -> list[str]:
    """Return the lines of sources.list: the mirrors of this machine, if it is a Debian itself.

    None where apt knows of no mirror (yet): mmdebstrap takes Debian's own then.
    """
    form = "$(ORIGIN) $(REPO_URI) $(CODENAME)"
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", form], capture_output=True, text=True, check=True
    )
    mirrors: dict[bool, str] = {}
    for line in told.stdout.splitlines():
        origin, _, rest = line.partition(" ")
        uri, _, codename = rest.partition(" ")
        if origin == "Debian":
            mirrors.setdefault(codename.endswith("-security"), uri)
    if False not in mirrors:
        return []
    lines = [f"deb {mirrors[False]} {each} main" for each in (suite, f"{suite}-updates")]
    if True in mirrors:
        lines.append(f"deb {mirrors[True]} {suite}-security main")
    return lines


def _finish(root: Path) -> None:
    """Make it a server: network by systemd-networkd, a journal that outlives a reboot."""
    for unit in ("systemd-networkd.service", "systemd-networkd-wait-online.service"):
        subprocess.run(["systemctl", f"--root={root}", "--quiet", "enable", unit], check=True)
    (root / "var/log/journal").mkdir(exist_ok=True)


def fetch_dependencies(release: str, deb: Path) -> None:
    """Put whatever apt will want inside into the root's own cache: for DEB, and `_ASKED_FOR`."""
    root = base(release)
    apt = ["apt-get", "-o", f"Dir={root}", "-o", f"Dir::State::status={root}/var/lib/dpkg/status"]
    apt += ["-o", "APT::Sandbox::User=root", "-o", "Dir::Cache::pkgcache=", "--quiet=2"]
    fetch = [*apt, "install", "--yes", "--download-only", str(deb), *_ASKED_FOR]
    if subprocess.run(fetch, check=False, capture_output=True).returncode != 0:
        # Lists may be so old that the files they name are gone.
        subprocess.run([*apt, "update"], check=True)
        subprocess.run(fetch, check=True)


def main() -> int:
    """Make everything that is missing."""
    for release in sys.argv[1:] or RELEASES:
        make_base(release)
        fetch_dependencies(release, package.find())
        sys.stdout.write(f"{base(release)}: ready\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
