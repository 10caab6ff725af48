"""Questions with their answers in tokens, from a data folder; and the windows a reader is shown of them.

Every source becomes the same thing: documents (token ids) and items (a question, its document, the spans that
answer it, and other documents that look as if they might). A window is a stretch of a document short enough
to be read at once: with an answer at a random place in it, or with none, to be told apart. What is answered
where is known from people's marks, except for three kinds of made questions:

- RealTimeQA: any place in a retrieved article with an accepted answer near the question's words (distant
  supervision, Mintz et al. 2009; all such places count, as in Clark & Gardner 2018, arXiv:1710.10723).
- PolNeAR: "What did X say about Y?" and "Who said …?" from who-said-what annotations.
- Cloze: a sentence with a name or number blanked out, answered by another passage of its article that holds
  the same name (recurring spans, Ram et al. 2021, arXiv:2101.00438)."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]
from tokenizers import Tokenizer

from assistant.reader_input import CLS, MASK, QUESTION_TOKENS, SEP, Pair, open_tokenizer, pair

Ids = NDArray[np.int32]
Record = dict[str, Any]

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


@dataclass(frozen=True)
class Example:
    """One input of the network and where, rightly, an answer may start and end (0 is [CLS]: nowhere).

    `rival` is a window of the same question that holds no answer, which the answer has to beat.
    """

    pair: Pair
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    answers: bool
    rival: Pair | None = None


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


NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: (?:of |the )?[A-Z][\w’'-]+)*")
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
OPPOSITES = [
    ("first", "last"), ("most", "least"), ("highest", "lowest"), ("largest", "smallest"), ("before", "after"),
    ("more", "less"), ("north", "south"), ("east", "west"), ("won", "lost"), ("oldest", "youngest"),
    ("best", "worst"), ("increase", "decrease"), ("always", "never"), ("higher", "lower"), ("start", "end"),
    ("began", "ended"), ("men", "women"), ("man", "woman"), ("son", "daughter"), ("father", "mother"),
    ("accept", "reject"), ("support", "oppose"), ("maximum", "minimum"), ("positive", "negative"),
]  # fmt: skip
OPPOSITE = dict(OPPOSITES) | {b: a for a, b in OPPOSITES}


def swapped(question: str, near: str, answers: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The question with a name, a number or a word changed, so that the text `near` its answer fits no more.

    The changes are ones that people often made for SQuAD 2.0's unanswerable questions (Rajpurkar et al. 2018,
    arXiv:1806.03822): another name or number of the same text, and the opposite of a word.
    """
    made = []
    for pattern in (NAME, NUMBER):
        names = sorted({m.group() for m in pattern.finditer(near)})
        asked = [name for name in names if whole(name).search(question)]
        apart = [n for n in names if not any(alike(n, other) for other in (question, *answers))]
        if asked and apart:
            old, new = (choice[int(rng.integers(len(choice)))] for choice in (asked, apart))
            made.append(new.join(whole(old).split(question)))
    words = [w for w in question.split() if w.lower() in OPPOSITE]
    if words:
        made.append(question.replace(words[0], OPPOSITE[words[0].lower()]))
    return made


def whole(name: str) -> re.Pattern[str]:
    """Where a name stands as a word of its own, in capitals or not."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def alike(name: str, text: str) -> bool:
    """Whether a word of the name stands in the text: then they may speak of the same thing."""
    return not set(re.findall(r"\w+", name.lower())).isdisjoint(re.findall(r"\w+", text.lower()))


def newsqa(folder: Path, tokenizer: Tokenizer, part: str) -> Source:
    """NewsQA's questions about the articles of one part."""
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
    return Source("newsqa", texts.docs, items)


def around(articles: dict[str, str], span: Record, reach: int = 500) -> str:
    """The text of an article near a span."""
    return articles[span["article"]][max(0, span["start"] - reach) : span["end"] + reach]


def realtimeqa(folders: Sequence[Path], tokenizer: Tokenizer) -> Source:
    """News quizzes with the articles a web search found for them: an accepted answer near the question's
    words."""
    texts, asked = Texts(tokenizer), []
    for folder in folders:
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
    return int(np.isin(np.unique(question[question > 2130]), ids).sum())


