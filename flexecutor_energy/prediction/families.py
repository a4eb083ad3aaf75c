"""The families that compete for each target, and how a saved predictor is read back."""

from collections.abc import Mapping
from typing import Any

from flexecutor_energy.errors import ModelFormatError
from flexecutor_energy.prediction.gaussian import HybridFamily, HybridPredictor
from flexecutor_energy.prediction.loglinear import (
    ConstantFamily,
    ConstantPredictor,
    RidgeFamily,
    RidgePredictor,
)
from flexecutor_energy.prediction.physics import (
    CORES,
    LEAN,
    PHYSICS,
    STARTUP,
    WATTS,
    PhasesFamily,
    SumPredictor,
    TermsPredictor,
)
from flexecutor_energy.prediction.predictor import Family, Predictor

CONSTANT = ConstantFamily()
PHASES = PhasesFamily()
RIDGE = RidgeFamily()
HYBRID = HybridFamily("hybrid", PHASES)
CORES_HYBRID = HybridFamily("cores+gp", CORES)
WATTS_HYBRID = HybridFamily("watts+gp", WATTS)
GAUSSIAN = HybridFamily("gaussian", RidgeFamily("power law", degree=1, strength=1e-3))

# In order of trust: a later one must be better beyond doubt, see validation.choose.
_TIME: tuple[Family, ...] = (PHASES, HYBRID, PHYSICS, LEAN, GAUSSIAN, RIDGE)
_CPU: tuple[Family, ...] = (CORES, CORES_HYBRID, PHYSICS, LEAN, RIDGE)
_ENERGY: tuple[Family, ...] = (WATTS, WATTS_HYBRID, PHYSICS, LEAN, RIDGE)
_STARTUP: tuple[Family, ...] = (STARTUP, CONSTANT, RIDGE)
_FEW: tuple[Family, ...] = (PHYSICS, LEAN, CONSTANT)
# below so many configurations there is nothing to learn a shape from
_MANY = 4

ALL: tuple[Family, ...] = (*_TIME, CORES, CORES_HYBRID, WATTS, WATTS_HYBRID, STARTUP, CONSTANT)


def candidates(target: str, groups: int) -> tuple[Family, ...]:
    """Return the families to try for a target, given so many configurations to learn from."""
    if target == "energy_startup":
        return _STARTUP if groups >= _MANY else (CONSTANT,)
    energy = target.startswith("energy")
    if groups < 2:
        return (WATTS,) if energy else (CONSTANT,)
    if groups < _MANY:
        return (WATTS, *_FEW) if energy else _FEW
    if target == "cpu_time":
        return _CPU
    return _ENERGY if energy else _TIME


_KINDS: Mapping[str, Any] = {
    "terms": TermsPredictor,
    "sum": SumPredictor,
    "constant": ConstantPredictor,
    "ridge": RidgePredictor,
    "hybrid": HybridPredictor,
}


def predictor_from_dict(data: Mapping[str, Any]) -> Predictor:
    """Return the predictor that ``to_dict`` described. Nothing in the data is ever run.

    Raises
    ------
    ModelFormatError
        The data does not describe a predictor of this version.
    """
    try:
        kind = _KINDS[data["kind"]]
        predictor: Predictor = kind.from_dict(data, predictor_from_dict)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(f"not a predictor of this version: {error!r}") from error
    return predictor
