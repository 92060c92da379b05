"""An apt repository as `make apt-repo` makes it, for machines without a network."""

import functools
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.machine import Machine
from tests.e2e.pair import PAGES_HOST, THIRD_HOST, Site

HOME = f"https://{PAGES_HOST}/hakeeper/apt"
"""Where the documents say that the repository is."""
PORT = 8080
_PAGES_IP = "198.51.100.5"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who makes repositories: gpg's folder, and the key in it."""

    home: Path
    key: str
    url: str
    """Where machines see the repository."""

    def publish(self, folder: Path, *debs: Path, at_s: float | None = None) -> None:
        """Make or extend the repository in a folder, now or as if it were another time."""
        moment = {} if at_s is None else {"SOURCE_DATE_EPOCH": f"{at_s:.0f}"}
        subprocess.run(
            [_ROOT / ".ci/apt-repo", folder, self.url, self.key, *debs],
            check=True,
            env={**os.environ, "GNUPGHOME": str(self.home), **moment},
        )


def new_publisher(home: Path, url: str) -> Publisher:
    """Make a key for one test."""
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    make = [*gpg, "--passphrase", "", "--quick-generate-key", "hakeeper test", "ed25519", "sign"]
    subprocess.run([*make, "never"], check=True)
    listed = subprocess.run([*gpg, "--list-keys", "--with-colons"], capture_output=True, check=True)
    [key] = re.findall(rb"^fpr:+(\w+):$", listed.stdout, re.MULTILINE)
    return Publisher(home, key.decode(), url)


@dataclass(frozen=True, slots=True)
class Repository:
    """One that machines see on the third host."""

    publisher: Publisher
    folder: Path

    @property
    def sources(self) -> str:
        """The address of the file that tells apt of it."""
        return f"{self.publisher.url}/hakeeper.sources"

    def publish(self, deb: Path) -> None:
        """Add a package."""
        self.publisher.publish(self.folder, deb)

    def alone(self, *machines: Machine) -> None:
        """Let these ask no other one: there is no network to Debian's."""
        for one in machines:
            one.shell("rm -rf /etc/apt/sources.list*; mkdir /etc/apt/sources.list.d")


@contextmanager
def repository_on_third_host(folder: Path) -> Iterator[Repository]:
    """Serve an empty one until the end of the block; the site's networks are there."""
    url = f"http://{THIRD_HOST}:{PORT}"
    with _serving(folder, THIRD_HOST, PORT, "", None), _publisher(folder, url) as publisher:
        yield Repository(publisher, folder / "repository")


@contextmanager
def repository_at_home(folder: Path, site: Site) -> Iterator[Repository]:
    """Serve an empty one likewise, where documents say that the real one is: by its name, by TLS.

    Machines that are to find it are told by `lead_home`.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(site.certfile, site.keyfile)
    host, _, path = HOME.removeprefix("https://").partition("/")
    assert host == PAGES_HOST, "who the certificate is for"
    with ExitStack() as stack:
        site.public.have_address(f"{_PAGES_IP}/24")
        stack.callback(site.public.give_up_address, f"{_PAGES_IP}/24")
        stack.enter_context(_serving(folder, _PAGES_IP, 443, path, tls))
        publisher = stack.enter_context(_publisher(folder, HOME))
        yield Repository(publisher, folder / "repository" / path)


def lead_home(machine: Machine, site: Site) -> None:
    """Let a machine, which is on, find the repository at home and trust in its certificate.

    Debian's own mirrors are asked, too, as at a user's: that shall fail at once.
    """
    machine.write("/etc/hosts", machine.run("cat", "/etc/hosts") + f"{_PAGES_IP} {PAGES_HOST}\n")
    machine.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    machine.write("/usr/local/share/ca-certificates/test.crt", site.authority_pem)
    machine.run("update-ca-certificates")


class _Web(ThreadingHTTPServer):
    """Ends TLS as it has to be ended: apt of Debian 13 takes what ends otherwise for cut off."""

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, ssl.SSLSocket):
            with suppress(OSError):  # the other side was faster
                request.unwrap()
        super().shutdown_request(request)


@contextmanager
def _serving(
    folder: Path, ip: str, port: int, path: str, tls: ssl.SSLContext | None
) -> Iterator[None]:
    """Serve the files of `repository` in a folder, in which there is an empty one at a path."""
    place = folder / "repository"
    (place / path).mkdir(parents=True)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(place))
    with ExitStack() as stack:
        web = stack.enter_context(_Web((ip, port), handler))
        if tls is not None:
            web.socket = tls.wrap_socket(web.socket, server_side=True)
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(web.shutdown)
        yield


@contextmanager
def _publisher(folder: Path, url: str) -> Iterator[Publisher]:
    publisher = new_publisher(folder / "gpg", url)
    try:
        yield publisher
    finally:
        subprocess.run(["gpgconf", "--homedir", publisher.home, "--kill", "all"], check=True)
