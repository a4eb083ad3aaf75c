"""Reports and drawings in a real browser: no errors, no network, and they answer to a reader."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy import DAG, Stage, StageContext
from flexecutor_energy.reports.contents import Contents
from flexecutor_energy.reports.writing import save
from tests.browser.visits import PHONE, Visit
from tests.unit.report_large import STAGES, large_contents
from tests.unit.report_plans import demo_plan

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright, of the extra dev, is not installed"
)

Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def report(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(contents, tmp_path_factory.mktemp("report") / "report.html")[0]


def ready(visited: Visit) -> Visit:
    visited.drawn().page.wait_for_selector("[data-chart=front-energy] .scatterlayer .trace")
    return visited


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("report-light", {"color_scheme": "light"}),
        ("report-dark", {"color_scheme": "dark"}),
        ("report-phone", {**PHONE, "color_scheme": "light"}),
        ("report-phone-dark", {**PHONE, "color_scheme": "dark"}),
    ],
)
def test_the_page_draws_everything_without_errors_or_network(
    visit: Open, report: Path, name: str, context: dict[str, Any]
) -> None:
    visited = ready(visit(report, **context))
    places = visited.page.locator("[data-chart]")
    drawn = visited.page.locator("[data-chart] .main-svg:first-child")
    assert places.count() == drawn.count() == 8
    visited.keep(name)
    assert visited.complaints == []
    assert visited.requests == []
    wide = visited.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_a_hundred_stages_are_drawn_within_three_seconds_of_processor_time(
    visit: Open, tmp_path: Path
) -> None:
    page = save(large_contents(tmp_path), tmp_path / "report.html")[0]
    visited = visit(page).drawn()
    assert visited.processor_seconds() < 3
    visited.keep("report-large", whole=False)
    visited.page.get_by_label("Stage", exact=True).select_option(f"stage{STAGES - 1}")
    place = visited.page.locator("[data-chart=workers-energy]")
    assert f"Workers of stage{STAGES - 1} against" in (place.get_attribute("aria-label") or "")
    assert visited.page.locator("#table-stages tbody tr").count() == STAGES
    assert visited.complaints == []


def test_hovering_over_a_point_shows_the_configuration_of_each_stage(
    visit: Open, report: Path, contents: Contents
) -> None:
    visited = ready(visit(report))
    (point,) = [p for p in contents.front.marks if p.name == "default"]
    assert point.energy is not None
    x, y = visited.page.evaluate(
        """([time, energy]) => {
            const chart = document.querySelector("[data-chart=front-energy]");
            chart.scrollIntoView({block: "center"});
            const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
            return [xaxis, yaxis].map((axis, i) =>
                [box.x, box.y][i] + axis._offset + axis.d2p([time, energy][i]));
        }""",
        [point.time.mean, point.energy.mean],
    )
    visited.page.mouse.move(x - 40, y - 40)
    visited.page.mouse.move(x, y)
    label = visited.page.wait_for_selector("[data-chart=front-energy] .hoverlayer .hovertext")
    assert label is not None
    text = label.text_content() or ""
    visited.keep("report-hover", whole=False)
    for stage_id, config in point.configs.items():
        assert f"{stage_id}: {config}" in text


def test_tables_sort_by_mouse_and_by_keyboard(visit: Open, report: Path) -> None:
    visited = ready(visit(report))
    table = visited.page.locator("#table-stages")
    head = table.locator("thead th").nth(2)
    plan = demo_plan()
    by_time = sorted(plan.stages, key=lambda stage_id: plan.stages[stage_id].time.mean)

    def order() -> list[str]:
        return table.locator("tbody th").all_text_contents()

    assert order() == list(plan.configs)
    head.locator("button").click()
    assert order() == by_time
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").focus()
    visited.page.keyboard.press("Enter")
    assert order() == by_time[::-1]
    assert head.get_attribute("aria-sort") == "descending"
    table.locator("thead th").nth(0).locator("button").click()
    assert order() == sorted(plan.configs)
    assert head.get_attribute("aria-sort") == "none"


def test_choosing_a_stage_draws_its_curves(visit: Open, report: Path) -> None:
    visited = ready(visit(report))
    place = visited.page.locator("[data-chart=workers-time]")
    assert "Workers of map against time" in (place.get_attribute("aria-label") or "")
    before = visited.page.evaluate("document.querySelector('[data-chart=workers-time]').data[1].y")
    visited.page.get_by_label("Stage", exact=True).select_option("side")
    assert "Workers of side against time" in (place.get_attribute("aria-label") or "")
    after = visited.page.evaluate("document.querySelector('[data-chart=workers-time]').data[1].y")
    assert before != after


def test_charts_follow_the_theme_when_it_changes(visit: Open, report: Path) -> None:
    visited = ready(visit(report, color_scheme="light"))
    label = visited.page.locator("[data-chart=gantt] .xtick text").first
    playwright.expect(label).to_have_css("fill", "rgb(31, 35, 40)")
    visited.page.emulate_media(color_scheme="dark")
    playwright.expect(label).to_have_css("fill", "rgb(230, 232, 235)")
    page = "getComputedStyle(document.body).backgroundColor"
    assert visited.page.evaluate(page) == "rgb(18, 22, 27)"
    assert visited.complaints == []


def test_what_is_drawn_is_also_said(visit: Open, report: Path) -> None:
    visited = ready(visit(report))
    for place in visited.page.locator("[role=img]").all():
        assert len(place.get_attribute("aria-label") or "") > 40
    for region in visited.page.locator("[role=region]").all():
        assert region.get_attribute("aria-label")
        assert region.get_attribute("tabindex") == "0"


def test_a_drawing_needs_no_network_either(visit: Open, tmp_path: Path) -> None:
    def nothing(context: StageContext) -> None:
        del context

    stages = {name: Stage(name, nothing) for name in demo_plan().configs}
    for above, below in demo_plan().edges:
        stages[above] >> stages[below]
    dag = DAG("demo").add_stages(stages.values())
    visited = visit(dag.draw(tmp_path / "dag.html", demo_plan()), color_scheme="dark")
    visited.keep("dag-dark")
    assert visited.page.locator("svg.workflow rect").count() == 4
    assert visited.complaints == []
    assert visited.requests == []
