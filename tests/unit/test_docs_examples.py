"""The Python examples of the documentation run, and the files that it names exist."""

import re
from pathlib import Path

import pytest
import yaml

from flexecutor_energy.storage.lithops_section import store_of_lithops
from tests.unit.report_workflow import measured_workspace, vm

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def test_the_worked_example_of_attribution_is_right() -> None:
    (example,) = blocks(ROOT / "docs/energy.md", "python")
    names: dict[str, object] = {}
    exec(compile(example, "docs/energy.md", "exec"), names)  # our own text
    assert "shares" in names


def test_the_meter_that_is_shown_is_the_one_that_is_tested() -> None:
    page = (ROOT / "docs/energy.md").read_text(encoding="utf-8")
    shown = re.search(r"^(class SmartPlug:.*?)^```", page, re.M | re.S)
    assert shown is not None
    tested = (ROOT / "tests/contracts/smart_plug.py").read_text(encoding="utf-8")
    squeezed = ["".join(text.split()) for text in (shown.group(1), tested)]
    assert squeezed[0].replace(",)", ")") in squeezed[1].replace(",)", ")")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize(
    ("page", "backend", "bucket"),
    [
        ("minio", "localhost", "flexecutor"),
        ("kubernetes", "k8s", "flexecutor"),
        ("aws-lambda", "aws_lambda", "my-bucket"),
    ],
)
def test_a_lithops_configuration_that_is_shown_names_a_store(
    page: str, backend: str, bucket: str
) -> None:
    texts = blocks(ROOT / f"docs/how-to/{page}.md", "yaml")
    (config,) = [yaml.safe_load(text) for text in texts if text.startswith("lithops:")]
    assert config["lithops"]["backend"] == backend
    store = store_of_lithops(config)
    assert store is not None
    assert store.bucket == bucket
    assert store.spec.access_key is not None


def test_the_plan_that_is_read_line_by_line_looks_like_the_one_that_is_made(
    tmp_path: Path,
) -> None:
    dag = vm(tmp_path)
    measured_workspace(tmp_path, dag)
    made = dag.optimize(objective="energy", max_time=3.5).explain()
    page = (ROOT / "docs/how-to/reading-a-plan.md").read_text(encoding="utf-8")
    for words in (
        "Plan for ml_2core_vm: least energy with time at most 3.5 s in 95% of runs",
        "Stage           configuration",
        "next best: 1 worker × 1 cpu × 1024 MB, energy +",
        "Critical path: pca >> train >> aggregate >> test",
        "max_time 3.5 s (at most ",
        "compared with",
        "best uniform (1 worker × 1 cpu × 1024 MB): ",
        "floor that no plan can pass: ",
        "Profiling took 27 runs and ",
        "Power models: best under ",
        "Certificate: optimal, by ",
        "Proved without trust in it:",
        "Energy: modelled, wall, 80 % band ",
        "scope provisioned.",
    ):
        assert words in page
        assert words in made
