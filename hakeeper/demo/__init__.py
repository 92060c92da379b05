"""`hakeeper demo`: a failover on a simulated Hetzner Cloud, shown live and then judged.

A newcomer's map: `run` puts it together. `story` is what happens, on a `stage` that is `live` (real
keepalived) or `replay`; `chronicle` puts it into words, `screen` shows them; `history` is what is
left at the end, from which `verdict`, `picture` and `summary` are made. `cloud` is the simulated
Hetzner Cloud, `lab` the network namespaces with real keepalived; tests use both as libraries.
"""
