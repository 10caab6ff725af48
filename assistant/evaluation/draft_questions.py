"""Questions made from the sentences and claims of a text, by rules that would rather make none than a crooked one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from index.claims import Claim, Piece, find_claims
from index.passages import split_sentences


@dataclass(frozen=True)
class Drafted:
    """A question about a text, the exact words that answer it, and whose words they are where it asks for them."""

    form: str
    question: str
    gold: tuple[Piece, ...]
    speaker: str | None = None


def drafts_of(text: str) -> list[Drafted]:
    """Return the questions that the rules can make of `text`, each once, with all that answers it."""
    made = [draft for draft in (*_claimed(text), *_clozes(text)) if _is_clear(draft.question)]
    same = groupby(sorted(made, key=lambda draft: draft.question), key=lambda draft: draft.question)
    merged = [_merged(list(group)) for _, group in same]
    return sorted(merged, key=lambda draft: (draft.gold[0].start, draft.question))


def _merged(drafts: list[Drafted]) -> Drafted:
    gold = {(piece.start, piece.end): piece for draft in drafts for piece in draft.gold}
    return Drafted(drafts[0].form, drafts[0].question, tuple(gold[place] for place in sorted(gold)), drafts[0].speaker)


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_AUXILIARIES = _set("was were is are has have had will would could can may might must should")
_PERFECT = _set("has have had")
_REGULAR = (
    "accept accuse add agree allow announce appear appoint approve arrest arrive ask attack attend award begin call "
    "cause change charge claim close collapse complete condemn confirm continue crash create decide declare defeat "
    "deliver demand destroy develop discover dismiss elect end enter establish estimate expand express face fail file "
    "finish follow force gather help host identify ignite include increase injure inspect introduce investigate "
    "invite issue join kick kill land last launch locate lock manage measure mention move name need obtain offer open "
    "order organise organize own pass plead pledge praise produce promise propose publish pursue quote raise reach "
    "receive recover reject release remain remove rename rescue resign respond retire return reveal save schedule "
    "score seize sentence separate serve settle sign smash start storm strike succeed suffer suggest support suspend "
    "target test threaten top turn unveil urge visit vote voice want warn withdraw witness work"
)
_IRREGULAR = (
    "became:become began:begin bought:buy brought:bring built:build came:come carried:carry caught:catch chose:choose "
    "cut:cut died:die drew:draw drove:drive fell:fall felt:feel fled:flee flew:fly fought:fight found:find gave:give "
    "got:get grew:grow held:hold hit:hit hurt:hurt kept:keep killed:kill knew:know launched:launch led:lead left:leave "
    "lost:lose made:make married:marry met:meet paid:pay planned:plan rose:rise said:say sank:sink saw:see sent:send "
    "shot:shoot shut:shut spent:spend spoke:speak stood:stand stopped:stop stole:steal struck:strike swept:sweep "
    "took:take tried:try went:go won:win withdrew:withdraw wrote:write"
)


def _past(base: str) -> str:
    return base + ("d" if base.endswith("e") else "ed")


_PAST = {_past(base): base for base in _REGULAR.split()} | dict(pair.split(":") for pair in _IRREGULAR.split())
_VERBS = _AUXILIARIES | _PAST.keys()
_DETERMINERS = _set("the a an his her its their")
_LINKS = _set("of for de al bin ibn the")
_PRONOUNS = _set("he she it they him her them his hers its their theirs")
_UNCLEAR = _set(
    "i we me us my our you your here this these those such another others also meanwhile earlier later former latter "
    "i'm we're i've we've it's he's she's they're that's don't i'll we'll you're let's"
)
_THERE = re.compile(r"\bthere\b(?! (?:was|were|is|are|had|has|have|will|would)\b)", re.IGNORECASE)
_BOUNDARY = re.compile(
    r"\b(?:that|who|which|when|after|before|because|as|if|while|where|and|but|said|says)\b|[,;:](?=\s)|[—–]|--"
)

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?: (?:morning|afternoon|evening|night))?"
_DATE = rf"(?:{_DAY}, )?{_MONTH} \d{{1,2}}(?:, \d{{4}})?|{_MONTH} \d{{4}}|{_DAY}|(?:19|20)\d\d"
_WHEN = re.compile(rf",?\s+(?:(?:on|in)\s+(?P<gold>{_DATE})|(?P<bare>{_DAY}))\b(?![-’'\w])")
_ANY_DATE = re.compile(rf"\b(?:{_DATE})\b(?![-’'])")
_WHERE = re.compile(r"\s+(?:in|at|near|outside)\s+(?P<gold>(?:the\s+)?[A-Z][\w’'.-]*\w(?:,?\s+[A-Z][\w’'.-]*\w)*)$")
_ABOUT = r"(?:at least|at most|more than|fewer than|less than|up to|about|around|nearly|almost|some|over)"
_COUNT = (
    r"(?:\d[\d,.]*\d|\d|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens|hundreds|thousands)"
    r"(?: (?:hundred|thousand|million|billion))?"
)
_PLURAL = r"(?:[\w’'-]+ ){0,2}?(?:people|men|women|children|[a-z]{3,}[^s\W]s)"
_HOW_MANY = re.compile(rf"(?:{_ABOUT} )?(?P<gold>{_COUNT}) (?:of the )?(?P<things>{_PLURAL})(?![\w’'-])", re.IGNORECASE)
_ANY_NUMBER = re.compile(rf"(?<![\w$£€.,-])(?:{_ABOUT} )?(?P<gold>\d[\d,.]*\d|\d\d?)(?![\w%.,-]*\d|%|[\w’'-])")
_CAPITAL = r"(?:[A-Z][\w-]*(?:[’'](?!s\b)[\w-]+)*(?<=\w)|[A-Z]\.(?:[A-Z]\.)*)"
_NAMES = re.compile(rf"{_CAPITAL}(?: (?:of |for |al-|de |bin |ibn )?{_CAPITAL})+")
# “LONDON, England (CNN) -- After a week …”
_DATELINE = re.compile(r"[^.!?]{0,60}?(?:\([A-Z][\w .]{1,20}\)|[A-Z]{4,}[^.!?]{0,30}?)\s*(?:--|—|–|-)\s+")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _lowered(phrase: str) -> str:
    """A phrase that opened a sentence, as it reads within one."""
    first = phrase.split(" ", 1)[0]
    return phrase[0].lower() + phrase[1:] if first.casefold() in _DETERMINERS else phrase


def _is_name(phrase: str, text: str) -> bool:
    """Whether a phrase is a name: several capitals, or one that the text writes so within a sentence too."""
    words = re.sub(r"^(?:The|A|An)\s", "", phrase).split()
    if len(words) > 1 and all(re.match("[A-Z]", word) or word in _LINKS for word in words):
        return True
    return re.match("[A-Z]", words[0]) is not None and f" {words[0]} " in _within(text)


def _within(text: str) -> str:
    """The text without the first word of each sentence, whose capital says nothing."""
    return re.sub(r"(?:^|[.!?:“\"]\s*|\n\s*)[A-Z][\w’'-]*", " ", text)


def _is_clear(question: str) -> bool:
    """Whether a question can be understood by someone who has not read the article."""
    words = question.split()
    low = [word.strip("“”\"'?,.()").casefold().replace("’", "'") for word in words]
    named = next((at for at, word in enumerate(words) if at and re.match(r"[“\"]?[A-Z0-9]", word)), len(words))
    vague = next((at for at, word in enumerate(low) if word in _PRONOUNS), len(words))
    is_quoted = question.startswith("Who said “")
    return (
        5 <= len(words) <= 34
        and (is_quoted or (named < len(words) and named < vague and _UNCLEAR.isdisjoint(low)))
        and not _THERE.search(question)
        and not re.search(r"[@»|]|--|\.\.\.|…|https?:|[a-z][.!?]”? [A-Z]", question)
        and question.count("“") == question.count("”")
        and question.count('"') % 2 == 0
        and question.count("(") == question.count(")")
    )


# ── who said what ───────────────────────────────────────────────────────────────────────────────────────────


_SAID_BY = _set(
    "says claims confirms announces reports explains warns predicts promises admits finds suggests estimates"
)
_THAT = {"said": "said", "says": "says", "claimed": "claimed", "announced": "announced", "reported": "reported",
         "confirmed": "confirmed", "warned": "warned", "denied": "denied", "argued": "argued", "added": "said",
         "insisted": "insisted", "acknowledged": "acknowledged", "told": "said", "noted": "said"}  # fmt: skip


def _claimed(text: str) -> Iterator[Drafted]:
    for claim in find_claims(text):
        speaker = _speaker(claim.speaker, text)
        if speaker is not None:
            yield from _about(claim, speaker, text)
            yield from _by_whom(claim, speaker, text)


def _speaker(piece: Piece | None, text: str) -> Piece | None:
    """The part of a speaker's mention that names someone, or None for "he", "officials" and the like."""
    if piece is None:
        return None
    name = re.split(r"[,;(\n]| who | which | whose ", piece.text)[0].strip()
    plain = len(name.split()) <= 8 and not any(word.casefold() in _VERBS for word in name.split())
    if not plain or not _is_name(name, text) or name.split()[0].casefold() in _PRONOUNS | _UNCLEAR:
        return None
    start = piece.start + piece.text.index(name)
    return Piece(start, start + len(name), name)


