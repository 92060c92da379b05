"""Hetzner's locations and their network zones, as in GET /locations."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A location of servers and floating IPs."""

    id: int
    name: str
    description: str
    country: str
    city: str
    latitude: float
    longitude: float
    network_zone: str


LOCATIONS: Mapping[str, Location] = {
    place.name: place
    for place in (
        Location(
            1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47, 12.37, "eu-central"
        ),
        Location(2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.45, 11.07, "eu-central"),
        Location(3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.16, 24.93, "eu-central"),
        Location(4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.04, -77.48, "us-east"),
        Location(5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54, -122.95, "us-west"),
        Location(6, "sin", "Singapore", "SG", "Singapore", 1.28, 103.85, "ap-southeast"),
    )
}
