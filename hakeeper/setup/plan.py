"""From what is wanted and what is so to what is to be done. Pure: no clock, no I/O."""

import difflib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from hakeeper.config import Config
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.conf.configuration import NotifyScript
from hakeeper.doctor.conf.instances import Instance
from hakeeper.kinds import FLOATING_IPS
from hakeeper.setup import template
from hakeeper.setup.conf_edit import edited
from hakeeper.setup.errors import SetupError
from hakeeper.setup.known import Here, There, Wishes, fifo_of

USER: Final = "hakeeper"
"""Whom the package makes for the service."""
ROUTER_ID: Final = 51
_PREFERRED, _OTHER = 150, 100
"""The priorities of a new pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file, what it is, and what it becomes."""

    path: Path
    before: str | None
    """None: there is none."""
    after: str = field(repr=False)
    mode: int = 0o644
    """Of a new file; one that is there keeps its own."""
    is_secret: bool = False

    def diff(self) -> list[str]:
        """Return a unified diff; of a secret only that it is written."""
        if self.is_secret:
            return [f"+++ {self.path} (new, mode {self.mode:04o}; its content is not shown)"]
        return list(
            difflib.unified_diff(
                _lines(self.before or ""),
                _lines(self.after),
                "/dev/null" if self.before is None else str(self.path),
                str(self.path),
                lineterm="",
            )
        )


def _lines(text: str) -> list[str]:
    """Return the lines for a diff, which says if the last one does not end."""
    *lines, last = text.split("\n")
    return [*lines, f"{last}  (no newline at the end of the file)"] if last else lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done: the files, in the order in which they are put in place."""

    files: tuple[NewFile, ...]
    other_command: str
    """What to run on the other server."""
    other_has_conf: bool = False
    """Whether that server needs a keepalived.conf that goes with the one here."""
    notes: tuple[str, ...] = ()

    def file(self, path: Path) -> NewFile | None:
        """Return what happens to a file; None: nothing."""
        return next((one for one in self.files if one.path == path), None)


def make_plan(wishes: Wishes, here: Here, there: There, token: str | None) -> Plan:
    """Return the plan; `token` None: the service has it. Raises SetupError."""
    instance = here.instance(wishes.instance)
    own = _own_address(instance, there)
    _check_peer(wishes, instance)
    files: list[NewFile] = []
    if token is not None:
        place = here.places.token
        files.append(
            NewFile(path=place, before=None, after=f"{token}\n", mode=0o600, is_secret=True)
        )
    config_text = _config(wishes, here, there, own)
    if config_text is not None:
        files.append(NewFile(path=here.places.config, before=None, after=config_text))
    if here.conf is None:
        files += _new_keepalived(wishes, here, there)
    else:
        files += _changed_keepalived(wishes, here)
    return Plan(
        files=tuple(one for one in files if one.before != one.after),
        other_command=_other_command(wishes, here, own),
        other_has_conf=_has_conf_of_its_own(here),
        notes=tuple(_notes(wishes, here)),
    )


def _own_address(instance: Instance | None, there: There) -> IPv4Address:
    """Return the address that keepalived sends from, which must be this server's own."""
    source = None if instance is None else instance.source
    if source is not None and source.ip != there.own_ip:
        raise SetupError(
            f"{source.place}: keepalived sends from {source.ip}, but this server's address in the"
            f" private network of its peer is {there.own_ip}; write: unicast_src_ip {there.own_ip}"
        )
    return there.own_ip


def _check_peer(wishes: Wishes, instance: Instance | None) -> None:
    peers = () if instance is None else instance.peers
    if peers and wishes.peer not in [peer.ip for peer in peers]:
        listed = ", ".join(str(peer.ip) for peer in peers)
        raise SetupError(
            f"{peers[0].place}: the instance {wishes.instance} has another peer: {listed};"
            f" name that: --peer {peers[0].ip}, or change the file"
        )


# --- hakeeper.yaml -------------------------------------------------------------------------------


def _config(wishes: Wishes, here: Here, there: There, own: IPv4Address) -> str | None:
    """Return the text of a new hakeeper.yaml; None: the one that is there will do."""
    text = template.hakeeper_yaml(wishes.instance, wishes.address, own, wishes.endpoint)
    if here.config is None:
        return text
    reason = _objection(here.config, wishes, there, own)
    if reason is None:
        return None
    lines = "\n".join(text.splitlines()[1:])
    raise SetupError(
        f"{here.places.config} is there already, and {reason}; init does not change it. Write into"
        f" it, then run init again:\n{lines}"
    )


def _objection(config: Config, wishes: Wishes, there: There, own: IPv4Address) -> str | None:
    vrrp = VrrpId(VrrpKind.INSTANCE, wishes.instance)
    refs = [one for one in config.resources.get(vrrp, ()) if one.kind == FLOATING_IPS.name]
    found = [FLOATING_IPS.find(ref, None, there.listed) for ref in refs if not ref.is_selector]
    chosen = [
        one for ref in refs if ref.is_selector for one in FLOATING_IPS.choose(ref, there.listed)
    ]
    if there.seen.id not in [one.id for one in (*found, *chosen) if one is not None]:
        return f"{wishes.instance} has no floating IP {wishes.address} there"
    addresses = config.vrrp_addresses.get(vrrp, ())
    if addresses and own not in addresses:
        return f"its `vrrp_address` is not this server's address {own}"
    return None


