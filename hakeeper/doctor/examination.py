"""The whole examination: gather the facts, run the checks, keep what they say."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hakeeper.adapters.identity import LocalIdentity
from hakeeper.adapters.statefile import StateFile
from hakeeper.config import Config
from hakeeper.core.calls import Identified
from hakeeper.core.model import IpAddress
from hakeeper.core.observation import Key
from hakeeper.doctor.checks import CHECKS
from hakeeper.doctor.checks.daemon import daemon
from hakeeper.doctor.checks.holding import unseen
from hakeeper.doctor.checks.leftout import left_out
from hakeeper.doctor.conf.meaning import KeepalivedConf
from hakeeper.doctor.facts import (
    ApiFacts,
    Component,
    ConfUnreadable,
    Facts,
    KeepalivedFacts,
    ScriptFacts,
)
from hakeeper.doctor.finding import Finding, Said, Severity, When
from hakeeper.doctor.gather.access import components_of, guarded_files
from hakeeper.doctor.gather.api import ApiAccess, api_facts
from hakeeper.doctor.gather.config import config_facts
from hakeeper.doctor.gather.keepalived import keepalived_facts
from hakeeper.doctor.gather.machine import machine_facts
from hakeeper.doctor.gather.netlink import came_after
from hakeeper.doctor.gather.networkd import networkd_facts
from hakeeper.doctor.gather.refusal import changed_after_start
from hakeeper.doctor.gather.scripts import script_facts
from hakeeper.doctor.gather.service import daemon_facts, fifo_facts
from hakeeper.kinds.apis import CLOUD

_PROGRAMS_LIMIT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is examined, and how it is reached."""

    config: Config
    config_path: Path
    token_source: str
    read_token: Callable[[], str]
    redact: Callable[[str], str]
    environ: Mapping[str, str]
    keepalived_conf: Path | None
    control_socket: Path
    state_file: Path
    service_token: Path
    """Where hakeeper.service takes its token from."""


@dataclass(frozen=True, slots=True)
class Report:
    """What each check said, in order."""

    said: tuple[tuple[str, Said], ...]

    def findings(self, severity: Severity) -> tuple[tuple[str, Finding], ...]:
        """Return those of one severity, with the names of their checks."""
        return tuple(
            (name, said)
            for name, said in self.said
            if isinstance(said, Finding) and said.severity is severity
        )

    has_keepalived: bool = True
    """Whether one runs; without it there is no now."""
    is_in_force: bool = True
    """Whether the file is that of the keepalived that runs; else the question is of later."""
    unseen: tuple[str, ...] = ()
    """What could not be looked at, because only root sees it."""

    def is_well(self, when: When) -> bool:
        """Say whether nothing speaks against a failover then."""
        return not any(one.when & when for _, one in self.findings(Severity.ERROR))

    @property
    def is_ready_now(self) -> bool:
        """Whether a failover to this server would work with the keepalived that runs."""
        return self.is_well(When.NOW)

    @property
    def is_ready_after_restart(self) -> bool:
        """Whether it would when keepalived has started again, or read its file anew."""
        return self.is_well(When.NEXT_START)

    @property
    def is_ready(self) -> bool:
        """Whether it would work, now and later; with a file that is not in force, later."""
        return self.is_ready_after_restart and (self.is_ready_now or not self.is_in_force)


def examine(subject: Subject) -> Report:
    """Look at everything; raises what an unusable token or CA file raises, OSError for files."""
    return judge(gather(subject))


def judge(facts: Facts) -> Report:
    """Run the checks; the daemon's word comes last, and only what they do not explain of it."""
    said = tuple((check.name, said) for check in CHECKS for said in check.look(facts))
    said += tuple(("keepalived.conf", one) for one in left_out(facts, said))
    said += tuple(("hakeeper", one) for one in daemon(facts, said))
    said = tuple(_each_cause_once(said))
    return Report(
        said,
        has_keepalived=facts.is_running,
        is_in_force=facts.keepalived.is_in_force,
        unseen=tuple(unseen(facts)),
    )


def _each_cause_once(said: Iterable[tuple[str, Said]]) -> Iterator[tuple[str, Said]]:
    """Leave out an error that has line, reason and cure of one before."""
    seen: dict[tuple[object, ...], tuple[str, Said]] = {}
    for name, one in said:
        if isinstance(one, Finding):
            key: tuple[object, ...] = (one.severity, one.place, one.why, one.cure)
            first = seen.get(key)
            if first is not None and isinstance(first[1], Finding) and one.place is not None:
                seen[key] = (first[0], replace(first[1], when=first[1].when | one.when))
                continue
        else:
            key = (name, one)
        seen.setdefault(key if key not in seen else (key, one), (name, one))
    yield from seen.values()


