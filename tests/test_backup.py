from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.assistant import Assistant
from assistant.cli import app
from assistant.settings import Settings
from index.backup import back_up, restore
from index.doctor import examine
from index.embedder import Embedder
from index.errors import SaidsoError
from index.store import BusyError, Step, Store, locked

QUESTION = "What did the Pentagon claim was hit?"


def answer(folder: Path) -> tuple[str, list[tuple[str, int]]]:
    with closing(Assistant.open(Settings(folder))) as assistant:
        given = assistant.ask(QUESTION)
        return given.text, [(hit.passage.article_id, hit.passage.start) for hit in assistant.search(QUESTION)]


def saidso(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, str(done.exception) if isinstance(done.exception, SaidsoError) else done.output


def test_a_backup_comes_back_with_the_same_answers(copy_of_samples: Callable[[], Path], tmp_path: Path) -> None:
    folder, file, again = copy_of_samples(), tmp_path / "saidso.tar.gz", tmp_path / "again"
    (folder / "evaluations" / "0a").mkdir(parents=True)
    (folder / "evaluations" / "0a" / "job.json").write_text("{}")
    (folder / "evaluations" / "owner.lock").touch()
    code, out = saidso("backup", file, "--data-dir", folder)
    assert code == 0 and "saidso restore" in out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "what people asked is in it"
    code, out = saidso("restore", file, "--data-dir", again, "--json")
    assert code == 0 and json.loads(out) == {"articles": 22, "data_dir": str(again)}
    assert answer(again) == answer(folder)
    assert [path.name for path in (again / "evaluations").iterdir()] == ["0a"]
    assert {finding.state for finding in examine(again, Embedder())} == {"fine"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "saidso.tar.gz"]


def test_a_backup_is_whole_while_others_write(copy_of_samples: Callable[[], Path], tmp_path: Path) -> None:
    folder, news = copy_of_samples(), tmp_path / "news"
    news.mkdir()
    for number in range(30):
        (news / f"{number}.txt").write_text(f"Bread of kind {number} is dear, the mayor said.")
    with closing(Assistant.open(Settings(folder))) as serving:
        writer = threading.Thread(target=serving.ingest, args=([news],))
        writer.start()
        back_up(folder, tmp_path / "backup")
        writer.join()
        assert not serving.ask(QUESTION).abstained
    assert restore(tmp_path / "backup", tmp_path / "again", Embedder()) in (22, 52)
    assert {finding.state for finding in examine(tmp_path / "again", Embedder())} == {"fine"}


def test_whoever_is_serving_goes_on_with_what_is_restored(copy_of_samples: Callable[[], Path], tmp_path: Path) -> None:
    folder, file = copy_of_samples(), tmp_path / "backup"
    back_up(folder, file)
    (tmp_path / "bread.txt").write_text("Bread is dear, the baker Hanna Quist said.")
    bread = "Who said that bread is dear?"
    command = [sys.executable, "-m", "assistant", "restore", str(file), "--replace", "--data-dir", str(folder)]
    with closing(Assistant.open(Settings(folder))) as serving:
        before = serving.ask(QUESTION)
        serving.ingest([tmp_path / "bread.txt"])
        assert "Quist" in serving.ask(bread).text
        subprocess.run(command, check=True)
        assert serving.holdings().articles == 22
        assert serving.ask(bread).abstained and serving.ask(QUESTION).text == before.text
        serving.ingest([tmp_path / "bread.txt"])
    with closing(Assistant.open(Settings(folder))) as again:
        assert again.holdings().articles == 23 and "Quist" in again.ask(bread).text
    assert {finding.state for finding in examine(folder, Embedder())} == {"fine"}


def test_what_is_there_is_replaced_only_when_told_to(
    copy_of_samples: Callable[[], Path], tmp_path: Path, embedder: Embedder
) -> None:
    folder, file = copy_of_samples(), tmp_path / "backup"
    back_up(folder, file)
    with closing(Assistant.open(Settings(folder))) as assistant:
        ids = [article.id for article in assistant.articles()]
        assistant.remove(ids[:5])
    with pytest.raises(SaidsoError, match=r"is not empty; give --replace"):
        restore(file, folder, embedder)

    def looking_on(step: Step) -> None:
        with closing(Store.open(folder, embedder)) as store:
            assert store.catalogue.holdings().articles == len(ids) - 5

    assert restore(file, folder, embedder, replace=True, on_step=looking_on) == len(ids)
    assert answer(folder)[1]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_an_interrupted_restore_leaves_what_was_there(
    copy_of_samples: Callable[[], Path], tmp_path: Path, embedder: Embedder
) -> None:
    folder, file = copy_of_samples(), tmp_path / "backup"
    back_up(folder, file)
    before = answer(folder)

    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(file, folder, embedder, replace=True, on_step=stop)
    assert answer(folder) == before
    restore(file, folder, embedder, replace=True)
    assert answer(folder) == before


def test_a_start_after_a_restore_that_was_killed_at_its_end_names_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "data.before-restore").mkdir()
    with pytest.raises(SaidsoError, match=r"move .*data\.before-restore there"):
        Assistant.open(Settings(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_restore_waits_for_no_writer(copy_of_samples: Callable[[], Path], tmp_path: Path, embedder: Embedder) -> None:
    folder = copy_of_samples()
    back_up(folder, tmp_path / "backup")
    with locked(folder), pytest.raises(BusyError):
        restore(tmp_path / "backup", folder, embedder, replace=True)


def test_what_cannot_be_done_is_named(
    copy_of_samples: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, file = copy_of_samples(), tmp_path / "backup"
    back_up(folder, file)
    cut, text = tmp_path / "cut", tmp_path / "text"
    cut.write_bytes(file.read_bytes()[:-2000])
    text.write_text("no archive")
    new = tmp_path / "new"
    assert "is there already" in saidso("backup", file, "--data-dir", folder)[1]
    assert "could not be written" in saidso("backup", tmp_path / "no" / "such", "--data-dir", folder)[1]
    assert "no index in" in saidso("backup", tmp_path / "b", "--data-dir", new)[1]
    for bad in (cut, text, tmp_path / "none"):
        code, out = saidso("restore", bad, "--data-dir", new)
        assert code == 1 and str(bad) in out
        assert not new.exists()
    monkeypatch.setenv("SAIDSO_EMBEDDING_MODEL", "another")
    assert "must not mix" in saidso("restore", file, "--data-dir", new)[1]
    monkeypatch.setenv("SAIDSO_CATALOGUE_URL", "postgresql://news")
    for command in ("backup", "restore"):
        assert "SAIDSO_CATALOGUE_URL puts the catalogue" in saidso(command, file, "--data-dir", folder)[1]
