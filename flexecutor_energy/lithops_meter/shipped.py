"""What travels to a Lithops worker and counts there what one call uses.

These functions are pickled by value around the user's own, so that a runtime without this package
can run them: standard library only, and no names of other modules. Whatever goes wrong in here,
the user's function runs, and its result or its exception is what it would have been.

The account goes back in the file of statistics that Lithops keeps for each call: one line more,
which Lithops copies into the status of the call and from there into ``future.stats``.
"""

# Annotations stay texts, and nothing has to be found for them where this is unpickled.
from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import pickle
import sys
import time
from pathlib import Path
from typing import Any

KEY = "worker_energy_account"
"""Name of the line; Lithops hands keys that begin with ``worker`` on to the driver."""


def metered(function: bytes, settings: dict[str, Any]) -> Any:
    """Return the pickled function of a job in a form that accounts for each call of it.

    Called where the job's function is unpickled, so what goes wrong with the user's own pickle
    does so as it would have without a meter.

    Parameters
    ----------
    function : the pickle that Lithops has made
    settings : ``home`` (host of the driver, which the driver watches itself), ``describe`` (what
        tells the facts of another host, and its key, or None), ``counters`` (method, root and
        perf command of counters to read on another host, or None)
    """
    func = pickle.loads(function)
    if not callable(func):
        return func

    def run(*args: Any, **kwargs: Any) -> Any:
        account = opened(settings)
        try:
            return func(*args, **kwargs)
        finally:
            deliver(closed(account))

    try:
        return dressed(run, func)
    except Exception:  # noqa: BLE001 - an odd callable runs as it is, without an account
        return func


def dressed(run: Any, func: Any) -> Any:
    """Make one callable look like another: Lithops goes by the names of its parameters."""
    functools.update_wrapper(run, func, updated=())
    if not (inspect.isfunction(func) or inspect.ismethod(func)):
        run.__name__ = type(func).__name__  # by which Lithops would call it
    run.__signature__ = inspect.signature(func)
    return run


def opened(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the account of a call that is about to begin; never raises."""
    account: dict[str, Any] = {"version": 1}
    try:
        account["host"] = host_id()
        if account["host"] != settings["home"]:
            visit(account, settings)
        account["start"] = instant()
    except Exception as error:  # noqa: BLE001 - the user's function comes first
        account["problem"] = f"{type(error).__name__}: {error}"
    return account


def closed(account: dict[str, Any]) -> dict[str, Any]:
    """Complete the account of a call that has ended; never raises."""
    try:
        account["end"] = instant()
        account["rss_kb"] = peak_kb()
        finish = account.pop("finish", None)
        if finish is not None:
            account["samples"] = finish()
    except Exception as error:  # noqa: BLE001 - the user's result comes first
        account.setdefault("problem", f"{type(error).__name__}: {error}")
    return account


def deliver(account: dict[str, Any]) -> None:
    """Write an account into the statistics of this call, if Lithops is above; never raises."""
    try:
        stats = stats_above(sys._getframe(1))
        if stats is not None:
            stats.write(KEY, json.dumps(account))
    except Exception:  # noqa: BLE001, S110 - the driver says that the account is missing
        pass


def stats_above(frame: Any) -> Any:
    """Return the writer of statistics of the Lithops object that runs this call, or None."""
    while frame is not None:
        stats = getattr(frame.f_locals.get("self"), "stats", None)
        if hasattr(stats, "stats_filename") and callable(getattr(stats, "write", None)):
            return stats
        frame = frame.f_back
    return None


def visit(account: dict[str, Any], settings: dict[str, Any]) -> None:
    """Add what only somebody on this host can tell of it."""
    if settings["describe"] is not None:
        account["facts"], account["machine_key"] = settings["describe"]()
    if settings["counters"] is not None:
        try:
            from flexecutor_energy.lithops_meter.visiting import watch

            account["finish"], account["refused"] = watch(*settings["counters"])
        except Exception as error:  # noqa: BLE001 - counters are an extra
            why = f"cannot be read in this runtime: {type(error).__name__}: {error}"
            account["refused"] = [[settings["counters"][0], why]]


def instant() -> list[float | None]:
    """Return monotonic and wall time, CPU seconds of this process tree and of the host."""
    cpu_s = tree_cpu_s()
    return [time.monotonic(), time.time(), cpu_s, busy_s()]


def tree_cpu_s() -> float:
    """Return the CPU seconds of this process, its ended children, and what lives below it."""
    return own_cpu_s() + below_cpu_s()


def own_cpu_s() -> float:
    """Return the CPU seconds of this process."""
    import resource  # not at the top: a runtime without it still runs the user's function

    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def below_cpu_s() -> float:
    """Return the CPU seconds of the children of this process, ended and living, and of theirs."""
    import resource

    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + living_cpu_s(os.getpid())


def peak_kb() -> int:
    """Return the largest resident memory of this process, KiB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def living_cpu_s(pid: int) -> float:
    """Return the CPU seconds of the living descendants of a process, and those they waited for."""
    ticks = 0
    pending = [pid]
    while pending:
        for child in children(pending.pop()):
            pending.append(child)
            try:
                fields = Path(f"/proc/{child}/stat").read_text(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            ticks += sum(int(field) for field in fields.rpartition(")")[2].split()[11:15])
    return float(ticks / os.sysconf("SC_CLK_TCK"))


def children(pid: int) -> list[int]:
    """Return the children of a process; none where the kernel does not list them."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found.extend(int(child) for child in (thread / "children").read_text().split())
    except OSError:
        return found
    return found


def busy_s() -> float | None:
    """Return the CPU seconds of all processes of the host; None where it does not tell."""
    try:
        with Path("/proc/stat").open(encoding="ascii") as stat:
            counters = [int(value) for value in stat.readline().split()[1:8]]
    except (OSError, ValueError):
        return None
    if len(counters) < 7 or not any(counters):
        return None
    user, nice, system, _idle, _iowait, irq, softirq = counters
    return float((user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK"))


def host_id() -> str:
    """Return a digest that those share who share a kernel, its clock and its counters.

    Containers of one host do, though each may have a machine id of its own.
    """
    name = os.uname().nodename
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        try:
            name = Path(path).read_text().strip() or name
        except OSError:
            continue
    return hashlib.sha256(name.encode()).hexdigest()[:12]
