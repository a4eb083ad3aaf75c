from pathlib import Path

import pytest

from dags.rated import SOURCES, RatedText, rated_texts


@pytest.fixture(scope="module")
def texts(workflow_data: Path) -> dict[str, list[RatedText]]:
    return rated_texts(workflow_data)


def test_every_text_of_every_source_is_read(texts: dict[str, list[RatedText]]) -> None:
    assert list(texts) == list(SOURCES)
    assert [len(rows) for rows in texts.values()] == [3_708, 10_605, 5_190]
    for rows in texts.values():
        assert all(row.text.strip() and -4 <= row.rating <= 4 for row in rows)


def test_texts_carry_their_document_and_rating(texts: dict[str, list[RatedText]]) -> None:
    first, last = texts["amazon"][0], texts["nyt"][-1]
    assert first.text.startswith("troubleshooting ad-2500")
    assert (first.document, first.rating) == (1, -0.9)
    assert (last.document, last.rating) == (500, 0.15)
    assert last.text == "They sound a needed alarm in the urban education night."


def test_what_was_fetched_before_is_read_again_without_a_workspace(
    texts: dict[str, list[RatedText]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.chdir(tmp_path)
    assert rated_texts() == texts
