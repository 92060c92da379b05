"""Network namespaces that disappear with the process that made them.

These namespaces have no name in /run/netns: a holder process keeps each alive, and exits when its
standard input closes. So even a killed lab leaves nothing behind. Nothing is added to the host's
own namespace.
"""

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from hakeeper.demo.lab.waiting import LabError

CLONE_NEWNET = 0x40000000
"""linux/sched.h"""
_HOLDER = "ip link set lo up && echo up && exec cat"
_COMMAND_TIMEOUT_S = 20.0
Made = TypeVar("Made")


class Namespace:
    """One network namespace with its loopback interface up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", _HOLDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout is not None  # noqa: S101  # a PIPE was asked for
        if self._holder.stdout.readline() != b"up\n":
            _, errors = self._holder.communicate()
            reason = errors.decode(errors="replace").strip()
            raise LabError(f"no network namespace for {name}: {reason}")

    @property
    def pid(self) -> int:
        """The holder's pid, for `ip link ... netns PID`."""
        return self._holder.pid

    @property
    def path(self) -> str:
        """The namespace's file, for nsenter(1) and setns(2)."""
        return f"/proc/{self.pid}/ns/net"

    def inside(self, argv: list[str]) -> list[str]:
        """Return the command that runs `argv` in the namespace with the same pid (by exec)."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv: str, given: str = "") -> str:
        """Run a command in the namespace and return its output; raises LabError."""
        done = subprocess.run(
            self.inside(list(argv)),
            input=given,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"{self.name}: {' '.join(argv)}: {done.stderr.strip()} {given}")
        return done.stdout

    def ip(self, *commands: str) -> None:
        """Run several `ip` commands in one process; raises LabError at the first that fails."""
        self.run("ip", "-batch", "-", given="\n".join(commands) + "\n")

    def listen(self, port: int = 0) -> socket.socket:
        """Return a TCP socket that listens on 127.0.0.1 of this namespace."""
        return self.made(lambda: socket.create_server(("127.0.0.1", port)))

    def made(self, make: Callable[[], socket.socket]) -> socket.socket:
        """Return a socket that `make` creates in the namespace; raises LabError."""
        try:
            return made_in(self.path, make)
        except OSError as error:
            raise LabError(f"{self.name}: no socket: {error}") from None

    def close(self) -> None:
        """Release the namespace; it ends with the last process and socket in it."""
        with contextlib.suppress(OSError):  # the holder has exited already
            self._holder.communicate()

    def __enter__(self) -> Self:
        """Do nothing: the namespace exists since construction."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def made_in(path: str, make: Callable[[], Made]) -> Made:
    """Return what `make` creates in the network namespace with the file `path`; raises OSError.

    A socket stays in the namespace in which it was created. setns(2) affects the calling thread
    only, so a thread that ends right afterwards cannot disturb others.
    """
    made: list[Made] = []
    failed: list[OSError] = []

    def run() -> None:
        try:
            _enter(path)
            made.append(make())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="made-in-a-namespace")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _enter(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(fd, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")
    finally:
        os.close(fd)
