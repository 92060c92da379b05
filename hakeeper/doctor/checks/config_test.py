"""The messages of `keepalived --config-test` ("remarks"), and what keepalived does in each case.

Measured with keepalived 2.2.7 in a network namespace: for each remark a file was tested
(`--config-test`), started and reloaded, with and without `reload_check_config`. Tests do so again,
but for most reloads, with the keepalived that is installed: 2.3.3 and 2.3.4 behave alike.

- With `reload_check_config`, a test that does not end with 0 means that keepalived does not start
  (exit code 2), and that a reload keeps the old configuration. This holds for every remark below.
- Without it, keepalived starts and reloads with nearly all of them. Remarks with `ends` make it
  exit, at a start and at a reload.
- `Warning - script X is not used` appears at a start only: the test ends with 0, but with
  `reload_check_config` keepalived exits, at a start and at a reload.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Template
from typing import Final

from hakeeper.doctor.finding import Place

SCRIPTS_INSECURE: Final = "SECURITY VIOLATION"
NO_INTERFACE: Final = "Unknown interface!"
NO_VIP: Final = "No VIP specified; at least one is sensible"
VIP_LINE: Final = "virtual_ipaddress { ADDRESS/32 dev ${device} }    # the ${noun}"
SECURE: Final = "enable_script_security and script_user root    # two lines in global_defs"
ONLY_WITHOUT_ROOT: Final = re.compile(r"Disabling track script .* due to insecure$")
"""keepalived says this of every script unless root runs the test: only root could run it."""
_LINE: Final = re.compile(r"\((?:(\S+): )?Line (\d{1,9})\) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkKind:
    """One kind of remark: what keepalived says, what it does then, and the cure."""

    says: str
    """A regular expression that finds the remark."""
    does: str
    """What keepalived does without `reload_check_config`."""
    cure: str = ""
    ends: bool = False
    """Whether keepalived exits, with or without `reload_check_config`."""
    loses: bool = False
    """Whether keepalived runs on without an address that it should have."""


REMARK_KINDS: Final = (
    # keepalived exits.
    RemarkKind(says=r"(interface \S+ .*|tracked interface \S+) doesn't exist", ends=True,
        does="keepalived exits", cure="ip -br link    # lists the interfaces"),
    RemarkKind(says=r"Non-existent interface specified", ends=True, does="keepalived exits",
        cure="ip -br link    # lists the interfaces"),
    RemarkKind(says=NO_INTERFACE, ends=True, does="keepalived exits",
        cure="interface NAME    # the one of the private network; see: ip -br address"),
    # Of keepalived 2.3, which lets an instance that speaks unicast have no interface.
    RemarkKind(says=r"Unicast instances must have unicast_src_ip or interface", ends=True,
        does="keepalived exits",
        cure="interface NAME    # the one of the private network; see: ip -br address"),
    RemarkKind(says=r"No VIP specified; at least one is required", ends=True,
        does="keepalived exits", cure="virtual_ipaddress { ADDRESS/32 dev ${device} }"),
    RemarkKind(says=r"the virtual router id must be set", ends=True, does="keepalived exits",
        cure="virtual_router_id 51    # 1 to 255, the same on all servers"),
    RemarkKind(says=r"(duplicate VRID conflict with|both use VRID)", ends=True,
        does="keepalived exits",
        cure="virtual_router_id 52    # another number in one of the two, the same on all servers"),
    RemarkKind(says=r"^\*\*\* Configuration line", ends=True, does="keepalived exits"),
    # keepalived runs on.
    RemarkKind(says=r"address family must match VRRP instance", loses=True,
        does="keepalived ignores the address",
        cure="virtual_ipaddress_excluded { ADDRESS dev eth0 }    # for the other family"),
    RemarkKind(says=r"no interface for e?vip \S+ - removing", loses=True,
        does="keepalived ignores the address",
        cure="virtual_ipaddress { ADDRESS/32 dev ${device} }"),
    RemarkKind(says=r"Truncating auth_pass to 8", does="keepalived uses the first 8 characters",
        cure="auth_pass FIRST8    # the first 8 characters, which it uses already; a new password"
        " on one server only makes both MASTER"),
    RemarkKind(says=r"(VRRP version 3|Strict mode) does not support authentication",
        does="keepalived ignores it", cure="remove the block `authentication`"),
    RemarkKind(says=r"no password given", does="keepalived ignores it",
        cure="auth_pass PASSWORD    # or remove the block `authentication`"),
    RemarkKind(says=r"Sync group \S+ has only 1 virtual router",
        does="the group has no effect, and does no harm",
        cure="remove the vrrp_sync_group, or name two instances in it"),
    RemarkKind(
        says=r"(specified in sync group|has no virtual router|has no members|no matching virtual)",
        does="keepalived ignores it in the group", cure="name instances that the file defines"),
    RemarkKind(says=r"ignoring (weight from )?tracked .* due to SYNC group",
        does="keepalived does not change the priority by it",
        cure="move the block `track_file` or `track_script` from the vrrp_instance into its"
        " vrrp_sync_group"),
    RemarkKind(says=NO_VIP,
        does="the instance works without one",
        cure=VIP_LINE),
    RemarkKind(says=r"nopreempt will not work with initial state MASTER",
        does="keepalived ignores `nopreempt`", cure="state BACKUP    # on all servers"),
    RemarkKind(says=SCRIPTS_INSECURE,
        does="keepalived runs the scripts as root, even if others may change them",
        cure=SECURE),
    RemarkKind(says=r"Disabling track script \S+ since not found",
        does="keepalived runs without the script", cure='script "/PATH/OF/IT"'),
    RemarkKind(says=r"Disabling track script \S+ due to insecure",
        does="keepalived runs without the script",
        cure="readlink -f SCRIPT    # write that path: 2.3 refuses one through a linked directory,"
        " such as /bin; else: chown root SCRIPT && chmod go-w SCRIPT, and the directories above"),
    RemarkKind(says=r"track script \S+ not found",
        does="keepalived runs without the script", cure="name a vrrp_script of the file"),
    RemarkKind(says=r"track (file|process|bfd) \S+ not found", does="keepalived does not track it",
        cure="name one that the file defines, or remove the line"),
    RemarkKind(says=r"without any unicast peers", does="keepalived uses multicast",
        cure="unicast_peer { ADDRESS }    # the private address of the other server"),
    RemarkKind(says=r"Unknown keyword", does="keepalived ignores the line",
        cure="correct the keyword, or remove the line"),
    RemarkKind(says=r"(missing '}'s or extra '{'s|Extra '}' found|Missing '{')",
        does="keepalived may read a different configuration than intended",
        cure="make the braces match"),
    RemarkKind(says=r"interval .* must be an integer", does="keepalived rounds it",
        cure="advert_int 1    # or: version 3"),
    RemarkKind(says=r"unicast with use_vmac requires vmac_xmit_base",
        does="keepalived sets it itself", cure="remove `use_vmac`"),
    RemarkKind(says=r"unknown state '.*', defaulting to BACKUP",
        does="keepalived takes it for BACKUP", cure="state BACKUP    # on all servers"),
    RemarkKind(says=r"Priority not valid!", does="keepalived takes 100 instead",
        cure="priority 100    # 1 to 254, another one on each server"),
    RemarkKind(says=r"Error setting global script uid/gid",
        does="keepalived runs without the scripts that name no user of their own",
        cure="script_user root    # or another user that exists"),
    RemarkKind(says=r"Unable to set (default user|uid/gid)",
        does="keepalived runs without the script",
        cure="script_user root    # a user that exists, in global_defs; or `user root` in the"
        " script's own block"),
)  # fmt: skip
OTHER: Final = RemarkKind(says="", does="keepalived runs on, as far as is known")
_CONSEQUENCES: Final = re.compile(r"(Unknown keyword '}'|Unexpected '{' - ignoring)$")
"""These accompany the remark that names the cause."""
_VAGUE: Final = re.compile(r"(number '.*' outside range|invalid number) ")
"""What keepalived says of a value before it says whose value it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that keepalived says about its file."""

    text: str
    place: Place
    kind: RemarkKind

    def cure(self, file: str, **words: str) -> str:
        """Return the line to write, or how to see what is wrong; some need words of this case."""
        if not self.kind.cure:
            return f"correct it; then: keepalived --config-test -f {file}"
        return Template(self.kind.cure).safe_substitute(words)


def kind_for(text: str) -> RemarkKind:
    """Return the kind of a remark."""
    return next((kind for kind in REMARK_KINDS if re.search(kind.says, text)), OTHER)


def parse_remarks(remarks: tuple[str, ...], file: str) -> list[Remark]:
    """Parse the remarks, and keep one for each cause: the gravest of each line, else the first."""
    found: dict[tuple[Place, str], Remark] = {}
    for one in _plain(remarks, file):
        at = one.place.line
        key = (one.place if at is not None else Place(file), "" if at is not None else one.text)
        if _gravity(one) > _gravity(found.setdefault(key, one)):
            found[key] = one
    ends_by_interface = any("doesn't exist" in one.text for one in found.values())
    return [
        one
        for one in found.values()
        if not (ends_by_interface and one.text.startswith("Non-existent interface"))
    ]


def gravest(remarks: list[Remark], most: int) -> list[Remark]:
    """Return the gravest of them, in their order."""
    kept = sorted(range(len(remarks)), key=lambda at: _gravity(remarks[at]), reverse=True)[:most]
    return [remarks[at] for at in sorted(kept)]


def _gravity(one: Remark) -> tuple[bool, bool, bool, bool]:
    is_clear = _VAGUE.match(one.text) is None
    return one.kind.ends, one.kind.loses, one.kind is not OTHER, is_clear


def _plain(remarks: tuple[str, ...], file: str) -> Iterator[Remark]:
    for said in remarks:
        match = _LINE.match(said)
        text = said if match is None else said[match.end() :]
        place = Place(file) if match is None else Place(match[1] or file, int(match[2]))
        if not _CONSEQUENCES.search(text):
            yield Remark(text=text, place=place, kind=kind_for(text))
