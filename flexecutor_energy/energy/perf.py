"""Energy counters through ``perf stat``, where powercap is out of reach.

``perf`` runs in the background and prints the energy of each interval; a reading is the sum of
the intervals that are complete, at the time at which the last of them ended.
"""

import secrets
import shutil
from collections.abc import Sequence
from types import TracebackType

from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.perf_output import parse_counts, total_joules
from flexecutor_energy.energy.perf_process import PerfProcess, run_once
from flexecutor_energy.energy.reading import Availability, Domain, EnergyReading
from flexecutor_energy.errors import EnergyFormatError

_PACKAGE, _DRAM = "power/energy-pkg/", "power/energy-ram/"
_EVENT_SETS = ((_PACKAGE, _DRAM), (_PACKAGE,))
"""Many processors have no counter for memory: perf then refuses both, or does not count it."""

REMEDY_INSTALL = "install it: Debian `apt install linux-perf`, Ubuntu `linux-tools-$(uname -r)`"
REMEDY_PARANOID = "run `sudo sysctl kernel.perf_event_paranoid=0` or give perf CAP_PERFMON"
REMEDY_NO_PMU = "the kernel has no power events here (virtual machines have none)"


class PerfCollector:
    """Reads package and memory energy of all sockets by running perf.

    Use it as a context manager, or call ``close``: a perf process runs between the first reading
    and then. A command that ends by itself with exit code 0 (a recorded stand-in) is run again
    at the next reading; one that fails makes all readings from then on None.

    Parameters
    ----------
    command : how perf is called, as a list of arguments
    interval_s : time between two counts
    timeout_s : how long to wait for the first count
    clocks : where time comes from
    """

    def __init__(
        self,
        command: Sequence[str] = ("perf",),
        *,
        interval_s: float = 0.1,
        timeout_s: float = 5.0,
        clocks: Clocks | None = None,
    ) -> None:
        self._command = tuple(command)
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._clocks = clocks or Clocks()
        self._events: tuple[str, ...] | None = None
        self._process: PerfProcess | None = None
        self._started_s = 0.0
        self._last_s: float | None = None
        self._joules: dict[str, float | None] = {}
        self._broken: str | None = None
        self._origin = f"perf {secrets.token_hex(6)}"  # its counts begin with this object

    @property
    def method(self) -> str:
        """``perf``."""
        return "perf"

    @staticmethod
    def parse(text: str) -> dict[str, float | None]:
        """Return the joules of each domain in the output of ``perf stat`` with ``-x;`` or ``-j``.

        Sockets and intervals are summed; a domain that was not counted, or only for part of the
        time, is None.

        Raises
        ------
        EnergyFormatError
            A line is no count (it is named), or no line holds energy.
        """
        totals = total_joules(parse_counts(text))
        if not totals:
            raise EnergyFormatError("perf printed no energy count")
        return totals

    def probe(self) -> Availability:
        """Return whether perf counts package energy here, by running it for a moment."""
        if shutil.which(self._command[0]) is None:
            return Availability(False, f"{self._command[0]} is not installed", REMEDY_INSTALL)
        answer = Availability(False, "perf was not run")
        try:
            for events in _EVENT_SETS:
                answer = self._try(events)
                if answer.ok:
                    self._events = events
                    break
        except TimeoutError as error:
            return Availability(False, f"perf hangs: {error}")
        except OSError as error:
            return Availability(False, f"perf could not be started: {error.strerror}")
        return answer

    def read(self) -> EnergyReading:
        """Return the energy since the first reading; None with the reason where perf failed."""
        if self._broken is None:
            self._collect()
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        if self._last_s is not None and self._process is not None:
            behind = max(0.0, now - self._started_s - self._last_s)
            now, wall = now - behind, wall - behind
        counters: dict[Domain, int | None] = {(0, domain): None for domain in self._joules}
        if self._broken is None:
            for domain, joules in self._joules.items():
                counters[0, domain] = None if joules is None else round(joules * 1e6)
        counters = counters or {(0, "package"): None}
        why = self._broken or "perf did not count it all the time"
        problems = {domain: why for domain, value in counters.items() if value is None}
        return EnergyReading(now, wall, counters, "perf", problems=problems, origin=self._origin)

    def close(self) -> None:
        """Stop perf; the next reading starts it again."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def __enter__(self) -> "PerfCollector":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _try(self, events: Sequence[str]) -> Availability:
        code, output = run_once([*self._stat(events), "--", "sleep", "0.1"], self._timeout_s)
        if code:
            return _refused(code, output)
        try:
            joules = self.parse(output)
        except EnergyFormatError as error:
            return Availability(False, str(error), REMEDY_NO_PMU)
        if joules.get("package") is None:
            return Availability(False, "perf does not count package energy here", REMEDY_NO_PMU)
        if _DRAM in events and joules.get("dram") is None:
            return Availability(False, "perf does not count memory energy here", REMEDY_NO_PMU)
        joules = {name: value for name, value in joules.items() if value is not None}
        return Availability(True, f"{', '.join(sorted(joules))} by {' '.join(self._command)}")

    def _stat(self, events: Sequence[str]) -> list[str]:
        return ["env", "LC_ALL=C", *self._command, "stat", "-a", "-x;", "-e", ",".join(events)]

    def _collect(self) -> None:
        if self._events is None:
            availability = self.probe()
            if not availability.ok:
                self._broken = availability.reason
                return
        events = self._events or ()
        if self._process is None:
            every = f"{self._interval_s * 1000:.0f}"
            self._started_s, self._last_s = self._clocks.monotonic(), None
            self._process = PerfProcess([*self._stat(events), "-I", every])
            self._process.wait(self._timeout_s)
        counts, self._broken, ended = self._process.take()
        asked = [count for count in counts if count.domain != "dram" or _DRAM in events]
        self._joules = total_joules(asked, self._joules)
        self._last_s = counts[-1].time_s if counts else self._last_s
        silent_s = self._clocks.monotonic() - self._started_s - (self._last_s or 0.0)
        if self._broken is None and not ended and silent_s >= self._timeout_s:
            self._broken = f"perf printed no energy count for {silent_s:.3g} s"
        if not self._joules and self._broken is None:
            self._broken = "perf printed no energy count"
        if ended or self._broken is not None:
            self.close()


def _refused(code: int, output: str) -> Availability:
    text = output.lower()
    lines = (line.strip() for line in output.splitlines())
    said = next((line for line in lines if line not in {"", "Error:"}), "no output")
    if "paranoid" in text or "permission" in text or "access to performance" in text:
        return Availability(False, f"perf was refused: {said}", REMEDY_PARANOID)
    if "syntax error" in text or "cannot find pmu" in text or "unknown" in text:
        return Availability(False, f"perf knows no power events: {said}", REMEDY_NO_PMU)
    return Availability(False, f"perf ended with exit code {code}: {said}")
