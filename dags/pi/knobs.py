"""How many darts, in how many tasks."""

from dataclasses import dataclass

from dags.sizes import check_whole


@dataclass(frozen=True, slots=True)
class Knobs:
    """Size of the computation.

    Attributes
    ----------
    samples : darts thrown in all
    tasks : shares that workers divide among themselves; more workers than tasks do not help
    seed : root of the random sequences of all tasks
    """

    samples: int
    tasks: int = 32
    seed: int = 20240

    def __post_init__(self) -> None:
        check_whole("tasks", self.tasks, least=1)
        check_whole("samples", self.samples, least=self.tasks)
        check_whole("seed", self.seed, least=0)


PRESETS = {"small": Knobs(samples=200_000_000), "medium": Knobs(samples=1_200_000_000)}
