"""A server on which all is well, as facts, and ways to spoil it; nothing is looked at."""

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, ip_address, ip_network

from hakeeper.config import parse
from hakeeper.core.calls import (
    Answer,
    CallResult,
    Failure,
    FailureKind,
    Identified,
    Quota,
)
from hakeeper.core.model import Role, Server, VrrpId, VrrpKind
from hakeeper.core.observation import Observation, label_of
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.doctor.conf.configuration import KeepalivedConf, read_configuration
from hakeeper.doctor.conf.files import Files
from hakeeper.doctor.conf.lines import Reader
from hakeeper.doctor.conf.syntax import read_syntax
from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import (
    Component,
    DaemonFacts,
    Facts,
    GuardedFile,
    MachineFacts,
    NetworkdFacts,
    NetworkdLink,
    ScriptFacts,
)
from hakeeper.doctor.finding import Finding
from hakeeper.doctor.gather.config import places_in
from hakeeper.doctor.keepalived_facts import (
    ConfUnreadable,
    FifoFacts,
    Held,
    KeepalivedFacts,
    KeepalivedsReading,
)
from hakeeper.kinds import FLOATING_IPS
from tests.support import resources
from tests.support.resources import floating_ip

YAML = """\
instances:
  VI_1:
    floating_ips: [web]
    vrrp_address: 10.0.0.2
"""
CONF = """\
global_defs {
    script_user root
    enable_script_security
    reload_check_config
    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper
    enable_dbus
    vrrp_higher_prio_send_advert
}
vrrp_script nginx {
    script "/usr/bin/true"
}
vrrp_instance VI_1 {
    interface enp7s0
    virtual_router_id 51
    version 3
    unicast_src_ip 10.0.0.2
    unicast_peer {
        10.0.0.3
    }
    track_script {
        nginx
    }
    virtual_ipaddress {
        203.0.113.10/32 dev eth0
    }
}
"""
YAML_PATH = "/etc/hakeeper/hakeeper.yaml"
CONF_PATH = "/etc/keepalived/keepalived.conf"
WEB = floating_ip(
    id=4711,
    name="web",
    network=ip_network("203.0.113.10"),
    server_id=102,
    network_zone="eu-central",
)
SERVER = Server(
    id=101,
    name="web-a",
    status="running",
    zone="eu-central",
    own=(ip_network("192.0.2.9"), ip_network("2001:db8:5::/64"), ip_network("10.0.0.2")),
)
PLENTY = Quota(limit_per_hour=3600, remaining=3500)


def result(outcome: Answer | Failure, quota: Quota | None = PLENTY) -> CallResult:
    return CallResult(call_id=1, outcome=outcome, sent_at_s=0, finished_at_s=0, quota=quota)


def failure(kind: FailureKind, code: str, message: str = "so it is") -> CallResult:
    return result(Failure(kind=kind, code=code, message=message))


def listed(*floating_ips: Observation) -> CallResult:
    return result(resources.listed(floating_ips))


def at(seen: Observation, address: str) -> Observation:
    """Have it at another address."""
    network = ip_network(address)
    return replace(seen, network=network, label=label_of(network))


GOOD_API = ApiFacts(
    identified=result(Identified(SERVER, "DMI serial number")),
    listed={FLOATING_IPS.name: listed(WEB)},
    may_write=failure(FailureKind.NOT_FOUND, "not_found"),
    ahead_s=0.2,
)
GOOD_MACHINE = MachineFacts(
    here=frozenset((ip_address("10.0.0.2"),)),
    interfaces=frozenset(("lo", "eth0", "enp7s0")),
    primaries={
        "eth0": IPv4Interface("192.0.2.9/32"),
        "enp7s0": IPv4Interface("10.0.0.2/32"),
    },
    user="hakeeper",
    user_id=990,
    group_ids=frozenset((990,)),
    known_users=frozenset(("hakeeper", "root")),
    known_groups=frozenset(("hakeeper", "root")),
    is_root=True,
)


