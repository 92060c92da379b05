"""What the words of a story mean."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Final, TypeVar

from hakeeper.adapters.hetzner.errors import KIND_OF_CODE
from hakeeper.core import calls, events
from hakeeper.core.model import ApiSettings, FifoState, Role, Settings, VrrpId, VrrpKind
from hakeeper.core.observation import ResourceRef
from hakeeper.core.roles.lines import BadLine, NotifyLine, parse_line
from hakeeper.kinds import FLOATING_IPS, KINDS
from hakeeper.kinds.floating_ip import by_label
from tests.support.resources import CLOUD

T = TypeVar("T")
PATH: Final = "/run/hakeeper/notify.fifo"
PIPE: Final[Mapping[str, events.Event]] = {
    "open": events.FifoChanged(FifoState.OPEN, f"listening on {PATH}"),
    "replaced": events.FifoChanged(FifoState.OPEN, f"{PATH} was replaced: reopened", reopened=True),
    "missing": events.FifoChanged(FifoState.MISSING, f"{PATH} does not exist"),
    "busy": events.FifoChanged(FifoState.BUSY, f"process 99 already reads {PATH}"),
    "full": events.LinesLost("the pipe was full (65536 bytes waiting), so newer lines were lost"),
    "unwritten": events.WriterSeen(present=False),
    "written": events.WriterSeen(present=True),
}
REQUESTS: Final[Mapping[str, tuple[type[calls.Request], ...]]] = {
    "everything": (),
    "identify": (calls.Identify,),
    "assign": (calls.Mutate,),
    "list": (calls.ReadAll,),
    "reads": (calls.ReadAll, calls.ReadOne),
    "action": (calls.ReadActions,),
    "server": (calls.ReadServer,),
}
CODES: Final = {
    **KIND_OF_CODE,
    "connection_refused": calls.FailureKind.TRANSIENT,
    "deadline": calls.FailureKind.OUTCOME_UNKNOWN,
}


class StoryError(ValueError):
    """A story cannot be read; the message says where and why."""


def pick(table: Mapping[str, T], word: str) -> T:
    """Return what a word of this table means."""
    if word not in table:
        raise StoryError(f"{word!r} is none of {', '.join(sorted(table))}")
    return table[word]


def number_of(word: str) -> float:
    """Return a number, mostly of seconds."""
    try:
        return float(word)
    except ValueError:
        raise StoryError(f"{word!r} is no number") from None


def server_of(word: str) -> int | None:
    """Return the id that `node2` has; `nobody` has none."""
    if word == "nobody":
        return None
    if not word.startswith("node") or not word[4:].isdigit():
        raise StoryError(f"{word!r} is no server: write node1, node2, … or nobody")
    return int(word[4:])


def vrrp_of(word: str) -> VrrpId:
    """Return the instance `VI_1`, or the group of `group:VG`."""
    group, colon, name = word.partition(":")
    return VrrpId(VrrpKind.GROUP, name) if colon else VrrpId(VrrpKind.INSTANCE, group)


def ref_of(word: str) -> ResourceRef:
    """Return what hakeeper.yaml means by this, by `label:role=web`, or by `berth:north`."""
    kind, colon, name = word.partition(":")
    if kind == "label":
        return by_label(name)
    if colon and kind in KINDS:
        return KINDS[kind].ref(name)
    return FLOATING_IPS.ref(int(word) if word.isdigit() else word)


def roles_of(words: Iterable[str]) -> dict[str, Role]:
    """Return the roles of `VI_1=MASTER`."""
    said = (word.partition("=") for word in words)
    return {name: pick(Role.__members__, role) for name, _, role in said}


def settings_of(words: tuple[str, ...]) -> Settings:
    """Return the configuration; without a name it is `VI_1=web`."""
    named = [word.split("=", 1) for word in words if "=" in word] or [["VI_1", "web"]]
    private = [word.split("@") for word in words if "@" in word]
    return Settings(
        resources={
            vrrp_of(vrrp): tuple(map(ref_of, filter(None, refs.split(",")))) for vrrp, refs in named
        },
        vrrp_addresses={
            vrrp_of(vrrp): tuple(map(ip_address, here.split(","))) for vrrp, here in private
        },
        can_query="dbus" in words or "dbus-only" in words,
        must_query="dbus-only" in words,
        apis={CLOUD: ApiSettings(endpoint="https://api.hetzner.cloud/v1")},
    )


def lines_of(texts: Iterable[str], *, live: bool) -> events.LinesRead:
    """Return what the FIFO has, as the lines of keepalived are read."""
    read = [parse_line(text.strip().encode()) for text in texts]
    good = tuple(line for line in read if isinstance(line, NotifyLine))
    bad = tuple(line for line in read if isinstance(line, BadLine))
    return events.LinesRead(good, bad, live=live)


def seen_of(private: Iterable[str]) -> events.VrrpAddressesSeen:
    """Return the look that finds these private addresses."""
    return events.VrrpAddressesSeen(tuple(map(ip_address, private)))
