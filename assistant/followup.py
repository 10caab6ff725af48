"""A question that leans on the conversation before it, put so that it stands alone.

There is no model behind this: a follow-up either lacks a part, which the last question has ("and in April?"), or
points to something with a small word ("what did he say about it?"), or only makes sense on the last one's matter
("how many were injured?"). Each of these has a rule below; what comes out is shown, and a question with a matter of its
own is left alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from assistant.answer import Answer
from assistant.question import LONGEST_QUESTION, SAYING_WORDS, Kind, Question, understand
from index.errors import SaidsoError
from index.people import Named, named_in

MOST_EXCHANGES = 20  # of a conversation that are looked back on

_AUXILIARY = r"(?:did|does|do|is|are|was|were|has|have|had|can|could|will|would|should|may|might)"
_WH = r"(?:who|whom|whose|what|which|when|where|why|how)"
_SAYING = rf"(?:{'|'.join(SAYING_WORDS.split())})"
_FILLER = re.compile(
    r"^(?:(?:ok(?:ay)?|and|but|so|then|well|also|thanks|thank\s+you|right|yes|yeah|hm+)\b[\s,.;:!]*)+(?=\w)",
    re.IGNORECASE,
)
# “No, the Russian one.” – “Sorry, I meant Davis.”
_CORRECTION = re.compile(
    r"^(?:(?:no|nope|sorry|wait|actually|rather|not\s+that|i\s+mean|i\s+meant|i\s+asked\s+about)\b[\s,.;:!–-]*)+(?=\w)",
    re.IGNORECASE,
)
_WHAT_ABOUT = re.compile(r"^(?:what|how)\s+about\s+", re.IGNORECASE)
_HAS_VERB = re.compile(rf"\b(?:{_AUXILIARY}|{_SAYING})\b", re.IGNORECASE)
_BEFORE_WH = r"(?:of|in|on|at|by|for|from|to|with|since|until)"
_STARTS_WH = re.compile(rf"^(?:{_BEFORE_WH}\s+)?{_WH}\b", re.IGNORECASE)
# “When?” – “Why her?” – “Which drug?”; but “Who won the cup?” is whole.
_BARE_WH = re.compile(
    rf"(?:who|whom|whose)(?:\s+else)?|(?:{_BEFORE_WH}\s+)?(?:what|which|whose)"
    r"(?:\s+(?!happen|becam|caus)\w+){0,3}|(?:when|where|why|how)(?:\s+\w+){0,2}",
    re.IGNORECASE,
)
_ADVERBIAL = re.compile(rf"^(?:when|where|why|how(?!\s+(?:many|much)\b)|{_BEFORE_WH}\s+\w+)\b", re.IGNORECASE)
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
)
_TIME_WORDS = (
    rf"(?:(?:early|late|mid)[\s-])?(?:{_MONTH}(?:\s+\d{{1,2}})?(?:,?\s+\d{{4}})?|\d{{1,2}}\s+{_MONTH}(?:\s+\d{{4}})?|"
    r"\d{4}(?:-\d{2}(?:-\d{2})?)?|(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|"
    r"(?:last|this|next|the\s+(?:previous|next|following|same))\s+(?:day|week|month|year|\w+day))"
)
_TIME = re.compile(rf"\b(?:(?:in|on|before|after|since|until|by|during)\s+)?{_TIME_WORDS}(?!\w)", re.IGNORECASE)
_MAY_VERB = re.compile(r"^may$")  # the month has a capital
_PREPOSITION = re.compile(r"^(in|at|near|from|on|for|to|with|inside|outside|around)\s+", re.IGNORECASE)
_ON_MATTER = re.compile(r"^(?:about|on|regarding|concerning)\s+", re.IGNORECASE)
_DETERMINED = re.compile(r"^(?:the|a|an|his|her|its|their|our|this|that|these|those)\s", re.IGNORECASE)
_ONE = re.compile(r"^(?:the\s+)?(.+?)\s+ones?$", re.IGNORECASE)
_ASKED = re.compile(
    rf"^(?P<wh>{_STARTS_WH.pattern[1:]}(?:\s+(?:many|much|long|far|old|fast|often|big|large))?)"
    rf"(?P<noun>(?<=what|hich|hose|many|much)(?:\s+(?!(?:{_AUXILIARY}|{_SAYING}|that)\b)[\w’'-]+){{1,4}}?|)"
    rf"\s+(?P<aux>{_AUXILIARY})\s+(?P<rest>.+)$",
    re.IGNORECASE,
)
_WHO_IS_NAME = re.compile(r"^who\s+(?:is|are|was|were)\s+[A-Z][^?]*\??$")
_WHOM = re.compile(r"^(?:whom\b|who\s+(?:did|does|do)\b)", re.IGNORECASE)
_WHO_IS = re.compile(r"^who\s+(?:is|are|was|were|has|have|will|would)\b", re.IGNORECASE)
# Words that end a noun phrase.
_STOPS = (
    rf"{_AUXILIARY}|{_SAYING}|{_WH}|that|of|in|on|at|by|for|from|to|with|near|into|over|after|before|since|until|about|and|"
    r"or|but|if|whether|as|than|there|be|been|being|not|go|get|take|make|happen|come|use|used"
)
_PARTICIPLE = r"(?!(?:speed|need|seed|feed|breed|creed|deed)\b)\w+ed"
_DETERMINER = r"(?:the|an?|his|her|its|their)"
# What stands before another determiner is a verb: “Did [the strike] hit a mosque?”
_NOUN_PHRASE = re.compile(
    rf"\b{_DETERMINER}\s+((?:(?!(?:{_STOPS})\b)[\w’'-]+)"
    rf"(?:\s+(?!(?:{_STOPS}|{_PARTICIPLE}|{_DETERMINER})\b)[\w’'-]+\b(?!\s+{_DETERMINER}\b)){{0,4}})",
    re.IGNORECASE,
)
_ALL_WHO_SPEAK = re.compile(r"(?:(?:two|various|different|opposing)\s+)*(?:parties|sides?|speakers?|sources|accounts?)")
_HOW_MANY = re.compile(
    rf"\bhow\s+(?:many|much)\s+((?:(?!{_AUXILIARY}\b)[\w-]+\s+){{1,4}}?)(?={_AUXILIARY}\b|\w+ed\b)", re.IGNORECASE
)
_PLACE = re.compile(
    r"\b((?:in|near|at|inside|outside)\s+(?:the\s+)?[A-Z][\w’'-]*(?:\s+[A-Z][\w’'-]*)*"
    rf"|(?:in|near|at|inside|outside|on)\s+{_NOUN_PHRASE.pattern})"
)

_HE_OR_SHE = re.compile(r"\b(?:he|she|him|his|her|hers|himself|herself)\b", re.IGNORECASE)
_THEY = re.compile(r"\b(?:they|them|their|theirs)\b", re.IGNORECASE)
_IT = re.compile(r"\b(?:it|its)\b(?!\s+(?:true|that\b))", re.IGNORECASE)
_ITS = re.compile(r"(?<!\babout )\bits\b", re.IGNORECASE)
# “Who disputes that?” – “What did he say about it?”
_THAT = re.compile(r"\b(?:(?<=about )it|that|this)\b(?=\s*(?:$|[?.,!]))", re.IGNORECASE)
_CHANGE = re.compile(
    r"^(?P<wh>how|when|why)\s+(?:did|has|have)\s+(?:that|this|it)\s+(?:\w+ly\s+)?changed?$", re.IGNORECASE
)
_THERE = re.compile(
    rf"(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )\b(?:there|here)\b(?!\s+{_AUXILIARY}\b)", re.IGNORECASE
)
_POSSESSIVE = frozenset("his hers its their theirs".split())


@dataclass(frozen=True)
class Exchange:
    """A question of the conversation, and what answered it: the bare answer, and whose words it was."""

    question: str
    answer: str = ""

    @classmethod
    def of(cls, answer: Answer) -> Exchange:
        """The exchange that ended in `answer`."""
        told = [answer.short_answer, *(statement.speaker for statement in answer.statements[:1])]
        return cls(answer.standalone_question, "; ".join(filter(None, told)))


def read_history(value: object) -> tuple[Exchange, ...]:
    """Read a conversation as question files and the API write it: earlier questions, or `{"question", "answer"?}` each.

    Raises SaidsoError showing what is neither.
    """
    if not isinstance(value, list):
        raise SaidsoError(f"The history {value!r:.60} is not a list of earlier turns.")
    return tuple(_exchange(turn) for turn in value)


def _exchange(turn: object) -> Exchange:
    match turn:
        case str():
            return Exchange(turn)
        case {"question": str() as question, **rest} if isinstance(rest.get("answer") or "", str):
            return Exchange(question, str(rest.get("answer") or ""))
    raise SaidsoError(f'An earlier turn is {turn!r:.80}; write {{"question": "Who …?", "answer": "…"}}.')


def standalone_question(question: str, history: Sequence[Exchange] = ()) -> str:
    """Return the question as it would be asked by itself, with the conversation's names for what it only points to.

    A question that needs nothing of the conversation comes back as it is.
    """
    before: list[Exchange] = []
    if not history or len(question) > LONGEST_QUESTION:
        return question
    for exchange in history[-MOST_EXCHANGES:]:
        before.append(Exchange(_resolved(exchange.question, before), exchange.answer))
    return _resolved(question, before)


def _resolved(question: str, before: Sequence[Exchange]) -> str:
    text = " ".join(question[:LONGEST_QUESTION].split())
    if not before or not text:
        return text
    uncorrected = _CORRECTION.sub("", text)
    unfilled = _FILLER.sub("", uncorrected)
    corrected, joined = uncorrected != text, unfilled != uncorrected
    bare = _WHAT_ABOUT.sub("", unfilled).strip(" ?.!")
    if not bare:
        return text
    last = before[-1]
    if _BARE_WH.fullmatch(bare) and not _HAS_VERB.search(bare) and not _THAT.search(bare):
        return _sentence(_asked_otherwise(bare, last))
    if not (_HAS_VERB.search(bare) or _STARTS_WH.match(bare)) or (
        _WHAT_ABOUT.match(_FILLER.sub("", text)) and len(bare.split()) <= 6
    ):
        return _sentence(_with_part(bare, last))
    if (change := _CHANGE.match(bare)) and (asked := _understood(last.question)) and asked.speaker:
        of = f" of {asked.matter.removeprefix('first about ')}" if asked.matter else ""
        return _sentence(f"{change['wh']} did {asked.speaker}’s account{of} change")
    pointed = _with_names(bare, before)
    leans = pointed != bare or joined or corrected
    topic = _topic_missing(pointed, last, leans)
    if topic:
        return _sentence(f"{pointed} ({topic})")
    return _sentence(pointed) if pointed != bare or corrected else text


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip(' ?.!')}?"


def _understood(text: str) -> Question | None:
    try:
        return understand(text)
    except SaidsoError:  # an earlier turn that was refused
        return None


# ── “When?” – “Which drug?” ─────────────────────────────────────────────────────────────────────────────────


def _asked_otherwise(wh: str, last: Exchange) -> str:
    """Ask what the last question asked with another question word."""
    asked = last.question.strip(" ?.!")
    wh = f"{wh[0].upper()}{wh[1:]}"
    parts = _ASKED.match(asked)
    if re.match(rf"{_AUXILIARY}\b", asked, re.IGNORECASE):
        if _ADVERBIAL.match(wh):
            return f"{wh} {asked[0].lower()}{asked[1:]}"
    elif parts and _ADVERBIAL.match(wh) and _WHO_IS.match(asked):
        return f"{_alone(wh)} {parts['aux']} {_first_name(last.answer) or 'it'} {parts['rest']}"
    elif parts and _ADVERBIAL.match(wh):
        subject = f" {parts['noun'].strip()}" if parts["noun"].strip() else ""
        filled = _gap_filled(parts["wh"], parts["rest"], last.answer)
        return f"{_alone(wh)} {parts['aux']}{subject} {filled}"
    elif _ADVERBIAL.match(wh) and re.match(r"who\b", asked, re.IGNORECASE):
        return f"{_alone(wh)} was it that {_first_name(last.answer) or 'somebody'} {asked.split(maxsplit=1)[1]}"
    return f"{wh}: {asked[0].lower()}{asked[1:]}"


def _alone(wh: str) -> str:
    """“Why her” is no more than "why": whom it points to is in the last question."""
    return re.sub(r"\s+(?:him|her|it|them|that|this|not)$", "", wh)


def _gap_filled(wh: str, rest: str, answer: str) -> str:
    """“What did Wenger kick?” – “a bottle”: put the answer where it belongs, at the end, where nothing follows."""
    short = answer.partition(";")[0].strip()
    if not short or _ADVERBIAL.match(wh) or len(short.split()) > 8 or len(rest.split()) > 4 or re.search(_SAYING, rest):
        return rest
    return f"{rest} {short}"


# ── “And in April?” – “What about the Observatory?” – “No, the Russian one.” ────────────────────────────────


def _with_part(part: str, last: Exchange) -> str:
    """Ask the last question with this part in the place of its like, or added to it."""
    asked = last.question.strip(" ?.!")
    meant = _understood(asked)
    speaker = meant.speaker if meant else None
    part = re.sub(r"^(?:The|A|An)(?=\s)", lambda article: article[0].lower(), part)
    if _TIME.fullmatch(part) and not _MAY_VERB.match(part):
        return _replaced(_time_in(asked), asked, _dated(part))
    if _ON_MATTER.match(part):
        return _about(part, asked, meant)
    if preposition := _PREPOSITION.match(part):
        here = re.search(rf"\b{preposition[1]}\s+(?:the\s+)?[A-Z0-9][\w’'-]*(?:\s+[A-Z][\w’'-]*)*", asked)
        return _replaced(here[0] if here else None, asked, part)
    if one := _ONE.match(part):
        return _with_modifier(one[1], asked, speaker)
    named = _DETERMINED.match(part) or part[0].isupper()
    if not named:
        many = _HOW_MANY.search(asked)
        return asked.replace(many[1].strip(), part, 1) if many else f"{asked} ({part})"
    if speaker:
        return asked.replace(speaker, part, 1)
    alike = _alike(part, asked)
    if alike:
        return asked.replace(alike, part, 1)
    if named_in(asked) and not _DETERMINED.match(part):
        return f"What about {part} ({', '.join(_topic_parts(last))})"
    return f"{asked}, according to {part}"


def _time_in(asked: str) -> str | None:
    return next((match[0] for match in _TIME.finditer(asked) if not _MAY_VERB.match(match[0])), None)


def _dated(part: str) -> str:
    """Give a day or month the preposition it goes with."""
    if re.match(
        r"(?:in|on|before|after|since|until|by|during|yesterday|today|last|this|next|the)\b", part, re.IGNORECASE
    ):
        return part
    is_day = re.search(rf"day$|^{_MONTH}\s+\d{{1,2}}\b(?!\d)|^\d{{1,2}}\s", part, re.IGNORECASE)
    return f"{'on' if is_day else 'in'} {part}"


def _replaced(old: str | None, asked: str, new: str) -> str:
    return asked.replace(old, new, 1) if old else f"{asked} {new}"


def _about(part: str, asked: str, meant: Question | None) -> str:
    matter = _ON_MATTER.sub("", part)
    if meant and meant.speaker:
        return f"What did {meant.speaker} say about {matter}"
    thing = _main_phrase(asked)
    return asked.replace(thing, matter, 1) if thing else f"{asked} about {matter}"


def _with_modifier(modifier: str, asked: str, speaker: str | None) -> str:
    """“No, the Russian one”: the same kind of body or thing, another of them."""
    phrase = speaker or _main_phrase(asked)
    if phrase is None:
        return f"{asked} ({modifier})"
    noun = re.sub(r"^(?:the|a|an)\s+", "", phrase, flags=re.IGNORECASE)
    words = noun.split()
    kept = words[1:] if words[0][0].isupper() and len(words) > 1 else words
    if kept == words and words[0][0].isupper():
        return asked.replace(phrase, f"the {modifier} side", 1)
    return asked.replace(phrase, f"the {modifier} {' '.join(kept)}", 1)


def _alike(part: str, asked: str) -> str | None:
    """Return the naming in the last question in whose place one such as this would stand."""
    names = named_in(asked)
    given = named_in(f"It was {part}.")
    person = given[0].person if given else None
    fits = [name for name in names if name.person == person]
    return fits[0].naming if fits else None


# ── “What did he say about it?” ─────────────────────────────────────────────────────────────────────────────


def _with_names(text: str, before: Sequence[Exchange]) -> str:
    """Put names in the place of the small words that point back to them."""
    says = re.search(rf"\b{_AUXILIARY}\s+it\s+(?:\w+ly\s+)?{_SAYING}\b", text, re.IGNORECASE)
    text = _pointing(_HE_OR_SHE, text, lambda word: _person(before, word), within=True)
    whole = _pointing(_THAT, text, lambda _: _matter(before[-1].question, text))
    if whole != text:
        return whole
    text = _pointing(_THERE, text, lambda _: _place(before))
    text = _pointing(_THEY, text, lambda _: _counted(before[-1]) or _body(before) or _thing(before), within=True)
    its = _ITS.search(text)
    if its and (_names(text[: its.start()]) or _main_phrase(text[: its.start()])):
        return text  # “Has the ministry changed its account?”
    return _pointing(_IT, text, lambda _: (_body(before) if says else None) or _thing(before) or _body(before))


def _pointing(pattern: re.Pattern[str], text: str, to: Callable[[str], str | None], within: bool = False) -> str:
    """Replace the first such word by what it points to; the later ones point to the same and may stay.

    With `within`, one that a name stands before points to that.
    """
    match = pattern.search(text)
    if match is None or (within and any(name.end <= match.start() for name in _names(text))):
        return text
    word, rest = match[0].casefold(), text[match.end() :]
    found = to(word)
    if not found:
        return text
    owns = word in _POSSESSIVE or (word == "her" and re.match(rf"\s+(?!(?:{_STOPS})\b)[a-z]", rest))
    return f"{text[: match.start()]}{found}{'’s' if owns else ''}{rest}"


def _names(text: str) -> list[Named]:
    found = named_in(f"{text.rstrip(' ?.!')}.")
    return [name for name in found if not re.fullmatch(_WH, name.naming, re.IGNORECASE)]


def _mentions(exchange: Exchange) -> list[Named]:
    """The names of an exchange, the likeliest to be pointed at first."""
    meant = _understood(exchange.question)
    asked, told = _names(exchange.question), _names(exchange.answer) if exchange.answer else []
    if _WHO_IS_NAME.match(exchange.question):
        return asked
    if meant and meant.kind in (Kind.WHO, Kind.WHO_SAID) and not _WHOM.match(exchange.question):
        return told
    if meant and meant.speaker:
        asked = sorted(asked, key=lambda name: name.naming not in (meant.speaker or ""))
    return [*asked, *told]


def _person(before: Sequence[Exchange], word: str) -> str | None:
    gender = "he" if word in ("he", "him", "his", "himself") else "she"
    for certain in (True, None):
        for exchange in reversed(before):
            for name in _mentions(exchange):
                if name.person is certain and name.gender in (gender, None):
                    return name.naming
    return None


def _body(before: Sequence[Exchange]) -> str | None:
    for exchange in reversed(before):
        meant = _understood(exchange.question)
        if meant and meant.speaker:
            return meant.speaker
        for name in _mentions(exchange):
            if not name.person:
                return name.naming
    return None


def _counted(last: Exchange) -> str | None:
    """“How many prisoners were freed?” – “them”: those."""
    if not re.match(r"how\s+many\b", last.question, re.IGNORECASE):
        return None
    counted = _HOW_MANY.search(last.question)
    return f"the {counted[1].strip()}" if counted else "the people"


def _thing(before: Sequence[Exchange]) -> str | None:
    for exchange in reversed(before):
        meant = _understood(exchange.question)
        phrase = _main_phrase((meant.matter if meant and meant.speaker else "") or exchange.question)
        if phrase:
            return re.sub(r"^an?\s+", "the ", phrase, flags=re.IGNORECASE)
    return None


def _main_phrase(text: str) -> str | None:
    match = _NOUN_PHRASE.search(text)
    return match[0] if match else None


def _place(before: Sequence[Exchange]) -> str | None:
    for exchange in reversed(before):
        match = _PLACE.search(exchange.question)
        if match:
            return match[1]
    thing = _thing(before)
    return f"at {thing}" if thing else None


def _matter(question: str, follow_up: str) -> str | None:
    """Name what the last question was about, as a thing that can be denied or can have happened."""
    meant = _understood(question)
    if meant is None:
        return None
    if meant.speaker and meant.speaker in follow_up:
        return f"something about {meant.matter}" if meant.matter else "something"
    if meant.speaker:
        return f"what {meant.speaker} said{f' about {meant.matter}' if meant.matter else ''}"
    asked = question.rpartition(": ")[2].strip(" ?.!")
    if re.match(rf"{_AUXILIARY}\b", asked, re.IGNORECASE):
        return f"the question: {asked[0].lower()}{asked[1:]}"
    return f"{asked[0].lower()}{asked[1:]}" if asked else None


def _first_name(answer: str) -> str | None:
    return next((name.naming for name in _names(answer)), None) if answer else None


# ── “How many were injured?” ────────────────────────────────────────────────────────────────────────────────


def _topic_missing(text: str, last: Exchange, leans: bool) -> str:
    """Return what the conversation is about where a question lacks it: it names nothing, or a speaker and no matter.

    Whether somebody's account has changed is asked of all that they said.
    """
    meant = _understood(text)
    own = _names(text)
    changed = meant is not None and meant.changed
    lacking = meant is not None and meant.speaker is not None and not meant.matter and not changed
    if (own or changed) and not lacking and not leans:
        return ""
    there = text.casefold()
    return ", ".join(part for part in _topic_parts(last) if _bare(part) not in there)


def _topic_parts(exchange: Exchange) -> list[str]:
    """The names and things of an exchange's question; "the parties" to it are neither."""
    names = [name.naming for name in _names(exchange.question)]
    things = (match[0] for match in _NOUN_PHRASE.finditer(exchange.question))
    return _apart(part for part in (*names, *things) if not _ALL_WHO_SPEAK.fullmatch(_bare(part)))


def _apart(parts: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for part in parts:
        bare = _bare(part)
        kept = [one for one in kept if _bare(one) not in bare]
        if not any(bare in _bare(one) for one in kept):
            kept.append(part)
    return kept


def _bare(phrase: str) -> str:
    return re.sub(r"^(?:the|an?|his|her|its|their)\s+", "", phrase.casefold())
