"""Runs a program for a while, and keeps the end of what it prints."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_READ_BYTES: Final = 65536


@dataclass(frozen=True, slots=True)
class Output:
    """What was printed, stderr included. `code` None: it took too long, and was ended."""

    data: bytes
    is_cut: bool
    """Whether the beginning is missing."""
    code: int | None


def output_of(
    argv: Sequence[str], environ: Mapping[str, str], *, timeout_s: float, limit_bytes: int
) -> Output:
    """Run a program without input; raises OSError if it cannot be started.

    It has a process group of its own, so that what it started ends with it.
    """
    with subprocess.Popen(  # noqa: S603  # our own words, and programs found where root installs
        argv,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:
        try:
            return _read(process, time.monotonic() + timeout_s, limit_bytes)
        finally:
            if process.poll() is None:  # else the number may be another's by now
                os.killpg(process.pid, signal.SIGKILL)


def _read(process: "subprocess.Popen[bytes]", deadline_s: float, limit_bytes: int) -> Output:
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for
    kept, is_cut = bytearray(), False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left_s := deadline_s - time.monotonic()) > 0.0:
            if not selector.select(left_s):
                break
            data = os.read(process.stdout.fileno(), _READ_BYTES)
            if not data:
                return Output(bytes(kept), is_cut, _code(process, deadline_s))
            kept += data
            if len(kept) > limit_bytes:
                is_cut = True
                del kept[:-limit_bytes]
    return Output(bytes(kept), is_cut, None)


def _code(process: "subprocess.Popen[bytes]", deadline_s: float) -> int | None:
    try:
        return process.wait(max(0.0, deadline_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