def folder(path: str, **changes: object) -> Component:
    """A folder of root's."""
    good = Component(path=path, kind=stat.S_IFDIR, mode=0o755, owner="root", owner_id=0)
    return replace(good, **changes)  # type: ignore[arg-type]


def file(path: str, **changes: object) -> Component:
    """A file of root's."""
    return folder(path, **{"kind": stat.S_IFREG, "mode": 0o644, **changes})


NETWORK_FILE = "/run/systemd/network/10-netplan-eth0.network"
GOOD_NETWORKD = NetworkdFacts(
    links={"eth0": NetworkdLink(name="eth0", network_file=NETWORK_FILE, keep="yes")}
)
GOOD_FOLDERS = (folder("/"), folder("/run"), folder("/run/hakeeper"))
GOOD_GUARDED = (
    GuardedFile(
        name="hakeeper.yaml",
        harm="can have the token",
        components=(folder("/"), folder("/etc"), folder("/etc/hakeeper"), file(YAML_PATH)),
        may_be_ours=True,
    ),
    GuardedFile(
        name="keepalived.conf",
        harm="can be root",
        components=(folder("/"), folder("/etc"), folder("/etc/keepalived"), file(CONF_PATH)),
    ),
)
GOOD_FIFO = FifoFacts(kind="FIFO", owner="hakeeper", owner_id=990, group_id=990, mode=0o600)
CONTENT = DaemonFacts(is_running=True)