PUNCTUATION, DIGITS = range(999, 1036), range(1014, 1024)
"""In BERT's vocabulary punctuation stands before the letters, the digits in its middle."""

PRONOUNS = {
    "he",
    "she",
    "it",
    "they",
    "we",
    "i",
    "you",
    "who",
    "that",
    "which",
    "this",
    "those",
    "some",
    "one",
}
BASE_FORMS = {
    "said": "say", "says": "say", "saying": "say", "told": "tell", "added": "add", "announced": "announce",
    "called": "call", "claimed": "claim", "argued": "argue", "wrote": "write", "tweeted": "tweet",
    "thinks": "think", "believes": "believe", "concluded": "conclude", "reported": "report", "noted": "note",
    "promised": "promise", "warned": "warn", "explained": "explain", "suggested": "suggest", "denied": "deny",
    "asked": "ask",
}  # fmt: skip


def polnear(path: Path, tokenizer: Tokenizer, seed: int) -> Source:
    """Made questions about what is said by whom, from attributions marked by people."""
    rng = np.random.default_rng(seed)
    texts, made = Texts(tokenizer), []
    for article in read(path):
        text = article["text"]
        contents: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for source, cue, content in plain_attributions(article):
            contents[text[slice(*source)]].append(content)
            fragment = middle_words(text[slice(*content)], rng)
            made.append((text, f"Who {text[slice(*cue)]} {fragment}?", [source]))
            verb = BASE_FORMS.get(text[slice(*cue)].lower(), "say")
            about = max(re.findall(r"\w+", fragment) or [""], key=len)
            made.append((text, f"What did {text[slice(*source)]} {verb} about {about}?", [content]))
        for name, spans in contents.items():
            made.append((text, f"What did {name} say?", spans))
    return from_made("polnear", made, texts)


def plain_attributions(article: Record) -> Iterator[tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]:
    """Characters of source, cue and content of the attributions that make a question: named and in one
    piece."""
    for attribution in article["attributions"]:
        parts = [attribution[name] for name in ("source", "cue", "content")]
        if not all(parts) or any(len(part) != 1 for part in parts):
            continue
        source, cue, content = ((part[0]["start"], part[0]["end"]) for part in parts)
        name = article["text"][slice(*source)]
        named = name.lower() not in PRONOUNS and len(name) < 60
        if named and 15 < content[1] - content[0] < 250 and cue[1] - cue[0] < 25:
            yield source, cue, content


def middle_words(text: str, rng: np.random.Generator) -> str:
    """Up to nine words of a text, some left out, as somebody asking about it would remember it."""
    words = re.findall(r"[\w'’$%.-]*\w", text)
    first = int(rng.integers(0, max(1, len(words) - 8)))
    return " ".join(word for word in words[first : first + 9] if rng.random() > 0.2)


NAME_OR_NUMBER = re.compile(
    r"(?<=[a-z,] )(?:[A-Z][\w’'-]+(?: (?:of |the )?[A-Z][\w’'-]+)*"
    r"|\$?\d[\d,.]*\d(?: (?:million|billion|percent))?)"
)
SENTENCE = re.compile(r"[^\n.!?]{60,240}[.!?]")


def cloze(folders: Sequence[Path], tokenizer: Tokenizer, seed: int, most: int) -> Source:
    """Made questions: a sentence with a name or number blanked out, which another place of the article
    holds."""
    rng = np.random.default_rng(seed)
    texts, made = Texts(tokenizer), []
    for folder in folders:
        for article in read(folder / "articles.jsonl.gz"):
            made += blanked(article["text"][:LONGEST_TEXT], rng)
    chosen = [made[n] for n in sorted(rng.permutation(len(made))[:most])]
    return from_made("cloze", chosen, texts)


