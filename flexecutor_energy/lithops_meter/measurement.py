"""What a measurement sees while it lasts, and the figures that follow from it."""

import functools
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from flexecutor_energy.energy.attribution import IdlePolicy
from flexecutor_energy.energy.calibration import Calibration
from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.errors import ConfigurationError, EnergyFormatError
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.hardware.power import host_power_curve
from flexecutor_energy.lithops_meter.account import Account
from flexecutor_energy.lithops_meter.calls import Call, CallEnergy, DriverHost, Shares
from flexecutor_energy.lithops_meter.report import FutureEnergy, Report
from flexecutor_energy.lithops_meter.sharing import share
from flexecutor_energy.lithops_meter.tap import (
    Submission,
    Tap,
    account_of,
    has_ended,
    leave,
    listen,
    runs_here,
)
from flexecutor_energy.lithops_meter.watching import DriverWatch

_READERS = 16
"""Threads that look up calls whose end the driver has not seen yet."""

OFF = "energy was switched off"
NOT_ENDED = "it had not ended with the block; wait for it inside, with get_result()"
NOT_TOLD = "it ended without an account, as calls do that are killed or time out"


class Measurement:
    """What ``measure`` gives: figures of the calls that were made inside the block.

    Inside the block they are those of the calls that have ended so far. Each figure is None where
    it is not known, and ``reasons`` says why.
    """

    def __init__(
        self,
        fexec: Any,
        choice: MeterChoice | None,
        policy: IdlePolicy,
        calibrations: Mapping[str, Calibration],
    ) -> None:
        self._fexec = fexec
        self._choice = choice
        self._policy: IdlePolicy = policy
        self._calibrations = calibrations
        self._lock = threading.Lock()
        self._submissions: list[Submission] = []
        self._calls_before = 0
        self._began_s: float | None = None
        self._watch: DriverWatch | None = None
        self._tap: Tap | None = None
        self._seen: _Seen | None = None
        self._report: Report | None = None

    def __enter__(self) -> "Measurement":
        if self._began_s is not None:
            raise ConfigurationError("a measurement is used once; call measure() again")
        if self._choice is None:
            self._calls_before = len(self._fexec.futures)
        else:
            self._open(self._choice)
        self._began_s = time.monotonic()
        return self

    def _open(self, choice: MeterChoice) -> None:
        self._watch = DriverWatch(choice) if runs_here(self._fexec) else None
        if self._watch is not None:
            self._watch.start()
        try:
            self._tap = listen(self._fexec, self)
        except BaseException:
            self._close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._tap is not None:
            leave(self._tap, self)
        try:
            self._seen = self._look()
        finally:
            self._close()

    def _close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    @property
    def counters(self) -> tuple[str, str | None, tuple[str, ...]] | None:
        """What calls are to read on hosts that the driver does not watch, None for nothing."""
        choice = self._choice
        if choice is None or choice.method == "model" or self._watch is not None:
            return None
        # not perf, unless asked for: it takes a process for each call
        method = "rapl" if choice.method == "auto" else choice.method
        return method, choice.root, choice.perf_command

    def submitted(self, submission: Submission) -> None:
        """Take note of calls that were handed to Lithops."""
        with self._lock:
            self._submissions.append(submission)

    @property
    def by_future(self) -> dict[Any, float | None]:
        """Joules of each call, by the future that Lithops gave for it."""
        return self._found().by_future

    @property
    def by_host(self) -> dict[str, float | None]:
        """Joules of the calls of each host."""
        return self._found().by_host

    @property
    def total(self) -> float | None:
        """Joules of all calls; None if one is not known, or there was none."""
        return self._found().total_j

    @property
    def calls(self) -> tuple[FutureEnergy, ...]:
        """All that is known of each call, in the order in which they were made."""
        return self._found().calls

    @property
    def method(self) -> str | None:
        """``rapl``, ``perf``, ``model`` …; None where nothing was measured."""
        return self.how.method if self.how is not None else None

    @property
    def how(self) -> EnergyMethod | None:
        """Method, boundary and band of the figures; None where there are none."""
        return self._found().how

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Methods that come before the one used, each with the reason why it was not."""
        return list(self._found().refused)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Why methods were refused and figures are missing, each with its method."""
        return self._found().reasons

    @property
    def unknown(self) -> dict[Any, str]:
        """The calls whose energy is not known, each with the reason."""
        return {call.future: call.reason for call in self.calls if call.energy_j is None}

    @property
    def ledger(self) -> dict[str, float]:
        """Joules of the hosts by where they went; the rows sum up to ``host_total``."""
        return self._found().ledger

    @property
    def host_total(self) -> float | None:
        """Joules of the hosts while they were watched; None where none was."""
        return self._found().host_total_j

    @property
    def duration_s(self) -> float:
        """Seconds from entering the block to leaving it."""
        return self._found().duration_s

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return self._found().to_dict()

    def __str__(self) -> str:
        return self._found().describe()

    def _found(self) -> Report:
        if self._seen is None:
            return self._compute(self._look())
        if self._report is None:
            self._report = self._compute(self._seen)
        return self._report

    def _look(self) -> "_Seen":
        """Gather what there is now, without waiting for anything."""
        duration_s = 0.0 if self._began_s is None else time.monotonic() - self._began_s
        if self._choice is None:
            futures = tuple(self._fexec.futures[self._calls_before :])
            calls = tuple(Call(number, None, OFF) for number in range(len(futures)))
            return _Seen(futures, calls, None, duration_s)
        with self._lock:
            submissions = tuple(self._submissions)
        futures = tuple(future for each in submissions for future in each.futures)
        of_future = [each for each in submissions for _ in each.futures]
        with ThreadPoolExecutor(_READERS) as pool:
            found = list(pool.map(self._account, futures, of_future))
        calls = tuple(
            Call(number, account, reason, each.cores, each.submitted_s)
            for number, (each, (account, reason)) in enumerate(zip(of_future, found, strict=True))
        )
        driver = self._watch.view() if self._watch is not None else None
        refused = self._watch.refused if self._watch is not None else ()
        return _Seen(futures, calls, driver, duration_s, refused)

    def _account(self, future: Any, submission: Submission) -> tuple[Account | None, str]:
        """Return the account of a call, or why there is none."""
        if submission.problem:
            return None, submission.problem
        text = account_of(self._fexec, future)
        if text is None:
            return None, NOT_TOLD if has_ended(future) else NOT_ENDED
        try:
            return Account.parse(text), ""
        except EnergyFormatError as error:
            return None, str(error)

    def _compute(self, seen: "_Seen") -> Report:
        if self._choice is None:
            return Report(_beside(seen, Shares({})), Shares({}), (("off", OFF),), seen.duration_s)
        method = self._choice.method
        shares = share(seen.calls, method, self._power_of, seen.driver, self._policy)
        refused = tuple(dict.fromkeys([*seen.refused, *shares.refused]))
        return Report(_beside(seen, shares), shares, refused, seen.duration_s)

    def _power_of(
        self, facts: HostFacts, machine_key: str
    ) -> tuple[PowerCurve, Calibration | None]:
        curve = _catalogue_curve(facts)
        calibration = self._calibrations.get(machine_key)
        return (curve if calibration is None else calibration.apply(curve)), calibration


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is there to compute from at one moment."""

    futures: tuple[Any, ...]
    calls: tuple[Call, ...]
    driver: DriverHost | None
    duration_s: float
    refused: tuple[tuple[str, str], ...] = ()


def _beside(seen: _Seen, shares: Shares) -> tuple[FutureEnergy, ...]:
    """Return the energy of each call beside its future."""
    return tuple(
        FutureEnergy.of(
            future, call, shares.calls.get(call.number, CallEnergy(None, reason=call.reason))
        )
        for future, call in zip(seen.futures, seen.calls, strict=True)
    )


@functools.cache
def _catalogue_curve(facts: HostFacts) -> PowerCurve:
    """Look a host up once, so that an unknown processor is warned of once."""
    return host_power_curve(facts)
