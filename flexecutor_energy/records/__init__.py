"""Measured runs of stages, and the files that keep them."""

from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.records.store import ProfileStore

__all__ = ["FailedRun", "Profile", "ProfileStore", "StageRun", "WorkerRecord"]
