"""The networks of the machines: a bridge each, in the network namespace of the test itself.

A cut is made at the bridge's port: the machine's link stays up, as it does in a cloud.
"""

import ctypes
import itertools
import os
import subprocess
import zlib

from hakeeper.demo.lab.netns import CLONE_NEWNET, Namespace

_FORWARDING, _DISABLED = "3", "0"
_ports = itertools.count(1)


def enter_new_network() -> None:
    """Give this thread, and all that it starts from now on, an empty network of its own."""
    libc = ctypes.CDLL(None, use_errno=True)  # os.unshare came with Python 3.12
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")
    _run("ip", "link", "set", "lo", "up")


class Lan:
    """One network; ports are named by whoever is plugged in."""

    def __init__(self, name: str, address: str | None = None) -> None:
        """`address`, with prefix length: the test's own on it; it is the third host there."""
        self.name = name
        self._ports: dict[str, str] = {}
        self._cut: set[str] = set()
        # A MAC of its own: a bridge takes over the lowest one of its ports, and when that port goes
        # away with a machine, the others send to a host that is no more, until their ARP ends.
        mac = _mac(f"bridge {name}")
        _run("ip", "link", "add", name, "address", mac, "type", "bridge", "mcast_snooping", "0")
        _run("ip", "link", "set", name, "up")
        if address is not None:
            self.have_address(address)

    def have_address(self, address: str) -> None:
        """Give the test an address on it, with prefix length; it is one more host there then."""
        _run("ip", "address", "replace", address, "dev", self.name)

    def give_up_address(self, address: str) -> None:
        """Take such an address away."""
        _run("ip", "address", "delete", address, "dev", self.name)

    def route(self, ip: str, via: str) -> None:
        """Lead what the test sends to an address to a host on it."""
        _run("ip", "route", "replace", f"{ip}/32", "via", via, "dev", self.name)

    def plug_in(self, machine: str, namespace: Namespace, interface: str) -> None:
        """Lay a cable from a machine's namespace; a new one for every boot."""
        port = f"port{next(_ports)}"
        mac = _mac(f"{machine} {interface}")
        _run("ip", "link", "add", port, "type", "veth", "peer", "name", interface,
             "address", mac, "netns", str(namespace.pid))  # fmt: skip
        _run("ip", "link", "set", port, "master", self.name, "up")
        self._ports[machine] = port
        if machine in self._cut:
            self.cut(machine)

    def unplug(self, machine: str) -> None:
        """Take a machine's cable away for good: its next boot gets another one."""
        _run("ip", "link", "delete", self._ports[machine])

    def cut(self, machine: str) -> None:
        """Let nothing through to and from this machine; a reboot does not heal it."""
        self._cut.add(machine)
        _run("bridge", "link", "set", "dev", self._ports[machine], "state", _DISABLED)

    def heal(self, machine: str) -> None:
        """Let everything through again."""
        self._cut.discard(machine)
        _run("bridge", "link", "set", "dev", self._ports[machine], "state", _FORWARDING)


def _mac(whose: str) -> str:
    digits = f"0200{zlib.crc32(whose.encode()):08x}"
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")
