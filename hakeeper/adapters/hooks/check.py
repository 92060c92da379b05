"""What `hakeeper check` has to say of hooks: would their commands be run?"""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from hakeeper.adapters.hooks import CURE, SOCKET
from hakeeper.adapters.hooks.trust import fault_of_command, fault_of_writers
from hakeeper.config.hooks import HooksConfig
from hakeeper.core.model import VrrpId


def hook_warnings(
    file: Path, hooks: Mapping[VrrpId, HooksConfig], listening: Path = Path(SOCKET)
) -> Iterator[str]:
    """Yield a sentence for each reason why a hook would not be run on this machine."""
    if not hooks:
        return
    if fault := fault_of_writers(file):
        yield f"no hook is run: {fault}"
    if not _is_socket(listening):
        yield f"no hook is run: nothing listens at {listening}; run: {CURE}"
    for vrrp, one in hooks.items():
        for moment, command in one.commands:
            if fault := fault_of_command(Path(command[0])):
                yield f"{vrrp}: {moment.value} is not run: {fault}"


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
