"""keepalived.conf for the nodes of a lab, generated from a few values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hakeeper.demo.lab.network import INTERFACE


@dataclass(frozen=True, slots=True, kw_only=True)
class VrrpInstance:
    """One `vrrp_instance`, on every node, with its priority per node."""

    name: str = "VI_1"
    vrid: int = 51
    priorities: tuple[int, ...] = (150, 100)
    vips: tuple[str, ...] = ("10.99.0.100/32",)
    """/32: removing a VIP within the node's own prefix would remove the node's address, too."""
    nopreempt: bool = False
    tracked: bool = False
    """Whether it tracks the node's health file; see `script_weight`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VrrpSettings:
    """Settings of keepalived that are the same on all nodes; times in seconds."""

    instances: tuple[VrrpInstance, ...] = (VrrpInstance(),)
    sync_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: int = 3
    advert_int_s: float = 0.2
    """Values below one second need version 3."""
    script_weight: int | None = None
    """None: a failed check means FAULT. Otherwise it is added to the priority while it fails."""
    dbus: bool = True
    reload_check_config: bool = True
    higher_prio_send_advert: bool = False
    """Whether a master that yields sends one more advert to the node with the higher priority.

    Without it, that node learns of a healed split only if the other's advert happens to come first.
    """

    more_globals: tuple[str, ...] = ()
    """More lines of `global_defs`."""
    steps_down: bool = False
    """Whether all instances track the file of `hakeeper step-down`."""

    @property
    def takeover_s(self) -> float:
        """How long a backup waits for a silent master, at most (RFC 5798, 6.1)."""
        return 4 * self.advert_int_s if self.version == 3 else 3 * self.advert_int_s + 1  # noqa: PLR2004  # a version number


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePaths:
    """The files of one node that keepalived.conf names."""

    fifo: Path
    """hakeeper's: `vrrp_notify_fifo`."""
    witness_fifo: Path
    """The lab's own record of the same lines: `notify_fifo`."""
    health_file: Path
    """The node is healthy while it exists."""
    track_file: Path
    """The number that `hakeeper step-down` writes."""


def _global_defs(settings: VrrpSettings, paths: NodePaths, name: str) -> list[str]:
    lines = [
        "global_defs {",
        f"    router_id {name}",
        f"    vrrp_version {settings.version}",
        "    script_user root",
        "    enable_script_security",
        "    vrrp_garp_master_repeat 1",
        "    vrrp_garp_master_refresh 0",
        f"    notify_fifo {paths.witness_fifo} root",
        f"    vrrp_notify_fifo {paths.fifo} root",
    ]
    if settings.dbus:
        lines.append("    enable_dbus")
    if settings.reload_check_config:
        lines.append("    reload_check_config")
    if settings.higher_prio_send_advert:
        lines.append("    vrrp_higher_prio_send_advert")
    lines += [f"    {line}" for line in settings.more_globals]
    return [*lines, "}"]


def _script(settings: VrrpSettings, paths: NodePaths) -> list[str]:
    lines = [
        "vrrp_script health {",
        f'    script "/usr/bin/test -e {paths.health_file}"',
        "    interval 1",
        "    rise 1",
        "    fall 1",
        "    user root",
    ]
    if settings.script_weight is not None:
        # A positive weight is added while the check succeeds, a negative one while it fails.
        lines.append(f"    weight {settings.script_weight}")
    return [*lines, "}"]


def _track_file(paths: NodePaths) -> list[str]:
    return [
        "track_file hakeeper {",
        f'    file "{paths.track_file}"',
        "    weight 1",
        "}",
    ]


def _block(name: str, inner: tuple[str, ...]) -> list[str]:
    return [f"    {name} {{", *(f"        {line}" for line in inner), "    }"]


def _instance(
    settings: VrrpSettings, instance: VrrpInstance, *, number: int, ips: tuple[str, ...]
) -> list[str]:
    others = tuple(ip for index, ip in enumerate(ips) if index != number)
    lines = [
        f'vrrp_instance "{instance.name}" {{',
        "    state BACKUP",
        f"    interface {INTERFACE}",
        f"    virtual_router_id {instance.vrid}",
        f"    priority {instance.priorities[number]}",
        f"    advert_int {settings.advert_int_s:g}",
        f"    unicast_src_ip {ips[number]}",
        *_block("unicast_peer", others),
        *_block("virtual_ipaddress", tuple(f"{vip} dev {INTERFACE}" for vip in instance.vips)),
    ]
    if instance.nopreempt:
        lines.append("    nopreempt")
    if instance.tracked:
        lines += _block("track_script", ("health",))
    grouped = any(instance.name in members for members in settings.sync_groups.values())
    if settings.steps_down and not grouped:
        lines += _block("track_file", ("hakeeper",))
    return [*lines, "}"]


def keepalived_conf(
    settings: VrrpSettings, paths: NodePaths, *, name: str, number: int, ips: tuple[str, ...]
) -> str:
    """Return the keepalived.conf of node `number` (from 0) among the nodes at `ips`."""
    lines = _global_defs(settings, paths, name)
    if any(instance.tracked for instance in settings.instances):
        lines += _script(settings, paths)
    if settings.steps_down:
        lines += _track_file(paths)
    for group, members in settings.sync_groups.items():
        lines += [f'vrrp_sync_group "{group}" {{']
        if settings.steps_down:
            lines += _block("track_file", ("hakeeper",))
        lines += [*_block("group", tuple(f'"{member}"' for member in members)), "}"]
    for instance in settings.instances:
        lines += _instance(settings, instance, number=number, ips=ips)
    return "\n".join(lines) + "\n"


BROKEN_CONF = 'vrrp_instance "VI_1" {\n    state BACKUP\n'
"""A file that makes keepalived exit at a reload: an instance without interface, id and end."""