def blanked(text: str, rng: np.random.Generator, most: int = 2) -> list[tuple[str, str, list[tuple[int, int]]]]:
    """Sentences of a text with a recurring name blanked, and where else the name stands near the same
    words."""
    made: list[tuple[str, str, list[tuple[int, int]]]] = []
    sentences = list(SENTENCE.finditer(text))
    for n in rng.permutation(len(sentences)):
        sentence = sentences[n]
        names = list(NAME_OR_NUMBER.finditer(sentence.group()))
        if not names or len(made) == most:
            continue
        name = names[int(rng.integers(len(names)))]
        rest = sentence.group()[: name.start()] + "[MASK]" + sentence.group()[name.end() :]
        rare = set(re.findall(r"\w{5,}", rest.lower()))
        places = []
        for other in re.finditer(rf"(?<!\w){re.escape(name.group())}(?!\w)", text):
            around = text[max(0, other.start() - 200) : other.end() + 200].lower()
            if not sentence.start() - 30 < other.start() < sentence.end() + 30 and sum(w in around for w in rare) >= 3:
                places.append(other.span())
        if places:
            made.append((text, rest.strip(), places[:4]))
    return made


def from_made(name: str, made: list[tuple[str, str, list[tuple[int, int]]]], texts: Texts) -> Source:
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
    """Everything the reader is trained on, NewsQA's fold B and the held-out titles of SQuAD 2.0 left out."""
    tokenizer = open_tokenizer(encoder)
    quizzes = (data / "realtimeqa-2022", data / "realtimeqa-2023")
    reading = data / "reading"
    return [
        from_contexts("squadshifts", read(reading / "squadshifts.jsonl.gz"), tokenizer),
        from_contexts("qed-nq", read(reading / "qed-nq.jsonl.gz"), tokenizer),
        from_contexts("squad2", squad2_parts(read(reading / "squad2-dev-half.jsonl.gz"))["train"], tokenizer),
        newsqa(data / "newsqa", tokenizer, "train"),
        realtimeqa(quizzes, tokenizer),
        polnear(data / "polnear" / "train.jsonl.gz", tokenizer, seed),
        cloze(quizzes, tokenizer, seed, most=12_000),
    ]


# Windows ------------------------------------------------------------------------------------------


def example(source: Source, item: Item, rng: np.random.Generator, negatives: float) -> Example:
    """The item as one input: a window with its answer at a random place, or, sometimes, one without any.

    Of the inputs without an answer some ask a changed question of a window that answers the right one.
    """
    room = int(rng.integers(76, 161)) - 3 - len(item.question)
    if not item.spans:
        return unanswered(item.question, window(source.docs[item.doc], room, rng))
    if rng.random() < negatives:
        if item.unlike and rng.random() < 0.4:
            shown = answered(source.docs[item.doc], item, room, rng).pair
            changed = item.unlike[int(rng.integers(len(item.unlike)))]
            return unanswered(changed, shown.ids[shown.passage_start : -1])
        other = without_answer(source, item, room, rng)
        if other is not None:
            return unanswered(item.question, other)
    made = answered(source.docs[item.doc], item, room, rng)
    other = without_answer(source, item, room, rng) if source.name in RIVALLED else None
    return made if other is None else replace(made, rival=pair(item.question, other))


def answered(doc: Ids, item: Item, room: int, rng: np.random.Generator) -> Example:
    """A window that holds one of the item's spans whole; its other spans count too where they are in it."""
    first, last = item.spans[int(rng.integers(len(item.spans)))]
    last = min(last, first + room - 1)
    low, high = max(0, last + 1 - room), max(0, min(first, len(doc) - room))
    start = int(rng.integers(min(low, high), high + 1))
    joined = pair(item.question, doc[start : start + room])
    shift = joined.passage_start - start
    inside = [(a, b) for a, b in (*item.spans, (first, last)) if a >= start and b < start + room]
    own = [(first, last)] if overlapping(inside) else inside
    return Example(joined, tuple(a + shift for a, _ in own), tuple(b + shift for _, b in own), True)


def overlapping(spans: Sequence[tuple[int, int]]) -> bool:
    """Whether two different spans share a token: then they are people's variants of one answer, not two
    answers."""
    ordered = sorted(set(spans))
    return any(a[1] >= b[0] for a, b in pairwise(ordered))


def unanswered(question: Ids, ids: Ids) -> Example:
    """An input whose answer is [CLS]: nowhere here."""
    return Example(pair(question, ids), (0,), (0,), False)


def window(doc: Ids, room: int, rng: np.random.Generator) -> Ids:
    """A random stretch of `room` tokens of the document."""
    start = int(rng.integers(max(0, len(doc) - room) + 1))
    return doc[start : start + room]


