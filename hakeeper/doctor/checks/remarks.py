"""What keepalived remarks on, and what follows from it.

Measured with keepalived 2.2.7 in a network namespace: each remark was made with a file of its own,
that was tested (`--config-test`), started and reloaded, with and without `reload_check_config`.

- With `reload_check_config`, a test that does not end with 0 means: keepalived does not start
  (exit code 2), and does not take up the file at a reload, but goes on with the old one. This holds
  for every remark below.
- Without it keepalived starts with nearly all of them, and reloads. Those that end it (`ENDS`) end
  it at a start and at a reload alike.
- `Warning - script X is not used` is a remark of the start alone: the test ends with 0, and with
  `reload_check_config` keepalived ends at a start and at a reload.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hakeeper.doctor.finding import Place

SCRIPTS_INSECURE: Final = "SECURITY VIOLATION"
NO_VIP: Final = "No VIP specified; at least one is sensible"
SECURE: Final = "enable_script_security and script_user root    # two lines in global_defs"
ONLY_WITHOUT_ROOT: Final = re.compile(r"Disabling track script .* due to insecure$")
"""What keepalived says of any script to who is not root, since nobody else could run it."""
_LINE: Final = re.compile(r"\((?:(\S+): )?Line (\d{1,9})\) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row: what keepalived says, what it does then, and the way out."""

    says: str
    """A pattern."""
    does: str
    """Without `reload_check_config`."""
    cure: str = ""
    ends: bool = False
    """Whether keepalived ends at it, whatever `reload_check_config` says."""
    loses: bool = False
    """Whether keepalived goes on without an address that it should have."""


KINDS: Final = (
    # keepalived ends.
    Kind(says=r"(interface \S+ .*|tracked interface \S+) doesn't exist", ends=True,
        does="keepalived ends at it", cure="ip -br link    # the interfaces that there are"),
    Kind(says=r"Non-existent interface specified", ends=True, does="keepalived ends at it",
        cure="ip -br link    # the interfaces that there are"),
    Kind(says=r"Unknown interface!", ends=True, does="keepalived ends at it",
        cure="interface NAME    # that of the private network; see: ip -br address"),
    Kind(says=r"No VIP specified; at least one is required", ends=True,
        does="keepalived ends at it", cure="virtual_ipaddress { ADDRESS/32 dev eth0 }"),
    Kind(says=r"the virtual router id must be set", ends=True, does="keepalived ends at it",
        cure="virtual_router_id 51    # 1 to 255, the same on all servers"),
    Kind(says=r"(duplicate VRID conflict with|both use VRID)", ends=True,
        does="keepalived ends at it",
        cure="virtual_router_id 52    # another number in one of the two, the same on all servers"),
    Kind(says=r"^\*\*\* Configuration line", ends=True, does="keepalived ends at it"),
    # keepalived goes on.
    Kind(says=r"address family must match VRRP instance", loses=True,
        does="keepalived leaves the address out",
        cure="virtual_ipaddress_excluded { ADDRESS dev eth0 }    # for the other family"),
    Kind(says=r"Truncating auth_pass to 8", does="keepalived uses the first 8 characters",
        cure="auth_pass FIRST8    # its first 8 characters, which count already: with a new"
        " password on one server alone, both become MASTER"),
    Kind(says=r"(VRRP version 3|Strict mode) does not support authentication",
        does="keepalived leaves it out", cure="leave the block `authentication` out"),
    Kind(says=r"no password given", does="keepalived leaves it out",
        cure="auth_pass PASSWORD    # or leave the block `authentication` out"),
    Kind(says=r"Sync group \S+ has only 1 virtual router",
        does="the group does nothing, and harms nothing",
        cure="leave the vrrp_sync_group out, or name two instances in it"),
    Kind(says=r"(specified in sync group|has no virtual router|no matching virtual router)",
        does="keepalived leaves it out of the group", cure="name instances that the file has"),
    Kind(says=NO_VIP,
        does="the instance works without one",
        cure="virtual_ipaddress { ADDRESS/32 dev eth0 }    # the floating IP"),
    Kind(says=r"nopreempt will not work with initial state MASTER",
        does="keepalived leaves `nopreempt` out", cure="state BACKUP    # on all servers"),
    Kind(says=SCRIPTS_INSECURE, does="keepalived runs the scripts as root, whoever may change them",
        cure=SECURE),
    Kind(says=r"Disabling track script \S+ since not found",
        does="keepalived goes on without the script", cure='script "/PATH/OF/IT"'),
    Kind(says=r"Disabling track script \S+ due to insecure",
        does="keepalived goes on without the script",
        cure="chown root SCRIPT && chmod go-w SCRIPT    # and the folders above it"),
    Kind(says=r"track script \S+ not found",
        does="keepalived goes on without the script", cure="name a vrrp_script of the file"),
    Kind(says=r"without any unicast peers", does="keepalived uses multicast",
        cure="unicast_peer { ADDRESS }    # the private address of the other server"),
    Kind(says=r"Unknown keyword", does="keepalived leaves the line out",
        cure="correct the word, or leave the line out"),
    Kind(says=r"(missing '}'s or extra '{'s|Extra '}' found|Missing '{')",
        does="keepalived may read another configuration than the one that was meant",
        cure="make the braces match"),
    Kind(says=r"interval .* must be an integer", does="keepalived rounds it",
        cure="advert_int 1    # or: version 3"),
    Kind(says=r"unicast with use_vmac requires vmac_xmit_base", does="keepalived sets it itself",
        cure="leave `use_vmac` out"),
)  # fmt: skip
OTHER: Final = Kind(says="", does="keepalived goes on, as far as it is known")
_CONSEQUENCES: Final = re.compile(r"(Unknown keyword '}'|Unexpected '{' - ignoring)$")
"""They stand beside the remark that tells the cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that keepalived has to say of its file."""

    text: str
    place: Place
    kind: Kind

    def cure(self, file: str) -> str:
        """Return the line to write, or how to see what is wrong."""
        return self.kind.cure or f"correct it; then: keepalived --config-test -f {file}"


def kind_of(text: str) -> Kind:
    """Return the row that a remark belongs to."""
    return next((kind for kind in KINDS if re.search(kind.says, text)), OTHER)


def read_remarks(remarks: tuple[str, ...], file: str) -> list[Remark]:
    """Make one remark of those that are of one cause: of one line, the first one counts."""
    found: dict[tuple[Place, str], Remark] = {}
    for one in _plain(remarks, file):
        at = one.place.line
        key = (one.place if at is not None else Place(file), "" if at is not None else one.text)
        found.setdefault(key, one)
    ends_by_interface = any("doesn't exist" in one.text for one in found.values())
    return [
        one
        for one in found.values()
        if not (ends_by_interface and one.text.startswith("Non-existent interface"))
    ]


def _plain(remarks: tuple[str, ...], file: str) -> Iterator[Remark]:
    for said in remarks:
        match = _LINE.match(said)
        text = said if match is None else said[match.end() :]
        place = Place(file) if match is None else Place(match[1] or file, int(match[2]))
        if not _CONSEQUENCES.search(text):
            yield Remark(text=text, place=place, kind=kind_of(text))
