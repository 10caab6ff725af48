"""What a person sees on the terminal: results on standard output, progress and errors on standard error."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from assistant.answer import Answer
from assistant.assistant import Told
from assistant.citations import Citation
from assistant.prose import Prose
from assistant.scope import scope
from assistant.tokens import Token
from assistant.widget_keys import WidgetKey
from assistant.widget_log import Use, moment
from index.articles import Article
from index.catalogue import Holdings
from index.claims import nearest
from index.doctor import Finding as Examined
from index.ingest import IngestReport
from index.ingest import Progress as IngestProgress
from index.search import Hit
from index.store import Step

if TYPE_CHECKING:
    from assistant.verification import Finding

_STAGES = {"claims": "finding who said what", "vectors": "reading for search"}


class Terminal:
    """Readable output by rich, which leaves colours away where the output is not a terminal."""

    def __init__(self) -> None:
        self._out = Console(highlight=False)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def error(self, sentence: str) -> None:
        """Print one sentence on standard error."""
        self._err.print(Text(sentence, style="red"))

    def say(self, sentence: str) -> None:
        """Print one sentence on standard output."""
        self._out.print(Text(sentence), soft_wrap=True)

    def note(self, sentence: str) -> None:
        """Print one sentence beside the result, on standard error."""
        self._err.print(Text(sentence, style="dim"))

    @contextmanager
    def progress(self) -> Iterator[Callable[[IngestProgress], None]]:
        """Show a progress bar with an estimate while the block runs; nothing where there is no terminal."""
        with self._bar() as bar:
            task = bar.add_task("reading", total=None)

            def show(progress: IngestProgress) -> None:
                total = progress.total_bytes or None
                bar.update(task, completed=progress.done_bytes, total=total, description=_how_far(progress))

            yield show

    @contextmanager
    def steps(self) -> Iterator[Callable[[Step], None]]:
        """Show a progress bar of one stage after the other while the block runs; nothing where there is no terminal."""
        with self._bar() as bar:
            task = bar.add_task("looking", total=None)

            def show(step: Step) -> None:
                bar.update(task, completed=step.done, total=step.total or None, description=_STAGES[step.stage])

            yield show

    def _bar(self) -> Progress:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        return Progress(*columns, console=self._err, disable=not self._err.is_terminal)

    def examined(self, finding: Examined) -> None:
        """Print what one check of the data folder has found."""
        sign, style = ("✗ ", "red") if finding.state == "found" else ("✓ ", "green")
        ended = ", mended" if finding.mended else ""
        self._out.print(Text(sign, style=style) + Text(f"{finding.check}: {finding.found or 'fine'}{ended}"))

    def ingested(self, report: IngestReport) -> None:
        """Sum up an ingestion in a line."""
        parts = [
            (len(report.added), "added"),
            (len(report.replaced), "replaced"),
            (report.unchanged, "unchanged"),
            (len(report.rejected), "rejected"),
        ]
        words = ", ".join(f"{count:,} {what}" for count, what in parts if count)
        self.say(f"Articles: {words or 'none found'}. New passages: {report.passages:,}.")

    def answer(self, answer: Answer) -> None:
        """Print an answer, or the abstention with the closest passages; before it, which articles it was asked of."""
        if kept := scope(answer.filters, answer.undated):
            self._out.print(Text(kept, style="dim"), end="\n\n")
        if answer.standalone:
            self._out.print(Text(f"Understood as: {answer.standalone}", style="dim"), end="\n\n")
        if answer.abstained:
            self._out.print(Text(answer.text, style="yellow"))
            if answer.closest:
                self._out.print(Text("\nClosest passages, which are not an answer:", style="dim"))
            for citation in answer.closest:
                self._cited(citation)
            return
        if answer.disagreement:
            self._accounts(answer)
        if answer.short_answer:
            self._out.print(Text(answer.short_answer, style="bold green"), end="\n\n")
        if answer.prose:
            self._prose(answer.prose)
        else:
            for statement in answer.statements:
                self._out.print(Text.assemble((statement.lead, "bold"), ":"))
                self._cited(statement.citation)
        if answer.note:
            self._out.print(Text(answer.note, style="yellow"))
        self._out.print(Text(f"Confidence {answer.confidence:.0%}", style="dim"))

    def _prose(self, prose: Prose) -> None:
        """Print what a language model wrote, what is not borne out struck through, and then what it rests on."""
        text = Text()
        for sentence in prose.sentences:
            if sentence.fault is None:
                text.append(f"{sentence.text} ")
            elif prose.shows_struck:
                text.append(sentence.text, style="strike dim").append(f" ({sentence.fault}) ", style="yellow")
        self._out.print(text, end="\n\n")
        for citation in prose.citations:
            self._cited(citation)
        self._out.print(Text(f"Written by {prose.model}, each sentence held against the quotes.", style="dim"))

    def _accounts(self, answer: Answer) -> None:
        """Print where the accounts differ: the sentence, and a line for each position."""
        self._out.print(Text(answer.disagreement or "", style="bold"), end="\n\n")
        table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column("account", overflow="fold", style="green", max_width=40)
        table.add_column("of", overflow="fold")
        table.add_column("said in", style="cyan", no_wrap=True)
        for account in answer.accounts:
            markers = " ".join(f"[{marker}]" for marker in account.citations)
            table.add_row(escape(account.position), escape(", ".join(account.speakers)), escape(markers))
        self._out.print(Padding(table, (0, 0, 1, 2)))

    def _cited(self, citation: Citation) -> None:
        where = " · ".join(
            filter(None, (citation.source, citation.title or citation.article_id, citation.published[:10]))
        )
        quote = Text.assemble(f"“{citation.quote}” ", (f"[{citation.marker}]", "cyan"))
        self._out.print(Padding(quote, (0, 0, 0, 2)))
        self._out.print(Padding(Text(f"— {where}", style="dim"), (0, 0, 1, 2)))

    def verified(self, findings: Sequence[Finding]) -> None:
        """Print what a receipt's verification found, a line each, and in a line what it comes to."""
        for finding in findings:
            sign = Text("✗ ", style="red") if finding.changed else Text("✓ ", style="green")
            self._out.print(sign + Text(finding.sentence), soft_wrap=True)
        changed = sum(finding.changed for finding in findings)
        self.say("All of it holds." if not changed else f"{changed:,} of {len(findings):,} things have changed.")

    def hits(self, hits: Sequence[Hit]) -> None:
        """Print ranked passages."""
        if not hits:
            self.say("No passage found. Is anything indexed? `saidso articles` lists it.")
        for rank, hit in enumerate(hits, start=1):
            passage = hit.passage
            where = " · ".join(
                filter(None, (passage.source, passage.title or passage.article_id, passage.published[:10]))
            )
            self._out.print(Text.assemble((f"{rank}. ", "cyan"), (where, "bold"), (f"  {hit.score:.3f}", "dim")))
            self._out.print(Padding(Text(passage.text), (0, 0, 1, 3)))

    def articles(self, articles: Sequence[Article], holdings: Holdings) -> None:
        """Print a table of the indexed articles."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("id", "date", "outlet", "title"):
            table.add_column(heading, overflow="fold")
        for article in articles:
            fields = (article.id, article.published[:10], article.source, article.title)
            table.add_row(*(escape(field) for field in fields))
        if articles:
            self._out.print(table)
        self.say(f"{holdings.articles:,} articles, {holdings.passages:,} passages.")

    def tokens(self, tokens: Sequence[Token], expired: Collection[int]) -> None:
        """Print a table of access tokens, times in UTC; those whose id is in `expired` open nothing any more."""
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
        for heading in ("name", "scope", "created", "last used", "expires", "begins with"):
            table.add_column(heading, overflow="fold")
        for token in tokens:
            over = " (over)" if token.id in expired else ""
            last_used = (token.last_used or "never")[:16].replace("T", " ")
            times = (token.created[:10], last_used, f"{(token.expires or 'never')[:10]}{over}")
            table.add_row(escape(token.name), token.permission.scope, *times, f"{token.first_letters}…")
        self._out.print(table)

    def claims(self, told: Told) -> None:
        """Print who said what in an article."""
        self._out.print(Text(told.article_id, style="bold"))
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("who", "cue", "stance", "what"):
            table.add_column(heading, overflow="fold", ratio=3 if heading == "what" else 1)
        for claim, near in zip(told.claims, nearest(told.text, told.claims), strict=True):
            said = " … ".join(piece.text for piece in claim.content)
            who, cue = (" ".join(piece.text.split()) if piece else "–" for piece in (claim.speaker, claim.cue))
            if claim.name and claim.name.casefold() != who.casefold():
                who = f"{who} ({claim.name})"
            elif near:
                who = f"{who} ({' or '.join(near)}?)"
            table.add_row(*map(escape, (who, cue, claim.stance, f"“{said}”" if claim.direct else said)))
        if told.claims:
            self._out.print(table)
        self.say(f"{len(told.claims):,} claims.")

    def article(self, article: Article) -> None:
        """Print one article whole."""
        self._out.print(Text(article.title or article.id, style="bold"))
        facts = (article.source, ", ".join(article.authors), article.published, article.url, article.origin)
        self._out.print(Text(" · ".join(filter(None, facts)), style="dim"), end="\n\n")
        self._out.print(Text(article.text), soft_wrap=True)

    def widgets(self, keys: Sequence[WidgetKey]) -> None:
        """Print a table of the publish keys."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("name", "key", "origins", "only", "limits", "ends"):
            table.add_column(heading, overflow="fold", no_wrap=heading == "key")
        for key in keys:
            only = "; ".join(f"{name}: {value}" for name, value in key.as_json()["filters"].items())
            limits = f"{key.per_visitor} a visitor, {key.per_day}"
            row = (key.name, key.key, "\n".join(key.origins), only, limits, moment(key.ends) if key.ends else "")
            table.add_row(*map(escape, row))
        if keys:
            self._out.print(table)
        else:
            self.say("No widget; `saidso widget create NAME --origin https://portal.example` makes one.")

    def uses(self, uses: Sequence[Use]) -> None:
        """Print a table of what a widget was used for."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        headings = ("time", "what", "origin", "visitor", "status", "answer", "ms", "question")
        for heading in headings if any(use.question is not None for use in uses) else headings[:-1]:
            table.add_column(
                heading, overflow="fold", no_wrap=heading == "time", justify="right" if heading == "ms" else "left"
            )
        for use in uses:
            ended = {None: "", True: "abstained", False: "answered"}[use.abstained]
            status = "broken off" if use.status is None else str(use.status)
            ms = "" if use.ms is None else f"{use.ms:,.0f}"
            question = "".join(
                sign if sign.isprintable() else " " for sign in use.question or ""
            )  # a stranger wrote it
            row = (use.time, use.what, use.origin, use.visitor, status, ended, ms, question)
            table.add_row(*map(escape, row[: len(table.columns)]))
        self._out.print(table) if uses else self.say("Not used yet.")


def _how_far(progress: IngestProgress) -> str:
    """Say how many articles are in, and what is being done with the next ones."""
    articles, step = f"{progress.articles:,} articles", progress.step
    return f"{articles}, {_STAGES[step.stage]} {step.done / max(1, step.total):.0%}" if step else articles
