"""systemd-networkd (and netplan) on the interfaces that keepalived adds addresses to.

Measured with systemd 257 and keepalived 2.3.3, and with 252 and 2.2.7: `networkctl reconfigure`
(which `netplan apply` runs) removes keepalived's addresses; with 257 a restart of networkd does
so, too. keepalived notices, goes to BACKUP, and is MASTER again after 0.4 s, with the addresses.
An address with `no_track` it never adds again. `KeepConfiguration=yes` keeps all addresses;
`static` keeps them over a restart only.
"""

import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from hakeeper.doctor.conf.configuration import Instance, KeepalivedConf, Vip
from hakeeper.doctor.facts import Facts, NetworkdLink
from hakeeper.doctor.finding import CheckResult, Finding, Passed, Place, warning

_KEEPS_ALL: Final = ("yes", "true", "on", "1", "y", "t")
_KEEPS_OVER_A_RESTART: Final = "static"
_FOREIGN: Final = {
    "virtual_routes": ("ManageForeignRoutes", "routes"),
    "virtual_rules": ("ManageForeignRoutingPolicyRules", "rules"),
}
"""What else of keepalived's networkd removes: the setting that prevents it, and a noun."""
_OFF: Final = ("no", "false", "off", "0", "n", "f")


def networkd(facts: Facts) -> Iterator[CheckResult]:
    """Check that networkd does not remove the addresses that keepalived adds."""
    conf = facts.conf
    if conf is None:
        return
    on_links: dict[str, list[Vip]] = {}
    for one in _followed(facts, conf):
        for vip in one.vips:
            device = one.device_of(vip)
            if device is not None and device in facts.networkd.links:
                on_links.setdefault(device, []).append(vip)
    for device, vips in on_links.items():
        yield from _link(facts.networkd.links[device], vips)
    if facts.networkd.links:
        yield from _foreign(facts, conf)


def _followed(facts: Facts, conf: KeepalivedConf) -> list[Instance]:
    found = {one.name: one for vrrp in facts.config.config.resources for one in conf.members(vrrp)}
    return list(found.values())


def _link(link: NetworkdLink, vips: list[Vip]) -> Iterator[CheckResult]:
    given = [vip for vip in vips if vip.interface.ip not in link.static]
    untracked = [vip for vip in given if not vip.is_tracked]
    if link.keep in _KEEPS_ALL or not given:
        yield Passed(f"leaves {_shown(vips)} on {link.name} alone")
    elif untracked:
        yield finding_of(
            link,
            untracked,
            "remove them, and with `no_track` keepalived stays MASTER and never adds them again",
        )
    elif link.keep == _KEEPS_OVER_A_RESTART:
        yield Passed(f"leaves {_shown(vips)} on {link.name} alone when it is restarted")
    else:
        yield finding_of(
            link,
            given,
            "remove them: keepalived goes to BACKUP, and returns with them after half a second",
        )


def finding_of(link: NetworkdLink, vips: list[Vip], harm: str) -> Finding:
    """Make the finding for addresses that networkd removes; `harm` says what follows."""
    name = PurePosixPath(link.network_file).name
    path = shlex.quote(f"/etc/systemd/network/{name}.d/keepalived.conf")
    netplan = ", or add the address to netplan as well," if "netplan" in name else ""
    return warning(
        f"systemd-networkd manages {link.name}, where keepalived adds {_shown(vips)}",
        why=f"`netplan apply`, `networkctl reconfigure` and a restart of networkd {harm}",
        cure=f"printf '[Network]\\nKeepConfiguration=yes\\n' | install -D -m 0644 /dev/stdin"
        f" {path} && networkctl reload    # this{netplan} on every server",
        place=Place(link.network_file),
    )


def _shown(vips: list[Vip]) -> str:
    return ", ".join(str(vip.interface.ip) for vip in vips)


def _foreign(facts: Facts, conf: KeepalivedConf) -> Iterator[CheckResult]:
    for keyword, (switch, noun) in _FOREIGN.items():
        place = conf.all_keywords.get(keyword)
        if place is not None and facts.networkd.settings.get(switch, "").lower() not in _OFF:
            yield warning(
                f"systemd-networkd removes {noun} that are not its own, including keepalived's"
                f" `{keyword}`",
                why="they are gone after `netplan apply` or a restart of networkd",
                cure=f"printf '[Network]\\n{switch}=no\\n' | install -D -m 0644 /dev/stdin"
                " /etc/systemd/networkd.conf.d/keepalived.conf && systemctl restart"
                " systemd-networkd",
                place=place,
            )
