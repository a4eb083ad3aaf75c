"""What the machinery costs: every shipped workflow against the same computation by one process.

Three variants are run in random order within each round: the *native* process (its function alone;
interpreter and imports are told apart), the workflow with *one worker* of one core a stage, and in
the *plan* of least energy. Both read from and write to the object store and are checked by the
oracle. Joules are told by every method that works here; of a workflow they are those of its
functions and of starting its workers (scope ``provisioned``). The second table says where the CPU
time and the joules of the machinery went: start-up of workers, engine, storage server. Plans and
rounds are kept in a folder; a benchmark that was stopped goes on from there::

    python -m benchmarks.native --prepare              # profiles (shared with savings) and plans
    python -m benchmarks.native --dags ml,stock        # three rounds of each, or what is missing
    python -m benchmarks.native --table                # the tables of what is kept
"""

import argparse
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from benchmarks.kept import Kept
from benchmarks.rounds import measure
from benchmarks.shipped import (
    DEFAULT,
    SPACE,
    Shipped,
    add_options,
    energy_source,
    machine,
    told_once,
)
from flexecutor_energy import StageConfig
from flexecutor_energy.execution.metering import meter_choice
from flexecutor_energy.execution.native import NativeRun, run_native
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.hardware.calibrations import load_calibrations

NATIVE, ONE, PLAN = "native", "one worker", "plan"
ROWS = ("startup", "engine", "storage")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run took.

    Attributes
    ----------
    time_s, cpu_s : seconds, and CPU seconds of functions alone
    energy_j : joules by method; of a workflow with the start of its workers
    machinery_cpu_s, machinery_j : CPU seconds and joules of ``ROWS``; of the native process its
        own start-up, which is in none of the others
    """

    time_s: float
    cpu_s: float
    energy_j: Mapping[str, float | None]
    machinery_cpu_s: Mapping[str, float]
    machinery_j: Mapping[str, float]

    @classmethod
    def of_native(cls, run: NativeRun) -> "Seen":
        """Return what the single process took."""
        startup_j = {"startup": next(iter(run.startup_j.values()), None) or 0.0}
        return cls(run.time_s, run.cpu_s, run.energy_j, {"startup": run.startup_cpu_s}, startup_j)

    @classmethod
    def of_run(cls, run: DAGRun) -> "Seen":
        """Return what a run of the workflow took."""
        ledger, rows = run.ledger, run.energy_detail.rows
        cpu = {"startup": ledger.startup_s, "engine": ledger.engine_s, "storage": ledger.storage_s}
        joules = {row: rows.get(row, 0.0) for row in ROWS}
        return cls(run.time, ledger.workers_s, run.energy_by_method, cpu, joules)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One workflow: its plan, and what each variant took in every round.

    Attributes
    ----------
    name, size, backend : what was run
    machine, source : on which, and where the joules of workflows come from
    plan : of least energy, by stage
    is_one : whether it is one worker of one core a stage; then it is not run a second time
    rounds : variant → what it took
    """

    name: str
    size: str
    backend: str
    machine: str
    source: str
    plan: Mapping[str, StageConfig]
    is_one: bool
    rounds: tuple[Mapping[str, Seen], ...] = ()

    def variants(self) -> dict[str, list[Seen]]:
        """Return what each variant took, round by round."""
        plan = "plan (is one worker)" if self.is_one else PLAN
        sources = {NATIVE: NATIVE, ONE: ONE, plan: ONE if self.is_one else PLAN}
        return {name: [each[own] for each in self.rounds] for name, own in sources.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, reps=3)
    options = parser.parse_args()
    names = options.dags.split(",")
    kept = Kept(options.out or f"{options.workspace}/native", Outcome)
    failed = [] if options.table else measure(kept, names, options, _planned, _one_round)
    found = [outcome for outcome in kept.all(names) if outcome.rounds]
    if found:
        where = told_once([f"{own.backend}, size {own.size}; {own.machine}" for own in found])
        source = told_once([f"energy: {own.source}" for own in found])
        print(f"\n{len(found[0].rounds)} rounds, {where}; {source}\n")
        print(times_table(found), "", machinery_table(found), sep="\n")
    return 1 if failed else 0


