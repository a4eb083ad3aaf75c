"""Deciding what to measure: which configuration could change the plan, and when none should."""

from flexecutor_energy.decision.rule import RegretRule, regret_rule

__all__ = ["RegretRule", "regret_rule"]
