"""The function that Lithops ships: it finds this package in the runtime, or says what is there.

It travels by value and needs nothing but the standard library, so that a runtime without this
package, or with another version of it, answers instead of failing in an import.
"""

from typing import Any


def invoke(payload: bytes) -> dict[str, Any]:
    """Run one pickled task; an empty payload only asks what the runtime has."""
    import pickle
    import platform

    runtime: dict[str, Any] = {"python": platform.python_version(), "package": None}
    try:
        from flexecutor_energy.execution.supervisor import supervise
        from flexecutor_energy.version import __version__

        runtime["package"] = __version__
    except ImportError as error:
        runtime["problem"] = f"{type(error).__name__}: {error}"
        return runtime
    if payload:
        runtime["report"] = pickle.dumps(supervise(pickle.loads(payload)))
    return runtime
