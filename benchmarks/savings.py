"""What an energy plan saves, measured: against other ways to choose, on every shipped workflow.

For each workflow a plan of least energy is made under a deadline of 1.2 × the fastest plan's time,
and run in turns with

* *fastest*: the plan of least time,
* *default*: every stage 1 worker × 1 core × 1024 MB,
* *uniform*: the best configuration that all stages share, by the same predictions,
* *cost*: the plan of least cost under the same deadline.

All are run in random order within each round, so that a drift of the machine does not look like a
saving; those that choose the same are run once and told as the same. The deadline is promised with
the highest confidence that can be had, the same for all plans; `saved.py` says how savings are
judged. Plans and rounds are kept in a folder; a benchmark that was stopped goes on from there::

    python -m benchmarks.savings --prepare             # profiles and plans of all workflows
    python -m benchmarks.savings                       # five rounds of each, or what is missing
    python -m benchmarks.savings --table               # the tables of what is kept, at any time
    python -m benchmarks.savings --dags ml,stock --reps 7
"""

import argparse
import random
import sys
from dataclasses import replace

from benchmarks.choices import choices
from benchmarks.kept import Kept
from benchmarks.rounds import measure
from benchmarks.saved import Outcome, Seen
from benchmarks.savings_tables import conditions, runs_table, savings_table
from benchmarks.shipped import Shipped, add_options, energy_source, machine
from flexecutor_energy.records.power_facts import power_facts


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, reps=5)
    options = parser.parse_args()
    names = options.dags.split(",")
    kept = Kept(options.out or f"{options.workspace}/savings", Outcome)
    failed = [] if options.table else measure(kept, names, options, _planned, _one_round)
    found = [outcome for outcome in kept.all(names) if outcome.rounds]
    if found:
        print(f"\n{conditions(found)}\n")
        print(savings_table(found), "", runs_table(found), sep="\n")
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
    chance = random.Random(f"{seed} {len(outcome.rounds)}")
    runs = {
        name: work.run(outcome.choices[name].configs)
        for name in chance.sample(outcome.distinct, len(outcome.distinct))
    }
    seen = {name: Seen.of(run, outcome.power) for name, run in runs.items()}
    source = energy_source(next(iter(runs.values())))
    return replace(outcome, rounds=(*outcome.rounds, seen), source=source)


if __name__ == "__main__":
    sys.exit(main())
