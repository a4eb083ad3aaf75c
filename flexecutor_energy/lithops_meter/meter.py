"""``measure``: joules of everything that a Lithops executor runs inside a ``with`` block."""

from pathlib import Path
from typing import Any, get_args

from flexecutor_energy.energy.attribution import IdlePolicy
from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.select import collector_makers, no_such_method
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.hardware.calibrations import load_calibrations
from flexecutor_energy.lithops_meter.measurement import Measurement
from flexecutor_energy.lithops_meter.tap import check_executor
from flexecutor_energy.workspace import Workspace


def measure(
    fexec: Any,
    energy: str | MeterChoice = "auto",
    *,
    policy: IdlePolicy = "reserved",
    workspace: Workspace | Path | str | None = None,
) -> Measurement:
    """Measure the energy of everything that a Lithops executor runs inside a ``with`` block.

    ::

        with measure(fexec) as m:
            futures = fexec.map(simulate, inputs)
            results = fexec.get_result()
        print(m)
        m.by_future[futures[0]]  # joules, None where they are not known

    Works around ``map``, ``call_async`` and ``map_reduce``, and changes neither the function nor
    its results. Leaving the block waits for nothing: a call that has not ended by then has no
    known energy.

    Parameters
    ----------
    fexec : a ``lithops.FunctionExecutor``
    energy : ``auto`` (the first of rapl, perf and model that works where the calls run), one
        method, which is then used or refused, never replaced, or ``off``. A ``MeterChoice`` also
        says where counters lie.
    policy : who answers for what a host draws without work: ``reserved`` (each call by the cores
        it reserves, one unless its backend says otherwise), ``equal`` or ``none``
    workspace : where calibrations of machines are kept; None is the current folder

    Raises
    ------
    ConfigurationError
        This is not an executor of Lithops, or no method or policy has this name.
    EnergyFormatError
        A calibration in the workspace is damaged.
    EnergyUnavailableError
        On entering the block: the method cannot be used on this host, where the calls will run.
    """
    check_executor(fexec)
    if policy not in get_args(IdlePolicy):
        raise ConfigurationError(f"no policy for idle power is called {policy!r}")
    choice = _choice(energy)
    return Measurement(fexec, choice, policy, load_calibrations(Workspace.of(workspace)))


def _choice(energy: str | MeterChoice) -> MeterChoice | None:
    """Return which counters are meant, None by ``off``."""
    if isinstance(energy, MeterChoice):
        choice = energy
    else:
        # Loaded here: it brings pydantic, which whoever only reads figures does not need.
        from flexecutor_energy.settings import Settings

        settings = Settings()
        root = str(settings.host_root) if settings.host_root is not None else None
        choice = MeterChoice(energy, root, settings.perf_command)
    if choice.method == "all":
        raise ConfigurationError("measure() takes one energy method at a time, not 'all'")
    if choice.method not in {"auto", "off"}:
        makers = collector_makers(choice.root_path, None, choice.perf_command)
        if choice.method not in makers:
            raise no_such_method(choice.method, makers)
    return None if choice.method == "off" else choice
