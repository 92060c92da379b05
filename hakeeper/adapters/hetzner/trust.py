"""Who may vouch for the API: the authorities of a file, read again when that is wanted."""

import hashlib
import ssl
from dataclasses import dataclass

from hakeeper.adapters.hetzner.options import HetznerOptions, make_tls, system_ca_file


@dataclass(frozen=True, slots=True)
class FixedTrust:
    """A TLS context for good; None: plain HTTP."""

    context: ssl.SSLContext | None


class Trust:
    """The TLS context of an endpoint; `context` is None where it speaks plain HTTP."""

    def __init__(self, options: HetznerOptions) -> None:
        """Read the authorities; OSError (SSLError included) if that cannot be done."""
        self._ca_file = options.ca_file
        self.context: ssl.SSLContext | None = None
        self._digest = b""
        if options.address.is_tls:
            self._digest = self._look()
            self.context = make_tls(self._ca_file)

    def renew(self) -> bool:
        """Read the authorities again if their file is another one; say whether it was."""
        if self.context is None or (digest := self._look()) == self._digest:
            return False
        self.context = make_tls(self._ca_file)
        self._digest = digest
        return True

    def _look(self) -> bytes:
        return hashlib.sha256((self._ca_file or system_ca_file()).read_bytes()).digest()
