"""What a report of a workflow of a hundred stages shows."""

from pathlib import Path

from flexecutor_energy.auditing.past_runs import past_runs
from flexecutor_energy.records.run import Profile
from flexecutor_energy.reports.contents import Contents, Sources, contents_of
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import grid, made_profile
from tests.unit.report_plans import chain_plan
from tests.unit.report_workflow import keep_run

STAGES = 100


def large_contents(folder: Path) -> Contents:
    """Return it, with profiles of every stage and one measured run, which is kept in a folder."""
    plan = chain_plan(STAGES)
    profile = made_profile(grid(memories=(512,)), reps=3)
    profiles = {name: Profile("demo", name, profile.runs) for name in plan.configs}
    keep_run(folder, plan, "1")
    sources = Sources(plan, profiles, history=past_runs(Workspace(folder), plan.dag))
    return contents_of(sources, points=5, time_limit_s=2.0)
