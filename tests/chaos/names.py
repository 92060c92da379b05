"""The nameservers of a node, which can be dead, slow, gone, lying or of another mind each time."""

import contextlib
import enum
import ipaddress
import random
import socket
import threading
from collections.abc import Iterable
from typing import Final

from tests.chaos.rooms import ADDRESSES, NAMESERVERS, NOT_THE_API, Room

_QUESTION_BYTES: Final = 512
_HEADER_BYTES: Final = 12
_TYPES: Final = {4: b"\0\1", 6: b"\0\x1c"}
_TTL: Final = b"\0\0\0\1"
"""A second."""


class Mood(enum.Enum):
    """How a nameserver answers."""

    WELL = "all addresses"
    DEAD = "takes questions, and answers none"
    SLOW = "answers after some seconds"
    NO_SUCH_NAME = "says that there is no such name"
    FAILING = "says that it cannot say"
    EMPTY = "says that the name has no addresses"
    LYING = "names an address where nobody is"
    CHANGING = "names one of the addresses, another one each time"


_NAME_NOTHING: Final = {Mood.NO_SUCH_NAME: 3, Mood.FAILING: 2, Mood.EMPTY: 0}
"""With the code of the answer."""


class Nameserver:
    """One of them, on UDP."""

    def __init__(self, room: Room, address: str, rng: random.Random) -> None:
        self.mood = Mood.WELL
        self.slow_s = 0.0
        self._rng = rng
        self._socket = room.namespace.made(lambda: _bound(address))
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="names", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                question, peer = self._socket.recvfrom(_QUESTION_BYTES)
                if self.mood is Mood.SLOW:
                    late = threading.Timer(self.slow_s, self._answer, (Mood.WELL, question, peer))
                    late.daemon = True
                    late.start()
                else:
                    self._answer(self.mood, question, peer)

    def _answer(self, mood: Mood, question: bytes, peer: tuple[str, int]) -> None:
        told = self._reply(mood, question)
        if told:
            with contextlib.suppress(OSError):  # closed, or nobody waits for it any more
                self._socket.sendto(told, peer)

    def _reply(self, mood: Mood, question: bytes) -> bytes:
        if mood is Mood.DEAD:
            return b""
        addresses: tuple[str, ...] = ADDRESSES
        if mood in _NAME_NOTHING:
            addresses = ()
        elif mood is Mood.LYING:
            addresses = (NOT_THE_API,)
        elif mood is Mood.CHANGING:
            addresses = (self._rng.choice(ADDRESSES),)
        return reply(question, addresses, _NAME_NOTHING.get(mood, 0))

    def close(self) -> None:
        """Be gone: the kernel says so to whoever asks."""
        self._closing.set()
        self._thread.join()
        self._socket.close()


def _bound(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 53))
    made.settimeout(0.1)
    return made


def reply(question: bytes, addresses: Iterable[str], code: int = 0) -> bytes:
    """Answer a question (RFC 1035, 4.1) with those of the addresses that it asks for."""
    end = question.index(b"\0", _HEADER_BYTES) + 5
    asked = question[end - 4 : end - 2]
    parsed = [ipaddress.ip_address(address) for address in addresses]
    packed = [one.packed for one in parsed if _TYPES[one.version] == asked]
    records = b"".join(
        b"\xc0\x0c" + asked + b"\0\1" + _TTL + len(each).to_bytes(2, "big") + each
        for each in packed
    )
    counts = b"\0\1" + len(packed).to_bytes(2, "big") + b"\0\0\0\0"
    flags = b"\x81" + bytes([0x80 | code])
    return question[:2] + flags + counts + question[_HEADER_BYTES:end] + records


class Resolver:
    """The nameservers of one node, in the order in which it asks them."""

    def __init__(self, room: Room, rng: random.Random) -> None:
        self._room = room
        self._rng = rng
        self.servers: list[Nameserver | None] = [None] * len(NAMESERVERS)
        self.heal()

    def heal(self) -> None:
        """Have all of them there, and well."""
        for place, address in enumerate(NAMESERVERS):
            found = self.servers[place]
            if found is None:
                self.servers[place] = Nameserver(self._room, address, self._rng)
            else:
                found.mood = Mood.WELL

    def set_moods(self, *moods: Mood, slow_s: float = 0.0) -> None:
        """Set the mood of the first, the second, ..."""
        for server, mood in zip(self.servers, moods, strict=False):
            if server is not None:
                server.mood, server.slow_s = mood, slow_s

    def close(self) -> None:
        """Let all of them be gone."""
        for place, found in enumerate(self.servers):
            if found is not None:
                found.close()
                self.servers[place] = None
