"""THE READ FLOW: question → candidates → evidence → claims → Answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from assistant.accounts import find_accounts
from assistant.answer import Answer, Statement
from assistant.citations import Citation
from assistant.followup import Exchange, standalone_question
from assistant.question import Kind, Question, understand
from assistant.quoted import heard
from assistant.reader import Evidence, Reader, Reading, TrainedReader, candidates
from assistant.settings import Settings
from assistant.writing.model import ModelError
from assistant.writing.writer import Writer
from index.articles import Article, Rejected, find_files, read_file
from index.catalogue import Holdings, Listing
from index.claims import Claim, find_claims, found_by, nearest
from index.embedder import Embedder
from index.errors import SaidsoError
from index.filters import Filters
from index.ingest import IngestReport, Progress, ingest
from index.passages import Span
from index.search import Hit, search
from index.speakers import PRONOUNS, same_speaker
from index.store import Store
from index.workers import Workers

READ_DEPTH = 12  # passages read for one question
_LOOK_DEPTH = 40  # passages whose claims are looked at
_OWN_DEPTH = 8  # passages read with words of the speaker that is asked for
_MOST_STATEMENTS = 3
_MOST_STATEMENTS_TO_THE_POINT = 5
_WORTH_SAYING = 0.5  # of the best sentence's score
_WORTH_SAYING_TO_THE_POINT = 0.1  # that it is the asked speaker's word, or a plain yes or no, speaks for it already
_SAME = 0.7  # share of words in common that makes two sentences one
_CLOSEST = 3
_NAMINGS = 5  # of one speaker, that are looked at where speakers are listed


class Told(NamedTuple):
    """Who said what in an article, with its text."""

    article_id: str
    claims: list[Claim]
    text: str


class Said(NamedTuple):
    """A claim, with the article that reports it (no text)."""

    article: Article
    claim: Claim


class Assistant:
    """Answers questions from one data folder. Safe to use from several threads."""

    def __init__(self, store: Store, reader: Reader, threshold: float, writer: Writer | None = None) -> None:
        self._writer = writer
        self._store = store
        self._reader = reader
        self._threshold = threshold

    @classmethod
    def open(cls, settings: Settings, workers: Workers | None = None) -> Assistant:
        """Open the data folder; models load at first use (see `warm_up`). Raises SaidsoError when it cannot be used.

        `workers` compute what is to be stored; without them this process does.
        """
        embedder = Embedder(settings.embedding_model)
        store = Store.open(settings.data_dir, embedder, settings.catalogue_url, settings.vectors_url, workers)
        reader = TrainedReader(store.words.passages, settings.reader)
        writer = Writer.open(settings.writer, store.embedder) if settings.writer else None
        return cls(store, reader, settings.answer_threshold, writer)

    @property
    def model(self) -> str | None:
        """The language model that writes, by name, or None where answers are quotes alone."""
        return self._writer.model.name if self._writer else None

    def close(self) -> None:
        """Let go of all files."""
        self._store.close()

    def warm_up(self) -> None:
        """Load the models now rather than at the first question."""
        self._store.embedder.embed(["warm"])
        self._reader.warm_up()

    def ask(
        self,
        question: str,
        filters: Filters | None = None,
        id: str | None = None,
        on_stage: Callable[[str], None] = lambda _: None,
        history: Sequence[Exchange] = (),
        extractive: bool = False,
        on_text: Callable[[str], None] = lambda _: None,
    ) -> Answer:
        """Answer `question` from the articles, or abstain. Raises SaidsoError for an empty or endless question.

        `history` is the conversation before it, the earliest first: a follow-up is asked as it would stand alone. Where
        a language model is configured it writes the answer, unless `extractive`, and `on_text` is told what is verified
        of that, piece by piece, and "" in between; what either callback raises ends it all.
        """
        clock = _Clock(on_stage)
        clock.stage("understanding")
        filters = filters or Filters()
        alone = self._standing_alone(question, history, extractive, on_text)
        asked = self._with_namings(understand(alone, filters.as_of), filters)
        clock.stage("searching")
        hits = self._search(asked, filters)
        hits, further = hits[:READ_DEPTH], hits[READ_DEPTH:]
        clock.stage("reading")
        reading = heard(asked, self._reader.read(asked, hits), self._store.words.passages)
        clock.stage("writing")
        accounts = find_accounts(asked, [*reading.evidence, *candidates(asked, further)])
        confidence = accounts.surer(reading.confidence)
        chosen = accounts.cited_with(choose(reading)) if confidence >= self._threshold else []
        statements = [_statement(marker, evidence) for marker, evidence in enumerate(chosen, start=1)]
        if not statements and alone != question and alone.startswith(question.rstrip(" ?")):
            # It was whole, and what the conversation was about has only been added: perhaps it is about something new.
            return self.ask(question, filters, id, on_stage, (), extractive, on_text)
        differing = accounts.disagreement if statements else None
        answer = Answer(
            question=question,
            standalone=alone if alone != question else None,
            text="\n".join(filter(None, (differing, *(s.text for s in statements))))
            or (hits and reading.note)
            or self._nothing_found(asked, hits),
            statements=tuple(statements),
            short_answer=_short(asked, chosen) if accounts.settled else None,
            abstained=not statements,
            confidence=confidence,
            closest=() if statements else _closest(reading, hits),
            id=id,
            accounts=accounts.held(statements),
            disagreement=differing,
            filters=filters,
            undated=self._store.catalogue.undated(filters.sources) if filters.by_day else 0,
        )
        if self._writer and statements and not extractive:
            clock.stage("wording")
            answer = self._in_prose(self._writer, answer, chosen, hits, on_text)
        return replace(answer, timings_ms=clock.stop())

    def _standing_alone(
        self, question: str, history: Sequence[Exchange], extractive: bool, on_text: Callable[[str], None]
    ) -> str:
        alone = standalone_question(question, history)
        if self._writer is None or extractive or not history:
            return alone
        return self._writer.standing_alone(question, history, alone, on_text)

    def _in_prose(
        self,
        writer: Writer,
        answer: Answer,
        chosen: Sequence[Evidence],
        hits: Sequence[Hit],
        on_text: Callable[[str], None],
    ) -> Answer:
        """Have the model write what was found; the answer stays as it is, with a note, where that comes to nothing."""
        catalogue = self._store.catalogue
        passages = {one.id: one for one in catalogue.with_claims([hit.passage for hit in hits], Filters())}
        cited = [replace(one, passage=passages.get(one.passage.id, one.passage)) for one in chosen]

        def text_of(article_id: str) -> str:
            article = catalogue.article(article_id)
            return article.text if article else ""

        if answer.disagreement:
            on_text(f"{answer.disagreement}\n")
        try:
            prose = writer.write(answer, cited, [*passages.values()], text_of, on_text)
        except ModelError as error:
            return replace(answer, note=f"Quotes alone: {error}.")
        text = "\n".join(filter(None, (answer.disagreement, prose.text)))
        return replace(answer, mode="llm", text=text, prose=prose)

    def _with_namings(self, asked: Question, filters: Filters) -> Question:
        """Add what goes beside the question: which claims alone count, and by which names articles call the speaker."""
        asked = replace(asked, only_claims=filters.of_claims)
        speaker = asked.speaker or filters.speaker
        if speaker is None or asked.kind is Kind.WHO_SAID:
            return asked
        return replace(asked, speaker=speaker, namings=frozenset(self._store.catalogue.speakers(speaker)))

    def _search(self, asked: Question, filters: Filters) -> list[Hit]:
        """Return the passages to look at: first those with words of the speaker that is asked for, if one is."""
        kept = filters if filters.of_claims else None  # no other claim is to be quoted
        hits = search(self._store, asked.text, _LOOK_DEPTH, _then(asked, filters), kept)
        if asked.namings:
            theirs = filters.within(asked.since, asked.until)
            theirs = replace(theirs, speaker=filters.speaker or asked.speaker)
            own = search(self._store, asked.matter or asked.text, _OWN_DEPTH, theirs, kept)
            read = {hit.passage.id for hit in own}
            hits = [*own, *(hit for hit in hits if hit.passage.id not in read)]
        return hits

    def search(self, question: str, k: int = 10, filters: Filters | None = None) -> list[Hit]:
        """Return ranked passages only, the first of them read. Raises SaidsoError for an empty or endless question."""
        filters = filters or Filters()
        asked = understand(question, filters.as_of)
        hits = search(self._store, asked.text, max(k, READ_DEPTH), _then(asked, filters))
        return self._reader.rank(asked, hits, READ_DEPTH)[:k]

    def ingest(
        self,
        paths: Sequence[Path],
        on_progress: Callable[[Progress], None] = lambda _: None,
        without: Collection[str] = (),
    ) -> IngestReport:
        """Read articles in, those `without` excepted; see `index.ingest.ingest`."""
        return ingest(self._store, paths, on_progress, without=without)

    def ingest_upload(self, *paths: Path, on_progress: Callable[[Progress], None] = lambda _: None) -> IngestReport:
        """Read in files that lie in a passing place: uploaded again under its name, one replaces what it was."""
        return ingest(self._store, paths, on_progress, origin_of=lambda origin: f"upload:{Path(origin).name}")

    def remove(self, article_ids: Sequence[str]) -> int:
        """Remove articles and all that was derived from them; return how many there were."""
        with self._store.writing():
            count = self._store.catalogue.remove(article_ids)
            self._store.settle()
        return count

    def article(self, article_id: str) -> Article | None:
        """Return an article, or None."""
        return self._store.catalogue.article(article_id)

    def passage_count(self, article_id: str) -> int:
        """Return how many passages an article has."""
        return self._store.catalogue.passage_count(article_id)

    def passages(self, article_id: str) -> list[Span]:
        """Return where an article's passages stand in its text, in order; neighbours share a sentence."""
        return [Span(passage.start, passage.end) for passage in self._store.catalogue.passages_of(article_id)]

    def articles(self) -> list[Article]:
        """Return all articles, without their text, by date."""
        return list(self._store.catalogue.articles())

    def newest(self, most: int) -> list[Article]:
        """Return the last `most` of all articles, the newest first, without their text."""
        return self._store.catalogue.newest(most)

    def listing(self, words: str, filters: Filters, offset: int = 0, limit: int = 50) -> Listing:
        """Return a page of the articles that have all `words` in title or text, with counts of the whole."""
        return self._store.catalogue.listing(words, filters, offset, limit)

    def claims(self, name: str) -> Iterator[Told | Rejected]:
        """Yield who said what in an indexed article, or in each article at a path, indexed or not.

        A file or folder of that name goes before an article of that id. Raises SaidsoError when there is neither.
        """
        path = Path(name)
        if path.exists():
            yield from _claims_at(path)
        elif told := self.told(name):
            yield told
        else:
            raise SaidsoError(
                f"There is no file, folder or article {name!r}; `saidso articles` lists the articles there are."
            )

    def who_said(self, filters: Filters, words: str = "", k: int = 20) -> list[Said]:
        """Return at most `k` claims that fit the filters: the nearest to `words` first, or without words by date.

        Raises SaidsoError where neither words nor a speaker, stance or cue are given.
        """
        catalogue = self._store.catalogue
        if words.strip():
            hits = search(self._store, words, max(k, _LOOK_DEPTH), filters)
            found = self._nearest(words, catalogue.claims_in([hit.passage.id for hit in hits], filters))[:k]
        elif filters.of_claims:
            found = catalogue.claims_by(filters, k)
        else:
            raise SaidsoError("Nobody and nothing is asked for; give a speaker, a stance, or words on what was said.")
        articles = catalogue.briefly({id_ for id_, _ in found})
        return [Said(articles[id_], claim) for id_, claim in found if id_ in articles]

    def _nearest(self, words: str, claims: Sequence[tuple[str, Claim]]) -> list[tuple[str, Claim]]:
        """Return claims in the order of how near in meaning what was said is to `words`."""
        told = [" ".join(piece.text for piece in claim.content) for _, claim in claims]
        vectors = self._store.embedder.embed([words, *told])
        nearness = (vectors[1:] @ vectors[0]).tolist()
        return [claims[at] for at in sorted(range(len(claims)), key=lambda at: -nearness[at])]

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the embedding model's tokenizer makes of a text."""
        return self._store.embedder.count_tokens(text)

    def told(self, article_id: str) -> Told | None:
        """Return who said what in an indexed article, or None where there is none of this id."""
        article = self.article(article_id)
        return Told(article_id, self._store.catalogue.claims_of(article_id), article.text) if article else None

    def speakers(self, words: str, most: int) -> list[tuple[str, int]]:
        """Return (name, number of claims) of the `most` quoted speakers whose naming has all of `words`, each once."""
        found: dict[str, int] = {}
        for naming, claims in self._store.catalogue.most_quoted(words, _NAMINGS * most):
            name = next((known for known in found if same_speaker(naming, known)), naming)
            found[name] = found.get(name, 0) + claims
        return sorted(found.items(), key=lambda item: -item[1])[:most]

    def claims_by(
        self, filters: Filters, article_id: str | None = None, offset: int = 0, limit: int = 50
    ) -> tuple[int, list[tuple[Article, Claim]]]:
        """Return how many claims of the index fit, and `limit` of them by date, each with its article (no text)."""
        catalogue = self._store.catalogue
        claims = catalogue.claims_by(filters, limit, offset, article_id)
        articles = catalogue.briefly({id_ for id_, _ in claims})
        told = [(articles[id_], claim) for id_, claim in claims if id_ in articles]
        return catalogue.count_claims(filters, article_id), told

    def candidates_for(self, claims: Sequence[tuple[Article, Claim]]) -> list[list[str]]:
        """Return for each claim of the index whom a speaker without a name may stand for, the nearest first."""
        near: dict[tuple[str, Claim], list[str]] = {}
        for id_ in {article.id for article, claim in claims if claim.speaker and claim.name is None}:
            if told := self.told(id_):
                found = nearest(told.text, told.claims)
                near.update({(id_, claim): names for claim, names in zip(told.claims, found, strict=True)})
        return [near.get((article.id, claim), []) for article, claim in claims]

    def holdings(self) -> Holdings:
        """Return what is indexed."""
        return self._store.catalogue.holdings()

    def unsearchable(self) -> str | None:
        """Say why nothing can be searched, where the vectors are on a server that does not answer."""
        try:
            self._store.vectors.count()
        except SaidsoError as error:
            return str(error)
        return None

    def made_with(self) -> dict[str, dict[str, Any]]:
        """Return what answers depend on beside the articles: `models`, each with a hash, and `settings`."""
        models = {"embedding": self._store.embedder.name, "reader": self._reader.name, "claims": found_by()}
        return {"models": models, "settings": {"answer_threshold": self._threshold}}

    @property
    def generation(self) -> str | None:
        """What changes with every change of the index; None where the data folder has never held an article."""
        return self._store.catalogue.fact("generation")

    def is_fresh(self) -> bool:
        """Whether the data folder has never held an article."""
        return self.generation is None

    def _nothing_found(self, asked: Question, hits: Sequence[Hit]) -> str:
        if hits:
            return "The articles do not hold an answer to this question."
        if self.holdings().articles:
            then = asked.since or asked.until
            return f"No article{' of the days that are asked about' if then else ''} fits the filters."
        return "No articles are indexed yet. Add some with `saidso ingest PATH` or on the page."


