"""Certificates for clouds that speak HTTPS."""

import ssl

import trustme


def server_context(authority: trustme.CA, host: str) -> ssl.SSLContext:
    """Return a server's context with a certificate for a host name or address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context
