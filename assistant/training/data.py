"""Questions with their answers in tokens, from a data folder.

Every source becomes the same thing: documents (token ids) and items (a question, its document, the spans that
answer it, and other documents that look as if they might). What is answered where is known from people's marks,
except for RealTimeQA, where any place in a retrieved article with an accepted answer near the question's words
counts (distant supervision, Mintz et al. 2009; all such places, as in Clark & Gardner 2018, arXiv:1710.10723), and for
the questions of `assistant.training.made_questions`."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]
from tokenizers import Tokenizer

from assistant.reader_input import COMMON_WORDS, QUESTION_TOKENS
from assistant.training.made_questions import Made, Record, blanked, of_attributions, swapped
from index.embedder import open_tokenizer

Ids = NDArray[np.int32]

LONGEST_TEXT = 6000
"""Characters of a document used in training: where a news article has said what it has to say."""


@dataclass(frozen=True)
class Item:
    """A question about `doc`, answered by any of `spans` (first and last token).

    `near` documents look as if they answered it and do not; `unlike` are questions that look like it and that
    `doc` does not answer.
    """

    question: Ids
    doc: int
    spans: tuple[tuple[int, int], ...] = ()
    near: tuple[int, ...] = ()
    unlike: tuple[Ids, ...] = ()


@dataclass(frozen=True)
class Source:
    """Documents and the questions about them, under one name and licence."""

    name: str
    docs: list[Ids]
    items: list[Item]


@dataclass
class Texts:
    """Documents being gathered, each tokenised once, with the characters of each token."""

    tokenizer: Tokenizer
    docs: list[Ids] = field(default_factory=list)
    offsets: list[list[tuple[int, int]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)

    def add(self, texts: Iterable[str]) -> None:
        """Tokenise the texts not seen yet."""
        new = [text for text in dict.fromkeys(texts) if text not in self.index]
        for text, encoding in zip(new, self.tokenizer.encode_batch(new, add_special_tokens=False), strict=True):
            self.index[text] = len(self.docs)
            self.docs.append(np.array(encoding.ids, dtype=np.int32))
            self.offsets.append(encoding.offsets)
            self.texts.append(text)

    def span(self, doc: int, start: int, end: int) -> tuple[int, int] | None:
        """First and last token of the characters start to end, or None where no token lies there."""
        inside = [n for n, (a, b) in enumerate(self.offsets[doc]) if a < end and b > start]
        return (inside[0], inside[-1]) if inside else None

    def questions(self, questions: Sequence[str]) -> list[Ids]:
        """Token ids of each question, no longer than the reader takes."""
        encodings = self.tokenizer.encode_batch(list(questions), add_special_tokens=False)
        return [np.array(encoding.ids[:QUESTION_TOKENS], dtype=np.int32) for encoding in encodings]


def read(path: Path) -> list[Record]:
    """The records of a gzipped JSON lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def share(key: str, parts: int) -> int:
    """Which of `parts` equal parts `key` falls into: the same on every machine and in every run."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % parts


def newsqa_part(article_id: str) -> str:
    """`train` and `dev` make up fold A; `test` is fold B, which nothing may be tuned on."""
    part = share(article_id, 16)
    return "test" if part % 2 else "dev" if part == 0 else "train"


def squad2_parts(records: list[Record]) -> dict[str, list[Record]]:
    """Contexts in the file's order (title by title): the first for training, the last held out, a gap
    between."""
    order = {context: n for n, context in enumerate(dict.fromkeys(r["context"] for r in records))}
    parts: dict[str, list[Record]] = {"train": [], "gap": [], "calibrate": [], "test": []}
    for record in records:
        place = order[record["context"]] / len(order)
        name = "train" if place < 0.46 else "gap" if place < 0.5 else "calibrate" if place < 0.68 else "test"
        parts[name].append(record)
    return parts


# Each source --------------------------------------------------------------------------------------


def from_contexts(name: str, records: list[Record], tokenizer: Tokenizer) -> Source:
    """Questions that each come with a paragraph; `answers: []` is a question the paragraph does not
    answer."""
    texts = Texts(tokenizer)
    texts.add(r["context"] for r in records)
    docs = [texts.index[r["context"]] for r in records]
    questions = texts.questions([r["question"] for r in records])
    near = lookalikes(questions, docs, texts, [[a["text"] for a in r["answers"]] for r in records])
    asked = [(r["question"], r["context"], [a["text"] for a in r["answers"]]) for r in records]
    rows = zip(records, docs, questions, near, unlike_questions(asked, texts), strict=True)
    items = []
    for record, doc, question, others, unlike in rows:
        found = [texts.span(doc, a["start"], a["start"] + len(a["text"])) for a in record["answers"]]
        items.append(Item(question, doc, tuple(span for span in found if span), others, unlike))
    return Source(name, texts.docs, items)


def unlike_questions(asked: list[tuple[str, str, list[str]]], texts: Texts) -> list[tuple[Ids, ...]]:
    """Token ids of the `swapped` forms of each (question, text near its answer, accepted answers)."""
    rng = np.random.default_rng(len(asked))
    forms = [swapped(*one, rng) if one[2] else [] for one in asked]
    ids = iter(texts.questions([form for one in forms for form in one]))
    return [tuple(next(ids) for _ in one) for one in forms]


def lookalikes(
    questions: list[Ids], docs: list[int], texts: Texts, answers: list[list[str]], count: int = 8
) -> list[tuple[int, ...]]:
    """For each question, other documents that share its rare words (idf-weighted overlap) but not its
    answer."""
    words = sparse.lil_matrix((len(texts.docs), texts.tokenizer.get_vocab_size()), dtype=np.float32)
    for n, ids in enumerate(texts.docs):
        words[n, np.unique(ids)] = 1 / np.sqrt(len(ids) + 60)
    matrix = words.tocsr()
    idf = np.log(len(texts.docs) / (1 + np.asarray((matrix > 0).sum(axis=0)).ravel()) + 1)
    lowered = [text.lower() for text in texts.texts]
    found = []
    for question, doc, accepted in zip(questions, docs, answers, strict=True):
        terms = np.unique(question)
        scores = matrix[:, terms] @ idf[terms]
        best = np.argpartition(-scores, min(count, len(scores) - 1))[: count + 1]
        wrong = (n for n in best if n != doc and not any(a.lower() in lowered[n] for a in accepted))
        found.append(tuple(int(n) for n in wrong))
    return found


def newsqa(folder: Path, tokenizer: Tokenizer, fold: str) -> Source:
    """NewsQA's questions about the articles of fold `a`, less its `dev` part, or of fold `b`."""
    part = "train" if fold == "a" else "test"
    articles = {a["id"]: a["text"] for a in read(folder / "articles.jsonl.gz") if newsqa_part(a["id"]) == part}
    records = [q for q in read(folder / "questions.jsonl.gz") if q["articles"][0] in articles]
    texts = Texts(tokenizer)
    texts.add(articles.values())
    questions = texts.questions([r["question"] for r in records])
    docs = [texts.index[articles[r["articles"][0]]] for r in records]
    near = lookalikes(questions, docs, texts, [r["answers"] for r in records])
    asked = [(r["question"], around(articles, r["spans"][0]), r["answers"]) for r in records]
    rows = zip(records, docs, questions, near, unlike_questions(asked, texts), strict=True)
    items = []
    for record, doc, question, others, unlike in rows:
        found = [texts.span(doc, s["start"], s["end"]) for s in record["spans"]]
        items.append(Item(question, doc, tuple(span for span in found if span), others, unlike))
    return Source(f"newsqa-{fold}", texts.docs, items)