def _about(claim: Claim, speaker: Piece, text: str) -> Iterator[Drafted]:
    """“What did X say about Y?”, Y being what the reported words begin with."""
    subject = _topic(claim.content[0].text, text)
    if subject and claim.stance in _SAID_BY and subject.casefold() not in speaker.text.casefold():
        name = _lowered(_one_line(speaker.text))
        yield Drafted("what was said", f"What did {name} say about {subject}?", claim.content, speaker.text)


def _topic(content: str, text: str) -> str | None:
    """The noun phrase before the first verb, where it is one that can be asked about."""
    words = content.split()[:8]
    end = next(
        (at for at, word in enumerate(words) if word.casefold() in _VERBS or re.fullmatch("[a-z]{3,}ed", word)), 0
    )
    phrase = " ".join(words[:end])
    low = {word.casefold() for word in words[:end]}
    opens = bool(words) and words[0].casefold() in _DETERMINERS and end > 1
    crooked = re.search(r"[,;:“”\"()?!]", phrase) or low & (_UNCLEAR | {"that", "who", "which", "there", "to", "and"})
    if not 1 <= end <= 6 or crooked or not (opens or _is_name(phrase, text)):
        return None
    return _lowered(phrase)


def _by_whom(claim: Claim, speaker: Piece, text: str) -> Iterator[Drafted]:
    """“Who said “…”?” for a quotation, “Who claimed that …?” for reported words."""
    content = claim.content[0]
    said = _one_line(content.text).rstrip(".,;:")
    alone = len(claim.content) == 1 and not _names_again(said, speaker.text)
    if alone and claim.direct and 6 <= len(said.split()) <= 30 and not re.search(r"[“”\"]", said):
        yield Drafted("who said", f"Who said “{said}”?", (speaker,), speaker.text)
    cue = _THAT.get(claim.cue.text.casefold()) if claim.cue else None
    after = text[claim.cue.end : content.start].split() if claim.cue else []
    plain = after in ([], ["that"]) or (cue == "said" and after[-1:] == ["that"])
    fitting = cue and plain and (cue != "denied" or after == ["that"])
    if alone and claim.direct is False and fitting and _topic(said, text):
        yield Drafted("who said", f"Who {cue} that {_lowered(said)}?", (speaker,), speaker.text)


