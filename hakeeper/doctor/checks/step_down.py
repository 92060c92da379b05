"""Would `hakeeper step-down` lower the priority of an instance or group?"""

from collections.abc import Iterable, Iterator

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.conf.instances import OWNER_PRIORITY

WEIGHT = 1
"""With another one -253 would be too little, or too much, which means FAULT."""


def track_file_lines(path: str) -> str:
    """Return what keepalived.conf needs for it."""
    return f"""\
track_file hakeeper {{    # above all instances and groups
    file "{path}"
    weight 1
}}
track_file {{             # in each vrrp_instance, or in its vrrp_sync_group
    hakeeper
}}
"""


def untracked(conf: KeepalivedConf, path: str, vrrps: Iterable[VrrpId]) -> Iterator[str]:
    """Say for each instance and group why its priority would stay as it is."""
    for vrrp in vrrps:
        members = conf.members(vrrp)
        owners = [one.name for one in members if one.priority == OWNER_PRIORITY]
        if not members:
            yield f"{conf.file} has no {vrrp}"
        elif owners:
            yield f"{owners[0]} has priority {OWNER_PRIORITY}, which nothing lowers"
        else:
            bad = [one for one in members if not _is_lowered(conf, path, one.name)]
            yield from (f"{one.name} does not track {path} ({one.place})" for one in bad)


def _is_lowered(conf: KeepalivedConf, path: str, name: str) -> bool:
    groups = [group.name for group in conf.groups if name in group.members]
    owners = [
        VrrpId(VrrpKind.INSTANCE, name),
        *(VrrpId(VrrpKind.GROUP, group) for group in groups),
    ]
    tracked = [one for owner in owners for one in conf.tracked_files.get(owner, ())]
    return any(one.path == path and one.weight == WEIGHT for one in tracked)
