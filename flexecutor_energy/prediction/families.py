"""The families that compete for each target, and how a saved predictor is read back."""

from collections.abc import Mapping, Sequence
from typing import Any

from flexecutor_energy.errors import ModelFormatError
from flexecutor_energy.prediction.blend import (
    BlendPredictor,
    CrowdFamily,
    SharedFamily,
    SharedPredictor,
)
from flexecutor_energy.prediction.gaussian import HybridFamily, HybridPredictor
from flexecutor_energy.prediction.loglinear import (
    ConstantFamily,
    ConstantPredictor,
    RidgeFamily,
    RidgePredictor,
)
from flexecutor_energy.prediction.physics import (
    CORES,
    FRUGAL,
    LEAN,
    PHASES,
    PHYSICS,
    STARTUP,
    WATTS,
    TermsPredictor,
)
from flexecutor_energy.prediction.predictor import Family, Predictor
from flexecutor_energy.prediction.transfer import TransferPredictor

CONSTANT = ConstantFamily()
RIDGE = RidgeFamily()
PHASES_HYBRID = HybridFamily("phases+gp", PHASES)
FRUGAL_HYBRID = HybridFamily("frugal+gp", FRUGAL)
CORES_HYBRID = HybridFamily("cores+gp", CORES)
WATTS_HYBRID = HybridFamily("watts+gp", WATTS)

# In order of trust: of families that are equally good, the earlier one comes first.
# Nothing that bends freely beyond what was measured is among them: a quadratic of logarithms and
# a process on a power law were 50 % and 17 % off at the corners of drawn workflows, these 8 %.
_TIME: tuple[Family, ...] = (PHASES, PHASES_HYBRID, FRUGAL, FRUGAL_HYBRID, LEAN)
_CPU: tuple[Family, ...] = (CORES, CORES_HYBRID, PHYSICS, LEAN, RIDGE)
_ENERGY: tuple[Family, ...] = (WATTS, WATTS_HYBRID, PHYSICS, LEAN, RIDGE)
_STARTUP: tuple[Family, ...] = (STARTUP, CONSTANT, RIDGE)
_ON_SHARED_CORES = frozenset(family.name for family in (*_TIME, PHYSICS)) - {LEAN.name}
# Below so many configurations there is nothing to compare families on: choosing among five by
# the errors on three took the median error of unseen configurations from 15 % to 19 %.
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
        return (WATTS,) if energy else (FRUGAL,)
    if target == "cpu_time":
        return _CPU
    return _ENERGY if energy else _TIME


def on_shared_cores(families: Sequence[Family], *, crowded: bool) -> tuple[Family, ...]:
    """Return families that know how many cores there are for all workers.

    Parameters
    ----------
    families : which compete
    crowded : whether more cores than these were asked for when runs were measured. If so, the
        families that do not know compete as well; if not, nothing could tell them apart
    """
    told = {f.name: SharedFamily(f) for f in families if f.name in _ON_SHARED_CORES}
    if crowded:
        learning = [CrowdFamily(f) if f.name in told else f for f in families]
        return (*learning, *told.values())
    return tuple(told.get(family.name, family) for family in families)


_KINDS: Mapping[str, Any] = {
    "terms": TermsPredictor,
    "constant": ConstantPredictor,
    "ridge": RidgePredictor,
    "hybrid": HybridPredictor,
    "blend": BlendPredictor,
    "shared": SharedPredictor,
    "transfer": TransferPredictor,
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
