"""What the machinery costs: every shipped workflow against the same computation by one process.

Three variants: the *native* process (its function alone; interpreter and imports are told apart),
the workflow with *one worker* of one core a stage, and in the energy *plan* under a deadline of
1.2 × the fastest. All are run in random order within each round (`measured.py`) and checked by
the oracle; workflows read from and write to the object store. Joules are told by every method that
works here; of a workflow they are those of its functions and of starting its workers (scope
``provisioned``). The second table says where the CPU time and the joules of the machinery went:
start-up of workers, engine, storage server. Plans and rounds are those of `benchmarks.savings`,
whichever runs first::

    python -m benchmarks.native --dags ml,stock --reps 3
    python -m benchmarks.native --table                # the tables of what is kept
"""

import sys
from collections.abc import Sequence
from statistics import fmean

from benchmarks.choices import PLAN
from benchmarks.measured import benchmark
from benchmarks.saved import Outcome
from benchmarks.savings import conditions
from benchmarks.took import MACHINERY, Took

NATIVE, ONE = "native", "one worker"


def tables(found: Sequence[Outcome]) -> str:
    """Return what each variant took, where the machinery's share went, and where it was run."""
    return "\n\n".join([conditions(found), times_table(found), machinery_table(found)])


def variants_of(outcome: Outcome) -> dict[str, list[Took]]:
    """Return what each variant took, round by round."""
    same = outcome.choices["default"].like == PLAN
    return {
        NATIVE: [each.native for each in outcome.rounds],
        ONE: [run.took for run in outcome.runs("default")],
        "plan (is one worker)" if same else "plan": [run.took for run in outcome.runs(PLAN)],
    }


def times_table(found: Sequence[Outcome]) -> str:
    """Return what each variant took, as a table in Markdown."""
    methods = _methods(found)
    lines = [
        f"| workflow | variant | time | CPU of functions | {' | '.join(methods)} | × native |",
        f"|---|---|---:|---:|{'---:|' * (len(methods) + 1)}",
    ]
    for outcome in found:
        variants = variants_of(outcome)
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
        f"| workflow | variant | {' | '.join(MACHINERY)} | share of CPU time |",
        f"|---|---|{'---:|' * (len(MACHINERY) + 1)}",
    ]
    for outcome in found:
        for variant, runs in variants_of(outcome).items():
            rows = [
                (
                    fmean(run.machinery_cpu_s.get(row, 0.0) for run in runs),
                    fmean(run.machinery_j.get(row, 0.0) for run in runs),
                )
                for row in MACHINERY
            ]
            machinery_s = sum(seconds for seconds, _ in rows)
            share = machinery_s / (machinery_s + fmean(run.cpu_s for run in runs))
            cells = [f"{seconds:.2f} s, {joules:.1f} J" for seconds, joules in rows]
            if variant == NATIVE:
                cells[1:] = ["none", "none"]
            lines.append(f"| {outcome.name} | {variant} | {' | '.join(cells)} | {share:.0%} |")
    return "\n".join(lines)


def _methods(found: Sequence[Outcome]) -> list[str]:
    runs = (run for own in found for taken in variants_of(own).values() for run in taken)
    return list(dict.fromkeys(method for run in runs for method in run.energy_j))


def _joules(runs: Sequence[Took], method: str) -> float | None:
    """Return the mean joules by a method; None where one run lacks them."""
    values = [run.energy_j.get(method) for run in runs]
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


if __name__ == "__main__":
    sys.exit(benchmark(__doc__ or "", tables))
