"""One row of the table: how a state is made, and what everything must say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from hakeeper.adapters.cures import cure_of, fifo_cure, secret_cure
from hakeeper.kinds import FLOATING_IPS
from tests.states.scene import Scene

OK, DEGRADED, BROKEN, NOT_RUNNING = range(4)
WEB: Final = "web = 203.0.113.10"


@dataclass(frozen=True, kw_only=True)
class State:
    """A state of the world; the texts are pieces of what is said, with values of the scene."""

    name: str
    make: Callable[[Scene], None]
    exit_code: int
    code: str = ""
    """Of the first trouble; none where all is well."""
    says: str = ""
    """A piece of the headline."""
    cause: str = ""
    """A piece of the part of it that names the cause."""
    cures: tuple[str, ...] = ()
    """The codes whose cures are told, one after the other; by default that of `code`."""
    has_since: bool = True
    """Whether the trouble has a beginning that is known."""
    event: str = ""
    """The kind of journal entry that tells of it; by default that of a status that lasts."""
    event_fields: Mapping[str, str] = field(default_factory=dict)
    confirmed: bool | None = None
    """Of the first address, as `current`; None: it does not matter here."""
    current: bool | None = None
    has: Mapping[str, str | None] = field(default_factory=dict)
    """Words of the JSON, by the keys of `words_of`."""
    shows: str = ""
    """A piece of the rest of what `status` shows."""
    is_fleeting: bool = False
    """It lasts a moment only: no time to run the command and compare."""
    check_says: str | None = None
    """A piece of the finding of `check --online` that has the same cure; None: it sees nothing."""

    def filled(self, text: str, scene: Scene) -> str:
        """Return a text with the values of the scene."""
        return text.format(**values_of(scene))

    def cure(self, scene: Scene) -> str:
        """Return the way out, from the table of cures."""
        values = values_of(scene)
        return "; ".join(_cure(code, values) for code in self.cures or (self.code,))


def _cure(code: str, values: Mapping[str, str]) -> str:
    if code.startswith("fifo."):
        return fifo_cure(code, values["path"])
    if code.startswith(("token.", "login.")):
        return secret_cure(code, values["secret_file"])
    return cure_of(code, **values)


def words_of(document: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the words of a status that stand for how something is; see `hakeeper status`."""
    role = document["roles"][0]
    step_down, ended = document["step_down"], document["last_step_down"]
    return {
        "role": role["role"],
        "stage": role["addresses"][0]["stage"],
        "fifo": document["fifo"],
        "step_down": None if step_down is None else step_down["stage"],
        "last_step_down": None if ended is None else ended["end"],
    }


LOST = "192.0.2.77"
"""A VRRP address that no machine has."""


def values_of(scene: Scene) -> dict[str, str]:
    """Return what words and cures may name."""
    endpoint = scene.it.config["hetzner"]["endpoint"]
    return {
        "endpoint": endpoint,
        "host": urlsplit(endpoint).hostname or "",
        "address": WEB,
        "server": scene.it.name,
        "where": FLOATING_IPS.by_hand.format(address=WEB, server=scene.it.name),
        "server_id": str(scene.it.server),
        "elsewhere": f"elsewhere (id {scene.cluster.elsewhere})",
        "path": str(scene.it.fifo),
        "secret_file": str(scene.it.token_file),
        "section": "instances",
        "vrrp_address": LOST,
        **scene.values,
    }
