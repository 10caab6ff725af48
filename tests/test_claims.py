import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.claims import Claim, claims_of, find_claims, stretches_of

SEEDS = Path(__file__).parent.parent / "seeds"


def told(claim: Claim) -> tuple[str | None, str | None, list[str]]:
    """Return who, by which word, and what: the part of a claim that most tests are about."""
    speaker = claim.speaker.text if claim.speaker else None
    cue = claim.cue.text if claim.cue else None
    return speaker, cue, [piece.text for piece in claim.content]


def seed(name: str) -> str:
    return (SEEDS / f"{name}.md").read_text(encoding="utf-8").split("---", 2)[2]


@pytest.mark.parametrize(
    ("text", "speaker", "cue", "content"),
    [
        ("“The bridge is closed,” Lena Ortiz said.", "Lena Ortiz", "said", ["The bridge is closed"]),
        ("“The bridge is closed”, she said.", "she", "said", ["The bridge is closed"]),
        ('"The bridge is closed," said Lena Ortiz.', "Lena Ortiz", "said", ["The bridge is closed"]),
        ("'The bridge isn't safe,' she said.", "she", "said", ["The bridge isn't safe"]),
        ("‘The council’s bridge is closed’, she said.", "she", "said", ["The council’s bridge is closed"]),
        ("''The bridge is closed,'' she said.", "she", "said", ["The bridge is closed"]),
        ("“Is it over?” Woods asked.", "Woods", "asked", ["Is it over?"]),
        ("Ortiz added: “It is closed.”", "Ortiz", "added", ["It is closed."]),
        ("Ortiz said, “It is closed.”", "Ortiz", "said", ["It is closed."]),
        ("Ortiz continued:\n\n“It is closed.”", "Ortiz", "continued", ["It is closed."]),
        (
            "“We waited,” Ortiz said, “and nobody came.”",
            "Ortiz",
            "said",
            ["We waited", "and nobody came."],
        ),
        (
            "“It is closed,” said Lena Ortiz, a spokeswoman for the port.",
            "Lena Ortiz, a spokeswoman for the port",
            "said",
            ["It is closed"],
        ),
        (
            "“It is closed. Nobody may cross,” Ortiz told reporters on Friday.",
            "Ortiz",
            "told",
            ["It is closed. Nobody may cross"],
        ),
    ],
)
def test_a_quotation_goes_to_the_one_its_tag_names(text: str, speaker: str, cue: str, content: list[str]) -> None:
    (claim,) = find_claims(text)

    assert told(claim) == (speaker, cue, content)
    assert claim.direct is True


