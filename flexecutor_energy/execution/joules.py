"""Joules of a run: of its workers, by where they went, by method."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flexecutor_energy.energy.calibration import FOREIGN_LIMIT
from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.energy.power import LEVEL
from flexecutor_energy.energy.rollup import RollUp


@dataclass(frozen=True, slots=True)
class Joules:
    """Energy of one worker; None where it is not known.

    Attributes
    ----------
    dynamic_j, idle_j : of its function: what its work drew, and its share of idle power
    startup_j : of starting it: interpreter, imports and the processes around it
    """

    dynamic_j: float | None = None
    idle_j: float | None = None
    startup_j: float | None = None

    @property
    def function_j(self) -> float | None:
        """Dynamic and idle joules of the function."""
        return known_sum([self.dynamic_j, self.idle_j])

    @property
    def total_j(self) -> float | None:
        """Joules of the function and of its start: scope ``provisioned``."""
        return known_sum([self.dynamic_j, self.idle_j, self.startup_j])


@dataclass(frozen=True, slots=True)
class MethodEnergy:
    """Energy of one run by one method.

    Attributes
    ----------
    how : method, boundary, constants and band
    workers : joules by (stage, worker)
    rows : joules by where they went; the rows sum up to the hosts' energy
    idle_power_w : what the hosts draw without load, together; None where not known
    foreign_share : share of the hosts' CPU time that nothing of ours used
    unknown_s : seconds of hosts for which a counter was missing
    levels : the same joules rolled up by host, by worker process and by stage, in whole
        microjoules; None where a host cannot be seen
    """

    how: EnergyMethod
    workers: Mapping[tuple[str, int], Joules]
    rows: Mapping[str, float] = field(default_factory=dict)
    idle_power_w: float | None = None
    foreign_share: float | None = None
    unknown_s: float = 0.0
    levels: RollUp | None = None

    @property
    def total_j(self) -> float | None:
        """Joules of all workers of all stages; None if one is not known."""
        return known_sum([joules.total_j for joules in self.workers.values()])

    def meta(self) -> dict[str, Any]:
        """Return where the figures come from, for a profile."""
        band = list(self.how.band) if self.how.band is not None else None
        return {
            "method": self.how.method,
            "scope": "provisioned",
            "boundary": self.how.boundary,
            "energy_source": self.how.source,
            "energy_form": self.how.form,
            "uncertainty": {"level": LEVEL, "band": band, "known": self.how.known},
            "idle_power_w": self.idle_power_w,
            "foreign_load": self.foreign_share,
            "foreign_load_high": (self.foreign_share or 0.0) > FOREIGN_LIMIT,
            "unknown_s": self.unknown_s,
        }


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """Energy of one run: by the method that counts, and by every other one beside it.

    Attributes
    ----------
    chosen : the energy that the run's figures mean; None where energy was not measured
    reason : why it was not measured, or why some of it was not, or ""
    by_method : what each method that was computed says, the chosen one included
    refused : methods that could not be used, each with the reason
    """

    chosen: MethodEnergy | None = None
    reason: str = ""
    by_method: Mapping[str, MethodEnergy] = field(default_factory=dict)
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def how(self) -> EnergyMethod | None:
        """Method, boundary, constants and band; None where energy was not measured."""
        return self.chosen.how if self.chosen is not None else None

    @property
    def method(self) -> str | None:
        """``rapl``, ``model`` and the like, or None where energy was not measured."""
        return self.chosen.how.method if self.chosen is not None else None

    @property
    def workers(self) -> Mapping[tuple[str, int], Joules]:
        """Joules by (stage, worker)."""
        return self.chosen.workers if self.chosen is not None else {}

    @property
    def rows(self) -> Mapping[str, float]:
        """Joules by where they went."""
        return self.chosen.rows if self.chosen is not None else {}

    @property
    def idle_power_w(self) -> float | None:
        """What the hosts draw without load, together; None where not known."""
        return self.chosen.idle_power_w if self.chosen is not None else None

    @property
    def foreign_share(self) -> float | None:
        """Share of the hosts' CPU time that nothing of ours used."""
        return self.chosen.foreign_share if self.chosen is not None else None

    @property
    def host_rows_j(self) -> dict[str, dict[str, float]]:
        """Joules by host, and there by where they went; the rows of a host sum up to it."""
        levels = self.chosen.levels if self.chosen is not None else None
        if levels is None:
            return {}
        return {
            str(host): {
                "workers": energy.workers_uj / 1e6,
                "system": energy.system_uj / 1e6,
                "host_idle": energy.host_idle_uj / 1e6,
                "unassigned": energy.unassigned_uj / 1e6,
                "total": energy.total_uj / 1e6,
            }
            for host, energy in levels.hosts.items()
        }

    def of(self, stage_id: str, worker_id: int) -> Joules:
        """Return the joules of one worker."""
        return self.workers.get((stage_id, worker_id), Joules())

    def functions_j(self, stage_id: str, worker_id: int) -> dict[str, float | None]:
        """Return the joules of one worker's function by every method."""
        return {
            method: energy.workers.get((stage_id, worker_id), Joules()).function_j
            for method, energy in self.by_method.items()
        }

    def stage_j(self, stage_id: str) -> float | None:
        """Return the joules of all workers of a stage; None if one is not known."""
        return known_sum(
            [j.total_j for (stage, _), j in self.workers.items() if stage == stage_id]
        )

    @property
    def total_j(self) -> float | None:
        """Joules of all workers of all stages; None if one is not known."""
        return self.chosen.total_j if self.chosen is not None else None

    def meta(self) -> dict[str, Any]:
        """Return where the figures come from, for a profile."""
        source = self.chosen.meta() if self.chosen is not None else {"method": None}
        reason = {"energy_reason": self.reason} if self.reason else {}
        refused = {"methods_refused": dict(self.refused)} if self.refused else {}
        return {**source, **reason, **refused}


def known_sum(values: Iterable[float | None]) -> float | None:
    """Return the sum; None as soon as one value is not known, or where there are none."""
    known = list(values)
    if not known or any(value is None for value in known):
        return None
    return sum(value for value in known if value is not None)
