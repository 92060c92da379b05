"""The APIs that move resources. Each has a token, a quota and a health of its own."""

from typing import Final

from hakeeper.core.kind import Api
from hakeeper.core.limits.backoff import Backoff
from hakeeper.core.limits.patience import Patience

CLOUD: Final = Api(
    name="cloud",
    title="Hetzner Cloud",
    limit_per_hour=3600,
    not_running=frozenset({"off", "stopping", "deleting"}),
)
"""Hetzner Cloud, https://docs.hetzner.cloud: a bucket of 3,600 calls, refilled by one a second."""

ROBOT: Final = Api(
    name="robot",
    title="Robot",
    known_by="login",
    limit_per_hour=100,
    steps_per_hour=50,
    steps_kept=10,
    max_parallel=4,
    shows_servers=False,
    says_who_we_are=False,
    has_actions=False,
    patience=Patience(
        retry=Backoff(base_s=5.0, cap_s=120.0),
        read_again=Backoff(base_s=20.0, cap_s=60.0),
        slow=Backoff(base_s=90.0, cap_s=90.0, floor=0.65),
        throttle=Backoff(base_s=60.0, cap_s=300.0, floor=0.75),
        unseen=Backoff(base_s=90.0, cap_s=180.0, floor=0.75),
        lag_s=60.0,
        suspect_s=5.0,
        least_interval_s=60.0,
        watch_s=240.0,
        watch_interval_s=60.0,
        role_look_s=90.0,
        role_looks_s=600.0,
        quick_loss_s=900.0,
        alarm_after_s=120.0,
        longest_wait_s=300.0,
        login_wait_s=600.0,
        step_timeout_s=180.0,
    ),
)
"""Hetzner Robot, https://robot.hetzner.com/doc/webservice/en.html, for dedicated servers.

It grants 100 reads and 50 switches of failover IPs an hour. A switch is answered when it is done,
after 40 to 60 s, and locks its address so long. Three refused logins block the source address for
ten minutes.
"""
