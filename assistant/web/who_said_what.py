"""Who said what, below an answer: its claims in a table, speakers to choose from, and when each thing was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from assistant.answer import Answer
from assistant.citations import Citation
from assistant.web.source_pane import Cited, known_by, link, place_of
from assistant.web.wording import counted, day, escape
from index.claims import Claim
from index.passages import Span
from index.speakers import PRONOUNS, read_naming, same_speaker

_COLUMNS = ("Speaker", "Stance", "Quote", "Outlet", "Date")
_NOBODY = "Nobody named"
_FROM_TITLE = 60  # characters of a title that stand for an outlet that is not known


@dataclass(frozen=True)
class Said:
    """One claim as the page shows it: the speaker's name and number, what the claim is, and where it stands."""

    speaker: str
    number: int  # of the speaker among the answer's, from 1
    claim: Claim
    citation: Citation
    place: Cited

    @property
    def words(self) -> str:
        """What is reported, in the article's words; pieces that stand apart are joined by an ellipsis."""
        return " … ".join(piece.text for piece in self.claim.content) or self.citation.quote

    @property
    def date(self) -> date | None:
        """The day of publication, where the article has one."""
        try:
            return date.fromisoformat(self.citation.published[:10])
        except ValueError:
            return None


def said_in(answer: Answer) -> list[Said]:
    """Return the claims of an answer, each once, in its order; namings of one speaker have one number and name."""
    speakers: list[list[str]] = []
    found: dict[tuple[Cited, str], tuple[int, Claim, Citation]] = {}
    for statement in answer.statements:
        for claim in statement.claims:
            key = (_place(claim, statement.citation), claim.said_by or _NOBODY)
            if key not in found:
                found[key] = (_number(key[1], speakers), claim, statement.citation)
    return [
        Said(_fullest(speakers[number]), number + 1, claim, citation, place)
        for (place, _), (number, claim, citation) in found.items()
    ]


def _place(claim: Claim, citation: Citation) -> Cited:
    """Return where all that is reported stands, from its first word to its last, in a passage that holds it."""
    if not claim.content:
        return place_of(citation)
    first, end = min(claim.content, key=lambda piece: piece.start), max(piece.end for piece in claim.content)
    start = first.start
    around = Span(min(citation.passage.start, start), max(citation.passage.end, end))
    return Cited(citation.article_id, Span(start, end), around, known_by(first.text))


def _number(naming: str, speakers: list[list[str]]) -> int:
    """Return which of the speakers is so named; a pronoun is the same speaker as no other."""
    for number, namings in enumerate(speakers):
        if naming.casefold() not in PRONOUNS and any(_is_same(naming, known) for known in namings):
            namings.append(naming)
            return number
    speakers.append([naming])
    return len(speakers) - 1


def _is_same(naming: str, known: str) -> bool:
    return naming.casefold() == known.casefold() or same_speaker(naming, known)


def _fullest(namings: Sequence[str]) -> str:
    """Return the longest naming, one with a name before one without: a body before its unnamed spokesman."""
    name = max(namings, key=lambda naming: (bool(read_naming(naming).name), len(naming)))
    return f"“{name}”" if name.casefold() in PRONOUNS else name[0].upper() + name[1:]


# ── HTML ────────────────────────────────────────────────────────────────────────────────────────────────────
# The chat lets neither aria-… nor data-… attributes through: claims.js sets those, from classes and values.


def who_said_what(answer: Answer) -> str:
    """Return the table, the speakers to choose from and the timeline as HTML; nothing where there is no claim."""
    said = said_in(answer)
    if not said:
        return ""
    return (
        f'<section class="who"><h2>Who said what</h2>{_chips(said)}<p class="showing" role="status"></p>'
        f"{_table(said)}{_timeline(said)}</section>"
    )


def _chips(said: Sequence[Said]) -> str:
    """Return a button for each speaker and one for all; nothing where only one speaks."""
    names = {one.number: one.speaker for one in said}
    if len(names) == 1:
        return ""
    counts = {number: sum(one.number == number for one in said) for number in names}
    chips = [_chip(0, "All", len(said)), *(_chip(number, name, counts[number]) for number, name in names.items())]
    return f'<div class="chips" role="group" title="Show the claims of">{"".join(chips)}</div>'


def _chip(number: int, name: str, count: int) -> str:
    return (
        f'<button type="button" class="chip" value="{number}" title="{escape(name)}"><span class="name">{escape(name)}'
        f'</span> <span class="count">{count}</span></button>'
    )


def _table(said: Sequence[Said]) -> str:
    heads = "".join(
        f'<th scope="col" role="columnheader"><button type="button" class="sort">{name}</button></th>'
        for name in _COLUMNS
    )
    rows = "".join(map(_row, said))
    # The roles keep it a table to a screen reader where a narrow window shows its rows as blocks.
    return (
        f'<table class="claims" role="table" title="Who said what"><thead role="rowgroup"><tr role="row">{heads}</tr>'
        f'</thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(one: Said) -> str:
    cells = (
        f"<b>{escape(one.speaker)}</b>{_called(one)}",
        escape(one.claim.stance),
        f"{_quote(one)}&#160;{link(one.citation, one.place)}",
        escape(_outlet(one.citation)),
        _when(one),
    )
    inside = "".join(f'<td role="cell">{cell}</td>' for cell in cells)
    return f'<tr role="row" class="said by-{one.number}">{inside}</tr>'


def _called(one: Said) -> str:
    """Say how the article calls the speaker right there, where that is not part of the name."""
    here = one.claim.speaker
    if here is None or here.text.casefold() in one.speaker.casefold():
        return ""
    return f' <span class="called">(“{escape(here.text)}”)</span>'


def _quote(one: Said) -> str:
    """Show exact words; those that the article itself quotes have its quotation marks."""
    return f'<q class="{"direct" if one.claim.direct else "indirect"}">{escape(one.words)}</q>'


def _outlet(citation: Citation) -> str:
    return citation.source or (citation.title or citation.article_id)[:_FROM_TITLE]


def _when(one: Said) -> str:
    told = escape(day(one.citation.published) or "undated")
    return f'<time datetime="{one.date.isoformat()}">{told}</time>' if one.date else told


def _timeline(said: Sequence[Said]) -> str:
    """Return the claims by day, the earliest first, with the time that passed; those without a day come after."""
    dated = sorted(((one.date, one) for one in said if one.date), key=lambda pair: pair[0])
    undated = [one for one in said if one.date is None]
    listed = f'<ol class="timeline">{"".join(_days_of(dated))}</ol>' if dated else ""
    apart = f'<h4>Undated</h4><ul class="undated">{"".join(map(_event, undated))}</ul>' if undated else ""
    return f"<h3>When it was said, by the articles’ dates</h3>{listed}{apart}"


def _days_of(dated: Sequence[tuple[date, Said]]) -> Iterator[str]:
    before: date | None = None
    for on, group in groupby(dated, key=lambda pair: pair[0]):
        passed = f' <span class="passed">{_passed((on - before).days)}</span>' if before else ""
        told = f'<time datetime="{on.isoformat()}">{day(on.isoformat())}</time>'
        yield f"<li>{told}{passed}<ul>{''.join(_event(one) for _, one in group)}</ul></li>"
        before = on


def _passed(days: int) -> str:
    return "the next day" if days == 1 else f"{counted(days, 'day')} later"


def _event(one: Said) -> str:
    told = f'<b>{escape(one.speaker)}</b> <span class="stance">{escape(one.claim.stance)}</span> {_quote(one)}'
    return f'<li class="said by-{one.number}">{told}&#160;{link(one.citation, one.place)}</li>'
