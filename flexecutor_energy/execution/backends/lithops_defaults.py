"""What we set in a Lithops configuration where its user has not."""

import sys
from typing import Any

_NEVER_S = 20 * 24 * 3600  # what poll(2) can wait for, in milliseconds, ends at 24 days


def with_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that names a backend, tuned where that is this machine."""
    section = config["lithops"] = dict(config.get("lithops") or {})
    section.setdefault("backend", "localhost")
    section.setdefault("data_limit", False)
    if section["backend"] == "localhost":
        # bookkeeping over an S3 server costs a second a stage; stage data does not go this way
        section["storage"] = "localhost"
        section.setdefault("monitoring_interval", 0.02)
        section.setdefault("execution_timeout", _NEVER_S)  # ours is the stage's own
        section["data_cleaner"] = False  # its cleaner process outlives the run
        local = config["localhost"] = dict(config.get("localhost") or {})
        local.setdefault("runtime", sys.executable)
        local.setdefault("version", 1)
        local.setdefault("worker_processes", 1024)  # one process a task: our limits bound them
    return config
