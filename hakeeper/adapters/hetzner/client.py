"""hcloud's client, with everything switched off that would act behind our back."""

from typing import Any

import requests
from hcloud import Client

from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.transport import Transport


class HcloudChangedError(RuntimeError):
    """This version of hcloud cannot be made to send a request only once."""


def make_client(token: str, options: HetznerOptions, transport: Transport) -> Client:
    """Make a client that sends through `transport`, once, and takes nothing from outside.

    The switch for hcloud's retries is private: `_retry_max_retries`, on the client itself up to
    2.5 and on `client._client` since 2.6. They would repeat a POST after a timeout, so a version
    without the switch is refused with HcloudChangedError.
    """
    address = options.address
    client = Client(
        token=token,
        api_endpoint=address.base,
        application_name="hakeeper",
        application_version=options.version,
    )
    base: Any = getattr(client, "_client", client)
    session = getattr(base, "_session", None) or getattr(base, "_requests_session", None)
    retries = getattr(base, "_retry_max_retries", None)
    if not isinstance(retries, int) or not isinstance(session, requests.Session):
        raise HcloudChangedError(
            "this version of the hcloud package has no known switch for its retries; "
            "install one that hakeeper was tested with"
        )
    base._retry_max_retries = 0  # noqa: SLF001  # there is no public switch
    # Else ~/.netrc would replace the token, and HTTPS_PROXY, REQUESTS_CA_BUNDLE and the like
    # would apply.
    session.trust_env = False
    session.headers["Accept-Encoding"] = "identity"
    session.adapters.clear()
    session.mount("https://" if address.is_tls else "http://", transport)
    return client
