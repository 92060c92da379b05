"""The repository of `make apt-repo`: apt installs from it, up and down, and trusts nothing else."""

import functools
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hakeeper.demo.lab.netns import Namespace
from tests.e2e import package, roots
from tests.e2e.book import section
from tests.e2e.disk import Disk
from tests.e2e.guide import GUIDE
from tests.e2e.repository import PORT, Publisher, new_publisher
from tests.support.markdown import blocks

URL = f"http://127.0.0.1:{PORT}"
DAY_S = 86_400


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    home = tmp_path_factory.mktemp("keys") / "gpg"
    yield new_publisher(home, URL)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)


@dataclass(frozen=True, slots=True)
class Server:
    """A fresh Debian that sees nothing of the world but the web server with the repository."""

    namespace: Namespace
    disk: Disk
    site: Path

    def shell(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands in it as root."""
        argv = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe"]
        argv += ["--resolv-conf=off", "--directory", str(self.disk.root), "sh", "-ec", commands]
        return subprocess.run(
            self.namespace.inside(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def installed(self) -> str:
        """The version that is installed."""
        return self.shell("dpkg-query --show --showformat='${Version}' hakeeper").stdout


@pytest.fixture(params=["12", "13", pytest.param("14", marks=pytest.mark.nightly)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    site = tmp_path / "site"
    site.mkdir()
    with ExitStack() as stack:
        namespace = stack.enter_context(Namespace(f"hkapt{os.getpid()}"))
        handler = functools.partial(SimpleHTTPRequestHandler, directory=str(site))
        web = ThreadingHTTPServer(("127.0.0.1", PORT), handler, bind_and_activate=False)
        web.socket.close()
        web.socket = namespace.listen(PORT)
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(web.server_close)
        stack.callback(web.shutdown)
        disk = Disk(tmp_path / "disk", (roots.base(request.param),))
        stack.callback(disk.close)
        # Debian's own mirrors are asked, too, as at a user's: that shall fail at once.
        disk.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        # apt's own settings; the machine that made the root may have others.
        checks = ("Check-Date", "Check-Valid-Until")
        text = "".join(f'Acquire::{each} "true";\n' for each in checks)
        disk.write("/etc/apt/apt.conf.d/zz-test", text)
        yield Server(namespace, disk, site)


def from_the_guide() -> str:
    """What docs/install.md says to type, with the address of the test's web server."""
    section = GUIDE.read_text().split("\n## From the apt repository\n")[1].split("\n## ")[0]
    [typed, *_] = blocks(section, "sh")
    [address] = set(re.findall(r"https://\S+(?=/hakeeper\.sources)", typed))
    return typed.replace(address, URL).replace("apt install hakeeper", "apt install -y hakeeper")


def from_the_book() -> list[str]:
    """What docs/upgrade.md says to type: up, and back."""
    found = blocks(section("upgrade.md", "With the apt repository"), "sh")
    return [one.replace("apt install", "apt install -y") for one in found]


def test_apt_installs_upgrades_and_goes_back(
    server: Server, publisher: Publisher, tmp_path: Path
) -> None:
    first = package.find()
    publisher.publish(server.site, first)
    done = server.shell(from_the_guide())
    assert 0 == done.returncode, done.stdout
    version = server.installed()
    assert f"{first.name}" == f"hakeeper_{version}_all.deb"
    assert "hakeeper" in server.shell("hakeeper version").stdout

    second, higher = package.newer(first, tmp_path)
    publisher.publish(server.site, second)
    upgrade, back = from_the_book()
    done = server.shell(upgrade)
    assert (0, higher) == (done.returncode, server.installed()), done.stdout

    done = server.shell(back.replace("VERSION", version))
    assert (0, version) == (done.returncode, server.installed()), done.stdout
    assert (0, version) == (server.shell("apt upgrade -y").returncode, server.installed())


def test_apt_refuses_what_is_old_was_changed_or_is_signed_by_another(
    server: Server, publisher: Publisher, tmp_path: Path
) -> None:
    deb = package.find()
    other = new_publisher(tmp_path / "gpg", URL)

    def update() -> str:
        return server.shell("apt-get update 2>&1 || true").stdout

    try:
        publisher.publish(server.site, deb, at_s=time.time() - 500 * DAY_S)
        assert "is expired" in server.shell(from_the_guide()).stdout

        publisher.publish(server.site, deb)
        assert "E: " not in update()

        other.publish(server.site, deb)
        assert re.search(r"NO_PUBKEY|Missing key", update())

        publisher.publish(server.site, deb)
        [place] = server.site.glob("pool/main/h/hakeeper/*.deb")
        changed = bytearray(place.read_bytes())
        changed[len(changed) // 2] ^= 1
        place.write_bytes(changed)
        assert "E: " not in update()
        refused = server.shell("apt-get install -y hakeeper")
        assert 0 != refused.returncode
        assert "Hash Sum mismatch" in refused.stdout
    finally:
        subprocess.run(["gpgconf", "--homedir", other.home, "--kill", "all"], check=True)
        shutil.rmtree(other.home)
