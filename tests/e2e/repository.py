"""An apt repository as `make apt-repo` makes it, for machines without a network."""

import functools
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.machine import Machine
from tests.e2e.pair import THIRD_HOST

PORT = 8080
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
    place = folder / "repository"
    place.mkdir()
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(place))
    with ExitStack() as stack:
        web = stack.enter_context(ThreadingHTTPServer((THIRD_HOST, PORT), handler))
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(web.shutdown)
        publisher = new_publisher(folder / "gpg", f"http://{THIRD_HOST}:{PORT}")
        stop = ["gpgconf", "--homedir", str(publisher.home), "--kill", "all"]
        stack.callback(subprocess.run, stop, check=True)
        yield Repository(publisher, place)
