"""Where the API is, and how to reach it."""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

DEFAULT_ENDPOINT = "https://api.hetzner.cloud/v1"
DEFAULT_PORTS = {"http": 80, "https": 443}
SYSTEM_CA_FILES = (
    # Debian's, and that of those who keep Red Hat's layout; `update-ca-certificates` and
    # `update-ca-trust` put an operator's own authorities there.
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/cert.pem"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An API endpoint taken apart. `base` has no trailing slash: hcloud would double it."""

    base: str
    host: str
    port: int
    is_tls: bool


def parse_endpoint(text: str) -> Endpoint:
    """Take an endpoint apart; ValueError says what is wrong with it."""
    parts = urlsplit(text)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{text!r} is not an https:// URL")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the endpoint may hold no user name, password, query or fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(
            f"{text!r} would send the secret unencrypted; http:// is only for loopback addresses"
        )
    return Endpoint(
        base=text.rstrip("/"),
        host=parts.hostname,
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        is_tls=parts.scheme == "https",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class HetznerOptions:
    """What the configuration says about an API.

    `ca_file` replaces the CA bundle that requests uses. A wrong endpoint raises ValueError at once.
    """

    endpoint: str = DEFAULT_ENDPOINT
    ca_file: Path | None = None
    version: str = "0"

    def __post_init__(self) -> None:
        """Refuse an endpoint that could not work or would leak the secret."""
        parse_endpoint(self.endpoint)

    @property
    def address(self) -> Endpoint:
        """The endpoint taken apart."""
        return parse_endpoint(self.endpoint)


def system_ca_file() -> Path:
    """Return the list of authorities of this machine; where it has none, that of certifi."""
    found = (path for path in SYSTEM_CA_FILES if path.is_file())
    return next(found, Path(DEFAULT_CA_BUNDLE_PATH))


def make_tls(ca_file: Path | None) -> ssl.SSLContext:
    """Make a verifying context; OSError (SSLError included) when the CA file is unusable.

    Made by hand because `ssl.create_default_context` obeys SSL_CERT_FILE, SSL_CERT_DIR and
    SSLKEYLOGFILE: the last would write down the keys that protect the token.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=str(ca_file or system_ca_file()))
    return context
