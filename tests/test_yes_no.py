from __future__ import annotations

from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.question import understand
from assistant.settings import Settings
from assistant.yes_no import verdict
from index.claims import find_claims
from index.keywords import KeywordIndex


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> KeywordIndex:
    return KeywordIndex.open(tmp_path_factory.mktemp("words"))


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("Did the strike kill civilians?", "The strike killed 40 civilians on Thursday.", "yes"),
        ("Did the strike kill civilians?", "The strike killed civilians, the Pentagon said.", "yes"),
        ("Did the strike kill civilians?", "The strike did not kill civilians.", "no"),
        ("Did the strike hit the mosque?", "The Pentagon denied that the strike hit the mosque.", "no"),
        ("Did the strike hit the mosque?", "The Pentagon denied that the strike did not hit the mosque.", None),
        ("Did the strike hit the mosque?", "It is unclear whether the strike hit the mosque.", None),
        ("Did the strike hit the mosque?", "Activists asked whether the strike hit the mosque.", None),
        ("Did the strike hit the mosque?", "The strike may have hit the mosque.", None),
        ("Did the strike hit the mosque?", "There was no evidence that the strike hit the mosque.", None),
        ("Did the strike hit the mosque?", "The strike hit a building.", None),
        ("Did Israel attack Syria?", "Syria attacked Israel.", None),
        ("Did the strike not hit the mosque?", "The strike hit the mosque.", None),
        ("Should the strike hit the mosque?", "The strike hit the mosque.", None),
        ("Did the Pentagon say the strike hit the mosque?", "The Pentagon said the strike hit the mosque.", None),
        ("What did the strike hit?", "The strike hit the mosque.", None),
        ("Is it true?", "It is true.", None),
    ],
)
def test_yes_and_no_only_where_it_is_plain(
    question: str, sentence: str, expected: str | None, words: KeywordIndex
) -> None:
    asked = words.query_terms(question)
    assert verdict(understand(question), sentence, find_claims(sentence), words.terms, asked) == expected


def test_a_verdict_is_never_without_whose_word_it_is(tmp_path: Path) -> None:
    (tmp_path / "strike.txt").write_text(
        "The strike hit the mosque on Thursday, activists said. It rained.\n\n"
        "The Pentagon denied that the strike hit the mosque. It called the building a hall.",
        encoding="utf-8",
    )
    assistant = Assistant.open(Settings(tmp_path / "data", answer_threshold=0.0))
    assistant.ingest([tmp_path / "strike.txt"])
    answer = assistant.ask("Did the strike hit the mosque?")
    assistant.close()
    leads = {statement.lead for statement in answer.statements}
    assert {"Yes, according to Activists", "No, according to The Pentagon"} <= leads
    assert answer.short_answer is None
    verdicts = {(one["verdict"], one["speaker"]) for one in answer.as_json()["verdicts"]}
    assert verdicts == {("yes", "Activists"), ("no", "The Pentagon")}
    for statement in answer.statements:
        assert statement.text.startswith(statement.lead)