@dataclass(frozen=True)
class Case:
    """A server; `facts` are what is seen of it."""

    yaml: str = YAML
    conf: str | ConfUnreadable = CONF
    api: ApiFacts | None = GOOD_API
    robot: ApiFacts | None = None
    keepalived: KeepalivedFacts = field(
        default_factory=lambda: KeepalivedFacts(
            conf=ConfUnreadable("", ""),
            version=(2, 2, 7),
            pid=7,
            child_pid=8,
            held=Held.OURS,
            roles={"VI_1": Role.BACKUP},
        )
    )
    can_be_asked: bool = True
    """Whether keepalived says what it reads in the file; here it reads what the check reads."""
    fifo: FifoFacts = GOOD_FIFO
    machine: MachineFacts = GOOD_MACHINE
    daemon: DaemonFacts = CONTENT
    guarded: tuple[GuardedFile, ...] = GOOD_GUARDED
    fifo_folder: tuple[Component, ...] = GOOD_FOLDERS
    networkd: NetworkdFacts = GOOD_NETWORKD
    scripts: Mapping[str, ScriptFacts] = field(default_factory=dict)
    programs: Mapping[str, tuple[Component, ...]] = field(default_factory=dict)

    def facts(self) -> Facts:
        conf = self.conf if isinstance(self.conf, ConfUnreadable) else read(self.conf)
        config = parse(self.yaml, YAML_PATH)
        reading = self.keepalived.reading
        if reading is None and self.can_be_asked and isinstance(conf, KeepalivedConf):
            reading = as_read(conf, config.resources)
        return Facts(
            config=places_in(self.yaml, YAML_PATH, config, "file /etc/token", "file /etc/login"),
            api=self.api,
            robot=self.robot,
            keepalived=replace(self.keepalived, conf=conf, reading=reading),
            fifo=self.fifo,
            machine=self.machine,
            daemon=self.daemon,
            guarded=self.guarded,
            fifo_folder=self.fifo_folder,
            networkd=self.networkd,
            scripts=self.scripts,
            programs=self.programs,
        )

    def findings(self) -> list[tuple[str, Finding]]:
        said = judge(self.facts()).results
        return [(name, each) for name, each in said if isinstance(each, Finding)]

    def with_yaml(self, old: str, new: str) -> "Case":
        assert old in self.yaml
        return replace(self, yaml=self.yaml.replace(old, new))

    def with_conf(self, old: str, new: str) -> "Case":
        assert isinstance(self.conf, str)
        assert old in self.conf
        return replace(self, conf=self.conf.replace(old, new))

    def with_api(self, **changes: object) -> "Case":
        """Say what the API answers; a single list is that of the floating IPs."""
        if isinstance(changes.get("listed"), CallResult):
            changes["listed"] = {FLOATING_IPS.name: changes["listed"]}
        assert self.api is not None
        return replace(self, api=replace(self.api, **changes))  # type: ignore[arg-type]

    def with_robot(self, **changes: object) -> "Case":
        """Say what Robot answers."""
        assert self.robot is not None
        return replace(self, robot=replace(self.robot, **changes))  # type: ignore[arg-type]

    def with_keepalived(self, **changes: object) -> "Case":
        return replace(self, keepalived=replace(self.keepalived, **changes))  # type: ignore[arg-type]

    def with_fifo(self, **changes: object) -> "Case":
        return replace(self, fifo=replace(self.fifo, **changes))  # type: ignore[arg-type]

    def with_machine(self, **changes: object) -> "Case":
        return replace(self, machine=replace(self.machine, **changes))  # type: ignore[arg-type]

    def with_server(self, **changes: object) -> "Case":
        """Have the API name another server, or say other things of it."""
        server = replace(SERVER, **changes)  # type: ignore[arg-type]
        return self.with_api(identified=result(Identified(server, "DMI serial number")))

    def with_component(self, changed: Component) -> "Case":
        """Have another folder or file on the way to whatever leads through it."""

        def way(components: tuple[Component, ...]) -> tuple[Component, ...]:
            return tuple(changed if each.path == changed.path else each for each in components)

        guarded = [replace(each, components=way(each.components)) for each in self.guarded]
        return replace(self, guarded=tuple(guarded), fifo_folder=way(self.fifo_folder))

    def with_script(self, line: str, command: str, seen: ScriptFacts) -> "Case":
        """Have a notify line in the instance, and this to be seen of what it runs."""
        text = self.with_conf("    version 3\n", f"    version 3\n    {line}\n")
        return replace(text, scripts={command: seen})

    def with_link(self, **changes: object) -> "Case":
        """Have systemd-networkd manage eth0 in another way."""
        link = replace(GOOD_NETWORKD.links["eth0"], **changes)  # type: ignore[arg-type]
        return replace(self, networkd=NetworkdFacts(links={"eth0": link}))

    def here(self, *addresses: str) -> "Case":
        """Have these addresses on the machine, and no others."""
        return self.with_machine(here=frozenset(map(ip_address, addresses)))


def as_read(conf: KeepalivedConf, names: Iterable[VrrpId]) -> KeepalivedsReading:
    """What keepalived says if it reads the file as the check does."""
    asked = frozenset(one for one in names if one.kind is VrrpKind.INSTANCE)
    lines = [line for line in conf.fifos if line.keyword == "vrrp_notify_fifo"]
    return KeepalivedsReading(
        fifo=lines[0].path if lines else None,
        fifo_place=lines[0].place if lines else None,
        asked=asked,
        has=frozenset(one for one in asked if conf.members(one)),
    )


def read(
    text: str, config_id: str = "web-a", others: Iterable[tuple[str, str]] = ()
) -> KeepalivedConf:
    """Read a keepalived.conf from texts by path."""
    texts = {CONF_PATH: text, **dict(others)}

    def matching(pattern: str) -> list[str]:
        if "*" not in pattern:
            return [pattern]
        return sorted(path for path in texts if path.startswith(pattern.rstrip("*")))

    def reading(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(2, "No such file or directory")
        return texts[path]

    reader = Reader(Files(read=reading, matching=matching), config_id)
    syntax = read_syntax(reader.lines(CONF_PATH))
    return read_configuration(CONF_PATH, syntax, reader.unread, reader.conditions, reader.ignored)
