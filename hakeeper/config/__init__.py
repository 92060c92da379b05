"""The configuration: text → `Config`, or every error at once with file:line:col.

Pure: nothing here opens a file (`adapters/configfile.py` does) or looks at the environment.
"""

from hakeeper.config.errors import ConfigError, ConfigErrors
from hakeeper.config.keys import (
    Config,
    HetznerConfig,
    InstanceConfig,
    KeepalivedConfig,
    StateSource,
)
from hakeeper.config.parser import parse
from hakeeper.config.text import MAX_BYTES

__all__ = [
    "MAX_BYTES",
    "Config",
    "ConfigError",
    "ConfigErrors",
    "HetznerConfig",
    "InstanceConfig",
    "KeepalivedConfig",
    "StateSource",
    "parse",
]
