"""`hakeeper simulate`: a deterministic world in virtual time, and what a fleet would do in it.

Nodes with the shipped loop and core, VRRP, FIFOs and a cloud follow from one seed, some tens of
thousands of times faster than real time; whatever can break does, and what that costs is measured.
Each part gets what it uses; `world` alone knows how they are wired. They emit what happens to an
`Observer`; the rules that must hold at every step are such observers, in tests/world.
"""