def around(articles: dict[str, str], span: Record, reach: int = 500) -> str:
    """The text of an article near a span."""
    return articles[span["article"]][max(0, span["start"] - reach) : span["end"] + reach]


def realtimeqa(folder: Path, tokenizer: Tokenizer) -> Source:
    """News quizzes with the articles a web search found for them: an accepted answer near the question's
    words."""
    texts, asked = Texts(tokenizer), []
    articles = {a["id"]: a["text"][:LONGEST_TEXT] for a in read(folder / "articles.jsonl.gz")}
    for record in read(folder / "questions.jsonl.gz"):
        ids = [i for i in dict.fromkeys(record["articles"] + record["retrieved"]) if articles.get(i)][:5]
        asked.append((record, [articles[i] for i in ids]))
    texts.add(text for _, found in asked for text in found)
    questions = texts.questions([record["question"] for record, _ in asked])
    items = []
    for (record, found), question in zip(asked, questions, strict=True):
        docs = [texts.index[text] for text in found]
        spans = {doc: answer_places(record["answers"], question, texts, doc) for doc in docs}
        near = tuple(doc for doc in docs if not spans[doc])
        items += [Item(question, doc, tuple(spans[doc]), near) for doc in docs if spans[doc]]
    return Source("realtimeqa", texts.docs, items)