@pytest.mark.parametrize(
    ("text", "speaker", "cue", "content"),
    [
        ("The mayor said that the bridge was closed.", "The mayor", "said", ["the bridge was closed"]),
        ("The mayor said the bridge was closed.", "The mayor", "said", ["the bridge was closed"]),
        ("But on Friday the mayor said it was closed.", "the mayor", "said", ["it was closed"]),
        ("A day later its owner said it was closed.", "its owner", "said", ["it was closed"]),
        (
            "Lena Ortiz, a port official, said on Friday, May 5, 2017, that it was closed.",
            "Lena Ortiz, a port official",
            "said",
            ["it was closed"],
        ),
        (
            "The port, on the other hand, denied closing the bridge.",
            "The port",
            "denied",
            ["closing the bridge"],
        ),
        ("Ortiz, who was not there, says it is closed.", "Ortiz", "says", ["it is closed"]),
        ("Ortiz told reporters that it was closed.", "Ortiz", "told", ["it was closed"]),
        ("Ortiz asked the council whether it was safe.", "Ortiz", "asked", ["whether it was safe"]),
        ("Ortiz blamed the council.", "Ortiz", "blamed", ["the council"]),
        ("The port declined to comment.", "The port", "declined", ["to comment"]),
        ("Later Ortiz has admitted to having misled them.", "Ortiz", "admitted to", ["having misled them"]),
        ("Local officials put the number of dead at about 40.", "Local officials", "put", None),
        ("The bridge, Ortiz said, was closed.", "Ortiz", "said", ["The bridge", "was closed"]),
        ("The bridge was closed, the mayor said.", "the mayor", "said", ["The bridge was closed"]),
        ("The bridge was closed, said Lena Ortiz.", "Lena Ortiz", "said", ["The bridge was closed"]),
        (
            "The bridge was closed, Lena Ortiz, a port official, said on Friday.",
            "Lena Ortiz, a port official",
            "said",
            ["The bridge was closed"],
        ),
        ("The bridge is closed, according to Ortiz.", "Ortiz", "according to", ["The bridge is closed"]),
        ("According to Ortiz, the bridge is closed.", "Ortiz", "According to", ["the bridge is closed"]),
        ("The bridge, according to Ortiz, is shut.", "Ortiz", "according to", ["The bridge", "is shut"]),
        ("Some residents say the bridge is closed.", "Some residents", "say", ["the bridge is closed"]),
        ("It found no evidence of damage.", "It", "found", ["no evidence of damage"]),
    ],
)
def test_a_reported_clause_goes_to_its_speaker(text: str, speaker: str, cue: str, content: list[str] | None) -> None:
    (claim,) = find_claims(text)

    assert told(claim)[:2] == (speaker, cue)
    assert content is None or told(claim)[2] == content
    assert claim.direct is False


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("Ortiz said it was “entirely safe”.", "it was “entirely safe”"),
        ("It was “entirely safe”, Ortiz said.", "It was “entirely safe”"),
        (
            "Ortiz described the bridge as “a small wonder” that nobody used.",
            "the bridge as “a small wonder” that nobody used",
        ),
        ("Ortiz said it was “safe”, and showed reporters a photograph.", "it was “safe”"),
    ],
)
def test_a_clause_with_a_quotation_in_it_is_neither_direct_nor_indirect(text: str, content: str) -> None:
    (claim,) = find_claims(text)

    assert told(claim)[2] == [content]
    assert claim.direct is None


@pytest.mark.parametrize(
    ("cue", "stance"),
    [
        ("said that", "says"),
        ("claimed that", "claims"),
        ("denied that", "denies"),
        ("confirmed that", "confirms"),
        ("accused", "accuses"),
        ("acknowledged that", "admits"),
        ("declined to say whether", "declines"),
        ("asked whether", "asks"),
        ("warned that", "warns"),
        ("ordered", "orders"),
        ("promised that", "promises"),
        ("believes that", "believes"),
    ],
)
def test_the_cue_decides_the_stance(cue: str, stance: str) -> None:
    (claim,) = find_claims(f"The mayor {cue} the port would close.")

    assert claim.stance == stance


@pytest.mark.parametrize(
    "text",
    [
        "The said building stands near the port.",
        "He found a seat.",
        "He read a report that the bridge was closed.",
        "The claims that followed were never tested.",
        "The deal is claimed.",
        "The bridge is said to be closed.",
        "It was reported that the bridge was closed.",
        "The man accused of the theft was released.",
        "The figures reported by the port were wrong.",
        "Dutch and Danish ships are known to fish off the northern coast.",
        "Ortiz did not say whether it was closed.",
        "Ortiz never said that it was closed.",
        "If the mayor says that it is closed, go home.",
        "Nobody would say that it was closed.",
        "The port opened a “credibility assessment” on Monday.",
        "She put her bag on the table.",
        "An estimated 200 people were told to leave.",
        "Asked about it on Friday, the mayor left.",
        "",
    ],
)
def test_nothing_is_made_of_a_verb_used_otherwise(text: str) -> None:
    assert find_claims(text) == []


def test_a_bare_quotation_continues_the_tagged_one_before_it() -> None:
    (claim,) = find_claims("“It is closed,” Ortiz said. “Nobody may cross.” “Nobody at all.”")

    assert told(claim) == ("Ortiz", "said", ["It is closed", "Nobody may cross.", "Nobody at all."])
    assert claim.direct is True


