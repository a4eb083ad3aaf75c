"""What the machinery costs: every shipped workflow against the same computation by one process.

Run ``python -m benchmarks.native [--quick] [--dags ml,stock]``. Three variants are run in random
order within each round: the *native* process (its function alone; interpreter and imports are told
apart), the workflow with *one worker* of one core a stage, and in the *plan* of least energy. Both
read from and write to the object store and are checked by the oracle. Joules are told by every
method that works here; of a workflow they are those of its functions and of starting its workers
(scope ``provisioned``). The second table says where the CPU time and the joules of the machinery
went: start-up of workers, engine, storage server.
"""

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.shipped import (
    DEFAULT,
    SPACE,
    Configs,
    Shipped,
    add_options,
    clamped,
    machine,
    shipped,
)
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


Found = Mapping[str, Mapping[str, Sequence[Seen]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser, reps=5)
    options = parser.parse_args()
    if options.quick:
        options.reps = options.profile_reps = 2
    found: dict[str, dict[str, list[Seen]]] = {}
    source, plans = "", {}
    for work in shipped(options):
        plan = work.dag.optimize("energy", space=SPACE).configs
        plans[work.name] = {stage_id: str(config) for stage_id, config in plan.items()}
        found[work.name], runs = _measured(work, plan, options)
        source = machine(runs)
        print(_times_table({work.name: found[work.name]}), flush=True)
    print(f"\n# {options.reps} rounds, {options.backend}, size {options.size}; {source}\n")
    print(_times_table(found), "", _machinery_table(found), sep="\n")
    if options.json:
        told = {
            name: {variant: [asdict(run) for run in runs] for variant, runs in variants.items()}
            for name, variants in found.items()
        }
        document = {"machine": source, "plans": plans, "workflows": told}
        Path(options.json).write_text(json.dumps(document, indent=1))


def _measured(
    work: Shipped, plan: Configs, options: argparse.Namespace
) -> tuple[dict[str, list[Seen]], list[DAGRun]]:
    one = work.everywhere(DEFAULT)
    variants = {ONE: one, PLAN: plan}
    if clamped(work, plan) == clamped(work, one):
        del variants[PLAN]
    print(f"  measuring {work.name}: {options.reps} rounds", flush=True)
    found: dict[str, list[Seen]] = {name: [] for name in (NATIVE, *variants)}
    runs = []
    chance = random.Random(options.seed)
    for _ in range(options.reps):
        for name in chance.sample(list(found), len(found)):
            if name == NATIVE:
                found[name].append(_native(work))
            else:
                runs.append(work.run(variants[name], energy="all"))
                found[name].append(Seen.of_run(runs[-1]))
    found.setdefault(PLAN, found[ONE])
    return found, runs


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


def _times_table(found: Found) -> str:
    methods = _methods(found)
    lines = [
        f"| workflow | variant | time | CPU of functions | {' | '.join(methods)} | × native |",
        f"|---|---|---:|---:|{'---:|' * (len(methods) + 1)}",
    ]
    for name, variants in found.items():
        for variant, runs in variants.items():
            energy = [_joules(runs, method) for method in methods]
            base = [_joules(variants[NATIVE], method) for method in methods]
            times = [
                f"{own / alone:.1f}" if own is not None and alone else "-"
                for own, alone in zip(energy, base, strict=True)
            ]
            cells = [
                name,
                "plan (is one worker)" if variant == PLAN and runs is variants[ONE] else variant,
                f"{fmean(run.time_s for run in runs):.2f} s",
                f"{fmean(run.cpu_s for run in runs):.2f} s",
                *("unmeasured" if joules is None else f"{joules:.1f} J" for joules in energy),
                ", ".join(times),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _machinery_table(found: Found) -> str:
    lines = [
        f"| workflow | variant | {' | '.join(ROWS)} | share of CPU time |",
        f"|---|---|{'---:|' * (len(ROWS) + 1)}",
    ]
    for name, variants in found.items():
        for variant, runs in variants.items():
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
            lines.append(f"| {name} | {variant} | {' | '.join(cells)} | {share:.0%} |")
    return "\n".join(lines)


def _methods(found: Found) -> list[str]:
    runs = (run for variants in found.values() for each in variants.values() for run in each)
    return list(dict.fromkeys(method for run in runs for method in run.energy_j))


def _joules(runs: Sequence[Seen], method: str) -> float | None:
    """Return the mean joules by a method; None where one run lacks them."""
    values = [run.energy_j.get(method) for run in runs]
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


if __name__ == "__main__":
    main()