def _names_again(said: str, speaker: str) -> bool:
    """Whether reported words give away who said them."""
    return any(word in said for word in re.findall(r"[A-Z][\w’'-]{3,}", speaker))


# ── who, when, where, how many; or a gap ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Clause:
    """A sentence as subject, verb and rest, with the place in the text where each begins."""

    text: str
    start: int
    subject: str
    verb: str
    rest: str

    @property
    def rest_start(self) -> int:
        return self.start + len(self.subject) + len(self.verb) + 2

    def inverted(self, rest: str) -> str:
        """The words that follow "When", "Where" and the like: “was the mosque struck”, “did the jury meet”."""
        subject, verb = _lowered(self.subject), self.verb
        words = (verb, subject, rest) if verb in _AUXILIARIES else ("did", subject, _PAST[verb], rest)
        return " ".join(filter(None, words))

    def gold(self, match: re.Match[str], at: int, group: str = "gold") -> tuple[Piece, ...]:
        return (Piece(at + match.start(group), at + match.end(group), match[group]),)


def _clozes(text: str) -> Iterator[Drafted]:
    for span in split_sentences(text):
        dateline = _DATELINE.match(text, span.start, span.end)
        start = dateline.end() if dateline else span.start
        sentence = text[start : span.end]
        # What spans lines or quotes is a heading, a list, or somebody's words, which have questions of their own.
        if "\n" in sentence or re.search(r"[“”\"«»]|  ", sentence) or not sentence.endswith("."):
            continue
        yield from _gaps(start, sentence)
        clause = _clause(start, sentence)
        if clause:
            yield from (*_who(clause, text), *_when(clause), *_where(clause), *_how_many(clause))


def _clause(start: int, sentence: str) -> _Clause | None:
    words = sentence.split(" ")
    at = next((at for at, word in enumerate(words[:9]) if at and word in _VERBS), 0)
    subject = " ".join(words[:at])
    rest = sentence[len(subject) + len(words[at]) + 2 :].removesuffix(".")
    if not at or re.search(r"[,;:()—–]", subject) or not rest:
        return None
    first = words[0].casefold()
    opens = first in _DETERMINERS or words[0][0].isupper() or words[0][0].isdigit()
    crooked = {word.casefold() for word in words[:at]} & (
        _PRONOUNS | _UNCLEAR | {"who", "that", "which", "there", "and"}
    )
    adverbial = first in _OPENERS
    return None if crooked or adverbial or not opens or _is_relative(rest) else _Clause(
        sentence, start, subject, words[at], rest
    )  # fmt: skip


