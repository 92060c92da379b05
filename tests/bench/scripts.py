"""What people use instead: notify scripts, each started as keepalived starts it."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.rig import Cloud, Relay

HCLOUD_CLI = """\
#!/bin/bash
# As it is found in blogs and answers: over all addresses, try until it works.
export HCLOUD_TOKEN={token} HCLOUD_ENDPOINT={endpoint} SSL_CERT_FILE={ca_file}
for address in {address}; do
    until hcloud floating-ip assign "$address" {server}; do
        sleep 3
    done
done
"""
CURL = """\
#!/bin/sh
# By somebody who has looked the ids up beforehand: one request.
exec curl --silent --show-error --fail --cacert {ca_file} \\
    --header 'Authorization: Bearer '{token} --header 'Content-Type: application/json' \\
    --data '{{"server": {server_id}}}' {endpoint}/floating_ips/{floating_ip}/actions/assign
"""
PYTHON = """\
#!{python}
# With Hetzner's own library, as its README shows it.
import hcloud

client = hcloud.Client(token={token!r}, api_endpoint={endpoint!r})
floating_ip = client.floating_ips.get_by_name({address!r})
server = client.servers.get_by_name({server!r})
client.floating_ips.assign(floating_ip, server)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Who assigns what to whom."""

    address: str
    floating_ip: int
    server: str
    server_id: int
    token: str


class Script:
    """One notify script; it is started anew for each event, and loaded by nobody before."""

    def __init__(self, path: Path, text: str, names: Names, target: Cloud, way: Relay) -> None:
        self._path = path
        self._log = path.with_suffix(".log")
        # requests and curl read these; hcloud-cli has its own in the script.
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(path.parent),
            "REQUESTS_CA_BUNDLE": str(target.ca_file),
        }
        values: Mapping[str, object] = {
            "token": names.token,
            "endpoint": way.url,
            "ca_file": shlex.quote(str(target.ca_file)),
            "address": names.address,
            "floating_ip": names.floating_ip,
            "server": names.server,
            "server_id": names.server_id,
            "python": sys.executable,
        }
        path.write_text(text.format_map(values))
        path.chmod(0o700)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; return the monotonic time right before fork and exec."""
        with self._log.open("wb") as log:
            now = time.monotonic()
            self._process = subprocess.Popen(
                [str(self._path), "INSTANCE", "VI_1", "MASTER", "100"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        return now

    def wait(self) -> None:
        """Wait for its end; RuntimeError if it failed."""
        assert self._process is not None
        if self._process.wait() != 0:
            raise RuntimeError(f"{self._path.name} failed: {self._log.read_text()}")

    def close(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
