"""Questions and evidence over HTTP, through the whole application: what is answered, what is refused, and how."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.followup import Exchange
from assistant.question import LONGEST_QUESTION
from assistant.settings import Settings
from assistant.web import schema
from assistant.web.crew import Crew, OverloadedError
from assistant.web.events import Stream, event_stream
from assistant.web.question_routes import question_router
from assistant.web.refusals import add_refusals
from assistant.web.security import MAX_JSON_BYTES
from assistant.web.startup import Startup
from index.errors import SaidsoError
from tests.test_web import ORIGIN, app_of

BOMBS = "How many bombs did the F-15s drop?"
PAHON = "2017-03-17-pahon-meeting-hall"
WASHINGTON, MIDDLE_EAST = "Sample Digest: Washington", "Sample Digest: Middle East"


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (event, data) of each server-sent event but for comments; their ids must count up from one."""
    told = [block for block in text.strip().split("\n\n") if not block.startswith(":")]
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in told]
    assert [block["id"] for block in blocks] == [str(number) for number in range(1, len(blocks) + 1)]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


@pytest.fixture(scope="module")
def client(samples: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application over the sample articles, which these tests only read."""
    startup = Startup(lambda: samples)
    startup.run()
    with TestClient(app_of(startup, Settings(tmp_path_factory.mktemp("web"))), base_url=ORIGIN) as client:
        yield client


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "timings_ms"}


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_that_of_the_command_line(client: TestClient, samples: Assistant) -> None:
    answer = client.post("/api/ask", json={"question": BOMBS, "id": 7}).json()
    assert without_times(answer) == without_times(samples.ask(BOMBS, id="7").as_json())
    assert "ten" in answer["short_answer"]
    cited = answer["citations"][0]
    article = samples.article(cited["article_id"])
    assert article is not None and article.text[cited["start"] : cited["end"]] == cited["quote"]


@pytest.mark.parametrize(
    ("narrowed", "kept"),
    [
        ({"sources": [WASHINGTON, MIDDLE_EAST]}, lambda one: one["source"] in (WASHINGTON, MIDDLE_EAST)),
        ({"from": "2017-04-01", "to": "2017-06-30"}, lambda one: "2017-04-01" <= one["published"] <= "2017-06-30"),
        ({"as_of": "2017-03-17"}, lambda one: one["published"] <= "2017-03-17"),
        ({"as_of": "2017-09-01", "to": "2017-03-17"}, lambda one: one["published"] <= "2017-03-17"),
        ({"as_of": "2017-03-17", "to": "2017-09-01"}, lambda one: one["published"] <= "2017-03-17"),
    ],
)  # fmt: skip
def test_filters_keep_what_they_say(client: TestClient, narrowed: Any, kept: Callable[[Any], bool]) -> None:
    asked = {"question": "What was hit by the strike on the mosque?", "k": 100, **narrowed}
    found = client.post("/api/search", json=asked).json()
    assert found["passages"] and all(map(kept, found["passages"]))


def test_a_follow_up_leans_on_the_conversation(client: TestClient, samples: Assistant) -> None:
    before = [{"question": "What did the Pentagon claim was hit?", "answer": "a meeting hall"}, {"question": BOMBS}]
    asked = {"question": "And what did Human Rights Watch say about them?", "history": before}
    history = [Exchange(before[0]["question"], before[0]["answer"]), Exchange(BOMBS)]
    answer = client.post("/api/ask", json=asked).json()
    assert without_times(answer) == without_times(samples.ask(asked["question"], history=history).as_json())
    assert answer["standalone_question"] != answer["question"] == asked["question"]
    told = events(client.post("/api/ask/stream", json=asked).text)
    assert without_times(told[-1][1]) == without_times(answer)


def test_search_finds_what_the_command_line_finds(client: TestClient, samples: Assistant) -> None:
    asked = {"question": "Who called for a probe?", "id": "a", "k": 3, "speaker": "Zakharova"}
    filters = schema.Search.model_validate(asked).filters
    hits = [hit.as_json() for hit in samples.search("Who called for a probe?", 3, filters)]
    assert hits
    assert client.post("/api/search", json=asked).json() == {
        "id": "a", "question": "Who called for a probe?", "passages": hits,
    }  # fmt: skip


@pytest.mark.parametrize("question", [BOMBS, "What did the Pentagon claim was hit?", "Who won the 2022 World Cup?"])
def test_a_stream_tells_the_same_answer_bit_by_bit(client: TestClient, question: str) -> None:
    asked = {"question": question, "id": "x"}
    whole = client.post("/api/ask", json=asked).json()
    answer = client.post("/api/ask/stream", json=asked)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    assert [data["stage"] for name, data in told if name == "stage"] == [
        "understanding", "searching", "reading", "writing",
    ]  # fmt: skip
    assert "".join(data["delta"] for name, data in told if name == "text") == whole["answer"]
    assert [data for name, data in told if name == "citation"] == whole["citations"]
    assert told[-1][0] == "done" and without_times(told[-1][1]) == without_times(whole)


@pytest.mark.parametrize("route", ["/api/ask", "/api/ask/stream", "/api/search"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The request is empty"),
        (b"{", "The request is not JSON"),
        (b"[1]", "The request is not a JSON object"),
        (b"{}", "There is no 'question'; it must be given."),
        (b'{"question": 5}', "question is 5: input should be a valid string."),
        (b'{"question": " ?! "}', "The question is empty"),
        (b'{"question": "\\ud800 who?"}', "question is"),
        (json.dumps({"question": "a" * 100_000}).encode(), "The question has 100,000 characters; at most"),
        (b'{"question": "Who?", "speakers": "X"}', "There is no field 'speakers'; leave it out"),
        (b'{"question": "Who?", "from": "yesterday"}', "'yesterday' is not a date"),
        (b'{"question": "Who?", "as_of": "2017-02-30"}', "'2017-02-30' is not a date"),
        (b'{"question": "Who?", "as_of": 2017}', "as_of is 2017: input should be a valid string."),
        (b'{"question": "Who?", "sources": "Airwars"}', "sources is 'Airwars': input should be a valid list."),
        (b'{"question": "Who?", "sources": [1]}', "sources[0] is 1: input should be a valid string."),
        (b'{"question": "Who?", "stances": ["hums"]}', "'hums' is not a stance; the stances are accuses,"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_told_what_is_wrong(client: TestClient, route: str, body: bytes, words: str) -> None:
    answer = client.post(route, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("route", "fields", "words"),
    [
        ("/api/search", {"k": 0}, "k is 0: input should be greater than or equal to 1."),
        ("/api/search", {"k": 101}, "k is 101"),
        ("/api/search", {"k": "5"}, "k is '5'"),
        ("/api/search", {"history": []}, "There is no field 'history'"),
        ("/api/ask", {"k": 5}, "There is no field 'k'"),
        ("/api/ask", {"history": [{"answer": "x"}]}, "There is no 'history[0].question'"),
        ("/api/ask", {"history": "before"}, "history is 'before'"),
    ],
)
def test_fields_are_of_their_route(client: TestClient, route: str, fields: dict[str, Any], words: str) -> None:
    answer = client.post(route, json={"question": "Who?", **fields})
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text


def test_a_body_that_is_no_json_by_its_header_is_explained(client: TestClient) -> None:
    answer = client.post("/api/ask", content=b'{"question": "Who?"}', headers={"content-type": "text/plain"})
    assert answer.status_code == 422 and "Content-Type: application/json" in answer.json()["detail"]


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    assert client.post("/api/ask", content=b" " * (MAX_JSON_BYTES + 1)).status_code == 413


def test_the_longest_question_is_read(client: TestClient) -> None:
    question = ("Who said what of the strike? " * 1000)[:LONGEST_QUESTION]
    assert client.post("/api/search", json={"question": question, "k": 1}).status_code == 200


# ── waiting ─────────────────────────────────────────────────────────────────────────────────────────────────


class Held(Assistant):
    """An assistant that answers when it is let."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()

    def warm_up(self) -> None:
        pass

    def ask(self, question: str, *_: Any, **__: Any) -> Answer:
        self.may_go_on.wait(60)
        return Answer(question, "None.", abstained=True)


def small_app(startup: Startup, crew: Crew) -> FastAPI:
    app = FastAPI()
    app.include_router(question_router(startup, crew))
    add_refusals(app)
    return app


def test_what_is_not_ready_says_when_to_come_back(tmp_path: Path) -> None:
    startup = Startup(lambda: pytest.fail("not begun"))
    client = TestClient(app_of(startup, Settings(tmp_path)), base_url=ORIGIN)  # not entered: nothing is begun
    asked = [client.post(route, json={"question": "Who?"}) for route in ("/api/ask", "/api/search")]
    read = [client.get(route) for route in ("/api/articles", f"/api/articles/{PAHON}", "/api/claims")]
    for answer in (*asked, *read, client.post("/api/articles", json={}), client.delete(f"/api/articles/{PAHON}")):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json() == {"detail": "Opening the collection; one moment, please."}


def test_a_stream_waits_for_the_assistant(samples: Assistant) -> None:
    go_on = threading.Event()

    def open_slowly() -> Assistant:
        go_on.wait(60)
        return samples

    startup = Startup(open_slowly)
    with TestClient(small_app(startup, Crew(1, 1))) as client:
        startup.begin()
        waiting: list[str] = []
        asking = threading.Thread(
            target=lambda: waiting.append(client.post("/api/ask/stream", json={"question": BOMBS}).text)
        )
        asking.start()
        go_on.set()
        asking.join()
    told = events(waiting[0])
    assert [data["stage"] for name, data in told if name == "stage"][-4:] == [
        "understanding", "searching", "reading", "writing",
    ]  # fmt: skip
    assert told[-1][0] == "done"


def test_a_start_that_fails_is_told_in_the_stream() -> None:
    def fail() -> Assistant:
        raise SaidsoError("The data folder /x cannot be written.")

    startup = Startup(fail)
    startup.run()
    with TestClient(small_app(startup, Crew(1, 1))) as client:
        answer = client.post("/api/ask/stream", json={"question": "Who?"})
    assert events(answer.text) == [("error", {"detail": "The data folder /x cannot be written."})]


def test_a_rush_is_sent_away(samples: Assistant) -> None:
    held = Held()
    startup = Startup(lambda: held)
    startup.run()
    with TestClient(small_app(startup, Crew(1, 1))) as client:
        answers: list[int] = []
        askers = [
            threading.Thread(
                target=lambda: answers.append(client.post("/api/ask", json={"question": "Who?"}).status_code)
            )
            for _ in range(3)
        ]
        for asker in askers:
            asker.start()
        try:
            while not answers:  # one works, one waits: the third is refused
                asyncio.run(asyncio.sleep(0.01))
            refused = [client.post(route, json={"question": "Who?"}) for route in ("/api/ask", "/api/ask/stream")]
        finally:
            held.may_go_on.set()
            for asker in askers:
                asker.join()
    assert sorted(answers) == [200, 200, 503]
    for one in refused:
        assert (one.status_code, one.headers["retry-after"]) == (503, "5")
        assert "2 questions are waiting already" in one.json()["detail"]


def test_what_is_cancelled_in_line_is_never_begun() -> None:
    async def scenario() -> list[str]:
        crew, go_on, done = Crew(1, 5), threading.Event(), []
        first = asyncio.create_task(crew.do(lambda: (go_on.wait(60), done.append("first"))))
        second = asyncio.create_task(crew.do(lambda: done.append("second")))
        third = asyncio.create_task(crew.do(lambda: done.append("third")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        go_on.set()
        await asyncio.gather(first, third)
        for _ in range(6):
            crew.check()  # nothing is taken any more
        return done

    assert asyncio.run(scenario()) == ["first", "third"]


def test_a_full_line_is_told_at_once() -> None:
    async def scenario() -> None:
        crew, go_on = Crew(1, 1), threading.Event()
        tasks = [asyncio.create_task(crew.do(lambda: go_on.wait(60))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="2 questions are waiting already; ask again"):
            await crew.do(lambda: None)
        go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())


# ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_is_filled_with_comments() -> None:
    async def scenario() -> list[bytes]:
        go_on = asyncio.Event()

        async def work(stream: Stream) -> None:
            await go_on.wait()
            stream.send("done", {"text": "a\nb"})

        seen = []
        async for sent in event_stream(work, keep_alive=0.01).body_iterator:
            seen.append(bytes(sent))
            go_on.set()
        return seen

    comment, *_, done = asyncio.run(scenario())
    assert comment == b": ping\n\n"
    assert done == b'event: done\ndata: {"text": "a\\nb"}\nid: 1\n\n'


def test_a_client_that_goes_stops_the_work() -> None:
    async def scenario() -> list[str]:
        reached: list[str] = []
        left, over = threading.Event(), threading.Event()

        def in_thread(stream: Stream) -> None:
            try:
                stream.send("stage", {"stage": "searching"})
                left.wait(60)
                stream.check()
                reached.append("the end")
            finally:
                over.set()

        async def work(stream: Stream) -> None:
            await Crew(1, 1).do(lambda: in_thread(stream))

        sent = event_stream(work).body_iterator
        await anext(sent)  # type: ignore[arg-type]
        await sent.aclose()  # type: ignore[attr-defined]
        left.set()
        await asyncio.to_thread(over.wait, 60)
        return reached

    assert asyncio.run(scenario()) == []


# ── evidence ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_citation_can_be_opened(client: TestClient) -> None:
    answer = client.post("/api/ask", json={"question": "What did the Pentagon claim was hit?"}).json()
    for cited in answer["citations"]:
        place = {"start": cited["start"], "end": cited["end"]}
        opened = client.get(f"/api/passages/{cited['article_id']}", params=place).json()
        assert opened["text"] == cited["quote"]
        assert cited["quote"] in opened["passage"]["text"]
        assert {name: opened["passage"][name] for name in ("start", "end")} == cited["passage"]
        for name in ("title", "source", "published", "url"):
            assert opened[name] == cited[name]


def test_a_span_over_several_passages_is_given_with_all_of_them(client: TestClient, samples: Assistant) -> None:
    article = samples.article(PAHON)
    assert article is not None
    opened = client.get(f"/api/passages/{PAHON}", params={"start": 5, "end": len(article.text) - 5}).json()
    assert opened["text"] == article.text[5:-5]
    assert opened["passage"]["text"] == article.text[opened["passage"]["start"] : opened["passage"]["end"]]
    assert opened["passage"]["start"] <= 5 and opened["passage"]["end"] >= len(article.text) - 5


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ("nothing?start=0&end=1", 404, "There is no article 'nothing'"),
        (f"{PAHON}?start=5&end=5", 422, "There are no characters 5 to 5 in this article; it has"),
        (f"{PAHON}?start=0&end=100000", 422, "There are no characters 0 to 100000"),
        (f"{PAHON}?start=-1&end=5", 422, "start is '-1'"),
        (f"{PAHON}?start=0", 422, "There is no 'end'; it must be given."),
        (f"{PAHON}?start=a&end=5", 422, "start is 'a'"),
        (f"{PAHON}?start=0&end=5&length=1", 422, "There is no field 'length'"),
    ],
)  # fmt: skip
def test_a_span_that_is_not_there_is_refused(client: TestClient, asked: str, status: int, words: str) -> None:
    answer = client.get(f"/api/passages/{asked}")
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_claims_of_an_article_are_as_the_index_holds_them(client: TestClient, samples: Assistant) -> None:
    claims = client.get("/api/claims", params={"article_id": PAHON}).json()
    told = next(samples.claims(PAHON))
    assert claims["total"] == len(claims["claims"]) > 0
    article = samples.article(PAHON)
    assert article is not None
    for one, claim in zip(claims["claims"], told.claims, strict=True):  # type: ignore[union-attr]
        assert (one["stance"], one["name"]) == (claim.stance, claim.name)
        assert (one["article_id"], one["source"], one["published"]) == (PAHON, article.source, article.published)
        for piece in filter(None, (one["speaker"], one["cue"])):
            assert article.text[piece["start"] : piece["end"]] == piece["text"]


def test_a_speaker_without_a_name_comes_with_those_who_may_be_meant(client: TestClient) -> None:
    asked = {"article_id": "2017-03-16-central-command-first-statement"}
    claims = client.get("/api/claims", params=asked).json()["claims"]
    (unnamed,) = [one for one in claims if one["speaker"] and one["name"] is None]
    assert (unnamed["speaker"]["text"], unnamed["candidates"][0]) == ("It", "CENTCOM")
    assert all(one["candidates"] == [] for one in claims if one is not unnamed)


def test_claims_are_filtered_and_come_in_pages(client: TestClient) -> None:
    everything = client.get("/api/claims", params={"limit": 500}).json()
    assert everything["total"] == len(everything["claims"]) > 20
    days = [one["published"][:10] for one in everything["claims"]]
    assert days == sorted(days)
    pages = [client.get("/api/claims", params={"limit": 7, "offset": at}).json()["claims"] for at in (0, 7)]
    assert [*pages[0], *pages[1]] == everything["claims"][:14]
    theirs = client.get("/api/claims", params={"speaker": "the Pentagon", "to": "2017-03-31"}).json()["claims"]
    assert theirs and all(one["published"] <= "2017-03-31" for one in theirs)
    denied = client.get("/api/claims", params={"stance": ["denies", "rejects"][:1]}).json()["claims"]
    assert denied and {one["stance"] for one in denied} == {"denies"}


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"article_id": "nothing"}, 404, "There is no article 'nothing'"),
        ({"stance": "hums"}, 422, "'hums' is not a stance"),
        ({"from": "soon"}, 422, "'soon' is not a date"),
        ({"limit": "1000"}, 422, "limit is '1000'"),
        ({"stances": "says"}, 422, "There is no field 'stances'"),
    ],
)
def test_wrong_claims_are_refused(client: TestClient, asked: dict[str, str], status: int, words: str) -> None:
    answer = client.get("/api/claims", params=asked)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


