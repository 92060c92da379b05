"""The simulated surroundings: a Hetzner Cloud on loopback, and a lab of namespaces with keepalived."""
