"""Mutation testing of the core: small faults are planted, and the tests have to notice them.

Why a tool of our own, tried in November 2026:

- cosmic-ray 8.7.0 starts the test command anew for each of 6,911 mutants, whatever their line: 1.6
  CPU seconds with seven quick tests. 1,584 of them change annotations (`X | None`), and none drops
  a step, a return, an element or a case.
- mutmut 3.8.1 changes only the insides of functions, and no property: figures, tables and defaults
  stay as they are, and five modules have no mutant. What it puts around each function made
  tests/core five times slower. A mutant that may live needs a comment in the core.

Here a mutant in a function costs a fork and the quickest tests that run its line.
"""
