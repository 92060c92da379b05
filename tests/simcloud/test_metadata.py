from pathlib import Path

import pytest
import requests
import yaml

from hakeeper.demo.cloud import Answer, CommandError, Fault, SimCloud
from tests.simcloud.conftest import NO_PROXIES, Scene


def fetch(url: str, timeout_s: float = 20) -> requests.Response:
    return requests.get(url, timeout=timeout_s, proxies=NO_PROXIES)


def test_each_server_has_a_metadata_service_that_knows_it(scene: Scene) -> None:
    urls = [scene.cloud.metadata_url(server) for server in (scene.server_a, scene.server_b)]
    assert ["42", "43"] == [fetch(url + "/instance-id").text for url in urls]
    assert "node-b" == fetch(urls[1] + "/hostname").text
    assert "eu-central" == fetch(urls[1] + "/region").text
    assert "hel1-dc1" == fetch(urls[1] + "/availability-zone").text
    assert "198.51.100.43" == fetch(urls[1] + "/public-ipv4").text
    assert [] == yaml.safe_load(fetch(urls[1] + "/private-networks").text)


def test_the_whole_of_it_is_yaml(scene: Scene) -> None:
    whole = yaml.safe_load(fetch(scene.cloud.metadata_url(42)).text)
    assert (42, "node-a") == (whole["instance-id"], whole["hostname"])


def test_it_needs_no_token_and_costs_no_quota_but_is_logged(scene: Scene) -> None:
    fetch(scene.cloud.metadata_url(42) + "/instance-id")
    assert "3599" == scene.a.send("GET", "/servers").headers["RateLimit-Remaining"]
    first = scene.cloud.requests()[0]
    assert ("metadata:node-a", "/hetzner/v1/metadata/instance-id") == (first.client, first.path)


@pytest.mark.parametrize("path", ["/nothing", "/../x"])
def test_what_it_does_not_know_is_not_found(scene: Scene, path: str) -> None:
    assert 404 == fetch(scene.cloud.metadata_url(42) + path).status_code


def test_a_deleted_server_has_no_metadata(scene: Scene) -> None:
    url = scene.cloud.metadata_url(42)
    scene.cloud.remove_server(42)
    assert 404 == fetch(url + "/instance-id").status_code


def test_faults_meet_it_too(scene: Scene) -> None:
    url = scene.cloud.metadata_url(42)
    with scene.cloud.faulty(Fault(path="/metadata/", status=503, body="")):
        assert 503 == fetch(url + "/instance-id").status_code
        assert 200 == scene.a.send("GET", "/servers").status_code
    scene.cloud.fault(Fault(client="metadata:node-a", answer=Answer.NEVER))
    with pytest.raises(requests.Timeout):
        fetch(url, timeout_s=0.2)


def test_it_stays_on_loopback_unless_told(scene: Scene, tmp_path: Path) -> None:
    del tmp_path
    with pytest.raises(CommandError, match="not a loopback address"):
        scene.cloud.metadata_url(42, host="192.0.2.1")
    with pytest.raises(ValueError, match="not a loopback address"):
        SimCloud(host="0.0.0.0")
