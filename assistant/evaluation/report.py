"""An evaluation as one HTML file that needs nothing else: scores, plots, and every question with its evidence."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

from assistant.evaluation import plots
from assistant.evaluation.report_list import (
    VERDICTS,
    Json,
    label,
    listed,
    milliseconds,
    more_is_better,
    number,
    verdict,
)
from assistant.web.wording import counted, day

_FAMILIES = {  # and the beginnings of their metrics' names
    "Answers": ("right", "em", "f1", "contains"),
    "Citations": ("citation", "verbatim"),
    "Who said it, who disagrees": ("speaker", "disagreement"),
    "Abstaining and confidence": ("answer", "abst", "aurc", "ece"),
    "Search": ("",),
}
_MOST_GROUPS = 60
_MOST_CHANGES = 20


def write_report(run: Json, path: Path) -> None:
    """Write the report of `run` to `path`. Parts of the run that are missing are left out."""
    # Half a surrogate pair, which a JSON file may hold, has no place in UTF-8.
    path.write_bytes(render_report(run).encode("utf-8", "replace"))


def render_report(run: Json) -> str:
    """Return the report of `run` as HTML."""
    questions = run.get("questions") or ()
    verdicts = Counter(verdict(question) for question in questions)
    return Template(_template("html")).substitute(
        title=escape(f"Saidso evaluation: {_name(run)}"),
        headline=escape(_headline(verdicts)),
        about=_about(run),
        warnings=_warnings(run.get("warnings") or ()),
        sections="\n".join(filter(None, _sections(run, verdicts))),
        version=escape(str(run.get("saidso") or "")),
        style=_template("css"),
        script=_template("js"),
        script_hash=script_hash(),
        data=_embedded(listed(run)),
    )


def script_hash() -> str:
    """Return the report's one script as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(_template('js').encode()).digest()).decode()}"


def _template(kind: str) -> str:
    return files("assistant.evaluation").joinpath(f"report_template.{kind}").read_text(encoding="utf-8")


