"""Who is named as the speaker, of the words that the network takes for it."""

from __future__ import annotations

import pytest

from index.claim_finder import Attribution
from index.claim_speakers import speaker_of, speaks
from index.claim_words import Piece
from index.passages import Span


def found(text: str, source: str, cue: str) -> Attribution:
    """Return an attribution with these words as its source and cue, as the network may give them."""
    at = text.index(source)
    cue_at = text.index(cue, at + len(source)) if cue in text[at + len(source) :] else text.index(cue)
    return Attribution(1.0, Span(at, at + len(source)), Span(cue_at, cue_at + len(cue)), (Span(0, 1),))


@pytest.mark.parametrize(
    ("text", "source", "cue", "speaker"),
    [
        # an article alone gets its noun
        ("The statement read: no.", "The", "read", "The statement"),
        ("According to the data, 905 recovered.", "the", "According to", "the data"),
        ("The outtakes also showed that he fell.", "The", "showed", "The outtakes"),
        ("The US, meanwhile, has approved sales.", "The", "approved", "The US"),
        ("the CDC recommends it, as they are considered safe.", "the", "considered", "the CDC"),
        ("The complaints allege that it leaks.", "The", "complaints allege", "The complaints"),
        ("The announcement of the aid came late.", "The", "announcement", None),
        ("The new old bridge stands as they believe.", "The", "believe", None),
        # the paragraph and the label before it are no part
        ("Growth\n\nExperts say so.", "Growth\n\nExperts", "say", "Experts"),
        ("Utah\n\nProvo: Gov. Cox said so.", "Utah\n\nProvo: Gov. Cox", "said", "Gov. Cox"),
        ("So said Ortiz.\n\nRain", "Ortiz.\n\nRain", "said", "Ortiz"),
        ("“Dark: A Life” author Lee said so.", "“Dark: A Life” author Lee", "said", "“Dark: A Life” author Lee"),
        # what leads nowhere
        ("Lee, head of the port and a member of said so.", "Lee, head of the port and a member of", "said",
         "Lee, head of the port and a member"),
        ("Many of said so.", "Many of", "said", "Many"),
        ("It grew and said so.", "and", "said", None),
        ("Al From said so.", "From", "said", "Al From"),
        ("there are those that say so", "that", "say", "that"),
        ("After the vote her lawyer Ann Smith said so.", "the vote her lawyer Ann Smith", "said",
         "her lawyer Ann Smith"),
        ("The head of the union and his wife said so.", "The head of the union and his wife", "said",
         "The head of the union and his wife"),
        # a title is a word of its own
        ("It has problems. Ortiz said so.", "Ortiz", "said", "Ortiz"),
        ("It came first. He said so.", "He", "said", "He"),
        ("So Brig. Gen. Ortiz said.", "Ortiz", "said", "Brig. Gen. Ortiz"),
    ],
)  # fmt: skip
def test_the_speaker_is_whom_the_words_name(text: str, source: str, cue: str, speaker: str | None) -> None:
    piece = speaker_of(text, found(text, source, cue))

    assert (piece and piece.text) == speaker
    assert piece is None or text[piece.start : piece.end] == piece.text


def test_a_cue_without_a_source_has_no_speaker() -> None:
    assert speaker_of("It is said.", Attribution(1.0, None, Span(6, 10), (Span(0, 2),))) is None


@pytest.mark.parametrize(
    ("text", "label", "is_speech"),
    [
        ("LEE: We waited.\n\nORTIZ: Did you?\n\nLEE: We did.", "LEE", True),
        ("[12:51] Lee: We waited.\n\n[12:59] Lee: We did.", "Lee", True),
        ("Paul Callan: Timing is everything", "Paul Callan", True),
        ("Rubio: It is late\n\nMarco Rubio was asked on Friday.", "Rubio", True),
        ("Texas\n\nAbilene: A park has been widened.", "Abilene", False),
        ("7. Paul Callan (Giants): He led the league.", "Paul Callan (Giants)", False),
        ("Photos: The march\n\nPhotos: The square", "Photos", False),
        ("He saw it: the port was shut.", "He saw it", False),
    ],
)
def test_a_colon_makes_a_speaker_of_people_and_of_what_recurs(text: str, label: str, is_speech: bool) -> None:
    at = text.index(label)

    assert speaks(text, Piece(at, at + len(label), label)) is is_speech
