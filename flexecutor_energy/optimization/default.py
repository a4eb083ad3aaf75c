"""What would run without a plan: a plan's savings are told against it."""

from collections.abc import Mapping

from flexecutor_energy.optimization.alternatives import with_configs
from flexecutor_energy.optimization.problem import Choice, Problem
from flexecutor_energy.optimization.table import StageOptions, Table
from flexecutor_energy.workflow.config import ConfigKey, StageConfig


def default_choice(
    problem: Problem, table: Table, given: Mapping[str, StageConfig]
) -> Choice | None:
    """Return the choice that would run without a plan; None where the links exclude it.

    A stage runs as it is set, where that is among its candidates. All others take the cores
    nearest to one, and of the workers and memories offered with them the middle ones.

    Parameters
    ----------
    problem : whose links must agree
    table : the candidates
    given : configurations that were set on stages
    """
    keys = [[candidate.key for candidate in options.candidates] for options in table]
    plain = [_middle(options) for options in table]
    set_keys = [
        given[options.stage_id].key if options.stage_id in given else None for options in table
    ]
    wanted = [
        as_set if as_set in own else middle
        for as_set, own, middle in zip(set_keys, keys, plain, strict=True)
    ]
    choice = with_configs(problem, keys, wanted)
    return choice if choice is not None else with_configs(problem, keys, plain)


def _middle(options: StageOptions) -> ConfigKey:
    keys = sorted({candidate.key for candidate in options.candidates})
    cpu = min((key[0] for key in keys), key=lambda cores: (abs(cores - 1), cores))
    memories = sorted({key[1] for key in keys if key[0] == cpu})
    memory = memories[(len(memories) - 1) // 2]
    workers = sorted({key[2] for key in keys if key[:2] == (cpu, memory)})
    return (cpu, memory, workers[(len(workers) - 1) // 2])
