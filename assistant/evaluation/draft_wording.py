"""What drafts of questions are worded with, and when one can be understood without its article."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from index.claim_words import Piece


@dataclass(frozen=True)
class Drafted:
    """A question about a text, the exact words that answer it, and whose words they are where it asks for them."""

    form: str
    question: str
    gold: tuple[Piece, ...]
    speaker: str | None = None


def word_set(words: str) -> frozenset[str]:
    """Return the words of a line as a set."""
    return frozenset(words.split())


AUXILIARIES = word_set("was were is are has have had will would could can may might must should")
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


PAST = {_past(base): base for base in _REGULAR.split()} | dict(pair.split(":") for pair in _IRREGULAR.split())
VERBS = AUXILIARIES | PAST.keys()
DETERMINERS = word_set("the a an his her its their")
_LINKS = word_set("of for de al bin ibn the")
PRONOUNS = word_set("he she it they him her them his hers its their theirs")
UNCLEAR = word_set(
    "i we me us my our you your here this these those such another others also meanwhile earlier later former latter "
    "i'm we're i've we've it's he's she's they're that's don't i'll we'll you're let's"
)
_THERE = re.compile(r"\bthere\b(?! (?:was|were|is|are|had|has|have|will|would)\b)", re.IGNORECASE)
CAPITAL = r"(?:[A-Z][\w-]*(?:[’'](?!s\b)[\w-]+)*(?<=\w)|[A-Z]\.(?:[A-Z]\.)*)"


def one_line(text: str) -> str:
    """Return a text with every run of white space as one space."""
    return " ".join(text.split())


def lowered(phrase: str, text: str) -> str:
    """Return a phrase that may have opened a sentence of `text` as it reads within one."""
    first, _, others = phrase.partition(" ")
    goes_on = re.match(r"(?:(?:al|de|bin|ibn) )?[A-Z]", others) is not None
    bare = re.sub("[’']s$", "", first)
    keeps = first.isupper() or f" {bare} " in _within(text) or goes_on
    return phrase if keeps and first.casefold() not in DETERMINERS else phrase[:1].lower() + phrase[1:]


def is_name(phrase: str, text: str) -> bool:
    """Whether a phrase is a name: several capitals, or one that the text writes so within a sentence too."""
    words = re.sub(r"^(?:The|A|An)\s", "", phrase).split()
    if len(words) > 1 and all(re.match("[A-Z]", word) or word in _LINKS for word in words):
        return True
    return bool(words) and re.match("[A-Z]", words[0]) is not None and f" {words[0]} " in _within(text)


@lru_cache(maxsize=4)
def _within(text: str) -> str:
    """The text without the first word of each sentence, whose capital says nothing."""
    return re.sub(r"(?:^|[.!?:“\"]\s*|\n\s*)[A-Z][\w’'-]*", " ", text)


def is_clear(question: str) -> bool:
    """Whether a question can be understood by someone who has not read the article."""
    words = question.split()
    low = [word.strip("“”\"'?,.()").casefold().replace("’", "'") for word in words]
    named = next((at for at, word in enumerate(words) if at and re.match("(?:al-|el-)?[A-Z]", word)), len(words))
    vague = next((at for at, word in enumerate(low) if word in PRONOUNS), len(words))
    is_quoted = question.startswith("Who said “")
    return (
        5 <= len(words) <= 34
        and (is_quoted or (named < len(words) and named < vague and UNCLEAR.isdisjoint(low)))
        and not _THERE.search(question)
        and not re.search(r"[@»|]|--|\.\.\.|…|https?:|[a-z][.!?]”? [A-Z]", question)
        and question.count("“") == question.count("”")
        and question.count('"') % 2 == 0
        and question.count("(") == question.count(")")
    )
