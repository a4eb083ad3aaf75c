"""What an energy plan saves, measured: against other ways to choose, on every shipped workflow.

For each workflow a plan of least energy is made under a deadline of 1.2 × the fastest plan's time,
and run in turns with

* *fastest*: the plan of least time,
* *default*: every stage 1 worker × 1 core × 1024 MB,
* *uniform*: the best configuration that all stages share, by the same predictions,
* *cost*: the plan of least cost under the same deadline.

All are run in random order within each round (`measured.py`); those that choose the same are run
once and told as the same. The deadline is promised with the highest confidence that can be had,
the same for all plans; `saved.py` says how savings are judged. Plans and rounds are kept, shared
with `benchmarks.native`, and a benchmark that was stopped goes on from there::

    python -m benchmarks.savings --prepare             # profiles and plans of all workflows
    python -m benchmarks.savings                       # five rounds of each, or what is missing
    python -m benchmarks.savings --table               # the tables of what is kept, at any time
    python -m benchmarks.savings --dags ml,stock --reps 7
"""

import sys
from collections.abc import Sequence
from statistics import fmean, median

from benchmarks.choices import OTHERS, PLAN
from benchmarks.measured import benchmark
from benchmarks.saved import Outcome
from benchmarks.took import Seen


def tables(found: Sequence[Outcome]) -> str:
    """Return what plans saved, what each choice took, and where that was measured."""
    return "\n\n".join([conditions(found), savings_table(found), runs_table(found)])


def conditions(found: Sequence[Outcome]) -> str:
    """Return what was measured, where, and how busy others kept the machine meanwhile."""
    rounds = {len(outcome.rounds) for outcome in found}
    places = dict.fromkeys(f"{o.backend}, size {o.size}; {o.machine}" for o in found)
    sources = dict.fromkeys(outcome.source for outcome in found)
    said = [*places, f"energy: {' | '.join(map(str, sources))}"]
    shares = [
        run.foreign
        for outcome in found
        for each in outcome.rounds
        for run in each.runs.values()
        if run.foreign is not None
    ]
    others = (
        f"; others used {median(shares):.0%} of the CPUs in the median run, {max(shares):.0%} "
        "at most"
        if shares
        else ""
    )
    counts = " to ".join(str(count) for count in sorted({min(rounds), max(rounds)}))
    return f"{counts} rounds, {'; '.join(said)}{others}"


def savings_table(found: Sequence[Outcome]) -> str:
    """Return what each plan saved, as a table in Markdown."""
    lines = [
        "| workflow | deadline | energy of the plan | "
        f"{' | '.join(f'against {name}' for name in OTHERS)} |",
        f"|---|---:|---:|{'---:|' * len(OTHERS)}",
    ]
    for outcome in found:
        energy = _mean(outcome.runs(PLAN), "energy_j")
        late = {name: " †" if outcome.late(name) else "" for name in outcome.choices}
        cells = " | ".join(f"{outcome.saving(name)}{late[name]}" for name in OTHERS)
        lines.append(
            f"| {outcome.name} | {outcome.deadline} | {energy:.1f} J{late[PLAN]} | {cells} |"
        )
    return "\n".join(lines)


def runs_table(found: Sequence[Outcome]) -> str:
    """Return what each choice took, as a table in Markdown."""
    lines = [
        "| workflow | choice | time (expected) | CPU | reserved | energy (expected) | of it idle "
        "| deadline kept |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for outcome in found:
        for name, choice in outcome.choices.items():
            runs = outcome.runs(name)
            time, cpu, reserved, energy, idle = (
                _mean(runs, field)
                for field in ("time_s", "cpu_s", "reserved_core_s", "energy_j", "idle_j")
            )
            kept = sum(run.time_s <= outcome.deadline.seconds for run in runs)
            cells = (
                outcome.name,
                name,
                f"{time:.2f} s ({choice.time_s:.2f})",
                f"{cpu:.2f} s",
                f"{reserved:.1f} core·s",
                f"{energy:.1f} J ({choice.energy_j:.1f})",
                f"{idle / energy:.0%}",
                f"{kept} of {len(runs)}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(runs: Sequence[Seen], field: str) -> float:
    return fmean(getattr(run, field) for run in runs)


if __name__ == "__main__":
    sys.exit(benchmark(__doc__ or "", tables))
