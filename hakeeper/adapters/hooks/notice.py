"""What the daemon tells the hooks' service, as one bounded datagram, and what a command sees of it.

Whatever comes from outside (labels of addresses, what an API said) reaches a command in its
environment alone, each as one printable line.
"""

import json
from dataclasses import dataclass, fields
from typing import Final

from hakeeper.adapters.journal.records import bounded
from hakeeper.adapters.times import instant
from hakeeper.config.hooks import Moment
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.printable import printable

LIMIT_BYTES: Final = 16384
"""The longest datagram; names of 255 characters and all texts fit."""
TEXT_LIMIT_BYTES: Final = 1000
TIME_LIMIT_S: Final = 2**36
"""Some two thousand years on; later ones cannot be written as a date."""
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that happened to an instance or group; texts may be empty."""

    moment: Moment
    vrrp: VrrpId
    time_s: float
    """Seconds since the epoch."""
    message: str = ""
    """The journal's sentence."""
    reason: str = ""
    role: str = ""
    previous_role: str = ""
    address: str = ""
    holder: str = ""

    def encoded(self) -> bytes:
        """Return it as a datagram."""
        head = {
            "v": _VERSION,
            "moment": self.moment.value,
            "kind": self.vrrp.kind.value,
            "instance": self.vrrp.name,
            "time": self.time_s,
        }
        texts = {name: _line(text) for name in _TEXTS if (text := getattr(self, name))}
        return json.dumps({**head, **texts}, ensure_ascii=False).encode()

    def environment(self, server: str) -> dict[str, str]:
        """Return the variables of a command; `server` is the name of this machine."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        values = {
            "event": self.moment.value,
            "instance": self.vrrp.name,
            "kind": self.vrrp.kind.value,
            "server": server,
            "time": instant(self.time_s),
            **texts,
        }
        return {f"HAKEEPER_{name.upper()}": _line(value) for name, value in values.items()}


_TEXTS: Final = tuple(field.name for field in fields(Notice) if field.type is str)


def decoded(datagram: bytes) -> Notice:
    """Return the notice of a datagram; raises ValueError for what is none."""
    if len(datagram) > LIMIT_BYTES:
        raise ValueError(f"it is longer than {LIMIT_BYTES} bytes")
    try:
        found = json.loads(datagram)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict) or found.get("v") != _VERSION:
        raise ValueError(f"it is no object of version {_VERSION}")
    time_s = found.get("time")
    if not isinstance(time_s, int | float) or not 0 <= time_s < TIME_LIMIT_S:
        raise ValueError("its time is none")
    return Notice(
        moment=Moment(found.get("moment")),
        vrrp=VrrpId(VrrpKind(found.get("kind")), _text(found, "instance")),
        time_s=time_s,
        **{name: _text(found, name) for name in _TEXTS},
    )


def _text(found: dict[str, object], name: str) -> str:
    text = found.get(name, "")
    if not isinstance(text, str):
        raise ValueError(f"its {name} is no text")  # noqa: TRY004  # of the datagram
    return text


def _line(text: str) -> str:
    return bounded(printable(text), TEXT_LIMIT_BYTES)