def gather(subject: Subject) -> Facts:
    """Look at everything and judge nothing."""
    config = subject.config
    api = api_facts(
        ApiAccess(
            config=config,
            read_token=subject.read_token,
            redact=subject.redact,
            identity=LocalIdentity.from_environment(subject.environ).candidates,
            cached_server_id=_cached_server_id(subject.state_file),
        )
    )
    keepalived = keepalived_facts(config, subject.keepalived_conf)
    fifo = fifo_facts(config.keepalived.fifo, _fifo_paths(keepalived))
    machine = machine_facts(
        _addresses_that_matter(config, keepalived.conf, api),
        _users(keepalived.conf),
        _groups(keepalived.conf),
    )
    return Facts(
        config=config_facts(config, subject.config_path, subject.token_source),
        api=api,
        keepalived=keepalived,
        fifo=fifo,
        machine=replace(machine, added_late=_added_late(keepalived)),
        daemon=daemon_facts(subject.control_socket),
        guarded=guarded_files(
            config, subject.config_path, subject.service_token, _conf_files(keepalived.conf)
        ),
        networkd=networkd_facts(machine.interfaces),
        scripts=_scripts(keepalived.conf),
        programs=_programs(keepalived.conf),
        fifo_folder=components_of(config.keepalived.fifo.parent),
    )


def _scripts(conf: KeepalivedConf | ConfUnreadable) -> dict[str, ScriptFacts]:
    return script_facts(conf.notify_scripts) if isinstance(conf, KeepalivedConf) else {}


def _programs(conf: KeepalivedConf | ConfUnreadable) -> dict[str, tuple[Component, ...]]:
    if not isinstance(conf, KeepalivedConf):
        return {}
    commands = (one.command.words[0] for one in conf.scripts if one.command is not None)
    paths = dict.fromkeys(path for path in commands if path.startswith("/"))
    return {path: components_of(Path(path)) for path in list(paths)[:_PROGRAMS_LIMIT]}


def _added_late(keepalived: KeepalivedFacts) -> frozenset[IpAddress] | None:
    """Return the addresses that keepalived may have added by another text of its file."""
    child = keepalived.child_pid
    if child is None or not changed_after_start(child, _conf_files(keepalived.conf)):
        return frozenset()
    return came_after(child)


def _conf_files(conf: KeepalivedConf | ConfUnreadable) -> tuple[str, ...]:
    return conf.files if isinstance(conf, KeepalivedConf) else (conf.file,)


def _cached_server_id(path: Path) -> Key | None:
    """Return what the daemon would fall back on; a file that may not be read counts as none."""
    state = StateFile(path).load().state
    return None if state is None else state.servers.get(CLOUD.name)


def _addresses_that_matter(
    config: Config, conf: KeepalivedConf | ConfUnreadable, api: ApiFacts
) -> Iterator[IpAddress]:
    for some in config.vrrp_addresses.values():
        yield from some
    for refs in config.resources.values():
        yield from (ref.network.network_address for ref in refs if ref.network is not None)
    found = (one.network for one in api.floating_ips or ())
    yield from (network.network_address for network in found if network is not None)
    if isinstance(api.identified.outcome, Identified):
        yield from (one.network_address for one in api.identified.outcome.server.own or ())
    if isinstance(conf, KeepalivedConf):
        for one in conf.instances:
            yield from (peer.ip for peer in one.peers)
            yield from (vip.interface.ip for vip in one.vips)
            if one.source is not None:
                yield one.source.ip


def _users(conf: KeepalivedConf | ConfUnreadable) -> Iterator[str]:
    if isinstance(conf, KeepalivedConf):
        yield from (line.user for line in conf.fifos if line.user is not None)


def _groups(conf: KeepalivedConf | ConfUnreadable) -> Iterator[str]:
    if isinstance(conf, KeepalivedConf):
        yield from (line.group for line in conf.fifos if line.group is not None)


def _fifo_paths(keepalived: KeepalivedFacts) -> Iterator[str]:
    if isinstance(keepalived.conf, KeepalivedConf):
        yield from (line.path for line in keepalived.conf.fifos)
    if keepalived.reading is not None and keepalived.reading.fifo is not None:
        yield keepalived.reading.fifo