def _then(asked: Question, filters: Filters) -> Filters:
    """Keep the days that a question names, unless it wants a speaker's words: of these the saying is dated."""
    return filters if asked.speaker else filters.within(asked.since, asked.until)


def _claims_at(path: Path) -> Iterator[Told | Rejected]:
    for file in find_files([path]):
        for item, _ in [(file, 0)] if isinstance(file, Rejected) else read_file(file):
            yield item if isinstance(item, Rejected) else Told(item.id, find_claims(item.text), item.text)


def choose(reading: Reading) -> list[Evidence]:
    """Return the evidence worth saying, best first, each thing once.

    A named speaker's own words go before all others, and so does every plain yes or no: one must not hide the other.
    """
    own = [evidence for evidence in reading.evidence if evidence.by_speaker or evidence.verdict]
    pool = own or reading.evidence
    most = _MOST_STATEMENTS_TO_THE_POINT if own else _MOST_STATEMENTS
    least = pool[0].score * (_WORTH_SAYING_TO_THE_POINT if own else _WORTH_SAYING) if pool else 0.0
    chosen: list[Evidence] = []
    for evidence in pool:
        if len(chosen) == most or evidence.score < least:
            break
        if not any(evidence.verdict == other.verdict and _alike(evidence.text, other.text) for other in chosen):
            chosen.append(evidence)
    return chosen


