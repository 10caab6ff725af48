"""Data folders that older versions made, kept in `tests/older`: two articles on ships that were held up by a bridge."""

from __future__ import annotations

import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings
from index.doctor import examine
from index.embedder import Embedder

SAID = {
    "How many ships were held up?": ("A spokeswoman for the port", "Island News"),
    "What did Ortiz deny?": ("Ortiz", "Harbour Post"),
}
OLDER = sorted((Path(__file__).parent / "older").glob("*.zip"))


@pytest.mark.parametrize("folder", OLDER, ids=lambda path: path.stem)
def test_a_folder_of_an_older_version_answers_with_who_said_it(
    folder: Path, tmp_path: Path, embedder: Embedder
) -> None:
    """`first` knows no claims, and its keyword index has another format; `claims` is from before the first release."""
    with zipfile.ZipFile(folder) as packed:
        packed.extractall(tmp_path)
    with closing(Assistant.open(Settings(tmp_path))) as assistant:
        said = {question: assistant.ask(question).statements[0] for question in SAID}
        assert {question: (one.speaker, one.citation.source) for question, one in said.items()} == SAID
        assert assistant.holdings().articles == 2
    assert [finding for finding in examine(tmp_path, embedder) if finding.state != "fine"] == []


def test_older_folders_are_there() -> None:
    assert [folder.stem for folder in OLDER] == ["claims", "first"]