def test_a_quotation_goes_on_with_the_one_before_it_that_has_a_speaker() -> None:
    (claim,) = find_claims("“It is closed,” Ortiz said. The sun shone. “Nobody may cross.”")

    assert told(claim) == ("Ortiz", "said", ["It is closed", "Nobody may cross."])


def test_a_quotation_of_the_next_paragraph_is_another_claim_of_the_same_speaker() -> None:
    claims = find_claims("“It is closed,” Ortiz said.\n\n“Nobody may cross.”")

    assert [told(claim) for claim in claims] == [
        ("Ortiz", "said", ["It is closed"]),
        ("Ortiz", "said", ["Nobody may cross."]),
    ]


def test_a_paragraph_that_leaves_its_quotation_open_goes_on_in_the_next_one() -> None:
    claims = find_claims("Ortiz said: “It is closed.\n\n“Nobody may cross.” It rained.")

    assert {claim.said_by for claim in claims} == {"Ortiz"}
    assert [piece.text for claim in claims for piece in claim.content] == ["It is closed.", "Nobody may cross."]


def test_a_bare_quotation_is_that_speakers_who_alone_spoke_in_the_sentence_before() -> None:
    claim = find_claims("Ortiz denied that it was closed. “Everybody may cross.”")[-1]

    assert (told(claim), claim.stance) == (("Ortiz", None, ["Everybody may cross."]), "says")


@pytest.mark.parametrize(
    "before",
    [
        "",
        "The sun shone. ",
        "Ortiz said it was closed, and Woods confirmed that it had been shut. ",
        "Ortiz denied it.\n\n",
    ],
)
def test_a_bare_quotation_after_anything_else_has_no_speaker(before: str) -> None:
    assert told(find_claims(before + "“Nobody may cross.”")[-1]) == (None, None, ["Nobody may cross."])


def test_a_denied_deed_is_content_and_its_grounds_are_another_claim() -> None:
    claims = find_claims("The port, on the other hand, denied closing the bridge stating that it was open all day.")

    assert [(*told(claim), claim.stance) for claim in claims] == [
        ("The port", "denied", ["closing the bridge"], "denies"),
        ("The port", "stating", ["it was open all day"], "says"),
    ]


def test_a_quotation_of_several_sentences_is_one_claim() -> None:
    (claim,) = find_claims("Ortiz said: “It is closed. Nobody may cross. Go home.” Then she left.")

    assert told(claim) == ("Ortiz", "said", ["It is closed. Nobody may cross. Go home."])


def test_two_words_of_one_cue_make_one_claim() -> None:
    (claim,) = find_claims("In May the clerk pleaded guilty to making more than $180,000 in straw donations.")

    assert told(claim) == ("the clerk", "pleaded guilty", ["to making more than $180,000 in straw donations"])


def test_claims_side_by_side_in_a_sentence_are_kept_apart() -> None:
    text = "Ortiz said that two were hurt, and the port said five."

    assert [told(claim) for claim in find_claims(text)] == [
        ("Ortiz", "said", ["two were hurt"]),
        ("the port", "said", ["five"]),
    ]


def test_a_participle_shares_the_speaker() -> None:
    text = "Ortiz denied closing it, adding that the council had."

    assert [told(claim) for claim in find_claims(text)] == [
        ("Ortiz", "denied", ["closing it"]),
        ("Ortiz", "adding", ["the council had"]),
    ]


