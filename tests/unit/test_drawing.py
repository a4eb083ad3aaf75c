"""Pictures of workflows: where boxes stand, what they say, and which files come out."""

import itertools
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flexecutor_energy import DAG, FlexData, Stage, StageConfig, StageContext
from flexecutor_energy.drawing.layers import layered
from flexecutor_energy.drawing.layout import BOX_HEIGHT, BOX_WIDTH, arrange
from flexecutor_energy.errors import ConfigurationError, MissingExtraError, StorageError
from tests.unit.report_plans import demo_plan

DIAMOND = [("split", "map"), ("split", "side"), ("map", "merge"), ("side", "merge")]
ML = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("c", "d")]


def nothing(context: StageContext) -> None:
    del context


def diamond(folder: Path | None = None) -> DAG:
    stages = {name: Stage(name, nothing) for name in ("split", "map", "side", "merge")}
    for above, below in DIAMOND:
        stages[above] >> stages[below]
    return DAG("demo", workspace=folder).add_stages(stages.values())


def random_edges(count: int, seed: int) -> list[tuple[str, str]]:
    generator = random.Random(seed)
    return [
        (f"s{above}", f"s{below}")
        for above, below in itertools.combinations(range(count), 2)
        if generator.random() < 2.0 / count
    ]


def test_every_stage_stands_right_of_all_that_it_waits_for() -> None:
    for seed in range(10):
        edges = random_edges(25, seed)
        centres = arrange([f"s{i}" for i in range(25)], edges).centres
        assert all(centres[a][0] + BOX_WIDTH < centres[b][0] for a, b in edges)


def test_boxes_never_overlap_and_lie_inside_the_picture() -> None:
    for seed in range(10):
        layout = arrange([f"s{i}" for i in range(25)], random_edges(25, seed))
        for (x, y), (other_x, other_y) in itertools.combinations(layout.centres.values(), 2):
            assert abs(x - other_x) >= BOX_WIDTH or abs(y - other_y) >= BOX_HEIGHT
        for x, y in layout.centres.values():
            assert BOX_WIDTH / 2 <= x <= layout.width - BOX_WIDTH / 2
            assert BOX_HEIGHT / 2 <= y <= layout.height - BOX_HEIGHT / 2


def test_arrows_pass_beside_the_boxes_between_their_ends() -> None:
    for edges in (ML, random_edges(25, 3)):
        names = sorted({name for edge in edges for name in edge})
        layout = arrange(names, edges)
        for (above, below), route in layout.routes.items():
            for x, y in route[1:-1]:
                for name in set(names) - {above, below}:
                    box_x, box_y = layout.centres[name]
                    assert abs(x - box_x) > BOX_WIDTH / 2 or abs(y - box_y) > BOX_HEIGHT / 2


def test_crossings_that_can_be_avoided_are_avoided() -> None:
    edges = [("a", "z"), ("b", "y"), ("c", "x")]
    columns = layered(["a", "b", "c", "x", "y", "z"], edges).columns
    order = [[point.name for point in column] for column in columns]
    assert [dict(edges)[name] for name in order[0]] == order[1]


def test_a_single_stage_can_be_drawn() -> None:
    layout = arrange(["alone"], [])
    assert layout.centres["alone"] == (layout.width / 2, layout.height / 2)


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_the_ending_decides_the_format(tmp_path: Path, ending: str, start: bytes) -> None:
    pytest.importorskip("matplotlib")
    path = diamond().draw(tmp_path / "new" / f"x.{ending}", demo_plan())
    assert path.read_bytes().startswith(start)


def test_the_same_workflow_gives_the_same_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for ending in ("png", "svg", "pdf"):
        first = diamond().draw(tmp_path / f"1.{ending}", demo_plan()).read_bytes()
        assert diamond().draw(tmp_path / f"2.{ending}", demo_plan()).read_bytes() == first


def test_a_page_holds_each_stage_with_its_configuration_time_and_energy(tmp_path: Path) -> None:
    plan = demo_plan()
    text = diamond().draw(tmp_path / "x.html", plan).read_text()
    picture = re.search(r"<svg.*</svg>", text, re.DOTALL)
    assert picture is not None
    words = " ".join(ElementTree.fromstring(_quoted(picture.group())).itertext())
    for stage_id, stage in plan.stages.items():
        assert f"{stage_id}, {stage.config.workers} worker" in words
    assert re.search(r"[\d.]+ s · [\d.]+ J", words)
    assert plan.energy_source in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def _quoted(svg: str) -> str:
    return svg.replace(" class=title", "").replace(" class=critical", "")


def test_without_a_plan_the_configurations_of_the_stages_are_shown(tmp_path: Path) -> None:
    dag = diamond()
    dag["map"].resource_config = StageConfig(cpu=2, workers=3, memory=512)
    text = dag.draw(tmp_path / "x.html").read_text()
    assert "3 workers × 2 cpu" in text
    assert "512 MB each" in text


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    stage = Stage("<script>alert(1)&", nothing, outputs=[FlexData("x")])
    text = DAG("<b>").add_stages([stage]).draw(tmp_path / "x.html").read_text()
    assert "<script>" not in text
    assert "<b>" not in text


def test_an_unknown_ending_and_a_foreign_plan_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"one of \.png, \.svg, \.pdf, \.html"):
        diamond().draw(tmp_path / "x.docx")
    other = DAG("other").add_stages([Stage("a", nothing)])
    with pytest.raises(ConfigurationError, match="the plan is of stages split"):
        other.draw(tmp_path / "x.html", demo_plan())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not write"):
        diamond().draw(tmp_path / "file" / "x.html")


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'flexecutor-energy\[reports\]'"):
        diamond().draw(tmp_path / "x.png")


def test_importing_the_facade_loads_no_drawing_library() -> None:
    code = "import sys, json, flexecutor_energy.dag; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {"matplotlib", "plotly", "jinja2"} & set(json.loads(output))
