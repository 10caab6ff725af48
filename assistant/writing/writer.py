"""Prose for an answer that stands already: written by a model, each sentence verified before it counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from threading import Thread

from assistant.answer import Account, Answer
from assistant.followup import Exchange
from assistant.prose import Prose, Written
from assistant.question import understand
from assistant.reader import Evidence
from assistant.writer_settings import LEAVE_OUT, WriterSettings
from assistant.writing import prompt
from assistant.writing.exhibits import Exhibit, choose
from assistant.writing.instructions import speaks_to_a_model
from assistant.writing.model import Model, ModelError
from assistant.writing.support import Embed
from assistant.writing.verification import Verifier
from index.catalogue import Passage
from index.embedder import Embedder
from index.errors import SaidsoError
from index.passages import split_sentences
from index.people import named_in

OnText = Callable[[str], None]
_MARKERS_BEHIND = re.compile(r"([.!?][”’\"']?)((?:\s*\[\d[\d ,;–-]*\])+)")
_OPEN_MARKER = re.compile(r"\[[\d ,;–-]*")  # of the sentence before, still being written
_MOST_SENTENCES = 40
_LONGEST_QUESTION = 2000  # characters; a model that goes on has not put a question
_PARTIES = re.compile(
    r"\b(?:each|every|all|both|different|the)\s+(?:\w+\s+)?(?:part(?:y|ies)|sides?|speakers?)\b", re.IGNORECASE
)


class Writer:
    """Writes with one model. `embed` gives unit vectors, `count` the tokens of a text."""

    def __init__(self, model: Model, settings: WriterSettings, embed: Embed, count: Callable[[str], int]) -> None:
        self.model = model
        self._settings = settings
        self._embed = embed
        self._count = count

    @classmethod
    def open(cls, settings: WriterSettings, embedder: Embedder) -> Writer:
        """Return the writer that the settings name; its model is not asked for anything yet."""
        return cls(Model.open(settings), settings, embedder.embed, embedder.count_tokens)

    def write(
        self,
        answer: Answer,
        cited: Sequence[Evidence],
        further: Sequence[Passage],
        text_of: Callable[[str], str],
        on_text: OnText,
    ) -> Prose:
        """Return prose for an answer from what it `cited` and from `further` passages, the best first.

        Articles that speak to a model (`text_of` gives their text) are kept from it. `on_text` is told each sentence as
        soon as it is verified, and "" as often as the model has written something: what it raises stops the model.
        Raises ModelError where the model gives nothing that can be shown.
        """
        kept = _Kept(text_of)
        shown_first = [(one.passage, one.sentence) for one in cited if kept.may_show(one.passage)]
        others = [passage for passage in further if kept.may_show(passage)]
        budget = self._settings.context - prompt.OVERHEAD - prompt.ANSWER
        exhibits = choose(shown_first, others, budget, self._count)
        if not exhibits:
            raise ModelError("there is no passage that may be shown to a language model")
        verifier = Verifier(answer.standalone_question, exhibits, answer.citations, self._embed)
        prose = Prose(self.model.name, (), answer.citations, self._settings.unsupported != LEAVE_OUT)
        for sentence in self._verified(answer, exhibits, verifier):
            if sentence is None:
                on_text("")
                continue
            told = prose.shown(sentence)
            on_text(f" {told}" if told and prose.text else told)
            prose = replace(prose, sentences=(*prose.sentences, sentence))
        if not any(sentence.markers for sentence in prose.sentences):
            name = self.model.name
            wrote = f"the passages do not bear out what {name} wrote" if prose.sentences else f"{name} wrote nothing"
            raise ModelError(wrote)
        return replace(prose, citations=tuple(verifier.citations))

    def standing_alone(self, question: str, history: Sequence[Exchange], by_rule: str, on_text: OnText) -> str:
        """Return the question as the model puts it by itself; as it is `by_rule` where that cannot be trusted.

        It may name nobody and nothing that the conversation does not, and has to be one question. `on_text` is told ""
        as often as the model has written something: what it raises stops the model.
        """
        alone = ""
        try:
            with closing(self.model.write(prompt.standing_alone(question, history))) as pieces:
                for piece in pieces:
                    on_text("")
                    alone += piece
                    if len(alone) > _LONGEST_QUESTION:
                        return by_rule
            alone = " ".join(alone.split()).strip(' "“”')
            understand(alone)
        except SaidsoError:
            return by_rule
        said = " ".join([question, by_rule, *(f"{turn.question} {turn.answer}" for turn in history)]).casefold()
        strange = any(
            word.casefold() not in said
            for named in named_in(alone)
            for word in re.findall(r"[\w’'-]+", alone[named.start : named.end])
        )
        return by_rule if strange or not alone.endswith("?") or alone.count("?") > 1 else alone

    def _verified(self, answer: Answer, exhibits: Sequence[Exhibit], verifier: Verifier) -> Iterator[Written | None]:
        """Yield the sentences of all that is written, verified, each once; None for each piece that comes before."""
        known: set[str] = set()
        preparing = Thread(target=verifier.prepare, daemon=True)  # while the model thinks of its first sentence
        preparing.start()
        for asked in self._prompts(answer, exhibits):
            for text in self._sentences(asked):
                if text is None:
                    yield None
                    continue
                preparing.join()
                sentence = verifier.check(text)
                if sentence.text not in known:
                    known.add(sentence.text)
                    yield sentence
                if len(known) >= _MOST_SENTENCES:
                    return

    def _prompts(self, answer: Answer, exhibits: Sequence[Exhibit]) -> Iterator[prompt.Prompt]:
        """Yield what the model is asked: all at once, or party by party where that is what the question is about."""
        question, differing = answer.standalone_question, answer.disagreement
        parties = _parties(answer.accounts, exhibits) if _PARTIES.search(question) else []
        if len(parties) < 2:
            yield prompt.answering(question, exhibits, differing)
        for party, theirs in parties if len(parties) > 1 else []:
            yield prompt.answering(question, theirs, None, party)

    def _sentences(self, asked: prompt.Prompt) -> Iterator[str | None]:
        """Yield what the model writes as soon as a sentence, with the markers behind it, is whole; None meanwhile."""
        written = ""
        with closing(self.model.write(asked)) as pieces:
            for piece in pieces:
                yield None
                written += piece
                whole, written = _whole(written)
                yield from whole
        yield from _whole(written, at_end=True)[0]


class _Kept:
    """Which passages may be shown: none of an article that speaks to a model."""

    def __init__(self, text_of: Callable[[str], str]) -> None:
        self._text_of = text_of
        self._known: dict[str, bool] = {}

    def may_show(self, passage: Passage) -> bool:
        id_ = passage.article_id
        if id_ not in self._known:
            about = f"{passage.title}\n{passage.source}\n{self._text_of(id_)}"
            self._known[id_] = not speaks_to_a_model(about)
        return self._known[id_]


def _parties(accounts: Sequence[Account], exhibits: Sequence[Exhibit]) -> list[tuple[str, list[Exhibit]]]:
    """Return who is quoted in the exhibits, each with where, those with most first; accounts' holders before others."""
    theirs: dict[str, list[Exhibit]] = {speaker: [] for account in accounts for speaker in account.speakers}
    for exhibit in exhibits:
        for name in dict.fromkeys(claim.said_by for claim in exhibit.passage.claims if claim.said_by):
            theirs.setdefault(name, []).append(exhibit)
    quoted = [(name, shown_in) for name, shown_in in theirs.items() if shown_in]
    return sorted(quoted, key=lambda party: -len(party[1]))[:6]


def _whole(written: str, at_end: bool = False) -> tuple[list[str], str]:
    """Cut off the sentences that are whole, markers put before their stops; return them and the rest."""
    written = _MARKERS_BEHIND.sub(r"\2\1", written)
    spans = split_sentences(written)
    sentences = [written[span.start : span.end] for span in spans]
    if at_end:
        return [one for one in sentences if one], ""
    if len(sentences) < 2 or _OPEN_MARKER.fullmatch(sentences[-1]):
        return [], written
    return sentences[:-1], written[spans[-1].start :]
