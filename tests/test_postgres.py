"""The catalogue in a real PostgreSQL: the same answers as from SQLite, for several processes, and plain errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from assistant.access_settings import Permission
from assistant.assistant import Assistant
from assistant.conversations import Conversations
from assistant.settings import Settings, sample_articles
from assistant.tokens import Tokens
from index.catalogue import Catalogue
from index.errors import SaidsoError
from index.filters import Filters
from tests.app_server import ready_at, serving

QUESTIONS = (
    "What did the Pentagon claim was hit?",
    "How many people were killed?",
    "Did the strike hit a mosque?",
    "Has Central Command changed its account?",
    "Who won the 2022 World Cup?",
)


@pytest.fixture(scope="module")
def url(new_postgres_database: Callable[[], str]) -> str:
    return new_postgres_database()


@pytest.fixture(scope="module")
def folder(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the sample articles, whose catalogue is in PostgreSQL."""
    folder = tmp_path_factory.mktemp("beside-postgres") / "data"
    with closing(Assistant.open(Settings(folder, catalogue_url=url))) as assistant:
        assistant.ingest([sample_articles()])
    assert not (folder / "catalogue.sqlite").exists()
    return folder


def test_answers_lists_and_claims_are_those_of_sqlite(url: str, folder: Path, samples: Assistant) -> None:
    with closing(Assistant.open(Settings(folder, catalogue_url=url))) as assistant:
        for question in QUESTIONS:
            assert assistant.ask(question) == samples.ask(question)
        one, other = (each._store.catalogue for each in (assistant, samples))
        assert one.holdings() == other.holdings()
        assert one.listing("strike", Filters()) == other.listing("strike", Filters())
        assert one.claims_by(Filters()) == other.claims_by(Filters())
        assert one.most_quoted("", 20) == other.most_quoted("", 20)


def test_two_machines_over_it_and_a_vector_server_answer_alike_and_see_each_others_articles(
    url: str, chroma_server: str, folder: Path, tmp_path: Path
) -> None:
    backend = {"SAIDSO_CATALOGUE_URL": url, "SAIDSO_VECTORS_URL": chroma_server}
    with serving(folder, **backend) as first, serving(tmp_path / "other machine's", **backend) as second:
        for question in QUESTIONS:
            here, there = (
                httpx.post(f"{ready_at(address)}/api/ask", json={"question": question}, timeout=60).json()
                for address in (first, second)
            )
            assert {**here, "id": None, "timings_ms": None} == {**there, "id": None, "timings_ms": None}
        text = "The harbour master of Quarry Bay said the orchard ferry would sail again on Monday."
        new = {"id": "ferry", "source": "Valley News", "text": text}
        assert httpx.post(f"{first}/api/articles", json=new, timeout=60).is_success
        asked = {"question": "What did the harbour master of Quarry Bay say?"}
        assert "would sail again" in httpx.post(f"{second}/api/ask", json=asked, timeout=60).json()["answer"]
        assert httpx.delete(f"{second}/api/articles/ferry", timeout=60).is_success


def test_conversations_and_tokens_are_kept_there_too(url: str) -> None:
    with closing(Tokens.open(url)) as tokens, closing(Conversations(url)) as conversations:
        tokens.create("analyst", Permission.ASK)
        turn = conversations.ask(None, QUESTIONS[0], Filters(), "")
        conversations.stopped(turn)
    with closing(Tokens.open(url)) as tokens, closing(Conversations(url)) as conversations:
        assert [token.name for token in tokens.all()] == ["analyst"]
        assert [one.id for one in conversations.listed("pentagon")] == [turn.conversation_id]


def test_writers_at_once_lose_nothing(new_postgres_database: Callable[[], str]) -> None:
    catalogue = Catalogue.open(new_postgres_database())
    threads = [threading.Thread(target=catalogue.set_fact, args=(f"fact {n}", str(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [catalogue.fact(f"fact {n}") for n in range(8)] == [str(n) for n in range(8)]
    catalogue.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql+psycopg://nobody:secret@127.0.0.1:9/news", "check that its server runs"),
        ("news", "is no address of a database"),
        ("fancy://news", "is no address of a database"),
        ("mysql://127.0.0.1/news", "MySQLdb, which is not installed"),
    ],
)
def test_an_address_that_does_not_work_is_told(address: str, said: str) -> None:
    with pytest.raises(SaidsoError, match=said) as told:
        Catalogue.open(address)
    assert "secret" not in str(told.value)
