"""Compare our sentence splitter with well-kept ones on articles whose questions have exact answer spans.

    pip install pysbd syntok nltk
    python -m tests.benchmarks.sentences ARTICLES.jsonl.gz QUESTIONS.jsonl.gz

An answer that straddles a boundary shows a wrong split. So does a sentence that begins in lower case or with a closing
mark, or one that ends in a title or an initial before a name. Very long ones show splits that were missed.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from index.passages import Span, split_sentences

_ENDS_IN_TITLE = re.compile(r"(?:^|\s)(?:Mr|Mrs|Ms|Dr|Capt|Col|Gen|Lt|Sgt|Maj|Brig|Adm|Sen|Rep|Gov|Rev|St|[A-Z])\.$")
_BAD_START = re.compile(r"^[a-z,;:.)\]”’]")
_LONG = 80  # words

Splitter = Callable[[str], Iterator[Span]]


def located(sentences: Iterator[str], text: str) -> Iterator[Span]:
    """Find the sentences, which come as strings, in the text again."""
    at = 0
    for sentence in sentences:
        stripped = sentence.strip()
        found = text.find(stripped, at) if stripped else -1
        if found >= 0:
            at = found + len(stripped)
            yield Span(found, at)


def ours(text: str) -> Iterator[Span]:
    return iter(split_sentences(text))


def pysbd(text: str) -> Iterator[Span]:
    import pysbd

    return located(iter(pysbd.Segmenter(language="en", clean=False).segment(text)), text)


def syntok(text: str) -> Iterator[Span]:
    import syntok.segmenter

    for paragraph in syntok.segmenter.analyze(text):
        for tokens in paragraph:
            yield Span(tokens[0].offset, tokens[-1].offset + len(tokens[-1].value))


def punkt(text: str) -> Iterator[Span]:
    """NLTK's Punkt with the English parameters that come with llama-index."""
    from llama_index.core.utils import globals_helper

    yield from (Span(*span) for span in globals_helper.punkt_tokenizer.span_tokenize(text))


def measure(split: Splitter, texts: dict[str, str], gold: list[tuple[str, int, int]]) -> str:
    began = perf_counter()
    spans = {id_: list(split(text)) for id_, text in texts.items()}
    seconds = perf_counter() - began
    boundaries = {id_: {span.end for span in found[:-1]} for id_, found in spans.items()}
    cut = sum(any(start < at < end for at in boundaries[id_]) for id_, start, end in gold)
    sentences = [texts[id_][span.start : span.end] for id_, found in spans.items() for span in found]
    starts = sum(bool(_BAD_START.search(sentence)) for sentence in sentences)
    ends = sum(bool(_ENDS_IN_TITLE.search(sentence)) for sentence in sentences)
    long = sum(len(sentence.split()) > _LONG for sentence in sentences)
    return (
        f"{len(sentences):>9} {cut:>11} ({cut / len(gold):.2%}) {starts:>10} {ends:>13} {long:>9} "
        f"{sum(map(len, texts.values())) / seconds / 1e6:>8.2f}"
    )


def main() -> None:
    articles, questions = (gzip.decompress(Path(path).read_bytes()).splitlines() for path in sys.argv[1:3])
    texts = {article["id"]: article["text"] for article in map(json.loads, articles)}
    gold = [
        (span["article"], span["start"], span["end"]) for asked in map(json.loads, questions) for span in asked["spans"]
    ]
    print(f"{'':8} sentences answers cut (share)  bad start ends in title >80 words  MB/s")
    for split in (ours, pysbd, syntok, punkt):
        print(f"{split.__name__:8}", measure(split, texts, gold), flush=True)


if __name__ == "__main__":
    main()
