"""Tests of `hakeeper check --online`; imported as `doctor`."""
