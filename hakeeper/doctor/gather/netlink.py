"""When each address was added to this machine, according to the kernel (rtnetlink(7))."""

import contextlib
import ipaddress
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.keepalived.processes import read_stat
from hakeeper.core.model import IpAddress

_PATIENCE_S: Final = 3.0
_BUFFER_BYTES: Final = 1 << 16
_ANSWERS_LIMIT: Final = 1000
_HEADER: Final = struct.Struct("=IHHII")
_ABOUT: Final = struct.Struct("=BBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")
_CACHE: Final = struct.Struct("=IIII")
_GETADDR, _NEWADDR, _ERROR, _DONE = 22, 20, 2, 3
_REQUEST, _DUMP = 0x1, 0x300
_ADDRESS, _LOCAL, _CACHEINFO = 1, 2, 6
"""linux/rtnetlink.h and linux/if_addr.h."""
_STAMPS_PER_S: Final = 100
_STAMPS: Final = 1 << 32
"""A time stamp has 32 bits: after 497 days it wraps around."""
_TICKS_PER_S: Final = (100, 250, 300, 1000)
"""The values that a kernel may be built with (kernel/Kconfig.hz)."""
_TICKS_BEFORE_S: Final = 300
"""How long before their 32-bit wrap-around jiffies start at boot (linux/jiffies.h)."""


def addresses_added_after(pid: int) -> frozenset[IpAddress] | None:
    """Return the addresses that were added after a process started; None: not known."""
    stat = read_stat(pid)
    if stat is None:
        return None
    try:
        return frozenset(ip for ip, since_s in _addresses() if since_s > stat.start_s)
    except OSError:  # the sandbox forbids it, or another process holds the kernel's lock
        return None


def _addresses() -> Iterator[tuple[IpAddress, float]]:
    """Yield each address with the time when it was added, in seconds since boot.

    Time stamps count jiffies, which start some 0.3 s after boot and stop while the machine
    sleeps. So a stamp is converted to an age, which is subtracted from CLOCK_BOOTTIME.
    """
    boottime_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    stamp_now = round(jiffies_s(os.times().elapsed, boottime_s) * _STAMPS_PER_S)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(_PATIENCE_S)
        length = _HEADER.size + _ABOUT.size
        sock.send(
            _HEADER.pack(length, _GETADDR, _REQUEST | _DUMP, 1, 0) + _ABOUT.pack(0, 0, 0, 0, 0)
        )
        for _ in range(_ANSWERS_LIMIT):
            data = sock.recv(_BUFFER_BYTES)
            while len(data) >= _HEADER.size:
                length, kind, *_ = _HEADER.unpack_from(data)
                if kind == _DONE:
                    return
                if kind == _ERROR or length < _HEADER.size:
                    raise OSError("rtnetlink does not list the addresses")
                if kind == _NEWADDR:
                    for ip, stamp in _read(data[_HEADER.size + _ABOUT.size : length]):
                        yield ip, boottime_s - age(stamp_now, stamp) / _STAMPS_PER_S
                data = data[_aligned(length) :]
    raise OSError("rtnetlink sends too many answers")


def jiffies_s(times_s: float, boottime_s: float) -> float:
    """Return the jiffies since boot in seconds, from the value of times(2).

    The kernel does not tell how many ticks it makes per second. Each possible value gives a time
    that is weeks away from the others, so the one close to the clock is right.
    """
    found = (times_s - ((1 << 32) / ticks - _TICKS_BEFORE_S) for ticks in _TICKS_PER_S)
    return min(found, key=lambda one_s: abs(one_s - boottime_s))


def age(now: int, stamp: int) -> int:
    """Return the age of a stamp; 0 for one that is made while we look."""
    passed = (now - stamp) % _STAMPS
    return 0 if passed > _STAMPS - _STAMPS_PER_S else passed


def _read(data: bytes) -> Iterator[tuple[IpAddress, int]]:
    found: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        found[kind] = data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]
    packed, cache = found.get(_LOCAL, found.get(_ADDRESS)), found.get(_CACHEINFO, b"")
    if packed is not None and len(cache) >= _CACHE.size:
        with contextlib.suppress(ValueError):
            yield ipaddress.ip_address(packed), _CACHE.unpack_from(cache)[2]


def _aligned(length: int) -> int:
    return (length + 3) & ~3