# --- keepalived.conf -----------------------------------------------------------------------------


def _new_keepalived(wishes: Wishes, here: Here, there: There) -> Iterator[NewFile]:
    """Yield keepalived.conf, and before it the drop-in without which it may start too early."""
    network = there.seen.network
    if not isinstance(network, IPv4Network):
        raise SetupError(
            f"{there.seen.label} is IPv6, for which init writes no keepalived.conf; write one by"
            " docs/install.md, then run init again"
        )
    interface = wishes.interface or here.interface_of(there.own_ip)
    if interface is None:
        raise SetupError(
            f"no interface has {there.own_ip}, this server's private address, as its first one; if"
            " the network is configured, name the interface: --interface NAME"
        )
    node = template.Node(
        name=there.us.name,
        instance=wishes.instance,
        interface=interface,
        router_id=wishes.router_id or ROUTER_ID,
        priority=_priority(wishes, there.own_ip),
        own=there.own_ip,
        peer=wishes.peer,
        address=network.network_address,
        public_interface=wishes.public_interface or _public_interface(here, there, interface),
        fifo=fifo_of(here.config),
        user=USER,
    )
    yield NewFile(
        path=here.places.drop_in,
        before=here.drop_in_text,
        after=template.drop_in(there.own_ip),
    )
    yield NewFile(
        path=here.places.keepalived_conf,
        before=here.conf_text,
        after=template.keepalived_conf(node),
    )


def _priority(wishes: Wishes, own: IPv4Address) -> int:
    """Return ours: the server with the lower address is preferred, so that both agree on it."""
    return wishes.priority or (_PREFERRED if own < wishes.peer else _OTHER)


def _public_interface(here: Here, there: There, private: str) -> str:
    """Return the interface that has the Primary IP."""
    own = there.us.own or ()
    for name, each in here.primaries.items():
        if name != private and any(each.ip in network for network in own):
            return name
    raise SetupError(
        "no interface has this server's Primary IPv4, so it is not clear where the floating IP"
        " belongs; name the interface: --public-interface NAME"
    )


def _changed_keepalived(wishes: Wishes, here: Here) -> Iterator[NewFile]:
    if here.conf is None or here.conf_text is None:
        return
    text = edited(
        here.conf,
        here.conf_text,
        fifo=fifo_of(here.config),
        same=here.same_fifos,
        user=USER,
        without=_scripts_to_remove(wishes, here),
    )
    if text != here.conf_text:
        path = here.places.keepalived_conf
        yield NewFile(path=path, before=here.conf_text, after=text)


def _scripts_to_remove(wishes: Wishes, here: Here) -> tuple[NotifyScript, ...]:
    movers = _movers(wishes, here)
    if not (wishes.is_removing_scripts and movers):
        return ()
    if not here.hears_keepalived:
        raise SetupError(
            "hakeeper does not hear keepalived yet, so the scripts still have to move the address;"
            " run init without --remove-scripts first, and again with it once `hakeeper status`"
            " reports OK on both servers"
        )
    return movers


def _movers(wishes: Wishes, here: Here) -> tuple[NotifyScript, ...]:
    """Return the scripts of the instance, and of groups that it is in: others are not replaced."""
    groups = () if here.conf is None else here.conf.groups
    owners = {wishes.instance, *(one.name for one in groups if wishes.instance in one.members)}
    return tuple(one for one in here.movers if one.owner in owners)


# --- what is said --------------------------------------------------------------------------------


def _other_command(wishes: Wishes, here: Here, own: IPv4Address) -> str:
    words = ["hakeeper", "init", "--peer", str(own), "--address", wishes.address]
    words += ["--instance", wishes.instance]
    if wishes.endpoint is not None:
        words += ["--endpoint", wishes.endpoint]
    if _has_conf_of_its_own(here):
        return shlex.join(words)
    instance = here.instance(wishes.instance)
    router_id = wishes.router_id or ROUTER_ID
    priority = _priority(wishes, own)
    if instance is not None:
        router_id = template.router_id_in(here.conf_text or "") or router_id
        priority = instance.priority
    other = _OTHER if priority > _OTHER else min(priority + 50, 254)
    return shlex.join([*words, "--router-id", str(router_id), "--priority", str(other)])


def _has_conf_of_its_own(here: Here) -> bool:
    """Say whether keepalived.conf is not of init's making: then its peer's is not either."""
    return here.conf is not None and not template.is_ours(here.conf_text or "")


def _notes(wishes: Wishes, here: Here) -> Iterator[str]:
    if here.conf is not None and (wishes.priority or wishes.router_id):
        yield (
            f"{here.places.keepalived_conf} is there already: its priorities and its"
            " virtual_router_id stay as they are"
        )
    movers = _movers(wishes, here)
    if movers and not wishes.is_removing_scripts:
        for one in movers:
            yield (
                f"{one.place}: `{one.keyword}` of {one.owner} runs `{one.command}`, which moves an"
                " address, too; it stays for now"
            )
        yield (
            "once `hakeeper status` reports OK on both servers, take the scripts out, first on the"
            " standby, then on the master: the same command with --remove-scripts"
        )
