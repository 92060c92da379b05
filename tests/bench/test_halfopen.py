import os
import subprocess
import sys

import pytest

from hakeeper.demo.lab.netns import Namespace
from tests.bench import rig

INSIDE = """
import socket
from tests.bench.halfopen import drop_open
from tests.bench.rig import LOOPBACK, Relay

listener = socket.create_server((LOOPBACK, 0))
port = listener.getsockname()[1]

def pair():
    client = socket.create_connection((LOOPBACK, port))
    return client, listener.accept()[0]

old, server = pair()
drop_open(None, Relay(port=port, rtt_ms=0, pid=0))
old.sendall(b"lost")
server.sendall(b"lost")
fresh, other = pair()
fresh.sendall(b"heard")
print(other.recv(10).decode())
for sock in (old, server):
    sock.settimeout(0.5)
    try:
        print(sock.recv(10).decode())
    except TimeoutError:
        print("silence")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_open_connections_fall_silent_both_ways_and_new_ones_work() -> None:
    with Namespace("bench-test") as namespace:
        done = subprocess.run(
            namespace.inside([sys.executable, "-c", INSIDE]),
            env=rig.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
    assert ["heard", "silence", "silence"] == done.stdout.split()
