"""What to do after an error that does not say it by itself."""

from flexecutor_energy.errors import (
    EnergyUnavailableError,
    ModelFormatError,
    ProfileFormatError,
    StageFailedError,
    StorageAccessError,
    StorageUnreachableError,
)

_STORE = "'flexecutor-energy doctor' says which object store is used, by which setting"
_STAGE = {
    "out_of_memory": "give its workers more with --memory, or 0 for no limit",
    "timeout": "give its workers longer with --timeout",
    "no_input": "see what the stage before it wrote",
    "lost": "its host or runtime went away: run the same command again",
}


def next_step(error: BaseException) -> str:
    """Return what its user can do about an error, or ``""`` where its message says so already."""
    match error:
        case StageFailedError():
            return _STAGE.get(error.kind, "")
        case StorageUnreachableError() | StorageAccessError():
            return _STORE
        case EnergyUnavailableError():
            if error.remedy:
                return ""
            return "'flexecutor-energy doctor' lists the methods that work here; or --energy auto"
        case ProfileFormatError():
            return "mend that line, or move the file away and profile again"
        case ModelFormatError():
            return "fit again: flexecutor-energy train"
        case _:
            return ""
