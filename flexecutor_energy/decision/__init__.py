"""Deciding what to measure: which configuration could change the plan, and when none should."""

from flexecutor_energy.decision.rule import RegretRule

__all__ = ["RegretRule"]
