"""Whether a Lithops runtime can run our workers, judged by what it says it has."""

import platform
from collections.abc import Mapping
from typing import Any

from flexecutor_energy.errors import RuntimeMismatchError
from flexecutor_energy.version import __version__


def check_runtime(found: Mapping[str, Any], runtime: str, where: str) -> None:
    """Raise unless the runtime has this package, in this version, and this Python.

    Parameters
    ----------
    found : its answer: ``python`` and ``package`` are versions, ``problem`` says why it has none
    runtime, where : its name, and the Lithops backend it belongs to

    Raises
    ------
    RuntimeMismatchError
    """
    if found.get("package") != __version__:
        has = found.get("package") or f"no flexecutor-energy ({found.get('problem')})"
        raise RuntimeMismatchError(
            f"the runtime {runtime!r} of Lithops backend {where!r} has {has}, this machine has "
            f"{__version__}; install flexecutor-energy=={__version__} in it"
        )
    ours = platform.python_version_tuple()[:2]
    if tuple(str(found.get("python")).split(".")[:2]) != ours:
        raise RuntimeMismatchError(
            f"the runtime {runtime!r} of Lithops backend {where!r} has Python "
            f"{found.get('python')}, this machine {platform.python_version()}; functions are "
            "pickled, so the versions must agree"
        )