def answer_places(answers: list[str], question: Ids, texts: Texts, doc: int) -> list[tuple[int, int]]:
    """Where an accepted answer stands within 40 tokens of at least two of the question's rarer words."""
    places = []
    for answer in answers:
        wanted = answer.strip(" “”\"'.").lower()
        if len(wanted) < 2:
            continue
        for match in re.finditer(rf"(?<!\w){re.escape(wanted)}(?!\w)", texts.texts[doc].lower()):
            span = texts.span(doc, *match.span())
            if span and overlap(question, texts.docs[doc][max(0, span[0] - 40) : span[1] + 40]) >= 2:
                places.append(span)
    return places[:6]


def overlap(question: Ids, ids: Ids) -> int:
    """How many different rarer words of the question are among `ids`."""
    return int(np.isin(np.unique(question[question > COMMON_WORDS]), ids).sum())


def polnear(path: Path, tokenizer: Tokenizer, seed: int) -> Source:
    """Made questions about what is said by whom, from attributions marked by people."""
    rng = np.random.default_rng(seed)
    made = [one for article in read(path) for one in of_attributions(article, rng)]
    return from_made("polnear", made, Texts(tokenizer))


def cloze(folder: Path, tokenizer: Tokenizer, seed: int, most: int) -> Source:
    """Made questions: a sentence with a name or number blanked out, which another place of the article holds."""
    rng = np.random.default_rng(seed)
    made = [
        one for article in read(folder / "articles.jsonl.gz") for one in blanked(article["text"][:LONGEST_TEXT], rng)
    ]
    return from_made("cloze", [made[n] for n in sorted(rng.permutation(len(made))[:most])], Texts(tokenizer))


def from_made(name: str, made: Sequence[Made], texts: Texts) -> Source:
    """A source from (text, question, characters that answer it)."""
    texts.add(text for text, _, _ in made)
    questions = texts.questions([question for _, question, _ in made])
    items = []
    for (text, _, places), question in zip(made, questions, strict=True):
        doc = texts.index[text]
        spans = tuple(span for place in places if (span := texts.span(doc, *place)))
        items.append(Item(question, doc, spans))
    return Source(name, texts.docs, [item for item in items if item.spans])


def load_sources(data: Path, encoder: Path, seed: int) -> list[Source]:
    """Everything that readers are trained on: both folds of NewsQA, of which a reader sees one; neither the held-out
    titles of SQuAD 2.0 nor RealTimeQA 2022, which are there to measure."""
    tokenizer = open_tokenizer(encoder)
    quizzes, reading = data / "realtimeqa-2023", data / "reading"
    return [
        from_contexts("squadshifts", read(reading / "squadshifts.jsonl.gz"), tokenizer),
        from_contexts("qed-nq", read(reading / "qed-nq.jsonl.gz"), tokenizer),
        from_contexts("squad2", squad2_parts(read(reading / "squad2-dev-half.jsonl.gz"))["train"], tokenizer),
        newsqa(data / "newsqa", tokenizer, "a"),
        newsqa(data / "newsqa", tokenizer, "b"),
        realtimeqa(quizzes, tokenizer),
        polnear(data / "polnear" / "train.jsonl.gz", tokenizer, seed),
        cloze(quizzes, tokenizer, seed, most=12_000),
    ]
