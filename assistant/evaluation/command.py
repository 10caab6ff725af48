"""`saidso eval`: score a question set from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from assistant.assistant import Assistant
from assistant.evaluation.baseline import Baseline
from assistant.evaluation.collection import temporary_collection
from assistant.evaluation.draft import draft_command
from assistant.evaluation.gate import Gate
from assistant.evaluation.gold import QuestionSet
from assistant.evaluation.progress import counting
from assistant.evaluation.questions import read_questions
from assistant.evaluation.run import Run, evaluate
from assistant.evaluation.table import table
from assistant.options import DataDir
from assistant.settings import Settings
from assistant.terminal import Terminal
from index.articles import Rejected
from index.errors import SaidsoError

DONE, FAILED, SOME_REJECTED, INTERRUPTED = 0, 1, 3, 130

Questions = Annotated[Path, typer.Argument(help="A question set: .jsonl(.gz), SQuAD .json, .csv, or a BEIR folder.")]
Articles = Annotated[
    list[Path] | None,
    typer.Option("--articles", help="Score over these files and folders, in an index that is removed afterwards."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Write the run here; an interrupted one goes on from there.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write the report here, as one HTML file.")]
Compared = Annotated[Path | None, typer.Option("--baseline", help="Compare with this earlier run (its --out file).")]
Gates = Annotated[
    list[str] | None,
    typer.Option("--gate", help='Fail unless this holds: "mrr@10>=0.74", "f1>=baseline-0.01"; may be repeated.'),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Ask only so many questions, drawn by --seed.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Fixes the draw of questions and the intervals.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON: the run without its questions, and the gates.")]


class _ScoreUnlessNamed(TyperGroup):
    """`saidso eval QUESTIONS` is `saidso eval score QUESTIONS`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put in the command that is meant where none is named."""
        named = not args or args[0] in self.commands or args[0] == "--help"
        return super().parse_args(ctx, args if named else ["score", *args])


eval_app = typer.Typer(
    cls=_ScoreUnlessNamed,
    no_args_is_help=True,
    help="Score question sets, and draft new ones. `saidso eval QUESTIONS` is `saidso eval score QUESTIONS`.",
)
eval_app.command("draft")(draft_command)


@eval_app.command("score")
def eval_command(
    questions: Questions,
    articles: Articles = None,
    out: Out = None,
    report: Report = None,
    baseline: Compared = None,
    gates: Gates = None,
    limit: Limit = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Score a question set: search, answers, citations, abstention; with intervals, comparison and gates."""
    conditions = _conditions(gates or [], baseline)
    earlier = Baseline.read(baseline) if baseline else None
    asked = read_questions(questions)
    settings = Settings.from_environment(data_dir)
    about = _about(settings, articles or [], limit)
    terminal = Terminal()
    try:
        with (
            _opened(settings, articles or [], asked, out, terminal) as (assistant, rejected),
            counting(sys.stderr) as show,
        ):
            run = evaluate(
                assistant, asked, seed=seed, limit=limit, settings=about, warnings=_sentences(rejected),
                baseline=earlier, out=out, on_progress=show,
            )  # fmt: skip
    except KeyboardInterrupt:
        terminal.error(_interrupted(out))
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(_finish(run, conditions, report, as_json, terminal) or (SOME_REJECTED if rejected else DONE))


def _conditions(gates: Sequence[str], baseline: Path | None) -> list[Gate]:
    """Read the gates. Raises BadParameter, so that a slip is told before an hour of asking."""
    try:
        conditions = [Gate.parse(gate) for gate in gates]
    except SaidsoError as error:
        raise typer.BadParameter(str(error)) from error
    needy = next((gate.text for gate in conditions if gate.against_baseline and baseline is None), None)
    if needy:
        raise typer.BadParameter(f"The gate {needy!r} needs an earlier run; give one with --baseline.")
    return conditions


def _about(settings: Settings, articles: Sequence[Path], limit: int | None) -> dict[str, Any]:
    """Return what of the settings bears on the score; nothing that could be a password."""
    return {
        "embedding_model": settings.embedding_model,
        "answer_threshold": settings.answer_threshold,
        "data_dir": None if articles else str(settings.data_dir),
        "articles": [str(path) for path in articles],
        "limit": limit,
    }


@contextmanager
def _opened(
    settings: Settings, articles: Sequence[Path], asked: QuestionSet, out: Path | None, terminal: Terminal
) -> Iterator[tuple[Assistant, Sequence[Rejected]]]:
    """Yield an assistant over the user's index, or over a temporary one where articles come with the question set."""
    with ExitStack() as stack:
        if not articles and not asked.articles:
            yield stack.enter_context(closing(Assistant.open(settings))), ()
            return
        with terminal.progress() as show:
            temporary = temporary_collection(settings, articles, asked, out, show)
            collection = stack.enter_context(temporary)
        for rejected in collection.rejected:
            terminal.error(f"{rejected.origin}: {rejected.reason}")
        yield collection.assistant, collection.rejected


def _sentences(rejected: Sequence[Rejected]) -> list[str]:
    return [f"Not read in: {item.origin}: {item.reason}" for item in rejected]


def _interrupted(out: Path | None) -> str:
    if out is None:
        return "Interrupted. Nothing was kept; with --out, the same command would go on from here."
    return f"Interrupted. What was done is kept beside {out}; run the same command again to go on."


def _finish(run: Run, conditions: Sequence[Gate], report: Path | None, as_json: bool, terminal: Terminal) -> int:
    """Show the run, write the report, hold the run against the gates; return the exit code."""
    found = run.as_json()
    verdicts = [gate.check(found) for gate in conditions]
    for warning in run.warnings:
        terminal.error(warning)
    if as_json:
        summed = {name: value for name, value in found.items() if name != "questions"}
        typer.echo(json.dumps({**summed, "gates": [verdict.as_json() for verdict in verdicts]}, ensure_ascii=False))
    else:
        terminal.say(table(found))
    if report:
        _write_report(found, report)
    for verdict in verdicts:
        if not verdict.passed:
            terminal.error(verdict.sentence)
        elif not as_json:
            terminal.say(verdict.sentence)
    return DONE if all(verdict.passed for verdict in verdicts) else FAILED


def _write_report(run: dict[str, Any], path: Path) -> None:
    from assistant.evaluation.report import write_report

    try:
        write_report(run, path)
    except OSError as error:
        raise SaidsoError(f"The report {path} cannot be written ({error.strerror}); choose another place.") from error