def _alike(one: str, other: str) -> bool:
    a, b = set(one.casefold().split()), set(other.casefold().split())
    return len(a & b) >= _SAME * min(len(a), len(b))


def _statement(marker: int, evidence: Evidence) -> Statement:
    citation = Citation.of(marker, evidence.passage, evidence.sentence.start, evidence.sentence.end, evidence.text)
    return Statement(_attribution(evidence), citation, evidence.claims, evidence.verdict)


def _attribution(evidence: Evidence) -> str:
    """Say whose words the sentence reports, or else which article it stands in."""
    passage = evidence.passage
    where = passage.source or passage.title or passage.article_id
    speaker = evidence.said_by or next((claim.said_by for claim in evidence.claims if claim.speaker), None)
    if speaker is None:
        return where
    return f"{where}, of “{speaker}”" if speaker.casefold() in PRONOUNS else speaker[0].upper() + speaker[1:]


def _short(asked: Question, chosen: Sequence[Evidence]) -> str | None:
    """Return the bare answer of the best evidence: of who said it, the name; what everybody says is no one name."""
    if not chosen or asked.everybody:
        return None
    best = chosen[0]
    if asked.kind is Kind.WHO_SAID and best.said_by:
        return best.said_by
    return best.within(best.short) if best.short else None


def _closest(reading: Reading, hits: Sequence[Hit]) -> tuple[Citation, ...]:
    spans = [(one.passage, one.sentence) for one in reading.closest[:_CLOSEST]] or [
        (hit.passage, Span(hit.passage.start, hit.passage.end)) for hit in hits[:_CLOSEST]
    ]
    return tuple(Citation.of(n, passage, span.start, span.end) for n, (passage, span) in enumerate(spans, start=1))


class _Clock:
    """Milliseconds a stage; tells the listener when one begins."""

    def __init__(self, on_stage: Callable[[str], None]) -> None:
        self._on_stage = on_stage
        self._began = perf_counter()
        self._stages: list[tuple[str, float]] = []

    def stage(self, name: str) -> None:
        self._stages.append((name, perf_counter()))
        self._on_stage(name)

    def stop(self) -> dict[str, float]:
        ends = [began for _, began in self._stages[1:]] + [perf_counter()]
        spent = {name: (end - began) * 1000 for (name, began), end in zip(self._stages, ends, strict=True)}
        return {**spent, "total": (ends[-1] - self._began) * 1000}
