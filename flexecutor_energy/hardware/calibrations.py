"""The calibrations of a workspace: one file a machine, found again after a reboot.

``<workspace>/.flexecutor/calibration/<machine key>.json``, see ``detect.machine_key``.
"""

import json
from pathlib import Path

from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.errors import ConfigurationError, EnergyFormatError
from flexecutor_energy.workspace import Workspace, file_name, write_atomically


def save_calibration(workspace: Workspace, calibration: Calibration) -> Path:
    """Store the calibration of a machine in place of the one before, and return its file.

    Raises
    ------
    ConfigurationError
        The calibration does not say which machine it is of.
    StorageError
        The file cannot be written; the one before is kept.
    """
    path = calibration_file(workspace, calibration.machine_key)
    write_atomically(path, json.dumps(calibration.to_dict(), indent=1) + "\n")
    return path


def load_calibrations(workspace: Workspace) -> dict[str, Calibration]:
    """Return what is stored in a workspace, by machine key.

    Raises
    ------
    EnergyFormatError
        A file is damaged; it is named, and left as it is.
    """
    found = [_load(path) for path in sorted(_folder(workspace).glob("*.json"))]
    return {calibration.machine_key: calibration for calibration in found}


def calibration_file(workspace: Workspace, machine_key: str) -> Path:
    """Return where the calibration of a machine is stored.

    Raises
    ------
    ConfigurationError
        The key is "": such a machine could not be told from others.
    """
    if not machine_key:
        raise ConfigurationError(
            "this machine has no identity (/etc/machine-id and boot id are missing), so what is "
            "measured on it could not be told from figures of others"
        )
    return _folder(workspace) / f"{file_name(machine_key)}.json"


def _folder(workspace: Workspace) -> Path:
    return workspace.state / "calibration"


def _load(path: Path) -> Calibration:
    try:
        calibration = Calibration.from_dict(json.loads(path.read_text(encoding="utf-8")))
        if calibration.machine_key != path.stem:
            raise EnergyFormatError(f"it is of machine {calibration.machine_key!r}")
    except (OSError, ValueError) as error:
        raise EnergyFormatError(
            f"calibration {path}: {error}; measure again ('flexecutor-energy calibrate') or "
            "remove the file"
        ) from error
    return calibration
