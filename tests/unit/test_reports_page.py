"""The page of a report and the files beside it: complete, self-contained, safe, small."""

import csv
import gzip
import json
import re
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy import reports
from flexecutor_energy.auditing.past_runs import past_runs
from flexecutor_energy.errors import ConfigurationError, MissingExtraError
from flexecutor_energy.optimization.table import StageOptions
from flexecutor_energy.reports import write_report
from flexecutor_energy.reports.contents import Contents, Sources, contents_of
from flexecutor_energy.reports.writing import save
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import grid, made_profile, trained_reference
from tests.unit.report_large import STAGES, large_contents
from tests.unit.report_plans import SOURCE, demo_plan
from tests.unit.report_workflow import keep_run, vm

pytest.importorskip("jinja2")


class Page(HTMLParser):
    """What a page holds: ids, addresses, words, embedded data, and whether tags match."""

    VOID = frozenset({"meta", "link", "br", "path", "rect", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.data: dict[str, Any] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.addresses += [given[name] or "" for name in ("src", "href") if name in given]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.data = self.data or with_shared(json.loads(data))
        elif self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def with_shared(data: Any) -> Any:
    """Return the embedded data with the parts that it names put in their places."""
    shared = data["shared"]

    def expanded(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: expanded(item) for key, item in value.items()}
        if isinstance(value, list):
            return [expanded(item) for item in value]
        return shared.get(value, value) if isinstance(value, str) else value

    return expanded({key: value for key, value in data.items() if key != "shared"})


def demo_contents(folder: Path, *, energy: bool = True) -> Contents:
    plan = demo_plan(energy=energy)
    keep_run(folder, plan, "20260101T000000-a", factor=1.1)
    model, training = trained_reference("ml_2core_vm" if energy else "jolteon_ml")
    profiles = {
        name: made_profile(grid(memories=(512,)), stage=name, energy=energy)
        for name in plan.configs
    }
    history = past_runs(Workspace(folder), "demo")
    return contents_of(Sources(plan, profiles, model, training, history))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    save(demo_contents(folder), folder / "report.html")
    return folder


@pytest.fixture(scope="module")
def page(written: Path) -> Page:
    return Page((written / "report.html").read_text())


def axis_titles(charts: list[dict[str, Any]]) -> list[str]:
    return [
        chart["layout"][axis]["title"]["text"].replace("<br>", " ")
        for chart in charts
        for axis in ("xaxis", "yaxis")
        if "title" in chart["layout"][axis]
    ]


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    for address in page.addresses:
        if address.startswith("#"):
            assert address.removeprefix("#") in page.ids


def test_the_page_shows_every_part(page: Page) -> None:
    assert {"tradeoff", "stages", "workers", "schedule", "runs"} <= set(page.ids)
    assert {"accuracy", "energy", "certificate"} <= set(page.ids)
    assert {"front-energy", "front-cost", "gantt", "cores"} <= set(page.data["charts"])
    assert {"accuracy-time", "accuracy-energy"} <= set(page.data["charts"])
    assert [sorted(stage) for stage in page.data["stages"]] == [
        ["workers-energy", "workers-time"]
    ] * 4


def test_every_energy_axis_says_where_the_joules_come_from(page: Page) -> None:
    charts = [*page.data["charts"].values(), *(c for s in page.data["stages"] for c in s.values())]
    titles = [title for title in axis_titles(charts) if "energy" in title]
    assert len(titles) == 1 + 2 + 4
    assert all(SOURCE in title for title in titles)


def test_named_points_say_their_configuration(page: Page) -> None:
    traces = page.data["charts"]["front-energy"]["traces"]
    named = {trace.get("name"): trace for trace in traces if "text" in trace}
    plan = demo_plan()
    for stage_id, config in plan.configs.items():
        assert f"{stage_id}: {config}" in named["this plan"]["text"][0]
    assert {"best trade-offs", "best uniform", "measured runs"} <= set(named)


def test_the_library_of_the_charts_is_the_one_that_was_published() -> None:
    decision = Path(__file__).parents[2] / "docs/decisions/0013-reports-carry-a-small-plotly.md"
    (packed,) = (Path(reports.__file__).parent / "plotly").glob("*.gz")
    text = gzip.decompress(packed.read_bytes())
    version = packed.name.removeprefix("plotly-basic-").removesuffix(".min.js.gz")
    assert f"plotly.js (basic - minified) v{version}\n".encode() in text[:100]
    assert sha256(text).hexdigest() in decision.read_text()


def test_charts_keep_to_the_kinds_that_their_library_draws(page: Page) -> None:
    charts = [*page.data["charts"].values(), *(c for s in page.data["stages"] for c in s.values())]
    assert {trace["type"] for chart in charts for trace in chart["traces"]} == {"scatter", "bar"}


def test_colours_are_names_that_both_themes_know(page: Page) -> None:
    used = set(re.findall(r'"(@\w+)"', json.dumps(page.data["charts"])))
    assert used
    for theme in page.data["themes"].values():
        assert used <= set(theme)


def test_json_holds_the_numbers_of_the_page_and_of_the_plan(written: Path) -> None:
    document = json.loads((written / "report.json").read_text())
    plan = demo_plan()
    assert document["energy_source"] == SOURCE
    assert document["totals"]["energy_j"]["mean"] == plan.energy.mean  # type: ignore[union-attr]
    assert [stage["stage_id"] for stage in document["stages"]] == list(plan.configs)
    assert document["runs"][0]["audit"]["time"]["predicted"]["mean"] == plan.time.mean
    assert document["certificate"]["lower_bound"] == plan.certificate.lower_bound


def test_csv_files_hold_a_row_for_each_thing(written: Path) -> None:
    def rows(name: str) -> list[dict[str, str]]:
        with (written / f"report-{name}.csv").open() as file:
            return list(csv.DictReader(file))

    plan = demo_plan()
    assert [row["stage_id"] for row in rows("stages")] == list(plan.configs)
    assert float(rows("stages")[0]["time_mean"]) == plan.stages["split"].time.mean
    assert {row["kind"] for row in rows("curves")} == {"predicted", "measured"}
    assert {row["kind"] for row in rows("front")} == {
        "front", "chosen", "alternative", "measured",
    }  # fmt: skip
    assert len(rows("schedule")) == 2 * len(plan.configs)
    assert len(rows("accuracy")) == 108
    assert rows("runs")[0]["followed_a_plan"] == "True"


def test_the_page_names_the_files_beside_it(written: Path, page: Page) -> None:
    names = {path.name for path in written.iterdir() if path.suffix in {".json", ".csv"}}
    assert {name for name in names if name in page.text} == names


def test_without_energy_the_page_shows_time_and_cost_and_says_why(tmp_path: Path) -> None:
    save(demo_contents(tmp_path, energy=False), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "Energy is unmeasured (the profiles do not say why)" in page.text
    assert "front-energy" not in page.data["charts"]
    assert all(list(stage) == ["workers-time"] for stage in page.data["stages"])
    assert not [t for t in axis_titles(list(page.data["charts"].values())) if "energy" in t]


def test_without_model_and_runs_the_page_says_what_is_missing(tmp_path: Path) -> None:
    save(contents_of(Sources(demo_plan())), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "No predictors are kept in this workspace" in page.text
    assert not {"runs", "accuracy"} & set(page.ids)


def test_names_of_stages_cannot_run_as_code(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><b>"
    plan = demo_plan()
    table = (StageOptions(evil, plan.table[0].candidates), *plan.table[1:])
    edges = tuple((evil if a == "split" else a, b) for a, b in plan.edges)
    save(contents_of(Sources(replace(plan, table=table, edges=edges))), tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    assert "<script>alert" not in text
    traces = [chart["traces"] for chart in Page(text).data["charts"].values()]
    assert "script" in json.dumps(traces)
    assert "<b>" not in json.dumps(traces)


def test_a_corrupt_run_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    plan = demo_plan()
    keep_run(tmp_path, plan, "1-good")
    keep_run(tmp_path, plan, "2-bad").write_text("{")
    history = past_runs(Workspace(tmp_path), "demo")
    contents = contents_of(Sources(plan, history=history))
    assert any("2-bad" in note for note in contents.notes)
    assert contents.measured is not None


def test_a_hundred_stages_fit_into_two_megabytes(tmp_path: Path) -> None:
    save(large_contents(tmp_path), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_bytes()
    assert len(text) < 2e6
    assert len(Page(text.decode()).data["stages"]) == STAGES


def test_write_report_takes_what_the_workspace_holds(tmp_path: Path) -> None:
    dag = vm(tmp_path)
    plan = replace(demo_plan(), dag=dag.name)
    keep_run(tmp_path, plan, "1")
    files = write_report(dag, plan, tmp_path / "new" / "page.html")
    assert files[0] == tmp_path / "new" / "page.html"
    assert all(file.exists() for file in files)
    assert "1 worker" in files[0].read_text()
    with pytest.raises(ConfigurationError, match=r"must end in \.html"):
        write_report(dag, plan, tmp_path / "page.pdf")


def test_a_missing_extra_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'flexecutor-energy\[reports\]'"):
        write_report(vm(tmp_path), demo_plan(), tmp_path / "report.html")
    assert not list(tmp_path.glob("report*"))
