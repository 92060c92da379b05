"""A bare server for `hakeeper init`: real files and keepalived's own test, a simulated cloud.

Its network is a namespace of its own. Its /etc is a small copy that stays from one command to the
next, and its /run is fresh for each. No systemd runs here: what starts services is tested on
machines that boot (tests/e2e).
"""

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.relay import ApiRelay

USER_ID = 990
PATIENCE_S = 60.0
"""Bounds a test that fails; no test asserts how fast anything is."""
PEER = "10.0.0.3"
_COPIED = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "nsswitch.conf",
    "ssl",
    "localtime",
    "alternatives",
    "keepalived/keepalived.config-opts",  # of Debian 13 and newer: keepalived does nothing without
)
_MOUNTS = """
mount --bind "$1" /etc
mount -t tmpfs -o mode=755 none /run
mkdir /run/hakeeper
mkfifo -m 600 /run/hakeeper/notify.fifo
chown 990:990 /run/hakeeper/notify.fifo
shift
eval "$BEFORE"
"$@" || code=$?
eval "$AFTER"
exit "${code:-0}"
"""


@dataclass(frozen=True)
class Told:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass
class Bare:
    """The server; its cloud has a floating IP `web`, held by nobody, and a peer `web-b`."""

    folder: Path
    namespace: Namespace
    cloud: SimCloud
    endpoint: str
    metadata_url: str
    token: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def etc(self) -> Path:
        """Its /etc."""
        return self.folder / "etc"

    @property
    def conf(self) -> Path:
        """Its keepalived.conf."""
        return self.etc / "keepalived/keepalived.conf"

    @property
    def yaml(self) -> Path:
        """Its hakeeper.yaml."""
        return self.etc / "hakeeper/hakeeper.yaml"

    def files(self) -> dict[str, tuple[bytes, int, int]]:
        """Return what is in its /etc that init may touch, with modes and owners."""
        found = {}
        for name in ("hakeeper", "keepalived", "systemd"):
            for path in sorted((self.etc / name).rglob("*")):
                if path.is_file() and str(path.relative_to(self.etc)) not in _COPIED:
                    seen = path.lstat()
                    entry = path.read_bytes(), seen.st_mode & 0o7777, seen.st_uid
                    found[str(path.relative_to(self.etc))] = entry
        return found

    def _argv(self, words: Sequence[str]) -> list[str]:
        command = [sys.executable, "-m", "hakeeper", *words]
        apart = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", _MOUNTS, "sh"]
        return self.namespace.inside([*apart, str(self.etc), *command])

    def _environment(self, before: str = "", after: str = "") -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HAKEEPER_METADATA_URL": self.metadata_url,
            "STATE_DIRECTORY": str(self.folder),
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/no-bus",
            "BEFORE": before,
            "AFTER": after,
            **self.environment,
        }

    def run(self, *words: str, before: str = "", after: str = "") -> Told:
        """Run hakeeper without a terminal; `before` and `after` are lines of shell around it."""
        done = subprocess.run(
            self._argv(words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(before, after),
            timeout=PATIENCE_S,
        )
        told = Told(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in told.out + told.err
        assert "unexpected error" not in told.err
        assert self.token not in told.out + told.err
        return told

    def init(self, *words: str, before: str = "", after: str = "") -> Told:
        """Run init for the floating IP and its peer, and start nothing."""
        return self.run(
            *("init", "--peer", PEER, "--address", "web", "--endpoint", self.endpoint),
            *("--no-start", *words),
            before=before,
            after=after,
        )

    def on_terminal(self, *words: str, answers: Sequence[tuple[str, str]]) -> Told:
        """Run hakeeper on a terminal, and answer its questions in this order; all is in `out`."""
        leader, follower = pty.openpty()
        with subprocess.Popen(
            self._argv(words),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            env=self._environment(),
        ) as process:
            os.close(follower)
            said, seen = "", 0
            try:
                for question, answer in answers:
                    while question not in said[seen:]:
                        said += _heard(leader)
                    seen = len(said)
                    os.write(leader, f"{answer}\n".encode())
                while True:
                    said += _heard(leader)
            except EOFError:
                pass
            finally:
                process.kill()  # nothing is left of it, unless a question did not come
                os.close(leader)
        assert self.token not in said
        return Told(process.returncode, said.replace("\r\n", "\n"), "")


def _heard(terminal: int) -> str:
    """Return what comes next; raises EOFError when the process has ended."""
    if not select.select([terminal], [], [], PATIENCE_S)[0]:
        raise AssertionError(f"nothing more was said within {PATIENCE_S} s")
    try:
        data = os.read(terminal, 65536)
    except OSError:  # how the end of a terminal shows
        data = b""
    if not data:
        raise EOFError
    return data.decode()


@contextlib.contextmanager
def bare_server(folder: Path) -> Iterator[Bare]:
    """Make one."""
    etc = folder / "etc"
    for name in ("hakeeper", "keepalived", "systemd/system"):
        (etc / name).mkdir(parents=True)
    for name in _COPIED:
        source = Path("/etc", name)
        if source.is_dir():
            shutil.copytree(source, etc / name, symlinks=True)
        elif source.exists():
            shutil.copy(source, etc / name)
    (etc / "passwd").write_text(
        "root:x:0:0::/root:/bin/sh\n"
        f"hakeeper:x:{USER_ID}:{USER_ID}::/nonexistent:/usr/sbin/nologin\n"
    )
    (etc / "group").write_text(f"root:x:0:\nhakeeper:x:{USER_ID}:\n")
    with Namespace("bare") as namespace, SimCloud() as cloud, contextlib.ExitStack() as stack:
        for number, (name, address) in enumerate(
            (("eth0", "198.51.100.2/24"), ("enp7s0", "10.0.0.2/24"))
        ):
            namespace.ip(
                f"link add {name} type veth peer name peer{number}",
                f"link set {name} up",
                f"link set peer{number} up",
                f"address add {address} dev {name}",
            )
        cloud.add_network("internal", "10.0.0.0/24")
        us = cloud.add_server("web-a", ipv4="198.51.100.2", private_ips=["10.0.0.2"])
        cloud.add_server("web-b", ipv4="198.51.100.3", private_ips=[PEER])
        cloud.add_floating_ip("web", "203.0.113.10")
        urls = [cloud.url, cloud.metadata_url(us)]
        inside = []
        for url in map(urllib.parse.urlsplit, urls):
            relay = ApiRelay(namespace, (url.hostname or "", url.port or 80))
            stack.callback(relay.close)
            inside.append(f"http://127.0.0.1:{relay.port}{url.path}")
        yield Bare(folder, namespace, cloud, inside[0], inside[1], cloud.add_client("web-a"))