# ── articles ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_counts_all_and_shows_a_page_of_it(client: TestClient, samples: Assistant) -> None:
    listed = client.get("/api/articles", params={"limit": 5, "offset": 2}).json()
    assert listed["total"] == 22 == sum(one["articles"] for one in listed["sources"])
    assert listed["undated"] + sum(one["articles"] for one in listed["months"]) == 22
    assert {"month": "2017-09", "articles": 2} in listed["months"]
    newest = sorted(samples.articles(), key=lambda article: (-(article.day or 0), article.id))[2:7]
    assert [one["id"] for one in listed["articles"]] == [one.id for one in newest]
    assert set(listed["articles"][0]) == {"id", "title", "source", "authors", "published", "url", "passages"}
    assert sum(one["passages"] for one in client.get("/api/articles").json()["articles"]) == samples.holdings().passages


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"q": "ZAKHAROVA"}, lambda one: "zakharova" in f"{one.title} {one.text}".casefold()),
        ({"q": "mosque bomb"}, lambda one: all(w in f"{one.title} {one.text}".casefold() for w in ("mosque", "bomb"))),
        ({"q": "100%"}, lambda one: "100%" in one.text),
        ({"q": "' OR 1=1 --"}, lambda one: False),
        ({"from": "2017-04-01", "to": "2017-04-30"}, lambda one: one.published.startswith("2017-04")),
        ({"source": [WASHINGTON, MIDDLE_EAST]}, lambda one: one.source in (WASHINGTON, MIDDLE_EAST)),
        ({"q": "probe", "source": "nobody"}, lambda one: False),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_what_is_listed(client: TestClient, samples: Assistant, asked: Any, kept: Any) -> None:
    whole = [samples.article(one.id) for one in samples.articles()]
    listed = client.get("/api/articles", params=asked).json()
    assert {one["id"] for one in listed["articles"]} == {one.id for one in whole if one and kept(one)}
    assert listed["total"] == len(listed["articles"]) == sum(one["articles"] for one in listed["sources"])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"from": "16 March"}, "'16 March' is not a date"),
        ({"limit": "501"}, "limit is '501': input should be less than or equal to 500."),
        ({"offset": "-1"}, "offset is '-1'"),
        ({"limit": "x"}, "limit is 'x'"),
        ({"sources": "Airwars"}, "There is no field 'sources'"),
    ],
)
def test_a_wrong_listing_is_told_what_is_wrong(client: TestClient, asked: dict[str, str], words: str) -> None:
    answer = client.get("/api/articles", params=asked)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


