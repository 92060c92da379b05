"""Adverts on a slow way: the standby hears each later than it was sent, some later than others.

Linux has a queue for this (netem), which many kernels lack. So a program does it: adverts that come
to the standby are copied at its door and dropped behind it. Each copy is sent again after its
delay, with a mark in the IP header by which the standby's rule lets it pass.
"""

import contextlib
import heapq
import os
import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from hakeeper.demo.lab import Node
from hakeeper.demo.lab.network import INTERFACE

_VRRP = 112
_PROTOCOL, _TYPE_OF_SERVICE = 9, 1
"""Where they stand in an IP header."""
_MARK = 0x04
"""keepalived sends its adverts with 0xc0, and accepts them with anything."""
_ALL_IP = 0x0800
_RULES = f"""
    table inet jitter {{
        chain input {{
            type filter hook input priority filter;
            ip protocol vrrp ip dscp != {_MARK >> 2} drop
        }}
    }}
"""
_LARGEST = 2048


@dataclass(slots=True)
class Held:
    """Packets, each of which is held until its time."""

    _packets: list[tuple[float, bytes]] = field(default_factory=list)

    def hold(self, packet: bytes, until_s: float) -> None:
        """Take one."""
        heapq.heappush(self._packets, (until_s, packet))

    def due(self, now_s: float) -> Iterator[bytes]:
        """Give those whose time has come, the earliest first."""
        while self._packets and self._packets[0][0] <= now_s:
            yield heapq.heappop(self._packets)[1]

    def wait_s(self, now_s: float) -> float | None:
        """How long until the next one; None if there is none."""
        return max(0.0, self._packets[0][0] - now_s) if self._packets else None


def is_advert_as_sent(packet: bytes) -> bool:
    """Tell an advert of keepalived, an IP packet, from our copies and from all else."""
    return packet[_PROTOCOL] == _VRRP and packet[_TYPE_OF_SERVICE] != _MARK


def marked(packet: bytes) -> bytes:
    """Copy an IP packet with the mark; the kernel makes the header's checksum."""
    return packet[:_TYPE_OF_SERVICE] + bytes([_MARK]) + packet[_TYPE_OF_SERVICE + 1 :]


@contextlib.contextmanager
def jitter(sender: Node, receiver: Node, most_s: float) -> Iterator[None]:
    """Let each advert of `sender` come to `receiver` up to `most_s` later, evenly at random."""
    copies = receiver.namespace.made(
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_IP))
    )
    again = sender.namespace.made(
        lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    )
    ending, end = socket.socketpair()
    with copies, again, ending, end:
        copies.bind((INTERFACE, _ALL_IP))
        to = receiver.station.ip
        thread = threading.Thread(target=_pass_on, args=(copies, again, ending, to, most_s))
        thread.start()
        try:
            receiver.namespace.run("nft", "-f", "-", given=_RULES)
            yield
        finally:
            end.send(b".")
            thread.join()


def _pass_on(
    copies: socket.socket, again: socket.socket, ending: socket.socket, to: str, most_s: float
) -> None:
    # What this thread itself is late would be jitter, too. On Linux this is for the thread alone.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    held = Held()
    while True:
        ready, _, _ = select.select([copies, ending], [], [], held.wait_s(time.monotonic()))
        if ending in ready:
            return
        if copies in ready:
            packet = copies.recv(_LARGEST)
            if is_advert_as_sent(packet):
                held.hold(marked(packet), time.monotonic() + random.uniform(0, most_s))  # noqa: S311
        for packet in held.due(time.monotonic()):
            again.sendto(packet, (to, 0))
