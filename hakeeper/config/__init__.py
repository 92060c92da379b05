"""The configuration: from text to a `Config`, or to all errors at once with file:line:column.

Pure: nothing here opens files (`adapters/configfile.py` does) or reads the environment.
"""

from hakeeper.config.errors import ConfigError, ConfigErrors
from hakeeper.config.keys import (
    Config,
    HetznerConfig,
    InstanceConfig,
    KeepalivedConfig,
    RobotConfig,
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
    "RobotConfig",
    "StateSource",
    "parse",
]
