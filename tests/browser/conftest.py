"""A headless browser, where one can be had, and the pages to look at with it.

Screenshots are kept in ``build/screenshots``.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flexecutor_energy.auditing.past_runs import past_runs
from flexecutor_energy.reports.contents import Contents, Sources, contents_of
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import grid, made_profile, trained_reference
from tests.unit.report_plans import demo_plan
from tests.unit.report_workflow import keep_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.visits import Visit

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A headless Chromium of this machine; its processes end before other tests count theirs."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser is here: none of {', '.join(_BROWSERS)} is on the PATH")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: "Browser") -> "Iterator[Callable[..., Visit]]":
    """Return a function that opens a page and keeps what it complained of and asked for."""
    from tests.browser.visits import Visit

    visits: list[Visit] = []

    def opened(path: Path, **context: Any) -> Visit:
        visits.append(Visit(browser, path, SCREENSHOTS, context))
        return visits[-1]

    yield opened
    for visited in visits:
        visited.close()


@pytest.fixture(scope="session")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What a report of the small diamond shows, with two measured runs."""
    folder = tmp_path_factory.mktemp("runs")
    plan = demo_plan()
    keep_run(folder, plan, "20260101T000000-a", factor=1.05)
    keep_run(folder, plan, "20260102T000000-b", factor=1.4)
    model, training = trained_reference("ml_2core_vm")
    profiles = {
        name: made_profile(grid(memories=(512,)), stage=name, seed=number)
        for number, name in enumerate(plan.configs)
    }
    history = past_runs(Workspace(folder), "demo")
    return contents_of(Sources(plan, profiles, model, training, history))
