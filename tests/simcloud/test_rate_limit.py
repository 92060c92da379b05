import time

from hakeeper.demo.cloud import Fault
from hakeeper.demo.cloud.access import Bucket
from tests.simcloud.conftest import Scene


def test_every_answer_says_what_is_left(scene: Scene) -> None:
    answers = [scene.a.send("GET", path) for path in ("/servers", "/servers/99")]
    assert ["3600", "3600"] == [answer.headers["RateLimit-Limit"] for answer in answers]
    assert ["3599", "3598"] == [answer.headers["RateLimit-Remaining"] for answer in answers]


def test_reset_is_when_the_bucket_will_be_full_again(scene: Scene) -> None:
    scene.cloud.set_rate_limit(3600, remaining=2601)
    reset_s = int(scene.a.send("GET", "/servers").headers["RateLimit-Reset"])
    assert abs(time.time() + 1000 - reset_s) < 100


def test_an_empty_bucket_refuses_and_quotes_half_of_the_token(scene: Scene) -> None:
    scene.cloud.set_rate_limit(60, remaining=1)
    assert 200 == scene.a.send("GET", "/servers").status_code
    refused = scene.b.assign(scene.web, scene.server_b)
    error = refused.json()["error"]
    assert (429, "rate_limit_exceeded") == (refused.status_code, error["code"])
    assert "0" == refused.headers["RateLimit-Remaining"]
    quoted = f"Limit of '60' requests per hour for token '{scene.b.token[:32]}...' reached."
    assert quoted == error["message"]
    assert [] == scene.cloud.moves()


def test_requests_without_a_good_token_count_too(scene: Scene) -> None:
    scene.cloud.revoke("node-b")
    scene.b.send("GET", "/servers")
    assert "3598" == scene.a.send("GET", "/servers").headers["RateLimit-Remaining"]


def test_a_429_made_by_a_fault_looks_the_same(scene: Scene) -> None:
    scene.cloud.fault(Fault(status=429, count=1))
    refused = scene.a.send("GET", "/servers")
    assert "0" == refused.headers["RateLimit-Remaining"]
    assert scene.a.token[:32] in refused.json()["error"]["message"]
    assert 200 == scene.a.send("GET", "/servers").status_code


def test_the_bucket_refills_continuously_and_never_above_its_size() -> None:
    bucket = Bucket(7200)
    bucket.set(7200, 0, now=10.0)
    assert not bucket.take(10.25)
    assert bucket.take(10.5)
    assert not bucket.take(10.5)
    assert "7200" == bucket.headers(99_999.0, 0.0)["RateLimit-Remaining"]


def test_a_smaller_limit_lowers_the_level() -> None:
    bucket = Bucket(3600)
    bucket.set(10, None, now=0.0)
    assert "10" == bucket.headers(0.0, 0.0)["RateLimit-Remaining"]
