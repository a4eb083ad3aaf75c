"""Whether plans kept their word over many runs; the runs' own files are the ledger."""

from flexecutor_energy.auditing.coverage import BoundsKept, Coverage
from flexecutor_energy.auditing.drift import Drift
from flexecutor_energy.auditing.past_runs import History, PastRun, past_runs
from flexecutor_energy.auditing.report import AuditReport, audit_runs

__all__ = [
    "AuditReport",
    "BoundsKept",
    "Coverage",
    "Drift",
    "History",
    "PastRun",
    "audit_runs",
    "past_runs",
]