def _embedded(value: object) -> str:
    """Return JSON that ends no script element and no line, whatever its strings hold."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


# ── the parts that need no script ───────────────────────────────────────────────────────────────────────────


def _name(run: Json) -> str:
    return Path(str(run.get("questions_file") or "questions")).name


def _headline(verdicts: Mapping[str, int]) -> str:
    asked = sum(verdicts.values())
    scored = asked - verdicts.get("unscored", 0)
    if not scored:
        return f"{counted(asked, 'question')} asked, none with a known answer"
    good = verdicts.get("right", 0) + verdicts.get("rightly", 0)
    return f"{good:,} of {counted(scored, 'question')} answered as they should be"


def _about(run: Json) -> str:
    created, memory = str(run.get("created") or ""), number(run.get("peak_memory_mb"))
    facts = {
        "Questions": _name(run),
        "Run": f"{day(created)} {created[11:16]}".strip(),
        "Saidso": run.get("saidso"),
        "Compared with": Path(str((run.get("baseline") or {}).get("file") or "")).name,
        "Peak memory": None if memory is None else f"{memory:,.0f} MB",
    }
    shown = "".join(f"<li>{name} <b>{escape(str(value))}</b></li>" for name, value in facts.items() if value)
    checksum = {"seed": run.get("seed"), "SHA-256 of the questions": run.get("questions_sha256")}
    listed = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in {**(run.get("settings") or {}), **checksum}.items()
        if value is not None
    )
    made = f'<details class="more"><summary>Settings</summary><dl>{listed}</dl></details>' if listed else ""
    return f'<ul class="facts">{shown}</ul>{made}'


def _warnings(warnings: Sequence[object]) -> str:
    listed = "".join(f"<li>{escape(str(warning))}</li>" for warning in warnings)
    return f'<div class="problem" role="note" aria-label="Warnings"><ul>{listed}</ul></div>' if listed else ""


def _sections(run: Json, verdicts: Mapping[str, int]) -> Iterator[str]:
    baseline = run.get("baseline") or {}
    paired = (
        " Differences are paired by question: this run less the other, whose score is the dotted notch."
        if baseline
        else ""
    )
    note = f"With 95% intervals by bootstrap over the questions; n is the number of questions scored.{paired}"
    yield _section("outcome", "Outcome", _outcome(verdicts))
    yield _section("scores", "Scores", _scores(run.get("summary") or {}, baseline.get("differences") or {}), note)
    yield _section("plots", "How sure, how fast", _plots(run))
    yield _section("changes", "What changed most", _changes(baseline.get("changed") or ()))
    yield _section("groups", "By group", _groups(run.get("groups") or {}))


def _section(key: str, title: str, body: str, note: str = "") -> str:
    told = f'<p class="note">{note}</p>' if note else ""
    return f'<section aria-labelledby="{key}"><h2 id="{key}">{title}</h2>{told}{body}</section>' if body else ""


def _outcome(verdicts: Mapping[str, int]) -> str:
    total = sum(verdicts.values())
    present = [(kind, name, verdicts[kind]) for kind, name in VERDICTS.items() if verdicts.get(kind)]
    bar = "".join(f'<span class="{kind}" style="flex:{count}"></span>' for kind, _, count in present)
    tally = "".join(
        f'<li class="{kind}"><a href="#verdict={kind}"><b>{count:,}</b> {count / total:.0%}'
        f'<span class="what">{name}</span></a></li>'
        for kind, name, count in present
    )
    return f'<div class="outcome" aria-hidden="true">{bar}</div><ul class="tally">{tally}</ul>' if present else ""


def _scores(summary: Json, differences: Json) -> str:
    heads = [
        ("Score", ""),
        ("", "drawn"),
        ("Value", "figure"),
        ("95% interval", "figure range"),
        ("n", "figure count"),
    ]
    heads += [("Difference", "figure")] if differences else []
    families: dict[str, list[str]] = {family: [] for family in _FAMILIES}
    for name in summary:
        families[next(family for family, starts in _FAMILIES.items() if name.startswith(starts))].append(name)
    rows = [
        f'<tr class="family"><th scope="rowgroup" colspan="{len(heads)}">{family}</th></tr>'
        + "".join(_score(name, summary[name], differences.get(name), bool(differences)) for name in names)
        for family, names in families.items()
        if names
    ]
    return _table("scores", heads, rows)


def _table(kind: str, heads: Iterable[tuple[str, str]], rows: Sequence[str]) -> str:
    """Return a table of ready rows under (name, class) heads; one without a name is a cell of no meaning."""
    head = "".join(
        f'<th scope="col" class="{css}">{escape(name)}</th>' if name else f'<td class="{css}"></td>'
        for name, css in heads
    )
    table = f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="scroll">{table}</div>' if rows else ""


def _score(name: str, score: Json, difference: Json | None, compared: bool) -> str:
    value, low, high = (number(score.get(part)) for part in ("value", "low", "high"))
    change = number((difference or {}).get("value"))
    bar = ""
    if value is not None and 0 <= value <= 1:
        before = None if change is None else value - change
        bar = plots.interval_bar(value, value if low is None else low, value if high is None else high, before)
    hint = "" if more_is_better(name) else " <small>less is better</small>"
    delta = f'<td class="figure delta">{_difference(name, difference or {})}</td>' if compared else ""
    return (
        f'<tr><th scope="row">{escape(label(name))}{hint}</th><td class="drawn">{bar}</td>'
        f'<td class="figure value">{_figure(value)}<small class="narrow">{_range(low, high)}</small></td>'
        f'<td class="figure range">{_range(low, high)}</td>'
        f'<td class="figure count">{_count(score.get("n"))}</td>{delta}</tr>'
    )


def _difference(name: str, difference: Json) -> str:
    """A difference in green or red where its interval leaves no doubt about the direction, else in grey."""
    value, low, high, p = (number(difference.get(part)) for part in ("value", "low", "high", "p"))
    if value is None:
        return "–"
    doubtful = value == 0 or (low is not None and high is not None and low <= 0 <= high)
    tone = "same" if doubtful else "up" if (value > 0) == more_is_better(name) else "down"
    chance = "" if p is None else " <small>p &lt; .001</small>" if p < 0.001 else f" <small>p = {_figure(p)}</small>"
    interval = f" <small>[{_range(low, high, signed=True)}]</small>{chance}" if low is not None else ""
    return f'<span class="{tone}">{_figure(value, signed=True)}</span>{interval}'


def _figure(value: float | None, signed: bool = False) -> str:
    """Return a figure to three places, "–" for none."""
    if value is None:
        return "–"
    written = f"{value:+.3f}" if signed else f"{value:.3f}"
    return written.replace("-", "−")


def _range(low: float | None, high: float | None, signed: bool = False) -> str:
    link = " to " if signed else "–"
    return "" if low is None or high is None else f"{_figure(low, signed)}{link}{_figure(high, signed)}"


def _count(value: object) -> str:
    count = number(value)
    return "" if count is None else f"{count:,.0f}"


def _plots(run: Json) -> str:
    curves, quantiles = run.get("curves") or {}, run.get("latency_ms") or {}
    times = [time for question in run.get("questions") or () if (time := milliseconds(question)) is not None]
    drawn = (
        plots.risk_coverage_figure(curves.get("risk_coverage") or ()),
        plots.reliability_figure(curves.get("reliability") or ()),
        plots.latency_figure(
            times, {name: time for name in quantiles if (time := number(quantiles[name])) is not None}
        ),
    )
    return f'<div class="plots">{"".join(drawn)}</div>' if any(drawn) else ""


def _changes(changed: Sequence[Json]) -> str:
    heads = (("Question", ""), ("Score", ""), ("Before → after", "figure"), ("Difference", "figure"))
    rest = len(changed) - _MOST_CHANGES
    more = f'<p class="note">And {counted(rest, "more change")}: order the questions below by change.</p>'
    return _table("changes", heads, [_change(change) for change in changed[:_MOST_CHANGES]]) + more * (rest > 0)


def _change(change: Json) -> str:
    key, metric = str(change.get("id", "")), str(change.get("metric", ""))
    before, after = _figure(number(change.get("before"))), _figure(number(change.get("after")))
    return (
        f'<tr><th scope="row"><a href="#question={quote(key, safe="", errors="replace")}">'
        f"{escape(str(change.get('question') or key))}</a></th><td>{escape(label(metric))}</td>"
        f'<td class="figure">{before} → {after}</td>'
        f'<td class="figure">{_difference(metric, {"value": change.get("difference")})}</td></tr>'
    )


def _groups(groups: Mapping[str, Mapping[str, Json]]) -> str:
    return "".join(_group(field, values, not at) for at, (field, values) in enumerate(groups.items()) if values)


def _group(field: str, values: Mapping[str, Json], is_open: bool) -> str:
    names = list(dict.fromkeys(name for scores in values.values() for name in scores))
    largest = sorted(values.items(), key=lambda item: -_size(item[1]))[:_MOST_GROUPS]
    rows = [
        f'<tr><th scope="row">{escape(str(value)) or "(none)"}</th><td class="figure count">{_size(scores):,}</td>'
        f"{''.join(_cell(scores.get(name) or {}) for name in names)}</tr>"
        for value, scores in largest
    ]
    left = f" (the {_MOST_GROUPS} largest of {len(values):,})" if len(values) > _MOST_GROUPS else ""
    table = _table("", [(field, ""), ("n", "figure"), *((label(name), "figure") for name in names)], rows)
    # What scrolls must be within reach of the keyboard.
    reachable = table.replace(
        'class="scroll"', f'class="scroll" tabindex="0" role="region" aria-label="Scores by {escape(field)}"', 1
    )
    state = " open" if is_open else ""
    return f'<details class="groups"{state}><summary>{escape(field)}{left}</summary>{reachable}</details>'


def _size(scores: Json) -> int:
    return max((int(number(score.get("n")) or 0) for score in scores.values()), default=0)


def _cell(score: Json) -> str:
    interval = _range(number(score.get("low")), number(score.get("high")))
    return f'<td class="figure">{_figure(number(score.get("value")))}<small>{interval}</small></td>'
