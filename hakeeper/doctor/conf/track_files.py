"""The `track_file` blocks of a keepalived.conf, and who tracks them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.conf.addresses import number_at_start
from hakeeper.doctor.conf.syntax import Statement

_DEFINES: Final = ("track_file", "vrrp_track_file")
_OWNERS: Final = {"vrrp_instance": VrrpKind.INSTANCE, "vrrp_sync_group": VrrpKind.GROUP}
DEFAULT_WEIGHT: Final = 1


@dataclass(frozen=True, slots=True)
class TrackedFile:
    """A file that an instance or a group tracks.

    `weight`: what its number is multiplied by; None: something that was not understood.
    """

    path: str
    weight: int | None


def tracked_files(top: Iterable[Statement]) -> Mapping[VrrpId, tuple[TrackedFile, ...]]:
    """Return which files each instance and group tracks, of those that are defined anywhere."""
    statements = [*top]
    defined = {
        one.arguments[0]: _defined(one)
        for one in statements
        if one.keyword in _DEFINES and one.arguments
    }
    return {
        VrrpId(_OWNERS[one.keyword], one.arguments[0]): tuple(_tracked(one, defined))
        for one in statements
        if one.keyword in _OWNERS and one.arguments
    }


def _defined(statement: Statement) -> TrackedFile:
    lines = {line.keyword: line.arguments for line in statement.block}
    path = next(iter(lines.get("file", ())), "")
    return TrackedFile(path, _weight(lines.get("weight"), DEFAULT_WEIGHT))


def _tracked(statement: Statement, defined: Mapping[str, TrackedFile]) -> Iterable[TrackedFile]:
    lists = (one for one in statement.block if one.keyword == "track_file")
    for line in (line for one in lists for line in one.block):
        found = defined.get(line.keyword)
        if found is not None:
            given = line.arguments[1:] if line.arguments[:1] == ("weight",) else None
            yield TrackedFile(found.path, _weight(given, found.weight))


def _weight(words: Iterable[str] | None, default: int | None) -> int | None:
    """Return a weight; its sign is changed by the word `reverse`."""
    if words is None:
        return default
    number, *rest = (*words, "")
    weight = number_at_start(number)
    return weight if rest in ([""], ["noreverse", ""]) else None
