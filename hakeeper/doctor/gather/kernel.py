"""Does the kernel have IPVS, which keepalived needs for a `virtual_server`?"""

import os
from pathlib import Path
from typing import Final

_LOADED: Final = Path("/proc/net/ip_vs")
_MODULES: Final = Path("/lib/modules")
_LISTS: Final = ("modules.dep", "modules.builtin")
_NAME: Final = "/ip_vs.ko"
_LIMIT_BYTES: Final = 4 << 20


def has_ipvs(loaded: Path = _LOADED, modules: Path = _MODULES) -> bool | None:
    """Say whether IPVS is loaded or can be; None: the sandbox hides the modules."""
    if loaded.exists():
        return True
    folder = modules / os.uname().release
    try:
        if any(_NAME in _text(folder / name) for name in _LISTS):
            return True
    except OSError:
        return None
    return False


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ""