def _planned(work: Shipped, options: argparse.Namespace) -> Outcome:
    work.learn(options.profile_reps)
    plan = work.dag.optimize("energy", space=SPACE).configs
    is_one = work.same(plan, work.everywhere(DEFAULT))
    return Outcome(work.name, options.size, options.backend, machine(), "", plan, is_one)


def _one_round(work: Shipped, outcome: Outcome, seed: int) -> Outcome:
    chance = random.Random(f"{seed} {len(outcome.rounds)}")
    variants = {ONE: work.everywhere(DEFAULT), PLAN: dict(outcome.plan)}
    if outcome.is_one:
        del variants[PLAN]
    seen: dict[str, Seen] = {}
    source = outcome.source
    for name in chance.sample([NATIVE, *variants], 1 + len(variants)):
        if name == NATIVE:
            seen[name] = _native(work)
        else:
            run = work.run(variants[name], energy="all")
            seen[name], source = Seen.of_run(run), energy_source(run)
    return replace(outcome, rounds=(*outcome.rounds, seen), source=source)


def _native(work: Shipped) -> Seen:
    workspace = work.dag.workspace
    run = run_native(
        work.module.__name__,
        "native",
        {"size": work.size, "workspace": str(workspace.root)},
        meter=meter_choice("all"),
        calibrations=load_calibrations(workspace),
    )
    work.module.check(run.value, work.size)
    return Seen.of_native(run)


def times_table(found: Sequence[Outcome]) -> str:
    """Return what each variant took, as a table in Markdown."""
    methods = _methods(found)
    lines = [
        f"| workflow | variant | time | CPU of functions | {' | '.join(methods)} | × native |",
        f"|---|---|---:|---:|{'---:|' * (len(methods) + 1)}",
    ]
    for outcome in found:
        variants = outcome.variants()
        base = [_joules(variants[NATIVE], method) for method in methods]
        for variant, runs in variants.items():
            energy = [_joules(runs, method) for method in methods]
            times = [
                f"{own / alone:.1f}" if own is not None and alone else "-"
                for own, alone in zip(energy, base, strict=True)
            ]
            cells = [
                outcome.name,
                variant,
                f"{fmean(run.time_s for run in runs):.2f} s",
                f"{fmean(run.cpu_s for run in runs):.2f} s",
                *("unmeasured" if joules is None else f"{joules:.1f} J" for joules in energy),
                ", ".join(times),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def machinery_table(found: Sequence[Outcome]) -> str:
    """Return where the machinery's CPU time and joules went, as a table in Markdown."""
    lines = [
        f"| workflow | variant | {' | '.join(ROWS)} | share of CPU time |",
        f"|---|---|{'---:|' * (len(ROWS) + 1)}",
    ]
    for outcome in found:
        for variant, runs in outcome.variants().items():
            rows = [
                (
                    fmean(run.machinery_cpu_s.get(row, 0.0) for run in runs),
                    fmean(run.machinery_j.get(row, 0.0) for run in runs),
                )
                for row in ROWS
            ]
            machinery_s = sum(seconds for seconds, _ in rows)
            share = machinery_s / (machinery_s + fmean(run.cpu_s for run in runs))
            cells = [f"{seconds:.2f} s, {joules:.1f} J" for seconds, joules in rows]
            if variant == NATIVE:
                cells[1:] = ["none", "none"]
            lines.append(f"| {outcome.name} | {variant} | {' | '.join(cells)} | {share:.0%} |")
    return "\n".join(lines)


def _methods(found: Sequence[Outcome]) -> list[str]:
    runs = (run for outcome in found for each in outcome.rounds for run in each.values())
    return list(dict.fromkeys(method for run in runs for method in run.energy_j))


def _joules(runs: Sequence[Seen], method: str) -> float | None:
    """Return the mean joules by a method; None where one run lacks them."""
    values = [run.energy_j.get(method) for run in runs]
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


if __name__ == "__main__":
    sys.exit(main())
