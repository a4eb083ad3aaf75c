"""The measurement that `native` and `savings` share: rounds of the native process and all choices.

In each round everything is run once, in random order, so that a drift of the machine does not look
like an effect. Choices that run the same are run once.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.choices import choices
from benchmarks.kept import Kept
from benchmarks.rounds import measure
from benchmarks.saved import Outcome, Round
from benchmarks.shipped import Shipped, add_options, energy_source, machine
from benchmarks.took import Seen, Took
from flexecutor_energy.execution.metering import meter_choice
from flexecutor_energy.execution.native import run_native
from flexecutor_energy.hardware.calibrations import load_calibrations
from flexecutor_energy.records.power_facts import power_facts

_NATIVE = "native"


def benchmark(description: str, tables: Callable[[Sequence[Outcome]], str]) -> int:
    """Measure what is missing, print the tables of what there is, and return the exit code.

    Parameters
    ----------
    description : of the command
    tables : returns the text of some outcomes, all of which have rounds
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    options = parser.parse_args()
    names = options.dags.split(",")
    kept = Kept(options.out or f"{options.workspace}/rounds", Outcome)
    failed = [] if options.table else measure(kept, names, options, _planned, _one_round)
    found = [outcome for outcome in kept.all(names) if outcome.rounds]
    if found:
        print(f"\n{tables(found)}")
    return 1 if failed else 0


def _planned(work: Shipped, options: argparse.Namespace) -> Outcome:
    work.learn(options.profile_reps)
    deadline, found = choices(work)
    return Outcome(
        name=work.name,
        size=options.size,
        backend=options.backend,
        machine=machine(),
        source="",
        deadline=deadline,
        power=power_facts(work.dag.profiles()),
        choices=found,
    )


def _one_round(work: Shipped, outcome: Outcome, seed: int) -> Outcome:
    names = [_NATIVE, *outcome.distinct]
    native: list[Took] = []
    runs: dict[str, Seen] = {}
    source = outcome.source
    for name in random.Random(f"{seed} {len(outcome.rounds)}").sample(names, len(names)):
        if name == _NATIVE:
            native.append(_run_native(work))
        else:
            run = work.run(outcome.choices[name].configs)
            runs[name], source = Seen.of(run, outcome.power), energy_source(run)
    return replace(outcome, rounds=(*outcome.rounds, Round(native[0], runs)), source=source)


def _run_native(work: Shipped) -> Took:
    workspace = work.dag.workspace
    run = run_native(
        work.module.__name__,
        "native",
        {"size": work.size, "workspace": str(workspace.root)},
        meter=meter_choice("all"),
        calibrations=load_calibrations(workspace),
    )
    work.module.check(run.value, work.size)
    return Took.of_native(run)
