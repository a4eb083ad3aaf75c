"""Truths that are made up, to replay runs of: variants of recorded workflows, and drawn laws.

*Synthetic* truths are made from recorded profiles: the physical terms of every phase, fitted to
the whole profile, with each coefficient times a seeded lognormal factor, a smooth deviation that
no predictor has a term for, and noise between runs as large as was recorded. *Lawful* truths are
drawn workflows, whose laws have none of the forms that predictors fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.drawn_workflows import Design, draw_run, draw_workflow
from benchmarks.replay import STARTUP_J, WORKFLOWS, FanIn, Truth, charged, recorded, with_energy
from flexecutor_energy.prediction.physics import PHYSICS, TermsPredictor
from flexecutor_energy.prediction.rows import FloatArray, Rows, Samples
from flexecutor_energy.prediction.samples import collect
from flexecutor_energy.records.run import StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig

# how far coefficients and smooth deviations of synthetic truths go, in logarithms
PERTURBATION, DEVIATION = 0.4, 0.05
LEAST_S = 1e-3
# runs whose middle is the truth of a drawn law
DRAWN_RUNS = 40


@dataclass(frozen=True)
class _Law:
    parts: Mapping[str, TermsPredictor]
    noise: float
    heights: FloatArray
    phases: FloatArray


class Synthetic(Truth):
    """A profile's physical terms with other coefficients, and what no term covers."""

    def __init__(self, workflow: str, seed: int) -> None:
        super().__init__(f"{workflow} #{seed} *", recorded(workflow), WORKFLOWS[workflow])
        generator = np.random.default_rng([seed, len(workflow)])
        self._laws = {stage: self._law(stage, generator) for stage in self.profiles}

    def _law(self, stage: str, generator: np.random.Generator) -> _Law:
        data = collect(self.profiles[stage], self.parents.get(stage, ()))
        parts = {}
        for phase, part in data.parts["time"].items():
            fitted = PHYSICS.fit(Samples(data.rows, np.maximum(part, LEAST_S)))
            factors = generator.lognormal(0, PERTURBATION, len(fitted.coefficients))
            changed = tuple((np.array(fitted.coefficients) * factors).tolist())
            parts[phase] = replace(fitted, coefficients=changed)
        logs = np.log(data.run_values["time"] / data.values["time"][data.run_rows])
        noise = float(np.sqrt(np.mean(logs**2)))
        heights = generator.normal(size=4) * DEVIATION
        return _Law(parts, max(noise, 0.01), heights, generator.uniform(0, 6.28, 4))

    def _phases(self, stage: str, config: StageConfig, fan_in: FanIn) -> dict[str, float]:
        law, above = self._laws[stage], list(self.parents.get(stage, ()))
        rows = Rows.of([config], [dict(fan_in)], above)
        place = np.array([np.log(config.cpu), np.log(config.workers), np.log(config.cpu), 0.0])
        place[3] = np.log(config.workers * config.cpu)
        smooth = float(np.exp(np.sum(law.heights * np.cos(1.5 * place + law.phases))))
        return {phase: smooth * float(part.predict(rows)[0]) for phase, part in law.parts.items()}

    def run(
        self, stage: str, config: StageConfig, fan_in: FanIn, generator: np.random.Generator
    ) -> StageRun:
        """Return a run with noise: of the whole stage, and of its joules."""
        factor = float(generator.lognormal(0, self._laws[stage].noise))
        meter = float(generator.lognormal(0, 0.02))
        worker = self._worker(stage, config, fan_in, factor, meter)
        return StageRun(config, (worker,) * config.workers, meta={"fan_in": dict(fan_in)})

    def _worker(
        self, stage: str, config: StageConfig, fan_in: FanIn, factor: float, meter: float
    ) -> WorkerRecord:
        phases = self._phases(stage, config, fan_in)
        record = WorkerRecord(
            read_s=factor * phases["read"],
            compute_s=factor * phases["compute"],
            write_s=factor * phases["write"],
            cold_start_s=factor * phases["cold_start"],
        )
        full = charged(config, record)
        dynamic = meter * (full.energy_dynamic_j or 0.0)
        return replace(
            full,
            energy_dynamic_j=dynamic,
            energy_j=dynamic + (full.energy_idle_j or 0.0),
        )

    def mean(self, stage: str, config: StageConfig, fan_in: FanIn) -> tuple[float, float, float]:
        """Return the values of the law."""
        worker = self._worker(stage, config, fan_in, 1.0, 1.0)
        seconds = worker.duration_s or 0.0
        joules = (worker.energy_j or 0.0) + STARTUP_J
        return seconds, config.workers * joules, config.workers * seconds


class Lawful(Truth):
    """A workflow of ``benchmarks.drawn_workflows``, whose laws no predictor fits."""

    def __init__(self, design: Design, seed: int) -> None:
        drawn = draw_workflow(design, seed)
        super().__init__(f"{design.name} #{seed}", drawn.profiles, drawn.parents)
        if not design.energy:
            self.name += " *"
        self._drawn = drawn
        self._means: dict[tuple[object, ...], tuple[float, float, float]] = {}

    def run(
        self, stage: str, config: StageConfig, fan_in: FanIn, generator: np.random.Generator
    ) -> StageRun:
        """Return a run drawn by the law."""
        drawn, meta = self._drawn, {"fan_in": dict(fan_in)}
        return with_energy(draw_run(generator, drawn.design, drawn.laws[stage], config, meta))

    def mean(self, stage: str, config: StageConfig, fan_in: FanIn) -> tuple[float, float, float]:
        """Return the middle of runs drawn by the law: what happens once in a while is no truth."""
        key = (stage, config, *fan_in.values())
        if key not in self._means:
            generator = np.random.default_rng(0)
            runs = [self.run(stage, config, fan_in, generator) for _ in range(DRAWN_RUNS)]
            rows = [
                (r.time_s, (r.energy_j or 0) + (r.energy_startup_j or 0), r.worker_seconds)
                for r in runs
            ]
            seconds, joules, billed = np.median(np.array(rows, dtype=float), axis=0).tolist()
            self._means[key] = seconds, joules, billed
        return self._means[key]