@pytest.mark.parametrize(
    ("name", "speaker", "cue", "content", "direct"),
    [
        (
            "2017-03-17-davis-building-intended",
            "Davis",
            "added",
            "The mosque is still standing and relatively unscathed.",
            True,
        ),
        (
            "2017-03-17-airwars-coalition-toll",
            "its spokesman Capt. Jeff Davis",
            "said",
            "The area “was extensively surveilled prior to the strike in order to minimize civilian casualties”",
            None,
        ),
        (
            "2017-03-17-abdul-kareem-one-compound",
            "Capt. Jeff Davis, a Pentagon spokesman",
            "said",
            "We deliberately did not target the mosque at the left edge of the photo.",
            True,
        ),
        (
            "2017-03-17-zakharova-calls-for-probe",
            "Maria Zakharova, of the Russian Foreign Ministry",
            "said",
            "there should be a probe into which target was hit in the strike near al-Jinah",
            False,
        ),
        (
            "2017-06-07-bontrager-investigation-findings",
            "Brig. Gen. Paul Bontrager, deputy director for operations at U.S. Central Command",
            "said",
            "The strike near al-Jinah on March 16 was lawful",
            False,
        ),
        (
            "2017-04-18-bellingcat-northern-side",
            "the Civil Defence, known as the White Helmets",
            "put",
            "the number of dead at 35",
            False,
        ),
    ],
)
def test_the_sample_articles_speak(name: str, speaker: str, cue: str, content: str, direct: bool | None) -> None:
    found = {(*told(claim)[:2], told(claim)[2][0], claim.direct) for claim in find_claims(seed(name))}

    assert (speaker, cue, content, direct) in found


FRAGMENTS = [
    "“",
    "”",
    '"',
    "'",
    "’",
    "''",
    "said",
    "Ortiz",
    "he",
    ", ",
    ". ",
    ": ",
    " ",
    "\n\n",
    "that",
    "according to",
]
NEWSLIKE = st.lists(st.sampled_from([*FRAGMENTS, "and", "who", "denied", "told", "put", "at 5", "(", "—"])).map(
    " ".join
)


def assert_exact(text: str, claims: list[Claim]) -> None:
    for claim in claims:
        assert claim.content
        for piece in [*claim.content, *filter(None, (claim.speaker, claim.cue))]:
            assert piece.text
            assert text[piece.start : piece.end] == piece.text


@settings(deadline=None)
@given(st.text() | NEWSLIKE)
def test_every_piece_stands_in_the_text(text: str) -> None:
    assert_exact(text, find_claims(text))


def test_every_piece_of_the_sample_articles_stands_in_them() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("2*.md"))]

    for text, claims in zip(texts, claims_of(texts), strict=True):
        assert claims, text
        assert_exact(text, claims)


def test_a_long_text_is_read_in_stretches_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"Ann {name}" for name in ("Ortiz", "Novak", "Rado", "Lisbon", "Ellis", "Ruiz")]
    text = "\n\n".join(f"{name} said that the bridge of the {name.split()[1]} road would close." for name in names)
    whole = find_claims(text)
    assert [claim.name for claim in whole] == names
    monkeypatch.setattr("index.claims._STRETCH", 150)
    stretches = list(stretches_of(text))
    assert len(stretches) == 3
    assert "".join(stretch.text for stretch in stretches) == text
    assert find_claims(text) == whole
    assert list(stretches_of(text, stretches[1].start)) == stretches[1:]


@settings(deadline=None)
@given(st.text() | NEWSLIKE, st.integers(1, 40))
@example(" 0", 1)
def test_stretches_leave_nothing_out(text: str, longest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("index.claims._STRETCH", longest)
        stretches = list(stretches_of(text))
    assert "".join(stretch.text for stretch in stretches) == text
    assert all(0 < len(stretch.text) <= longest for stretch in stretches[:-1])
    assert [stretch.last for stretch in stretches] == [False] * (len(stretches) - 1) + [True]


@pytest.mark.parametrize(
    "junk", ["said ", "“", '"', "' ", "he said, ", "X said that ", ", ", "(", "a’b-", "according to X, ", "x", "\n "]
)
def test_junk_takes_no_longer_than_prose(junk: str) -> None:
    prose = "Ortiz, who was late, told reporters on Friday that the bridge was “entirely safe”, and left. "
    find_claims(prose)  # loads the network

    def seconds(text: str) -> float:
        started = time.process_time()
        find_claims(text)
        return time.process_time() - started

    assert seconds(junk * (6_000 // len(junk))) < 6 * seconds(prose * (6_000 // len(prose)))


@pytest.mark.parametrize(
    "text", ["“We won,” the group said", "“We won,” said", "The group said", "said", "According to"]
)
def test_a_text_may_end_in_a_verb(text: str) -> None:
    find_claims(text)
