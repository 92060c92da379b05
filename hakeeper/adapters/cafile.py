"""Whether the file of `hetzner.ca_file` is usable: OpenSSL's own errors do not name it."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from hakeeper import exits
from hakeeper.adapters.smallfile import NotAFileError, exit_code_of, read_small


@dataclass(frozen=True, slots=True)
class CaFileFault:
    """Why it is not; `exit_code` is one of `hakeeper.exits`."""

    reason: str
    exit_code: int


def fault_of_ca_file(path: Path) -> CaFileFault | None:
    """Use the file once; None if that works."""
    try:
        read_small(path, 0)  # OpenSSL would wait for somebody to write into a FIFO
        ssl.create_default_context(cafile=path)
    except NotAFileError as error:
        return CaFileFault(str(error), exits.BAD_CONFIG)
    except ssl.SSLError:
        return CaFileFault("it holds no PEM certificate", exits.BAD_CONFIG)
    except OSError as error:
        return CaFileFault(os.strerror(error.errno or 0), exit_code_of(error))
    return None
