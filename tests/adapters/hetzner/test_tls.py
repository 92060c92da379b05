"""Whom the API adapter trusts where the configuration names no `ca_file`."""

import ssl
from pathlib import Path

import pytest
import trustme
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from hakeeper.adapters.hetzner import options
from hakeeper.adapters.hetzner.options import make_tls, system_ca_file


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
