"""The whole of `check --online`: gather the facts, run the checks, report the results."""

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
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.doctor.checks import CHECKS
from hakeeper.doctor.checks.daemon import daemon
from hakeeper.doctor.checks.fifo_readers import hidden_from_user
from hakeeper.doctor.checks.ignored_lines import report_ignored
from hakeeper.doctor.choices import with_choices
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.facts import Component, Facts, ScriptFacts
from hakeeper.doctor.finding import CheckResult, Finding, Severity, When
from hakeeper.doctor.gather.access import components_of, guarded_files
from hakeeper.doctor.gather.api import ApiAccess, api_facts
from hakeeper.doctor.gather.config import config_facts
from hakeeper.doctor.gather.keepalived import keepalived_facts
from hakeeper.doctor.gather.last_exit import changed_after_start
from hakeeper.doctor.gather.machine import machine_facts
from hakeeper.doctor.gather.netlink import addresses_added_after
from hakeeper.doctor.gather.networkd import networkd_facts
from hakeeper.doctor.gather.robot import robot_facts
from hakeeper.doctor.gather.scripts import script_facts
from hakeeper.doctor.gather.service import daemon_facts, fifo_facts
from hakeeper.doctor.keepalived_facts import ConfUnreadable, KeepalivedFacts
from hakeeper.kinds.apis import CLOUD

_PROGRAMS_LIMIT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is examined, and how it is reached."""

    config: Config
    config_path: Path
    token_source: str
    read_token: Callable[[], str]
    login_source: str
    read_login: Callable[[], str]
    redact: Callable[[str], str]
    environ: Mapping[str, str]
    keepalived_conf: Path | None
    control_socket: Path
    state_file: Path
    service_token: Path
    """The file from which hakeeper.service reads its token."""
    service_login: Path
    """The file from which it reads its login for Robot."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of each check, in order."""

    results: tuple[tuple[str, CheckResult], ...]

    def findings(self, severity: Severity) -> tuple[tuple[str, Finding], ...]:
        """Return the findings of one severity, with the names of their checks."""
        return tuple(
            (name, result)
            for name, result in self.results
            if isinstance(result, Finding) and result.severity is severity
        )

    has_keepalived: bool = True
    """Whether keepalived runs; if not, the question is about its next start only."""
    is_in_force: bool = True
    """Whether the file is the running keepalived's; if not, it matters at the next start only."""
    hidden: tuple[str, ...] = ()
    """What could not be checked because only root can see it."""

    def is_ready_at(self, when: When) -> bool:
        """Say whether no error would prevent a failover at that time."""
        return not any(one.when & when for _, one in self.findings(Severity.ERROR))

    @property
    def is_ready_now(self) -> bool:
        """Whether a failover to this server would work with the running keepalived."""
        return self.is_ready_at(When.NOW)

    @property
    def is_ready_after_restart(self) -> bool:
        """Whether a failover would work after keepalived's next start or reload."""
        return self.is_ready_at(When.NEXT_START)

    @property
    def is_ready(self) -> bool:
        """Whether a failover works now and later; if the file is not in force, just later."""
        return self.is_ready_after_restart and (self.is_ready_now or not self.is_in_force)


def examine(subject: Subject) -> Report:
    """Gather and judge; raises what an unusable token or CA file raises, OSError for files."""
    return judge(gather(subject))


def judge(facts: Facts) -> Report:
    """Run the checks, and then report the daemon's problems that no finding explains."""
    facts = with_choices(facts)
    results = tuple((check.name, result) for check in CHECKS for result in check.run(facts))
    results += tuple(("keepalived.conf", one) for one in report_ignored(facts, results))
    results += tuple(("hakeeper", one) for one in daemon(facts, results))
    results = tuple(_each_cause_once(results))
    return Report(
        results,
        has_keepalived=facts.is_running,
        is_in_force=facts.keepalived.is_in_force,
        hidden=tuple(hidden_from_user(facts)),
    )


def _each_cause_once(
    results: Iterable[tuple[str, CheckResult]],
) -> Iterator[tuple[str, CheckResult]]:
    """Drop a finding with the same line, reason and cure as an earlier one."""
    seen: dict[tuple[object, ...], tuple[str, CheckResult]] = {}
    for name, one in results:
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
    """Gather all facts, without judging them."""
    config = subject.config
    api = _cloud_facts(subject) if CLOUD.name in config.apis else None
    robot = robot_facts(config, read_login=subject.read_login, redact=subject.redact)
    keepalived = keepalived_facts(config, subject.keepalived_conf)
    fifo = fifo_facts(config.keepalived.fifo, _fifo_paths(keepalived))
    machine = machine_facts(
        _addresses_that_matter(config, keepalived.conf, (api, robot)),
        _users(keepalived.conf),
        _groups(keepalived.conf),
    )
    return Facts(
        config=config_facts(
            config, subject.config_path, subject.token_source, subject.login_source
        ),
        api=api,
        robot=robot,
        keepalived=keepalived,
        fifo=fifo,
        machine=replace(machine, added_late=_added_late(keepalived)),
        daemon=daemon_facts(subject.control_socket),
        guarded=guarded_files(
            config,
            subject.config_path,
            subject.service_token,
            subject.service_login,
            _conf_files(keepalived.conf),
        ),
        networkd=networkd_facts(machine.interfaces),
        scripts=_scripts(keepalived.conf),
        programs=_programs(keepalived.conf),
        fifo_folder=components_of(config.keepalived.fifo.parent),
    )


def _cloud_facts(subject: Subject) -> ApiFacts:
    return api_facts(
        ApiAccess(
            config=subject.config,
            read_token=subject.read_token,
            redact=subject.redact,
            identity=LocalIdentity.from_environment(subject.environ).candidates,
            cached_server_id=_cached_server_id(subject.state_file),
        )
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
    """Return the addresses that keepalived may have added by an older version of its file."""
    child = keepalived.child_pid
    if child is None or not changed_after_start(child, _conf_files(keepalived.conf)):
        return frozenset()
    return addresses_added_after(child)


def _conf_files(conf: KeepalivedConf | ConfUnreadable) -> tuple[str, ...]:
    return conf.files if isinstance(conf, KeepalivedConf) else (conf.file,)


def _cached_server_id(path: Path) -> Key | None:
    """Return the daemon's fallback server id; a state file that we may not read counts as none."""
    state = StateFile(path).load().state
    return None if state is None else state.servers.get(CLOUD.name)


def _addresses_that_matter(
    config: Config, conf: KeepalivedConf | ConfUnreadable, apis: tuple[ApiFacts | None, ...]
) -> Iterator[IpAddress]:
    for some in config.vrrp_addresses.values():
        yield from some
    for refs in config.resources.values():
        yield from (ref.network.network_address for ref in refs if ref.network is not None)
    for api in filter(None, apis):
        found = (one.network for reading in api.readings for one in reading.found)
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