# ── what the document promises ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "method", "route", "sent"),
    [
        (schema.Answer, "POST", "/api/ask", {"question": "What did the Pentagon claim was hit?"}),
        (schema.Answer, "POST", "/api/ask", {"question": "How many people were killed?"}),
        (schema.Answer, "POST", "/api/ask", {"question": "Who won the 2022 World Cup?"}),
        (schema.Answer, "POST", "/api/ask", {"question": "Did the coalition hit a mosque?"}),
        (schema.Found, "POST", "/api/search", {"question": "What was hit?"}),
        (schema.Listing, "GET", "/api/articles", None),
        (schema.ArticleWhole, "GET", f"/api/articles/{PAHON}", None),
        (schema.PassageText, "GET", f"/api/passages/{PAHON}?start=0&end=9", None),
        (schema.Claims, "GET", "/api/claims?limit=500", None),
        (schema.Evaluations, "GET", "/api/evaluations", None),
        (schema.Refusal, "GET", "/api/articles/nothing", None),
    ],
)
def test_what_goes_out_is_what_is_described(
    client: TestClient, model: type[BaseModel], method: str, route: str, sent: dict[str, Any] | None
) -> None:
    given = client.request(method, route, json=sent).json()
    assert model.model_validate(given, strict=True).model_dump(by_alias=True) == given
