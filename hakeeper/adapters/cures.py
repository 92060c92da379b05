"""The troubles that hakeeper tells of, each with its one way out.

`hakeeper status`, STATUS=, the journal, its catalog, `hakeeper check` and the docs all take the
cure from here, so that an operator never reads two for one state. A cure is a line to write or a
command to run. None of them makes a MASTER give its addresses up, unless it says so.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from hakeeper.adapters.control_client import IN_THE_WAY, NO_FOLDER, NO_ROOM
from hakeeper.core.kind import Api
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.kinds.apis import CLOUD, ROBOT

DEFAULT_FIFO: Final = "/run/hakeeper/notify.fifo"
RELOAD: Final = "systemctl reload keepalived"
"""What makes keepalived take up a changed file. Measured with 2.2.7: the FIFO line, `enable_dbus`
and a FIFO that was made anew, all without a failover."""
FIFO_LOST: Final = f"systemd-tmpfiles --create hakeeper.conf && {RELOAD}"
"""The FIFO is missing, or keepalived writes into another one. A restart would fail a master over;
a reload makes keepalived open the path anew."""
KEEPALIVED_GONE: Final = "journalctl -u keepalived -n 30; systemctl start keepalived"
FAULT: Final = "journalctl -u keepalived -n 30    # an interface, an address or a script failed"
CONFIG_REFUSED: Final = "hakeeper check    # correct what it says; then: systemctl reload hakeeper"
TOKEN_SOURCE: Final = "Hetzner console, Security, API tokens: make one that may read and write"  # noqa: S105  # no token
TOKEN_PUT: Final = (
    "install -m 0600 /dev/stdin /etc/hakeeper/token; systemctl restart hakeeper"  # noqa: S105  # no token
    "    # paste it, Enter, Ctrl-D"
)
LOGIN_PUT: Final = (
    "install -m 0600 /dev/stdin /etc/hakeeper/robot-login; systemctl restart hakeeper"
    "    # paste USER:PASSWORD, Enter, Ctrl-D; the third refused login blocks this server's address"
)
RESUME: Final = "hakeeper resume"
STEP_UP: Final = "hakeeper step-up"
DBUS: Final = f"enable_dbus    # in global_defs of keepalived.conf; then: {RELOAD}"
DBUS_SILENT: Final = f"systemctl status dbus; {RELOAD}"
"""`enable_dbus` stands in the file, and nobody answers."""
QUOTA: Final = (
    "find what spends the project's calls (Terraform, autoscalers, scripts), or raise"
    " reconcile.interval"
)
CONTEST: Final = (
    "hakeeper status; journalctl -u keepalived -n 30    # on both: who is MASTER, and why both;"
    " mostly VRRP does not get through between them"
)
NO_MASTER: Final = (
    "hakeeper status; journalctl -u keepalived -n 30    # on both: one must be MASTER, and claim it"
)
THIS_CHECK: Final = "hakeeper check --online"
CHECK: Final = f"{THIS_CHECK}    # as root: it names the line to change"


def fifo_lost(path: str, user: str = "hakeeper") -> str:
    """Return how to make the FIFO at `path` again, for keepalived to open."""
    if path == DEFAULT_FIFO:
        return FIFO_LOST
    folder, at = shlex.quote(path.rpartition("/")[0]), shlex.quote(path)
    return f"mkdir -p {folder} && mkfifo -m 0600 {at} && {_give(at, user)}"


def _give(at: str, user: str) -> str:
    return f"chown {user}: {at} && chmod 0600 {at} && {RELOAD}"


def fifo_line(path: str, user: str = "hakeeper") -> str:
    """Return the line that makes keepalived write to the FIFO at `path`."""
    return f"vrrp_notify_fifo {path} {user} {user}"


SOCKET_LOST: Final = (
    "journalctl -u hakeeper -n 30    # why it cannot be made; it is tried again each second"
)
_SOCKETS_WAY: Final[Mapping[str, str]] = {
    IN_THE_WAY: "mv {place} {place}.old    # the socket is made within a second",
    NO_FOLDER: "systemctl restart hakeeper    # makes the folder anew, and moves no address",
    NO_ROOM: "df -h {place}; df -i {place}    # make room there: the socket is made anew at once",
}


@dataclass(frozen=True, slots=True)
class TroubleKind:
    """One kind of trouble, by its code. `cure` may hold {fields} that each case fills in."""

    meaning: str
    cure: str


TROUBLES: Final[Mapping[str, TroubleKind]] = {
    "hakeeper.gone": TroubleKind(
        "the daemon does not run",
        "systemctl enable --now hakeeper; journalctl -u hakeeper -n 30",
    ),
    "hakeeper.silent": TroubleKind(
        "the daemon does not answer in time: it hangs, or the machine is overloaded",
        "journalctl -u hakeeper -n 30    # systemd ends what hangs after 20 s and starts it anew;"
        " by hand: systemctl restart hakeeper, which moves no address",
    ),
    "hakeeper.unreachable": TroubleKind(
        "the daemon runs and moves addresses, but its socket is missing, so it cannot be asked",
        "{way}",
    ),
    "hakeeper.busy": TroubleKind(
        "the daemon runs, and too many ask it at once",
        "sudo hakeeper status    # places are kept for root",
    ),
    "hakeeper.denied": TroubleKind(
        "only root and members of the group hakeeper may ask the daemon",
        "sudo hakeeper status    # or, once: sudo adduser NAME hakeeper, and log in again",
    ),
    "hakeeper.paused": TroubleKind(
        "somebody paused hakeeper: no address is moved to this server until the pause ends", RESUME
    ),
    "hakeeper.stepped_down": TroubleKind(
        "somebody had this server step down: it is MASTER only where no other node is", STEP_UP
    ),
    "api.unreachable": TroubleKind(
        "the Hetzner API gives no usable answer",
        "curl -v {endpoint}    # and see https://status.hetzner.com",
    ),
    "api.unresolved": TroubleKind(
        "the name of the Hetzner API cannot be looked up",
        "getent hosts {host}    # then look at /etc/resolv.conf",
    ),
    "api.refused": TroubleKind("Hetzner refuses a request as such", CHECK),
    "api.throttled": TroubleKind("the project's calls of this hour are spent (429)", QUOTA),
    "quota.low": TroubleKind("few of the project's calls are left in this hour", QUOTA),
    "token.rejected": TroubleKind(
        "Hetzner rejects the API token", f"{TOKEN_SOURCE}; then: {TOKEN_PUT}"
    ),
    "token.readonly": TroubleKind(
        "the API token may only read, so no address can be assigned",
        f"{TOKEN_SOURCE}; then: {TOKEN_PUT}",
    ),
    "login.rejected": TroubleKind(
        "Robot refuses the login",
        f"Robot, Settings, Webservice and app settings: set a password; then: {LOGIN_PUT}",
    ),
    "server.unidentified": TroubleKind(
        "which Hetzner server this is, is not known",
        "server: ID    # in hakeeper.yaml: the number in the console's URL of this server; then:"
        " systemctl reload hakeeper",
    ),
    "fifo.missing": TroubleKind("there is no FIFO at its path", "{lost}"),
    "fifo.not_a_fifo": TroubleKind(
        "something that is no FIFO is at the FIFO's path", "mv {path} {path}.old && {lost}"
    ),
    "fifo.denied": TroubleKind("hakeeper may not open the FIFO", _give("{path}", "{user}")),
    "fifo.busy": TroubleKind(
        "another process reads the FIFO", "fuser -v {path}    # and stop that one"
    ),
    "fifo.failed": TroubleKind("the FIFO cannot be opened", "ls -ld {path}"),
    "fifo.no_writer": TroubleKind(
        "keepalived runs, but does not have the FIFO open",
        f"{RELOAD}    # if that is not enough: {{line}} in global_defs of keepalived.conf first",
    ),
    "keepalived.gone": TroubleKind("keepalived does not run", KEEPALIVED_GONE),
    "keepalived.stopped": TroubleKind(
        "keepalived was stopped in order", "systemctl start keepalived"
    ),
    "keepalived.unseen": TroubleKind(
        "keepalived writes lines, but its process is not seen",
        "keepalived: {{pid_file: PATH}}    # in hakeeper.yaml; see: ls /run/*keepalived*",
    ),
    "keepalived.hangs": TroubleKind(
        "keepalived is on D-Bus and does not answer: what it said stands, and nothing is taken"
        " from another server",
        "journalctl -u keepalived -n 30    # see why, and restart it: it sends no adverts",
    ),
    "keepalived.unasked": TroubleKind(
        "`keepalived.state` is `dbus`, and keepalived gives no answer there", DBUS
    ),
    "role.doubtful": TroubleKind(
        "the FIFO was replaced or read by another process, so lines may be lost",
        DBUS,
    ),
    "role.unknown": TroubleKind("keepalived has not said what role it has", CHECK),
    "role.unheard": TroubleKind(
        "keepalived does not have this instance or group",
        "{section}: {{{name}: …}}    # in hakeeper.yaml; then: systemctl reload hakeeper",
    ),
    "role.fault": TroubleKind("keepalived is in FAULT: this server cannot become MASTER", FAULT),
    "role.stopped": TroubleKind(
        "keepalived has removed or stopped the instance", "journalctl -u keepalived -n 30"
    ),
    "vrrp_address.missing": TroubleKind(
        "keepalived is isolated: its private address is not on this machine",
        "ip -br address    # is {vrrp_address} this server's own? then bring its interface up; if"
        " not, correct vrrp_address in hakeeper.yaml",
    ),
    "vrrp_address.returning": TroubleKind(
        "keepalived's private address is back; MASTER counts again in a moment", "wait 3 s"
    ),
    "address.unresolved": TroubleKind(
        "the project has no such floating IP, or no one network that has the alias IP",
        f"{THIS_CHECK}    # it lists the floating IPs that the token's project has",
    ),
    "selector.empty": TroubleKind(
        "a label selector chooses no address of the project",
        "hcloud floating-ip list -o columns=id,name,ip,labels    # correct the selector, or add"
        " the label: hcloud floating-ip add-label NAME KEY=VALUE",
    ),
    "address.chosen_twice": TroubleKind(
        "label selectors of two instances choose the same address",
        "make the selectors in hakeeper.yaml exclude each other; then: systemctl reload hakeeper",
    ),
    "address.blocked": TroubleKind(
        "Hetzner has blocked the floating IP: no traffic reaches it",
        "see Hetzner's mail about it (abuse), or use another floating IP",
    ),
    "address.held_down": TroubleKind(
        "another server takes the address back again and again",
        CONTEST,
    ),
    "address.disputed": TroubleKind(
        "another server took the address while this one was MASTER",
        CONTEST,
    ),
    "address.pending": TroubleKind(
        "this server is MASTER, and the address is not confirmed here",
        "by hand: {where}",
    ),
    "address.paused": TroubleKind(
        "this server is MASTER, and the address is left where it is, since hakeeper is paused",
        RESUME,
    ),
    "address.left_here": TroubleKind(
        "the address is on this server, which is not MASTER",
        NO_MASTER,
    ),
    "address.nowhere": TroubleKind(
        "the address is on no server that runs",
        NO_MASTER,
    ),
    "config.refused": TroubleKind(
        "a changed configuration was refused: the old one is in force, the next start would fail",
        CONFIG_REFUSED,
    ),
}
"""By code, which is what `--json` shows and scripts compare."""


_MAIN_IP: Final = (
    "robot: {{server: [IPV4, IPV6_NETWORK]}}    # in hakeeper.yaml: the main addresses of this"
    " server in Robot; then: systemctl reload hakeeper"
)
REFUSALS: Final[Mapping[str, str]] = {
    "not_attached": "hcloud server attach-to-network --network {network} {server}    # then see"
    " that its private interface is up: ip -br address",
    "no_room": "hcloud server change-alias-ips --network {network} --alias-ips LIST {server}"
    "    # LIST: those that it has, without one that is not needed",
    "ip_not_available": "hcloud server list -o columns=id,name,private_net    # a server that has"
    " the address as its own must give it up, or choose another alias IP",
    "failover_new_server_not_found": _MAIN_IP,
    "no_main_ip": _MAIN_IP,
}
"""By the code with which a step is refused, by Hetzner or by ourselves: what makes it possible."""


def refusal_cure(code: str, *, server: str, network: str = "NETWORK") -> str:
    """Return what makes a step possible that is refused with this code; "": that is not known."""
    return REFUSALS.get(code, "").format(server=server, network=network)


_CURES_AT_ROBOT: Final[Mapping[str, str]] = {
    "api.throttled": "find what else uses this login: Robot grants 100 reads and 50 switches an"
    " hour",
    "server.unidentified": "robot: {{server: IP}}    # in hakeeper.yaml: this server's main IP in"
    " Robot; then: systemctl reload hakeeper",
}
"""Where the way out is another one than with Hetzner Cloud."""


_SECRETS: Final = ("token.rejected", "token.readonly", "login.rejected")


def api_name(api: Api) -> str:
    """Return an API within a sentence."""
    return "the Hetzner API" if api is CLOUD else api.title


def owner_of(api: Api) -> str:
    """Return who answers there."""
    return "Hetzner" if api is CLOUD else api.title


def identity_cure(api: Api) -> str:
    """Return how to say which server this is."""
    return api_cure(api, "server.unidentified", "")


def cure_of(code: str, **values: str) -> str:
    """Return the cure of a trouble, with the values of this case."""
    return TROUBLES[code].cure.format(**values)


def secret_cure(code: str, secret_file: str) -> str:
    """Return the cure of a refused token or login, which may be in a file of the configuration's.

    That file keeps its owner and its mode: the service must be able to read it.
    """
    usual = cure_of(code)
    if not secret_file:
        return usual
    get, then, put = usual.partition("; then: ")
    _, comment, paste = put.partition("    # ")
    command = f"cat > {shlex.quote(secret_file)} && systemctl reload-or-restart hakeeper"
    return f"{get}{then}{command}{comment}{paste}"


def api_cure(api: Api, code: str, endpoint: str, secret_file: str = "") -> str:
    """Return the cure of a trouble with an API at `endpoint`, which is a URL."""
    if code in _SECRETS:
        return secret_cure(code, secret_file)
    own = _CURES_AT_ROBOT.get(code) if api is ROBOT else None
    if own is not None:
        return own.format()
    return cure_of(code, endpoint=endpoint, host=urlsplit(endpoint).hostname or endpoint)


def fifo_cure(code: str, path: str, user: str = "hakeeper") -> str:
    """Return the cure of a trouble with the FIFO at `path`, which `user` is to read."""
    lost, line = fifo_lost(path, user), fifo_line(path, user)
    return cure_of(code, path=shlex.quote(path), user=user, lost=lost, line=line)


_SECTIONS: Final[Mapping[VrrpKind, tuple[str, str]]] = {
    VrrpKind.INSTANCE: ("instances", "vrrp_instance"),
    VrrpKind.GROUP: ("groups", "vrrp_sync_group"),
}
"""Where each stands in hakeeper.yaml, and in keepalived.conf."""


def socket_cure(place: str, lack: str) -> str:
    """Return how the daemon gets its socket back, which something keeps away at `place`."""
    way = _SOCKETS_WAY.get(lack, SOCKET_LOST)
    return cure_of("hakeeper.unreachable", way=way.format(place=shlex.quote(place)))


def other_name(vrrp: VrrpId, name: str) -> str:
    """Return how to call by its right name what keepalived does not have."""
    return cure_of("role.unheard", section=_SECTIONS[vrrp.kind][0], name=name)


def missing_block(vrrp: VrrpId) -> str:
    """Return the cure where keepalived has no other name that could be meant."""
    _, keyword = _SECTIONS[vrrp.kind]
    return f"{keyword} {vrrp.name} {{ … }}    # in keepalived.conf; then: {RELOAD}"


def keepalived_conf(line: str) -> str:
    """Return the cure that is a line for `global_defs` of keepalived.conf."""
    return f"{line}    # in global_defs; then: {RELOAD}"


def in_force(file: str, instead_of: str) -> str:
    """Return how a file that keepalived has not read yet gets into force."""
    put = f"mv {shlex.quote(file)} {shlex.quote(instead_of)}"
    return f"{put} && {RELOAD}    # once no other ERROR is left"


def as_markdown() -> str:
    """Return the table for docs/status.md: a row a code."""
    lines = ["| code | what is wrong | what to do |", "|---|---|---|"]
    for code, trouble in TROUBLES.items():
        shown = (
            trouble.cure.replace("{lost}", FIFO_LOST)
            .replace("{way}", SOCKET_LOST)
            .replace("{path}", DEFAULT_FIFO)
            .replace("{user}", "hakeeper")
        )
        cure = shown.replace("{{", "{").replace("}}", "}").replace("|", "\\|")
        lines.append(f"| `{code}` | {trouble.meaning} | `{cure}` |")
    return "\n".join(lines) + "\n"
