import copy
import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dags import mandelbrot
from dags.mandelbrot import stages
from dags.mandelbrot.knobs import PRESETS, Knobs
from dags.mandelbrot.oracle import known_counts
from dags.mandelbrot.picture import png
from flexecutor_energy.errors import ConfigurationError
from tests.unit.dag_runs import assert_refused, run_in_process

TINY = {"width": 70, "height": 41, "limit": 90, "tiles": 5}


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    return mandelbrot.native(TINY)


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return mandelbrot.native("small")


def test_the_small_answer_passes_its_oracle_and_has_the_area_of_the_set(
    small: dict[str, Any],
) -> None:
    mandelbrot.check(small, "small")
    area = small["inside"] * (3.5 / PRESETS["small"].width) ** 2
    assert area == pytest.approx(1.50659, abs=0.005)  # as published, known to eight digits


def _plain_steps(c: complex, limit: int) -> int:
    z, count = c, 0
    while count < limit and abs(z) <= 2:
        z, count = z * z + c, count + 1
    return count


def test_the_steps_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-2.5, 1, 300), rng.uniform(-1.4, 1.4, 300)
    for limit in (1, 15, 16, 17, 100):
        expected = [_plain_steps(complex(*c), limit) for c in zip(x, y, strict=True)]
        assert stages.steps(x, y, limit).tolist() == expected


@pytest.mark.parametrize(
    ("c", "count"), [(0, 50), (-1, 50), (-2, 50), (0.25, 50), (1j, 50), (1, 2), (2, 1), (2.1, 0)]
)
def test_points_whose_fate_is_known(c: complex, count: int) -> None:
    point = np.array([complex(c)])
    assert stages.steps(point.real, point.imag, 50).tolist() == [count]


@pytest.mark.parametrize("height", [1, 2, 41, 42])
def test_what_is_known_without_iterating_is_what_iterating_finds(height: int) -> None:
    knobs = Knobs(width=70, height=height, limit=60, tiles=1)
    counts = stages.tile_counts(70, height, 60, 1, 0)
    assert np.array_equal(counts, counts[::-1])
    assert np.array_equal(counts, known_counts(knobs))


def test_a_missing_tile_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match=r"tiles \[1\] did not arrive"):
        stages.stitched({0: np.zeros((1, 1), dtype=np.uint16)}, 2)


def test_the_summary_names_what_the_array_holds() -> None:
    counts = np.array([[3, 0], [1, 3]], dtype=np.uint16)
    assert stages.summary(counts, 3) == {
        "shape": [2, 2],
        "sha256": hashlib.sha256(b"\3\0\0\0\1\0\3\0").hexdigest(),
        "iterations": 7,
        "inside": 2,
        "row_iterations": [3, 4],
    }


def _chunks(file: bytes) -> dict[bytes, bytes]:
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = {}, 8
    while place < len(file):
        (length,) = struct.unpack_from(">I", file, place)
        kind, content = file[place + 4 : place + 8], file[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack_from(">I", file, place + 8 + length)
        assert checksum == zlib.crc32(kind + content)
        found[kind] = content
        place += length + 12
    return found


def test_the_picture_is_a_png_of_the_array(tmp_path: Path) -> None:
    run = run_in_process(mandelbrot.build(TINY, tmp_path), 2, tmp_path)
    chunks = _chunks(run.read("stitch")[1])
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBB", chunks[b"IHDR"][:10]) == (70, 41, 8, 3)
    assert len(chunks[b"PLTE"]) == 3 * 256
    assert chunks[b"PLTE"][:3] == b"\0\0\0"
    pixels = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(41, 71)
    assert not pixels[:, 0].any()
    counts = known_counts(Knobs(**TINY))
    assert np.array_equal(pixels[:, 1:] == 0, counts == TINY["limit"])
    order = np.argsort(counts[counts < TINY["limit"]], kind="stable")
    assert (np.diff(pixels[:, 1:][counts < TINY["limit"]][order].astype(int)) >= 0).all()


def test_a_picture_of_one_step_can_be_drawn() -> None:
    assert png(np.array([[0, 1]], dtype=np.uint16), 1)


def _with_row(answer: dict[str, Any], change: dict[int, Any]) -> dict[str, Any]:
    """Return an answer consistent in itself with other iterations in some rows."""
    rows = [change.get(row, count) for row, count in enumerate(answer["row_iterations"])]
    total = sum(count for count in rows if isinstance(count, int))
    return answer | {"row_iterations": rows, "iterations": total}


SPOILED: dict[str, tuple[Any, str]] = {
    "a flat array": (lambda a: a | {"shape": [2870]}, r"1 dimensions"),
    "a side is zero": (lambda a: a | {"shape": [41, 0]}, r"a side of the array is 0"),
    "a row fewer": (lambda a: a | {"row_iterations": a["row_iterations"][1:]}, r"40 rows"),
    "a negative row": (lambda a: _with_row(a, {3: -1}), r"row 3 has -1 iterations"),
    "one iteration more": (lambda a: a | {"iterations": a["iterations"] + 1}, r"not the sum"),
    "more inside than points": (lambda a: a | {"inside": 2871}, r"2871 points inside"),
    "the checksum is short": (lambda a: a | {"sha256": "abc"}, r"the checksum is 'abc'"),
    "an upper row": (lambda a: _with_row(a, {0: 0}), r"row 0 has 0 iterations, its mirror"),
    "a row through the cardioid": (lambda a: _with_row(a, {20: 0}), r"row 20 has 0 .* at least"),
    "mirrored rows": (
        lambda a: _with_row(a, dict.fromkeys((10, 30), 90 * 70)),
        r"iterations is \d+, not",
    ),
    "one point less inside": (lambda a: a | {"inside": a["inside"] - 1}, r"inside is \d+, not"),
    "another array": (lambda a: a | {"sha256": "0" * 64}, r"sha256 is '0+'"),
}


@pytest.mark.parametrize(("spoil", "problem"), SPOILED.values(), ids=SPOILED.keys())
def test_a_wrong_answer_fails_and_is_not_the_same(
    spoil: Any, problem: str, sound: dict[str, Any]
) -> None:
    assert_refused(mandelbrot, spoil(copy.deepcopy(sound)), sound, TINY, problem)


def test_a_worker_that_stops_a_step_too_early_is_found_out(tmp_path: Path) -> None:
    dag = mandelbrot.build(TINY, tmp_path)
    for stage in dag.stages:
        if stage.stage_id == "tile":
            stage.params["limit"] = TINY["limit"] - 1
    spoiled = mandelbrot.answer(run_in_process(dag, 2, tmp_path))
    with pytest.raises(AssertionError, match=r"sha256 is .*, not"):
        mandelbrot.check(spoiled, TINY)


@pytest.mark.parametrize("size", [{"width": 0}, {"limit": 65_536}, {"height": 3, "tiles": 4}])
def test_knobs_that_do_not_go_together_are_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError):
        mandelbrot.build(size)
