from __future__ import annotations

import json
from pathlib import Path

from assistant.assistant import Assistant
from assistant.examples import examples
from assistant.settings import Settings


def test_each_example_does_what_its_kind_is_to_show(samples: Assistant) -> None:
    found = examples(samples)
    answers = {example.kind: samples.ask(example.question) for example in found}
    assert list(answers) == [
        "What somebody said", "Who said it", "How many, where accounts differ", "Yes or no", "Not in the articles",
    ]  # fmt: skip
    assert answers.pop("Not in the articles").abstained
    assert answers["How many, where accounts differ"].disagreement
    assert not any(answer.abstained for answer in answers.values())
    assert len({example.question for example in found}) == len(found) == 6


def test_without_claims_examples_come_from_titles(tmp_path: Path) -> None:
    assistant = Assistant.open(Settings(tmp_path / "data"))
    assert examples(assistant) == []
    for number, title in enumerate(("Bridge opens in May", "Ferry to Vinga is painted.")):
        article = {"id": f"a{number}", "title": title, "text": "It is green.", "published": f"2019-05-0{number + 1}"}
        (tmp_path / f"{number}.json").write_text(json.dumps(article))
    assistant.ingest([tmp_path / "0.json", tmp_path / "1.json"])
    assert [example.question for example in examples(assistant)] == [
        "What is said about Ferry to Vinga is painted?",
        "What is said about Bridge opens in May?",
    ]
    assistant.close()


def test_speakers_are_offered_each_once_the_most_quoted_first(samples: Assistant) -> None:
    found = samples.speakers("pentagon", 20)
    assert {"Capt. Jeff Davis", "Eric Pahon"} <= {part for name, _ in found for part in name.split(", ")}
    assert [claims for _, claims in found] == sorted((claims for _, claims in found), reverse=True)
    assert sum("Davis" in name for name, _ in found) == 1
    assert samples.speakers("he", 5) and all(name.casefold() != "he" for name, _ in samples.speakers("he", 50))
    assert samples.speakers("no-such-speaker", 5) == []
