"""Who-said-what questions, made from the claims of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from assistant.evaluation.draft_wording import (
    DETERMINERS,
    PRONOUNS,
    UNCLEAR,
    VERBS,
    Drafted,
    is_name,
    lowered,
    one_line,
    word_set,
)
from index.claim_words import Piece
from index.claims import Claim, find_claims

_SAID_BY = word_set(
    "says claims confirms announces reports explains warns predicts promises admits finds suggests estimates"
)
_THAT = {"said": "said", "says": "says", "claimed": "claimed", "announced": "announced", "reported": "reported",
         "confirmed": "confirmed", "warned": "warned", "denied": "denied", "argued": "argued", "added": "said",
         "insisted": "insisted", "acknowledged": "acknowledged", "told": "said", "noted": "said"}  # fmt: skip


_CUES = {  # how the words after a cue are asked for
    "denied": "What did {} deny?",
    "admitted": "What did {} admit?",
    "acknowledged": "What did {} acknowledge?",
    "demanded": "What did {} demand?",
    "called for": "What did {} call for?",
    "blamed": "Whom did {} blame?",
    "criticized": "Whom or what did {} criticize?",
    "condemned": "Whom or what did {} condemn?",
    "praised": "Whom or what did {} praise?",
    "vowed": "What did {} vow to do?",
    "pledged": "What did {} pledge to do?",
    "promised": "What did {} promise to do?",
    "threatened": "What did {} threaten to do?",
}


def claimed(text: str, claims: Sequence[Claim] | None = None) -> Iterator[Drafted]:
    """Yield questions about who said what, where a claim's speaker is named; `claims` are the text's, if known."""
    for claim in find_claims(text) if claims is None else claims:
        speaker = _speaker(claim.speaker, text)
        if speaker is not None:
            asked = lowered(one_line(speaker.text), text)
            yield from _about(claim, speaker, asked, text)
            yield from _by_cue(claim, speaker, asked)
            yield from _by_whom(claim, speaker, text)


def _speaker(piece: Piece | None, text: str) -> Piece | None:
    """The part of a speaker's mention that names someone, or None for "he", "officials" and the like."""
    if piece is None:
        return None
    name = re.split(r"[,;(\n]| who | which | whose ", piece.text)[0].strip()
    plain = len(name.split()) <= 8 and not any(word.casefold() in VERBS for word in name.split())
    if not plain or not is_name(name, text) or name.split()[0].casefold() in PRONOUNS | UNCLEAR:
        return None
    start = piece.start + piece.text.index(name)
    return Piece(start, start + len(name), name)


def _about(claim: Claim, speaker: Piece, asked: str, text: str) -> Iterator[Drafted]:
    """“What did X say about Y?”, Y being what the reported words begin with."""
    subject = _topic(claim.content[0].text, text)
    if subject and claim.stance in _SAID_BY and subject.casefold() not in speaker.text.casefold():
        yield Drafted("what was said", f"What did {asked} say about {subject}?", claim.content, speaker.text)


def _by_cue(claim: Claim, speaker: Piece, asked: str) -> Iterator[Drafted]:
    """“What did X deny?”, “How did X describe Y?”"""
    cue, content = claim.cue.text.casefold() if claim.cue else "", claim.content[0]
    wording = _CUES.get(cue)
    whole = len(claim.content) == 1 and len(content.text.split()) > 1
    if wording and whole and content.text.startswith("to ") == ("to do" in wording):
        yield Drafted("what was said", wording.format(asked), claim.content, speaker.text)
    described = re.match(r"((?:the|his|her|its|their) [^,“”\"]{3,50}?|[A-Z][\w .'’-]{2,50}?) as (?=\S)", content.text)
    if cue == "described" and described:
        gold = Piece(content.start + described.end(), content.end, content.text[described.end() :])
        yield Drafted("what was said", f"How did {asked} describe {one_line(described[1])}?", (gold,), speaker.text)


def _topic(content: str, text: str) -> str | None:
    """The noun phrase before the first verb, where it is one that can be asked about."""
    words = content.split()[:8]
    end = next((at for at, word in enumerate(words) if at and _ends_topic(word, words[at - 1])), 0)
    phrase = " ".join(words[:end])
    low = {word.casefold() for word in words[:end]}
    opens = bool(words) and words[0].casefold() in DETERMINERS and end > 1
    crooked = re.search(r"[,;:“”\"()?!]", phrase) or low & (UNCLEAR | {"that", "who", "which", "there", "to", "and"})
    if not 1 <= end <= 6 or crooked or not (opens or is_name(phrase, text)):
        return None
    return lowered(phrase, text)


def _ends_topic(word: str, before: str) -> bool:
    """Whether a noun phrase ends before `word`: a verb, or a quotation, but not “the destroyed …”."""
    participle = re.fullmatch("[a-z]{3,}ed", word) is not None and before.casefold() not in DETERMINERS
    return word.casefold() in VERBS or word.endswith(("n't", "n’t")) or word[0] in '“"' or participle


def _by_whom(claim: Claim, speaker: Piece, text: str) -> Iterator[Drafted]:
    """“Who said “…”?” for a quotation, “Who claimed that …?” for reported words."""
    content = claim.content[0]
    said = one_line(content.text).rstrip(".,;:")
    alone = len(claim.content) == 1 and not _names_again(said, speaker.text)
    if alone and claim.direct and 6 <= len(said.split()) <= 30 and not re.search(r"[“”\"]", said):
        yield Drafted("who said", f"Who said “{said}”?", (speaker,), speaker.text)
    cue = _THAT.get(claim.cue.text.casefold()) if claim.cue else None
    after = text[claim.cue.end : content.start].split() if claim.cue else []
    plain = after in ([], ["that"]) or (cue == "said" and after[-1:] == ["that"])
    fitting = cue and plain and (cue != "denied" or after == ["that"])
    if alone and claim.direct is False and fitting and _topic(said, text):
        yield Drafted("who said", f"Who {cue} that {lowered(said, text)}?", (speaker,), speaker.text)


def _names_again(said: str, speaker: str) -> bool:
    """Whether reported words give away who said them."""
    return any(word in said for word in re.findall(r"[A-Z][\w’'-]{3,}", speaker))
