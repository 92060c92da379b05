"""A keepalived.conf as values: what a failover with hakeeper depends on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.conf.addresses import IpInterface, number_at_start
from hakeeper.doctor.conf.instances import Address, Instance, Vip, read_instance
from hakeeper.doctor.conf.records import Ignored, Unread
from hakeeper.doctor.conf.scripts import (
    FIFO_SCRIPTS,
    NOTIFIES,
    Command,
    Script,
    Tracked,
    first_commands,
    scripts_and_tracked,
)
from hakeeper.doctor.conf.switches import switched_on
from hakeeper.doctor.conf.syntax import Statement, Syntax
from hakeeper.doctor.conf.track_files import TrackedFile, tracked_files
from hakeeper.doctor.finding import Place

__all__ = [
    "Address",
    "FifoLine",
    "Group",
    "Instance",
    "IpInterface",
    "KeepalivedConf",
    "NotifyScript",
    "Vip",
    "read_configuration",
]
_FIFOS: Final = ("notify_fifo", "vrrp_notify_fifo")
_VERSIONS: Final = (2, 3)
_LVS_SYNC: Final = "lvs_sync_daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class FifoLine:
    """`vrrp_notify_fifo PATH [USER [GROUP]]`, or the older `notify_fifo`.

    Of several lines with the same keyword, keepalived uses the first whose user and group exist.
    """

    keyword: str
    path: str
    user: str | None
    place: Place
    group: str | None = None
    script_user: str | None = None
    """The user of a `script_user` line before this one; a later one has no effect on it."""
    script_group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyScript:
    """A `notify…` line of an instance or a group: a program that keepalived runs."""

    keyword: str
    owner: str
    """The name of the instance or group."""
    command: str
    """With its arguments."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One `vrrp_sync_group`."""

    name: str
    place: Place
    members: tuple[str, ...]
    """As written; keepalived ignores names that it does not know."""
    commands: tuple[Command, ...] = ()
    """`notify_master` and the other notify scripts, each at most once."""
    tracked: tuple[Tracked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedConf:
    """The whole configuration. `file` is the main file; others may be included."""

    file: str
    files: tuple[str, ...] = ()
    """All files that were read, the main one and the included ones."""
    fifos: tuple[FifoLine, ...] = ()
    instances: tuple[Instance, ...] = ()
    groups: tuple[Group, ...] = ()
    global_keywords: Mapping[str, Place] = field(default_factory=dict)
    """The keywords in `global_defs` and where each first appears, without those set to `off`."""
    vrrp_version: int = 2
    all_keywords: Mapping[str, Place] = field(default_factory=dict)
    """All keywords and where each first appears, in the order of the file."""
    unused_scripts: tuple[Statement, ...] = ()
    """Every `vrrp_script` that no `track_script` uses."""
    unread: tuple[Unread, ...] = ()
    conditions: tuple[Place, ...] = ()
    """The lines that depend on the `config_id`."""
    ignored: tuple[Ignored, ...] = ()
    """What keepalived ignores without exiting."""
    fifo_scripts: tuple[Command, ...] = ()
    """`vrrp_notify_fifo_script` and `notify_fifo_script`, each at most once."""
    script_user: Statement | None = None
    """The last `script_user` line."""
    scripts: tuple[Script, ...] = ()
    """Every `vrrp_script` with a command."""
    tracked_files: Mapping[VrrpId, tuple[TrackedFile, ...]] = field(default_factory=dict)
    instance_name: str | None = None
    """`instance NAME`, which becomes part of the pid files' names."""
    net_namespace: str | None = None
    is_pid_dir_used: bool = False
    """Whether `use_pid_dir` is set, or one of the two above, which imply it."""
    lvs_sync: Statement | None = None
    """The first line by which the VRRP process has IPVS synchronize its connections."""

    @property
    def notify_scripts(self) -> tuple[NotifyScript, ...]:
        """The notify scripts of all instances and groups."""
        owners: tuple[Instance | Group, ...] = (*self.instances, *self.groups)
        return tuple(
            NotifyScript(
                keyword=command.keyword,
                owner=one.name,
                command=" ".join(command.words),
                place=command.place,
            )
            for one in owners
            for command in one.commands
        )

    def instance(self, name: str) -> Instance | None:
        """Return the instance of that name."""
        return next((one for one in self.instances if one.name == name), None)

    def members(self, vrrp: VrrpId) -> tuple[Instance, ...]:
        """Return the instances of a name in hakeeper.yaml; empty: keepalived.conf has no such."""
        if vrrp.kind is VrrpKind.INSTANCE:
            found = self.instance(vrrp.name)
            return () if found is None else (found,)
        names = [name for group in self.groups if group.name == vrrp.name for name in group.members]
        return tuple(one for one in self.instances if one.name in names)

    def names(self, kind: VrrpKind) -> tuple[str, ...]:
        """Return the names of all instances, or of all groups."""
        things = self.instances if kind is VrrpKind.INSTANCE else self.groups
        return tuple(one.name for one in things)

    @property
    def global_defs(self) -> Place:
        """The place of `global_defs`; the file, if it has none."""
        return self.all_keywords.get("global_defs", Place(self.file))


def read_configuration(
    file: str,
    syntax: Syntax,
    unread: Iterable[Unread] = (),
    conditions: Iterable[Place] = (),
    ignored: Iterable[Ignored] = (),
) -> KeepalivedConf:
    """Read the statements; what is not understood ends up in `unread`."""
    problems = [*unread, *syntax.unread]
    left_out = [*ignored, *syntax.ignored]
    top = syntax.statements
    global_lines = [line for one in top if one.keyword == "global_defs" for line in one.block]
    versions = [
        number_at_start(one.arguments[0])
        for one in global_lines
        if one.keyword == "vrrp_version" and one.arguments
    ]
    every: dict[str, Place] = {}
    _note_all(every, top)
    scripts, tracked = scripts_and_tracked(top, left_out)
    instances = tuple(
        read_instance(one, found, problems, left_out)
        for one, found in zip(top, tracked, strict=True)
        if one.keyword == "vrrp_instance"
    )
    groups = tuple(
        _group(one, found, left_out)
        for one, found in zip(top, tracked, strict=True)
        if one.keyword == "vrrp_sync_group"
    )
    fifos, script_user = _fifos(global_lines)
    fifo_scripts = first_commands(global_lines, FIFO_SCRIPTS, left_out)
    used = {each.name for found in tracked for each in found}
    by_name = {
        one.arguments[0]: one
        for one in reversed(top)
        if one.keyword == "vrrp_script" and one.arguments
    }
    return KeepalivedConf(
        file=file,
        fifos=fifos,
        instances=instances,
        groups=groups,
        global_keywords=switched_on(global_lines),
        vrrp_version=next((one for one in reversed(versions) if one in _VERSIONS), None) or 2,
        all_keywords=every,
        unused_scripts=tuple(by_name[one.name] for one in scripts if one.name not in used),
        unread=tuple(dict.fromkeys(problems)),
        conditions=tuple(conditions),
        ignored=tuple(dict.fromkeys(left_out)),
        fifo_scripts=fifo_scripts,
        script_user=script_user,
        scripts=scripts,
        tracked_files=tracked_files(top),
        instance_name=_first_value(top, "instance"),
        net_namespace=_first_value(top, "net_namespace"),
        is_pid_dir_used=any(one.keyword == "use_pid_dir" for one in top)
        or any(_first_value(top, word) is not None for word in ("instance", "net_namespace")),
        lvs_sync=_lvs_sync(top, global_lines),
    )


def _note_all(keywords: dict[str, Place], statements: Iterable[Statement]) -> None:
    for one in statements:
        keywords.setdefault(one.keyword, one.place)
        _note_all(keywords, one.block)


def _first_value(statements: Iterable[Statement], keyword: str) -> str | None:
    found = (one.arguments[0] for one in statements if one.keyword == keyword and one.arguments)
    return next(found, None)


def _lvs_sync(top: Iterable[Statement], global_lines: Iterable[Statement]) -> Statement | None:
    """Return such a line; one of `global_defs` has to name an instance, known or not."""
    found = [
        *(one for one in global_lines if one.keyword == _LVS_SYNC and len(one.arguments) > 1),
        *(
            line
            for one in top
            if one.keyword == "vrrp_instance"
            for line in one.block
            if line.keyword == f"{_LVS_SYNC}_interface" and line.arguments
        ),
    ]
    return next(iter(found), None)


def _fifos(lines: Iterable[Statement]) -> tuple[tuple[FifoLine, ...], Statement | None]:
    found: list[FifoLine] = []
    script_user: Statement | None = None
    for one in lines:
        if one.keyword == "script_user" and one.arguments:
            script_user = one
        if one.keyword in _FIFOS and one.arguments:
            path, user, group, *_ = (*one.arguments, None, None)
            default, default_group, *_ = (
                *(script_user.arguments if script_user else ()),
                None,
                None,
            )
            found.append(
                FifoLine(
                    keyword=one.keyword,
                    path=str(path),
                    user=user,
                    group=group,
                    place=one.place,
                    script_user=default,
                    script_group=default_group,
                )
            )
    return tuple(found), script_user


def _group(statement: Statement, tracked: tuple[Tracked, ...], ignored: list[Ignored]) -> Group:
    lists = (one for one in statement.block if one.keyword == "group")
    return Group(
        name=statement.arguments[0],
        place=statement.place,
        members=tuple(word for one in lists for line in one.block for word in line.words),
        commands=first_commands(statement.block, NOTIFIES, ignored),
        tracked=tracked,
    )