_OPENERS = _set(
    "in on at by for from with after before when while if but and or so as although though because since then thus "
    "during under over among despite according what who how why where both most many all one some several no not"
)


def _is_relative(rest: str) -> bool:
    """Whether another verb follows at once, as in “The man accused of murder was …”: the first was no main verb."""
    boundary = _BOUNDARY.search(rest)
    near = rest[: boundary.start()] if boundary else rest
    return re.search(r"\b(?:was|were|is|are|has|have|had|will|would)\b", near) is not None or rest.startswith("by ")


# “…, the police said.”, which a question leaves away
_ATTRIBUTION = re.compile(r",(?: [^\s,]+){1,7}? (?:said|says|told|reported|added)\b.*$|,? according to .*$")


def _ended(rest: str) -> str:
    """The rest of a sentence, cut after its first clause where it is long."""
    rest = _ATTRIBUTION.sub("", _one_line(rest)).strip(" ,")
    boundary = re.search(r"[,;](?= )|[—–]| --", rest)
    return rest[: boundary.start()] if boundary and len(rest.split()) > 14 and boundary.start() > 25 else rest


def _who(clause: _Clause, text: str) -> Iterator[Drafted]:
    name = re.sub(r"^The ", "", clause.subject)
    is_person = re.fullmatch(rf"(?:{_CAPITAL})(?: (?:{_CAPITAL}))*", name) is not None
    if is_person and _is_name(name, text) and not _ANY_DATE.fullmatch(name) and clause.verb != "said":
        start = clause.start + len(clause.subject) - len(name)
        verb = {"were": "was", "are": "is", "have": "has"}.get(clause.verb, clause.verb)
        yield Drafted("who", f"Who {verb} {_ended(clause.rest)}?", (Piece(start, start + len(name), name),))


def _when(clause: _Clause) -> Iterator[Drafted]:
    match = _WHEN.search(f" {clause.rest}")
    plain = clause.verb not in _PERFECT
    if match and plain and not _BOUNDARY.search(f" {clause.rest}"[: match.start() + 1].rstrip(", ")):
        group = "gold" if match["gold"] else "bare"
        rest = f"{clause.rest[: max(match.start() - 1, 0)]} {clause.rest[match.end() - 1 :]}"
        yield Drafted(
            "when", f"When {clause.inverted(_ended(rest))}?", clause.gold(match, clause.rest_start - 1, group)
        )


def _where(clause: _Clause) -> Iterator[Drafted]:
    boundary = _BOUNDARY.search(clause.rest)
    near = clause.rest[: boundary.start()].rstrip() if boundary else clause.rest
    match = _WHERE.search(near)
    if match and clause.verb not in _PERFECT and not _ANY_DATE.search(match["gold"]):
        rest = _ended(near[: match.start()])
        yield Drafted("where", f"Where {clause.inverted(rest)}?", clause.gold(match, clause.rest_start))


def _how_many(clause: _Clause) -> Iterator[Drafted]:
    counted = _HOW_MANY.fullmatch(clause.subject)
    if counted:
        question = f"How many {counted['things']} {clause.verb} {_ended(clause.rest)}?"
        yield Drafted("how many", question, clause.gold(counted, clause.start))
    match = _HOW_MANY.match(clause.rest)
    if match and clause.verb in _PAST:
        question = f"How many {match['things']} {clause.inverted(_ended(clause.rest[match.end() :]))}?"
        yield Drafted("how many", question, clause.gold(match, clause.rest_start))


def _gaps(start: int, sentence: str) -> Iterator[Drafted]:
    """The sentence itself with a blank: easier than a real question, so only where there is nothing better."""
    if not 8 <= len(sentence.split()) <= 28 or sentence.split()[0].casefold() in _PRONOUNS | {"there"}:
        return
    number = next((match for match in _ANY_NUMBER.finditer(sentence) if not _ANY_DATE.search(sentence)), None)
    date = _ANY_DATE.search(sentence)
    name = next(
        (match for match in _NAMES.finditer(sentence) if match.start() and not _ANY_DATE.search(match[0])), None
    )
    for kind, match in (("number", number), ("date", date), ("name", name)):
        if match:
            left, right = match.span("gold") if kind == "number" else match.span()
            asked = "Which name" if kind == "name" else f"What {kind}"
            gapped = f"{sentence[:left]}____{sentence[right:]}".removesuffix(".")
            gold = Piece(start + left, start + right, sentence[left:right])
            yield Drafted("gap", f"{asked} is missing: “{_one_line(gapped)}”?", (gold,))
