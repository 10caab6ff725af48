"""The command line: a thin layer over Assistant; every command speaks to people, or JSON with --json."""

from __future__ import annotations

import gzip
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.answer import Answer, claim_as_json
from assistant.assistant import Assistant
from assistant.conversations import Conversations
from assistant.doctor_command import backup_command, doctor_command, reindex_command, restore_command
from assistant.evaluation.command import eval_app
from assistant.feedback import export
from assistant.followup import Exchange, read_history, standalone_question
from assistant.options import DataDir, Json, print_json
from assistant.settings import Settings
from assistant.terminal import Terminal
from assistant.token_command import token_app
from assistant.widget_command import widget_app
from index.articles import Article, Rejected
from index.claims import nearest
from index.errors import SaidsoError
from index.filters import Filters, parse_day
from index.memory import keep_freed, memory_watched, nothing_collected
from index.workers import workers_at

DONE, FAILED, USAGE, SOME_REJECTED, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask questions of news articles: who said what, in the exact words, with no network and no language model.",
    epilog="Start with: saidso ingest FOLDER, then saidso ask QUESTION, or saidso serve for the page in a browser.",
)
articles_app = typer.Typer(help="List, show or remove the indexed articles.", invoke_without_command=True)
app.add_typer(articles_app, name="articles")
app.add_typer(eval_app, name="eval")
feedback_app = typer.Typer(no_args_is_help=True, help="What people thought of answers on the page.")
app.add_typer(feedback_app, name="feedback")
app.add_typer(token_app, name="token")
app.add_typer(widget_app, name="widget")
app.command("doctor")(doctor_command)
app.command("reindex")(reindex_command)
app.command("backup")(backup_command)
app.command("restore")(restore_command)

Sources = Annotated[list[str] | None, typer.Option("--source", help="Only articles of this outlet; may be repeated.")]
Since = Annotated[str | None, typer.Option("--from", help="Only articles of this day or later, YYYY-MM-DD.")]
Until = Annotated[str | None, typer.Option("--to", help="Only articles of this day or earlier, YYYY-MM-DD.")]
Speaker = Annotated[
    str | None, typer.Option("--speaker", help="Only what this person or body, or who speaks for it, is quoted with.")
]
Stances = Annotated[
    list[str] | None, typer.Option("--stance", help="Only what is told so: says, claims, denies, …; may be repeated.")
]
Cue = Annotated[str | None, typer.Option("--cue", help="Only what is reported with these words, such as “denied”.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="Ask as on this day, YYYY-MM-DD: nothing later counts; “last week” is reckoned from it."
    ),
]
QuestionText = Annotated[str | None, typer.Argument(help="The question, in quotation marks.", show_default=False)]
QuestionFile = Annotated[
    Path | None,
    typer.Option("--file", help="A JSONL file of questions ({id, question, as_of}) instead of one question."),
]


def main() -> None:
    """Run the command line; turn errors into plain sentences and exit codes, never a traceback."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `saidso … | head` ends quietly
    try:
        with memory_watched():
            app()
    except SaidsoError as error:
        Terminal().error(str(error))
        sys.exit(FAILED)


@app.command("ingest")
def ingest_command(
    paths: Annotated[
        list[Path], typer.Argument(help="Files and folders: txt, md, html, pdf, docx, eml, json, jsonl(.gz).")
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Read articles in. Unchanged ones are passed over, changed ones replaced; run it again after an interruption."""
    settings, terminal = Settings.from_environment(data_dir), Terminal()
    keep_freed()
    try:
        with terminal.progress() as show, workers_at(settings.ray_address, settings.embedding_model) as workers:
            report = Assistant.open(settings, workers).ingest(paths, show)
    except KeyboardInterrupt:
        terminal.error("Interrupted. What was stored stays; run the same command again to go on.")
        raise typer.Exit(INTERRUPTED) from None
    for rejected in report.rejected:
        terminal.error(f"{rejected.origin}: {rejected.reason}")
    if as_json:
        counts = {"added": report.added, "replaced": report.replaced, "unchanged": report.unchanged}
        rejected_json = [{"origin": item.origin, "reason": item.reason} for item in report.rejected]
        print_json({**counts, "passages": report.passages, "rejected": rejected_json})
    else:
        terminal.ingested(report)
    raise typer.Exit(SOME_REJECTED if report.rejected else DONE)


@dataclass(frozen=True)
class Questions:
    """What `ask` and `search` are told alike: what to ask, of which articles, where they lie, and how to print."""

    question: QuestionText = None
    file: QuestionFile = None
    sources: Sources = None
    since: Since = None
    until: Until = None
    speaker: Speaker = None
    stances: Stances = None
    cue: Cue = None
    as_of: AsOf = None
    data_dir: DataDir = None
    as_json: Json = False

    @property
    def filters(self) -> Filters:
        """The articles to look at, and whose words. Raises SaidsoError for what is no date and what is no stance."""
        sources, stances = tuple(self.sources or ()), tuple(self.stances or ())
        return Filters.parse(sources, self.since, self.until, self.speaker, stances, self.cue, self.as_of)


