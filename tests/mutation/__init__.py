"""Mutation testing of the core: small faults are planted, and the tests have to notice them.

Why a runner of our own: mutmut 3.8.1 was tried. It changes only the insides of functions, so that
the figures, the role table and the defaults of the dataclasses stay untouched; what it puts around
each function made tests/core five times slower (185 s instead of 36 s); and it rewrites the files,
which a test reads. cosmic-ray starts the test command anew for each of some 2,500 mutants. Here a
mutant in a function costs a fork and the tests that run its line, the quick ones first.

What is planted: `operators.py`. What is not: docstrings, annotations, decorators, the insides of
f-strings (such a text is replaced whole), and what only a type checker reaches (`assert_never`).
"""
