"""Check that the file of `hetzner.ca_file` is usable; OpenSSL's own errors do not name the file."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from hakeeper import exits
from hakeeper.adapters.bounded_read import NotAFileError, exit_code_of, read_bounded


@dataclass(frozen=True, slots=True)
class CaFileFault:
    """Why the file is unusable; `exit_code` is one of `hakeeper.exits`."""

    reason: str
    exit_code: int


def fault_of_ca_file(path: Path) -> CaFileFault | None:
    """Try to load the file; None: it is usable."""
    try:
        read_bounded(path, 0)  # OpenSSL would block on a FIFO
        ssl.create_default_context(cafile=path)
    except NotAFileError as error:
        return CaFileFault(str(error), exits.BAD_CONFIG)
    except ssl.SSLError:
        return CaFileFault("it contains no PEM certificate", exits.BAD_CONFIG)
    except OSError as error:
        return CaFileFault(os.strerror(error.errno or 0), exit_code_of(error))
    return None
