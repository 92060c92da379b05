"""What a soak is told: how long, how many nodes, which seed, how fast VRRP is."""

from dataclasses import dataclass

from hakeeper.demo.lab import LabSettings, VrrpInstance, VrrpSettings

INSTANCE = "VI_1"
ADDRESS = "web"
_PRIORITIES = (150, 100, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How fast keepalived is, and with it the faults; times in seconds."""

    name: str
    vrrp_version: int
    advert_int_s: float
    lasts_s: tuple[float, float]
    """How long a fault lasts, from and to."""
    spread_s: float
    """How much later than the first fault of a round another may begin."""
    horizon_s: float
    """A fault older than this is not the cause of a move."""


FAST = Profile(
    name="fast",
    vrrp_version=3,
    advert_int_s=0.1,
    lasts_s=(0.3, 3.0),
    spread_s=1.5,
    horizon_s=2.5,
)
"""VRRPv3, ten adverts a second: the fast examples in conf/keepalived."""
PLAIN = Profile(
    name="plain",
    vrrp_version=2,
    advert_int_s=1.0,
    lasts_s=(3.0, 8.0),
    spread_s=3.0,
    horizon_s=6.0,
)
"""VRRPv2, one advert a second: the plain examples."""
PROFILES = {profile.name: profile for profile in (FAST, PLAIN)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakSettings:
    """One soak; it ends with whichever limit comes first. None: no such limit."""

    seed: int
    nodes: int = 2
    profile: Profile = FAST
    duration_s: float | None = None
    failovers: int | None = None
    give_up_s: float = 60.0
    """How long after healing to wait for the right state before it counts as never."""

    def lab(self) -> LabSettings:
        """Return the lab to build; 2 or 3 nodes."""
        instance = VrrpInstance(priorities=_PRIORITIES[: self.nodes], tracked=True)
        vrrp = VrrpSettings(
            instances=(instance,),
            version=self.profile.vrrp_version,
            advert_int_s=self.profile.advert_int_s,
            higher_prio_send_advert=True,
        )
        return LabSettings(vrrp=vrrp, interval="1s", standby_interval="2s")

    def command(self) -> str:
        """Return what repeats this soak."""
        limits = []
        if self.duration_s is not None:
            limits.append(f"--hours {self.duration_s / 3600:g}")
        if self.failovers is not None:
            limits.append(f"--failovers {self.failovers}")
        return (
            f"python -m tests.soak --seed {self.seed} --nodes {self.nodes} "
            f"--profile {self.profile.name} {' '.join(limits)}"
        ).rstrip()