def _of_questions(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Questions` in the place of its first parameter."""
    shared, own = (inspect.signature(of, eval_str=True).parameters for of in (Questions, command))

    @wraps(command)
    def run(**given: Any) -> None:
        command(Questions(**{name: given.pop(name) for name in shared}), **given)

    parameters = [one.replace(kind=one.KEYWORD_ONLY) for one in (*shared.values(), *list(own.values())[1:])]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    return run


@app.command("ask")
@_of_questions
def ask_command(
    questions: Questions,
    receipt: Annotated[
        Path | None,
        typer.Option(help="Write the answer with all it rests on into this file, .html or .json; see `saidso verify`."),
    ] = None,
    extractive: Annotated[bool, typer.Option(help="Quotes alone, though a language model is configured.")] = False,
) -> None:
    """Answer a question with cited quotes, or say that the articles do not hold the answer."""
    if receipt and questions.file:
        raise typer.BadParameter("a receipt is of one answer; give a question instead of --file.")
    filters, terminal = questions.filters, Terminal()
    keep = _keeper(receipt) if receipt else None

    def ask(assistant: Assistant, asked: Asked) -> None:
        only = asked.then(filters)
        answer = assistant.ask(asked.question, only, asked.id, history=asked.history, extractive=extractive)
        if keep:
            keep(assistant, answer)
        print_json(answer.as_json()) if questions.as_json else terminal.answer(answer)

    raise typer.Exit(_each_question(questions, ask))


def _keeper(file: Path) -> Callable[[Assistant, Answer], None]:
    """Return what writes an answer's receipt into `file`. Raises SaidsoError where its name is not a receipt's."""
    from assistant.receipt import Receipt
    from assistant.receipt_file import kind_of, write_receipt

    kind_of(file)  # before anything is asked
    return lambda assistant, answer: write_receipt(Receipt.of(assistant, answer), file)


@app.command("search")
@_of_questions
def search_command(
    questions: Questions,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many passages.")] = 10,
) -> None:
    """Show the passages that fit a question best, without answering it."""
    filters, terminal = questions.filters, Terminal()

    def search(assistant: Assistant, asked: Asked) -> None:
        hits = assistant.search(standalone_question(asked.question, asked.history), k, asked.then(filters))
        if questions.as_json:
            passages = [hit.as_json() for hit in hits]
            print_json({"id": asked.id, "question": asked.question, "passages": passages})
        else:
            terminal.hits(hits)

    raise typer.Exit(_each_question(questions, search))


@app.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(help="A receipt that `saidso ask --receipt` or the page has written.")],
    again: Annotated[bool, typer.Option("--again", help="Ask the question again, and compare the answers.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Hold a receipt against the index: is it unaltered, do its quotes still stand, what has changed since."""
    from assistant.verification import verify

    findings = verify(_open(data_dir), file, again)
    holds = not any(finding.changed for finding in findings)
    if as_json:
        print_json({"file": str(file), "holds": holds, "findings": [finding.as_json() for finding in findings]})
    else:
        Terminal().verified(findings)
    raise typer.Exit(DONE if holds else SOME_REJECTED)


@app.command("claims")
def claims_command(
    names: Annotated[
        list[str], typer.Argument(metavar="PATH|ARTICLE_ID...", help="Files and folders, or ids of indexed articles.")
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show who said what in an article, indexed or not: speaker, cue, the words, and what the cue makes of them."""
    assistant, terminal, rejected = _open(data_dir), Terminal(), 0
    for name in names:
        for item in assistant.claims(name):
            if isinstance(item, Rejected):
                rejected += 1
                terminal.error(f"{item.origin}: {item.reason}")
            elif as_json:
                for claim, near in zip(item.claims, nearest(item.text, item.claims), strict=True):
                    print_json({**claim_as_json(claim, item.article_id), **({"candidates": near} if near else {})})
            else:
                terminal.claims(item)
    raise typer.Exit(SOME_REJECTED if rejected else DONE)


@app.command("serve")
def serve_command(
    data_dir: DataDir = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on. [default: 127.0.0.1]", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port. [default: 7860]", show_default=False, min=0, max=65535)
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="Serve HTTPS with this certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM), not encrypted.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Serve everybody who reaches the address; nobody has to log in.")
    ] = False,
) -> None:
    """Serve the page. The sample articles are read in on the first start."""
    with nothing_collected():
        from assistant.web.server import serve, warnings_about

    settings = Settings.from_environment(data_dir)
    chosen = replace(
        settings.access,
        certificate=certificate or settings.access.certificate,
        key=key or settings.access.key,
        insecure=insecure,
    )
    settings = replace(
        settings, host=host or settings.host, port=settings.port if port is None else port, access=chosen
    )
    for warning in warnings_about(settings):
        Terminal().error(warning)
    serve(settings)


@app.command("mcp")
def mcp_command(data_dir: DataDir = None) -> None:
    """Let a program that speaks MCP ask, over standard input and output; over HTTP, `saidso serve` does at /mcp."""
    from assistant.mcp_server import make_server
    from assistant.web.startup import Startup

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the thread that reads standard input cannot be interrupted
    startup = Startup(partial(Assistant.open, Settings.from_environment(data_dir)))
    server = make_server(startup.wait)
    startup.begin()
    server.run()
    if not startup.end():
        os._exit(DONE)  # a model is still loading, and native code would abort a tidy exit


@articles_app.callback()
def articles_command(context: typer.Context, data_dir: DataDir = None, as_json: Json = False) -> None:
    """List, show or remove the indexed articles."""
    if context.invoked_subcommand is None:
        list_command(data_dir, as_json)


@articles_app.command("list")
def list_command(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List what is indexed, by date."""
    assistant = _open(data_dir)
    if as_json:
        for article in assistant.articles():
            print_json(_article_json(article, with_text=False))
    else:
        Terminal().articles(assistant.articles(), assistant.holdings())


@articles_app.command("show")
def show_command(article_id: Annotated[str, typer.Argument()], data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show one article whole."""
    article = _open(data_dir).article(article_id)
    if article is None:
        raise SaidsoError(f"There is no article {article_id!r}; `saidso articles` lists those there are.")
    print_json(_article_json(article, with_text=True)) if as_json else Terminal().article(article)


@articles_app.command("remove")
def remove_command(
    article_ids: Annotated[list[str], typer.Argument()], data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Remove articles and all that was derived from them."""
    assistant = _open(data_dir)
    unknown = [id_ for id_ in dict.fromkeys(article_ids) if assistant.article(id_) is None]
    removed = assistant.remove([id_ for id_ in article_ids if id_ not in unknown])
    for id_ in unknown:
        Terminal().error(f"There is no article {id_!r}; `saidso articles` lists those there are.")
    print_json({"removed": removed, "unknown": unknown}) if as_json else Terminal().say(f"Articles removed: {removed}.")
    raise typer.Exit(DONE if not unknown else SOME_REJECTED if removed else FAILED)


@feedback_app.callback()
def feedback_command() -> None:
    """What people thought of answers on the page."""


@feedback_app.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="The question set to write, as JSON lines.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write the answers that were marked as a question set, which `saidso eval` scores."""
    count = export(Conversations(Settings.from_environment(data_dir).database_url), out)
    told = f"{out}: {count} marked {'answer' if count == 1 else 'answers'}. Score with: saidso eval {out}"
    print_json({"questions": count, "file": str(out)}) if as_json else Terminal().say(told)


@dataclass(frozen=True)
class Asked:
    """A question, and the id and the day of asking (yyyymmdd) that its file gives it."""

    question: str
    id: str | None = None
    history: tuple[Exchange, ...] = ()
    as_of: int | None = None

    def then(self, filters: Filters) -> Filters:
        """Return the filters, as of the question's own day where it has one."""
        return replace(filters, as_of=self.as_of) if self.as_of else filters


def _each_question(questions: Questions, act: Callable[[Assistant, Asked], None]) -> int:
    """Open the index, act on the one question or on each of the file's in order, and return the exit code."""
    question, file = questions.question, questions.file
    if (question is None) == (file is None):
        raise typer.BadParameter("give either a question or --file, not both and not none.")
    if file is None:
        with nothing_collected():  # in it the models are loaded, and after it all ends
            act(_open(questions.data_dir), Asked(question or ""))
        return DONE
    rejected = 0
    lines = _lines(file)
    assistant = _open(questions.data_dir)
    for number, line in lines:
        try:
            act(assistant, _parsed(line))
        except SaidsoError as error:
            rejected += 1
            Terminal().error(f"{file}, line {number}: {error}")
    return SOME_REJECTED if rejected else DONE


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) of a text file, gzipped or not, without the empty ones."""
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8-sig") as stream:
            yield from ((number, line) for number, line in enumerate(stream, start=1) if line.strip())
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SaidsoError(f"The question file {file} cannot be read as UTF-8 text ({error}).") from error


def _parsed(line: str) -> Asked:
    try:
        fields = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SaidsoError(f"this is not a JSON object ({error}).") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("question"), str):
        raise SaidsoError(
            'a question is an object with a text under "question", for example {"id": "1", "question": "Who …?"}.'
        )
    id_, as_of = fields.get("id"), fields.get("as_of")
    return Asked(
        fields["question"],
        None if id_ is None else str(id_),
        read_history(fields.get("history") or []),
        None if as_of is None else parse_day(str(as_of)),
    )


def _open(data_dir: Path | None) -> Assistant:
    with nothing_collected():
        return Assistant.open(Settings.from_environment(data_dir))


def _article_json(article: Article, with_text: bool) -> dict[str, Any]:
    fields = asdict(article)
    return fields if with_text else {name: value for name, value in fields.items() if name != "text"}