def without_answer(source: Source, item: Item, room: int, rng: np.random.Generator) -> Ids | None:
    """A stretch of the same document, or of a lookalike, in which no answer stands; None where none was
    found."""
    doc = source.docs[item.doc]
    if item.near and (len(doc) < 1.6 * room or rng.random() < 0.35):
        return window(source.docs[item.near[int(rng.integers(len(item.near)))]], room, rng)
    wanted = [bare(doc[a : b + 1]) for a, b in item.spans]
    tried = [window(doc, room, rng) for _ in range(5 if len(doc) > 1.6 * room else 0)]
    wrong = [ids for ids in tried if not any(contains(ids, answer) for answer in wanted)]
    return max(wrong, key=lambda ids: overlap(item.question, ids), default=None)


def bare(ids: Ids) -> Ids:
    """An answer without the punctuation at its ends, so that the same answer is found elsewhere."""
    kept = np.flatnonzero((ids > PUNCTUATION.stop) | ((ids >= DIGITS.start) & (ids < DIGITS.stop)))
    return ids[kept[0] : kept[-1] + 1] if len(kept) else ids


def contains(ids: Ids, part: Ids) -> bool:
    """Whether `part` stands in `ids`."""
    places = np.flatnonzero(ids[: len(ids) - len(part) + 1] == part[0]) if len(part) <= len(ids) else ()
    return any(np.array_equal(ids[n : n + len(part)], part) for n in places)


def forgetful(example: Example, rng: np.random.Generator, share: float) -> Example:
    """The example with some words outside its answer masked, lest questions are learnt by heart."""
    ids = example.pair.ids.copy()
    hidden = (rng.random(len(ids)) < share) & (ids != CLS) & (ids != SEP)
    for start, end in zip(example.starts, example.ends, strict=True):
        hidden[start : end + 1] = False
    ids[hidden] = MASK
    return replace(example, pair=replace(example.pair, ids=ids))


# The stream ---------------------------------------------------------------------------------------

Mix = dict[str, float]

RIVALLED = ("newsqa", "realtimeqa", "polnear", "cloze")
"""Sources of whole articles, in which the window with the answer has to be told from the others."""

NEGATIVES: Mix = dict.fromkeys(RIVALLED, 0.25) | {"squad2": 0.1}
OTHER_NEGATIVES = 0.33
"""How often an item is shown without its answer; less where answers have rivals or items have no answer."""


@dataclass(frozen=True)
class Stream:
    """An endless, reproducible order of examples in chunks; chunk n is the same whenever it is asked for.

    `mix(n)` gives each source's share of chunk n. A source is walked through in a shuffled order, again and
    again in new orders, so that its items are used equally often."""

    sources: list[Source]
    mix: Callable[[int], Mix]
    size: int
    seed: int
    forgotten: float = 0.06

    def chunk(self, n: int) -> list[Example]:
        """The examples of chunk n, shuffled."""
        rng = np.random.default_rng([self.seed, n])
        examples = []
        for source in self.sources:
            first = sum(self.taken(source.name, k) for k in range(n))
            for place in range(first, first + self.taken(source.name, n)):
                negatives = NEGATIVES.get(source.name, OTHER_NEGATIVES)
                made = example(source, self.item(source, place), rng, negatives)
                examples.append(forgetful(made, rng, self.forgotten))
        return [examples[k] for k in rng.permutation(len(examples))]

    def taken(self, name: str, n: int) -> int:
        """How many examples of a source chunk n has."""
        return round(self.size * self.mix(n).get(name, 0.0))

    def item(self, source: Source, place: int) -> Item:
        """The item at a place of the source's endless shuffled order."""
        turn, rest = divmod(place, len(source.items))
        order = np.random.default_rng([self.seed, turn, share(source.name, 1 << 30)]).permutation(len(source.items))
        return source.items[int(order[rest])]


def batches(examples: list[Example], size: int, rng: np.random.Generator) -> list[list[Example]]:
    """The examples in full batches of `size`, alike in length so that little is padded, in random order."""
    ordered = sorted(examples[: len(examples) // size * size], key=lambda e: len(e.pair.ids))
    groups = [ordered[n : n + size] for n in range(0, len(ordered), size)]
    return [groups[k] for k in rng.permutation(len(groups))]
