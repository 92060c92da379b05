"""The kinds of resources that hakeeper moves: a new one is a file here, and a line below."""

from typing import Final

from hakeeper.core.kind import Api, Kind, Kinds
from hakeeper.kinds.alias_ip import AliasIps
from hakeeper.kinds.failover_ip import FailoverIps
from hakeeper.kinds.floating_ip import FloatingIps

FLOATING_IPS: Final = FloatingIps()
ALIAS_IPS: Final = AliasIps()
FAILOVER_IPS: Final = FailoverIps()

_ALL: Final[tuple[Kind, ...]] = (FLOATING_IPS, ALIAS_IPS, FAILOVER_IPS)

KINDS: Final[Kinds] = {kind.name: kind for kind in _ALL}
"""By their names."""


def api_named(name: str) -> Api:
    """Return the API that goes by this name; raises KeyError."""
    return {kind.api.name: kind.api for kind in KINDS.values()}[name]
