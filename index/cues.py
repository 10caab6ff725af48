"""The words that attributions hang on: verbs and nouns of saying, and what each makes of what is said."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A particle is written after "_"; a word with "=" before it is no verb, and has no other forms than its plural.
_STANCES = {
    "accuses": "accuse attack blame blast condemn criticise criticize denounce fault slam =accusation =criticism "
    "=critical",
    "admits": "acknowledge admit admit_to concede confess confess_to =admission",
    "agrees": "agree concur =agreement",
    "announces": "announce unveil =announcement",
    "asks": "ask beg call_for call_on demand implore press request urge wonder =appeal",
    "believes": "assume believe consider doubt dream fear feel hope regard see think view worry =belief =opinion =sure "
    "=certain =confident =concern =optimistic",
    "claims": "allege argue assert boast brag claim contend insist maintain =allegation =argument =assertion",
    "confirms": "confirm verify =confirmation",
    "declines": "decline dismiss refuse reject =refusal",
    "denies": "deny dispute rebut refute =denial",
    "describes": "call characterise characterize depict describe dub identify label name portray refer_to =description",
    "estimates": "estimate put",
    "expects": "anticipate await expect =expectation",
    "explains": "explain =explanation",
    "finds": "conclude determine discover find learn =conclusion =finding",
    "intends": "aim intend plan =intention",
    "opposes": "oppose protest =opposition",
    "orders": "instruct order",
    "praises": "applaud commend congratulate hail laud praise thank",
    "predicts": "forecast predict =forecast =prediction",
    "promises": "offer pledge promise swear threaten vow",
    "questions": "question",
    "recalls": "recall recollect remember reminisce",
    "replies": "answer counter reply respond retort =reply",
    "reports": "report",
    "says": "add assure cite comment continue declare emphasise emphasize go_on inform joke mention note observe "
    "point_out point_to remark remind say speak_of state stress talk tell testify tweet write =according =statement",
    "seems": "appear look seem",
    "shows": "demonstrate indicate reveal show",
    "suggests": "hint imply propose recommend suggest =proposal =suggestion",
    "supports": "back champion defend endorse favor favour support =endorsement =supporter",
    "wants": "desire prefer push_for seek want wish",
    "warns": "alert caution warn",
}
STANCES = tuple(_STANCES)
_IRREGULAR = {
    "admit": "admitted admitting",
    "agree": "agreeing",
    "beg": "begged begging",
    "brag": "bragged bragging",
    "dream": "dreamt",
    "feel": "felt",
    "find": "found",
    "forecast": "forecast",
    "go": "goes went going",
    "label": "labelled labelling",
    "plan": "planned planning",
    "put": "put putting",
    "refer": "referred referring",
    "say": "said",
    "see": "saw seen seeing",
    "seek": "sought",
    "show": "shown",
    "slam": "slammed slamming",
    "speak": "spoke spoken",
    "swear": "swore sworn",
    "tell": "told",
    "think": "thought",
    "write": "wrote written",
}
# What may stand before the word of saying in a cue, and says nothing of how it is said.
LEADING = frozenset(
    "am is are was were be been being 's ’s has have had having do does did also later then now once again still since "
    "already just too first earlier often always ever both even only soon further".split()
)
_WORD = re.compile(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*")


def _forms(base: str) -> list[str]:
    """Return the forms of a verb."""
    stem, third = base.removesuffix("e"), base + ("es" if base.endswith(("s", "sh", "ch", "x")) else "s")
    past = stem + "ed"
    if base.endswith("y") and base[-2] not in "aeou":
        third, past = base[:-1] + "ies", base[:-1] + "ied"
    return [base, third, past, stem + "ing", *_IRREGULAR.get(base, "").split()]


def _read_table() -> dict[tuple[str, str], str]:
    """Map (form, particle or "") to the stance."""
    table = {}
    for stance, entries in _STANCES.items():
        for entry in entries.split():
            word, _, particle = entry.partition("_")
            noun = word.removeprefix("=")
            for form in [noun, noun + "s"] if noun != word else _forms(word):
                table[form, particle] = stance
    return table


_TABLE = _read_table()


def stance_of(cue: str, following: str = "") -> str:
    """Return what a cue makes of what is said: the stance of its first known word, or "says".

    `following` is what stands after the cue, for the particle of "called" in "called for".
    """
    words = _WORD.findall(cue.casefold())
    particles = [*words[1:], *_WORD.findall(following[:40].casefold())[:1], ""]
    for word, particle in zip(words, particles, strict=False):
        stance = _TABLE.get((word, particle)) or _TABLE.get((word, ""))
        if stance:
            return stance
    return "says"


def is_particle(cue: str, word: str) -> bool:
    """Whether a word goes with the last one of a cue, as "for" does with "called"."""
    words = _WORD.findall(cue.casefold())
    return bool(words) and (words[-1], word.casefold()) in _TABLE


def is_cue(word: str) -> bool:
    """Whether a word, in any of its forms, is one that attributions hang on."""
    return (word.casefold(), "") in _TABLE


def place_of_verb(cue: str) -> int:
    """Return at which character of a cue its first known word begins, or 0."""
    words = _WORD.finditer(cue)
    return next((word.start() for word in words if (word.group().casefold(), "") in _TABLE), 0)


def verbs_of(stances: Iterable[str]) -> list[str]:
    """Return all forms of the verbs, without their particles, that make what is said one of some stances."""
    wanted = set(stances)
    entries = [entry for stance in _STANCES if stance in wanted for entry in _STANCES[stance].split()]
    return sorted({form for entry in entries if entry[0] != "=" and "_" not in entry for form in _forms(entry)})
