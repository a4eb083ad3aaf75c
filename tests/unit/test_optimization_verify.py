"""The checker accepts what is true and says what is not."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexecutor_energy.optimization import Multipliers, Problem, Solution, solve, verify
from flexecutor_energy.optimization.objective import Objective, Weights
from flexecutor_energy.optimization.verify import Exact


def problem_with_everything() -> Problem:
    generator = np.random.default_rng(11)
    sizes = (4, 5, 4, 3)
    times = [generator.uniform(1, 10, size) for size in sizes]
    return Problem(
        times=times,
        energies=[60 / row + generator.uniform(0, 9, len(row)) for row in times],
        costs=[generator.uniform(1, 3, size) for size in sizes],
        edges=[(0, 1), (0, 2), (1, 3), (2, 3)],
        idle_power_w=1.25,
        max_time=18.0,
        max_energy=150.0,
        max_cost=25.0,
        host_price_usd_s=0.5,
        links=[(0, 2, [1, 2, 1, 2], [1, 2, 2, 1])],
    )


@pytest.fixture(name="solved")
def _solved() -> tuple[Problem, Solution]:
    problem = problem_with_everything()
    return problem, solve(problem, "energy", gap=0)


@pytest.mark.parametrize("objective", ["energy", "time", "cost", "edp"])
def test_what_the_solver_returns_is_accepted(objective: Objective) -> None:
    problem = problem_with_everything()
    solution = solve(problem, objective, gap=0)
    verification = verify(problem.to_data(), solution.choice, solution.certificate)
    assert verification.problems == ()
    assert verification.ok
    assert verification.plan_objective == pytest.approx(solution.certificate.objective)


def test_searching_again_proves_the_optimum_without_a_solver(
    solved: tuple[Problem, Solution],
) -> None:
    problem, solution = solved
    certificate = solution.certificate
    assert certificate.proved_bound < certificate.objective * 0.999
    verification = verify(problem.to_data(), solution.choice, certificate)
    assert verification.proved_bound == pytest.approx(certificate.objective, rel=3e-9)
    without_search = verify(problem.to_data(), solution.choice, certificate, max_steps=0)
    assert without_search.ok
    assert without_search.proved_bound == pytest.approx(certificate.proved_bound)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"proved_bound": 0.9999}, "the multipliers prove"),
        ({"lower_bound": 1.1, "solver_claimed": 1.1}, "a lower bound is above the plan"),
        ({"solver_claimed": 0.5, "lower_bound": 1.0}, "neither proved nor claimed"),
        ({"objective": 0.9}, "the plan's energy is"),
    ],
)
def test_forged_numbers_are_rejected(
    solved: tuple[Problem, Solution], change: dict[str, float], complaint: str
) -> None:
    problem, solution = solved
    value = solution.certificate.objective
    changed: Any = {name: share * value for name, share in change.items()}
    forged = replace(solution.certificate, **changed)
    verification = verify(problem.to_data(), solution.choice, forged)
    assert not verification.ok
    assert any(complaint in line for line in verification.problems)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"time_bound": -1.0}, "negative or not finite"),
        ({"area": 1.0}, "not there"),
        ({"flow": ((3, 0, 1.0),)}, "not there"),
        ({"weights": Weights.of("time")}, "another objective"),
        ({"weights": Weights(energy=2.0)}, "another objective"),
    ],
)
def test_multipliers_that_prove_nothing_are_rejected(
    solved: tuple[Problem, Solution], change: dict[str, Any], complaint: str
) -> None:
    problem, solution = solved
    flawed = replace(solution.certificate.multipliers[0], **change)
    forged = replace(solution.certificate, multipliers=(flawed,))
    verification = verify(problem.to_data(), solution.choice, forged)
    assert not verification.ok
    assert any(complaint in line for line in verification.problems)


def test_changed_multipliers_prove_less_and_never_more(solved: tuple[Problem, Solution]) -> None:
    problem, solution = solved
    exact, proof = Exact(problem.to_data()), solution.certificate.multipliers[0]
    best = exact.proved_bound("energy", [proof])
    for factor in (0.0, 0.5, 1.5, 100.0):
        flow = tuple((i, j, phi * factor) for i, j, phi in proof.flow)
        scaled = replace(proof, flow=flow, time_bound=proof.time_bound * factor)
        assert exact.proved_bound("energy", [scaled]) < best


def test_a_plan_for_another_problem_is_rejected(solved: tuple[Problem, Solution]) -> None:
    problem, solution = solved
    cheaper = problem.with_bounds({"time": 17.0})
    verification = verify(cheaper.to_data(), solution.choice, solution.certificate)
    assert any("input hash" in line for line in verification.problems)


def test_a_choice_that_breaks_bounds_and_links_is_rejected(
    solved: tuple[Problem, Solution],
) -> None:
    problem, solution = solved
    tight = problem.with_bounds({"time": solution.makespan_s * 0.9})
    verification = verify(tight.to_data(), solution.choice, solution.certificate)
    assert any("max_time is broken" in line for line in verification.problems)
    unlinked = [c for c in range(4) if [1, 2, 2, 1][c] != [1, 2, 1, 2][solution.choice[0]]]
    other = (solution.choice[0], solution.choice[1], unlinked[0], solution.choice[3])
    verification = verify(problem.to_data(), other, solution.certificate)
    assert any("do not match" in line for line in verification.problems)


def test_starts_that_crowd_the_cores_or_precede_a_parent_are_rejected() -> None:
    times = [np.array([2.0]), np.array([2.0]), np.array([1.0])]
    cores = [np.array([2.0]), np.array([2.0]), np.array([1.0])]
    problem = Problem(times, None, None, [(0, 2)], cores=cores, capacity=3.0)
    solution = solve(problem, "time", gap=0)
    assert verify(problem.to_data(), solution.choice, solution.certificate).ok
    crowded = replace(solution.certificate, starts_s=(0.0, 0.0, 3.0))
    verification = verify(problem.to_data(), solution.choice, crowded)
    assert any("too many cores" in line for line in verification.problems)
    early = replace(solution.certificate, starts_s=(0.0, 2.0, 1.0))
    verification = verify(problem.to_data(), solution.choice, early)
    assert any("starts too early" in line for line in verification.problems)


def test_without_multipliers_only_zero_is_proved() -> None:
    problem = problem_with_everything()
    nothing = Multipliers.none(problem, Weights.of("energy"))
    exact = Exact(problem.to_data())
    cheapest = sum(min(row) for row in problem.to_data()["energies"])
    assert exact.proved_bound("energy", []) == 0
    assert float(exact.proved_bound("energy", [nothing])) == pytest.approx(cheapest)


def test_the_checker_is_short_and_needs_neither_numpy_nor_a_solver() -> None:
    module = sys.modules[Exact.__module__]
    source = Path(str(module.__file__))
    assert len(source.read_text().splitlines()) <= 150
    folder = source.parent
    names = ["fingerprint", "rational", "statement", "blocks", "refute", "verify"]
    program = (
        "import importlib.util, sys, types\n"
        "for name in ('flexecutor_energy', 'flexecutor_energy.optimization'):\n"
        "    sys.modules[name] = types.ModuleType(name)\n"
        f"    sys.modules[name].__path__ = [{str(folder)!r}]\n"
        f"for name in {names!r}:\n"
        "    full = 'flexecutor_energy.optimization.' + name\n"
        f"    place = {str(folder)!r} + '/' + name + '.py'\n"
        "    spec = importlib.util.spec_from_file_location(full, place)\n"
        "    module = importlib.util.module_from_spec(spec)\n"
        "    sys.modules[full] = module\n"
        "    setattr(sys.modules['flexecutor_energy.optimization'], name, module)\n"
        "    spec.loader.exec_module(module)\n"
        "heavy = {'numpy', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
