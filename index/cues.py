"""The words that attributions are made of: verbs of saying with their stance, and what stands around them."""

from __future__ import annotations

from typing import NamedTuple

# After the colon, what may follow the verb: a (c)lause, a clause only after (t)hat, an (o)bject, an (i)nfinitive,
# the (p)erson told.
_STANCES = {
    "accuses": "accuse:o blame:o condemn:o criticise:o criticize:o denounce:o",
    "admits": "acknowledge:co admit:co admit_to:o concede:co confess:c",
    "agrees": "agree:ti",
    "announces": "announce:co",
    "asks": "ask:pi ask_for:o call_for:o call_on:o demand:co request:o urge:o wonder:c",
    "believes": "believe:c doubt:co fear:c hope:ci think:c",
    "claims": "allege:c argue:c assert:co claim:coi contend:c insist:c maintain:c",
    "confirms": "confirm:co",
    "declines": "decline:i dismiss:o refuse:i reject:o",
    "denies": "deny:co dispute:o",
    "describes": "call:o characterize:o describe:o identify:o portray:o refer_to:o",
    "estimates": "estimate:co put:o",
    "explains": "explain:c",
    "finds": "conclude:c determine:t discover:t find:t learn:t",
    "orders": "instruct:p order:o",
    "praises": "hail:o praise:o",
    "predicts": "predict:co",
    "promises": "offer:i pledge:ti promise:ti threaten:i vow:ti",
    "questions": "question:o",
    "recalls": "recall:co",
    "replies": "answer:t reply:t respond:t",
    "reports": "report:co",
    "says": "add:t assure:p cite:o comment:t continue:t declare:c emphasize:co inform:p joke:c mention:o note:c "
    "observe:t point_out:c point_to:o remark:t remind:p say:c speak_of:o state:c stress:co tell:p testify:c tweet:t "
    "write:t",
    "shows": "indicate:t reveal:t show:t",
    "suggests": "hint:t imply:t propose:o suggest:co",
    "warns": "caution:c warn:c warn_against:o warn_of:o",
}
_IRREGULAR = {
    "admit": "admitted admitting",
    "agree": "agreeing",
    "find": "found",
    "put": "put putting",
    "refer": "referred referring",
    "say": "said",
    "show": "shown",
    "speak": "spoke spoken",
    "tell": "told",
    "think": "thought",
    "write": "wrote written",
}


def word_set(words: str) -> frozenset[str]:
    """Return the words of a line as a set."""
    return frozenset(words.split())


# These forms are nouns at least as often, and count as verbs only before "the", "that", a quotation or the like.
ALSO_NOUNS = word_set(
    "answer answers call calls claim claims comment comments demand demands dispute doubt doubts estimate estimates "
    "fear fears finding hope hopes joke jokes note notes offer offers order orders pledge pledges praise promise "
    "promises put question questions remark remarks reply report reporting reports request requests saying show "
    "shows state states stress thinking thought tweet tweets vow vows writing"
)
BE = word_set("am is are was were be been being isn't wasn't get gets got getting")
HAVE = word_set("has have had having")
MODALS = word_set(
    "to will would can could may might must shall should cannot do does did not never nor if whether don't didn't "
    "doesn't won't wouldn't couldn't can't hasn't haven't hadn't"
)
ADVERBS = word_set(
    "also later then now once again still since already just too first earlier often always ever both all even only "
    "soon thus further"
)
SUBORDINATORS = word_set("while although though as after since because when where how whereas before until once")
BREAKS = SUBORDINATORS | word_set(
    "and but or yet so that if whether what which who whom whose why unless than nor meanwhile however moreover then"
)
PREPOSITIONS = word_set(
    "in on at during for from by with about over under to into through after before since until within via outside "
    "inside amid despite following against among around without near between upon toward towards like per"
)
TIMES = word_set(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december jan feb aug sept oct nov dec yesterday today tomorrow tonight earlier later "
    "ago day week month year morning afternoon evening night"
)
DETERMINERS = word_set("a an the this that these those his her its their our my your some any each every no another")
PRONOUNS = word_set("i you he she it we they one there")
PLURALS = word_set("i we they who those many some most all both others people police men women critics percent half")
NUMBERS = word_set("about around at between least more nearly no over roughly under up")
ASIDES = PREPOSITIONS | ADVERBS | BREAKS | TIMES


class Verb(NamedTuple):
    """What a form of a verb of saying makes of its content, what may follow it, and which form it is."""

    stance: str
    frames: frozenset[str]
    form: str


def _forms(base: str) -> dict[str, str]:
    """Return the forms of a verb, each with what it is: base, s, past or ing."""
    stem, third = base.removesuffix("e"), base + ("es" if base.endswith(("s", "sh", "ch")) else "s")
    past = stem + "ed"
    if base.endswith("y") and base != "say" and base != "portray":
        third, past = base[:-1] + "ies", base[:-1] + "ied"
    forms = {base: "base", third: "s", past: "past", stem + "ing": "ing"}
    return forms | {form: "ing" if form.endswith("ing") else "past" for form in _IRREGULAR.get(base, "").split()}


def _read_table() -> dict[tuple[str, str], Verb]:
    """Map (form, particle or "") to what is known of the verb."""
    table = {}
    for stance, entries in _STANCES.items():
        for entry in entries.split():
            verb, frames = entry.split(":")
            base, _, particle = verb.partition("_")
            for form, kind in _forms(base).items():
                table[form, particle] = Verb(stance, frozenset(frames), kind)
    return table


VERBS = _read_table()
CLAUSAL = frozenset("ctp")  # the frames of a verb that may stand after what it reports
LEADING = ADVERBS | HAVE | BE


def stance_of(cue: str) -> str:
    """Return what a cue makes of what is said: the stance of its first known verb, or "says"."""
    words = cue.casefold().split()
    for word, following in zip(words, [*words[1:], ""], strict=True):
        verb = VERBS.get((word, following)) or VERBS.get((word, ""))
        if verb:
            return verb.stance
    return "says"
