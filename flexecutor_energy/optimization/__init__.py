"""Exact choice of one configuration per stage, with a proof: arrays in, solution out."""

from flexecutor_energy.optimization.certificate import Certificate, Multipliers, Solution
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.exhaustive import exhaustive
from flexecutor_energy.optimization.pareto import pareto
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.problem import Link, Problem
from flexecutor_energy.optimization.schedule import Evaluation, evaluate
from flexecutor_energy.optimization.verify import Verification, verify

__all__ = [
    "Certificate",
    "Evaluation",
    "Link",
    "Multipliers",
    "Plan",
    "Problem",
    "Solution",
    "Verification",
    "evaluate",
    "exhaustive",
    "pareto",
    "solve",
    "verify",
]
