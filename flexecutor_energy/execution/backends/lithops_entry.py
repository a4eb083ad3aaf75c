"""The function that Lithops ships: it finds this package in the runtime, or says what is there.

It travels by value and needs nothing but the standard library, so that a runtime without this
package, or with another version of it, answers instead of failing in an import.
"""

from typing import Any


def invoke(payload: bytes) -> dict[str, Any]:
    """Run a task, or examine the host; an empty payload only asks what the runtime has.

    The payload is the pickle of the driver's import paths, where they hold here, of what is
    asked for (``"report"`` of a task, ``"examination"`` of the host), and of its pickled subject:
    the task, or a ``MeterChoice``.
    """
    import pickle
    import platform
    import sys

    runtime: dict[str, Any] = {"python": platform.python_version(), "package": None}
    try:
        from flexecutor_energy.execution.supervisor import supervise
        from flexecutor_energy.version import __version__

        runtime["package"] = __version__
    except ImportError as error:
        runtime["problem"] = f"{type(error).__name__}: {error}"
        return runtime
    if payload:
        paths, asked, subject = pickle.loads(payload)
        sys.path.extend(path for path in paths if path not in sys.path)
        if asked == "examination":
            from flexecutor_energy.execution.examination import examine_host

            runtime[asked] = pickle.dumps(examine_host(pickle.loads(subject)))
        else:
            runtime[asked] = pickle.dumps(supervise(pickle.loads(subject)))
    return runtime
