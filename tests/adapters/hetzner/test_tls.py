"""Whom the API adapter trusts where the configuration names no `ca_file`."""

import ssl
from pathlib import Path

import pytest
import trustme
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from hakeeper.adapters.hetzner import options
from hakeeper.adapters.hetzner.options import make_tls, system_ca_file
from hakeeper.core.calls import ReadServer, ServerRead
from tests.support.hetzner_bodies import ME, server_json
from tests.support.http_server import RawServer, always, http
from tests.support.pool_bench import Bench
from tests.support.resources import CLOUD
from tests.support.tls import server_context


def subjects(context: ssl.SSLContext) -> list[object]:
    return [ca["subject"] for ca in context.get_ca_certs()]


def test_the_list_of_the_machine_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "ca.pem"
    trustme.CA(organization_name="The operator's own").cert_pem.write_to_path(str(theirs))
    monkeypatch.setattr(options, "SYSTEM_CA_FILES", (tmp_path / "missing", theirs))

    trusted = subjects(make_tls(None))

    assert len(trusted) == 1
    assert "The operator's own" in str(trusted)


def test_a_machine_without_a_list_gets_the_one_of_certifi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "SYSTEM_CA_FILES", ())

    assert system_ca_file() == Path(DEFAULT_CA_BUNDLE_PATH)
    assert len(subjects(make_tls(None))) > 50


def test_debians_list_is_known() -> None:
    assert Path("/etc/ssl/certs/ca-certificates.crt") in options.SYSTEM_CA_FILES


def test_the_environment_cannot_add_an_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "planted.pem"
    trustme.CA(organization_name="Planted").cert_pem.write_to_path(str(planted))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(planted))

    assert "Planted" not in str(subjects(make_tls(None)))


# --- the file with the authorities, read again ---------------------------------------------------


def one_more(name: str) -> tuple[bytes, ssl.SSLContext]:
    """Make an authority: what its file holds, and the context of a server that it vouches for."""
    authority = trustme.CA(organization_name=name)
    return authority.cert_pem.bytes(), server_context(authority, "127.0.0.1")


def test_a_ca_file_that_was_replaced_is_trusted_from_the_reload_on(tmp_path: Path) -> None:
    (old_pem, old), (new_pem, new) = one_more("old"), one_more("new")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(old_pem)
    answer = http(200, {"server": server_json(ME)})
    with RawServer(always(answer), tls=old) as server, Bench(server.url, ca_file=ca_file) as made:
        assert isinstance(made.call(ReadServer(CLOUD, ME)).outcome, ServerRead)
        made.pool.reload()  # the same file: the connection goes on
        assert isinstance(made.call(ReadServer(CLOUD, ME)).outcome, ServerRead)
        assert server.accepted == 1
        ca_file.write_bytes(new_pem)
        server.tls = new
        made.pool.reload()
        assert isinstance(made.call(ReadServer(CLOUD, ME)).outcome, ServerRead)
        assert [1, 1, 2] == [seen.connection for seen in server.seen]
        server.tls = old  # not trusted any more
        made.pool._idle[-1]._connection.close()
        assert made.failure(ReadServer(CLOUD, ME)).code == "tls"


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_file_that_is_unusable_is_refused_and_the_old_one_stays(
    tmp_path: Path, content: bytes | None
) -> None:
    old_pem, old = one_more("old")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(old_pem)
    answer = http(200, {"server": server_json(ME)})
    with RawServer(always(answer), tls=old) as server, Bench(server.url, ca_file=ca_file) as made:
        if content is None:
            ca_file.unlink()
        else:
            ca_file.write_bytes(content)
        with pytest.raises(OSError):
            made.pool.reload()
        assert isinstance(made.call(ReadServer(CLOUD, ME)).outcome, ServerRead)
