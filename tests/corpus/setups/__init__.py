"""The set-ups, by what they are about."""

from tests.corpus.setup import SetUp
from tests.corpus.setups import (
    distributions,
    editing,
    fifo,
    generated,
    includes,
    layout,
    names,
    network,
    scripts,
    starting,
    tutorials,
    vrrp,
)

SETUPS: tuple[SetUp, ...] = (
    *tutorials.SETUPS,
    *distributions.SETUPS,
    *generated.SETUPS,
    *layout.SETUPS,
    *includes.SETUPS,
    *names.SETUPS,
    *fifo.SETUPS,
    *scripts.SETUPS,
    *starting.SETUPS,
    *vrrp.SETUPS,
    *network.SETUPS,
    *editing.SETUPS,
)
