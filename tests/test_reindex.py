from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from index.doctor import examine
from index.embedder import Embedder, bundled_model
from index.errors import SaidsoError
from index.reindex import reindex
from index.search import search
from index.store import Step, Store
from tests.conftest import interruptible

QUESTION = "Who called for a probe?"


def found(folder: Path, embedder: Embedder) -> list[int]:
    with closing(Store.open(folder, embedder)) as store:
        return [hit.passage.id for hit in search(store, QUESTION, 5)]


def test_another_model_is_refused_until_all_is_reindexed(
    copy_of_samples: Callable[[], Path], embedder: Embedder, other_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = copy_of_samples(), Embedder(other_model)
    before = found(folder, embedder)
    with pytest.raises(SaidsoError, match=r"must not mix.*`saidso reindex`"):
        Store.open(folder, other)
    monkeypatch.setenv("SAIDSO_EMBEDDING_MODEL", other_model)
    done = CliRunner().invoke(app, ["reindex", "--data-dir", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"passages": 73, "embedding_model": other_model}
    assert found(folder, other) == before
    assert [path.name for path in folder.glob("chroma*")] != ["chroma"]
    assert {finding.state for finding in examine(folder, other)} == {"fine"}
    with pytest.raises(SaidsoError, match="must not mix"):
        Store.open(folder, embedder)
    assert reindex(folder, embedder) == 73
    assert found(folder, embedder) == before


def test_what_is_open_meanwhile_does_not_mix_either(
    copy_of_samples: Callable[[], Path], embedder: Embedder, other_model: str
) -> None:
    folder = copy_of_samples()
    with closing(Store.open(folder, embedder)) as store:
        reindex(folder, Embedder(other_model))
        with pytest.raises(SaidsoError, match="must not mix"):
            search(store, QUESTION, 5)
        with pytest.raises(SaidsoError, match="must not mix"), store.writing():
            pass


class StoppedError(Exception):
    pass


def test_an_interruption_leaves_the_old_index_and_is_gone_on_from(
    tmp_path: Path, copy_of_samples: Callable[[], Path], embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = copy_of_samples(), Embedder(embedder_under_another_name(tmp_path))
    before = found(folder, embedder)
    monkeypatch.setattr("index.reindex.SETTLE_BATCH", 20)
    steps: list[int] = []

    def stop(step: Step) -> None:
        steps.append(step.done)
        if step.done >= 40:
            raise StoppedError

    with pytest.raises(StoppedError):
        reindex(folder, other, on_step=stop)
    assert found(folder, embedder) == before
    with pytest.raises(StoppedError):
        reindex(folder, other, on_step=stop)
    assert steps == [0, 20, 40, 40]
    reindex(folder, other, on_step=lambda step: steps.append(step.done))
    assert steps[4:] == [40, 60]
    assert found(folder, other) == before


def embedder_under_another_name(tmp_path: Path) -> str:
    return str(shutil.copytree(bundled_model(), tmp_path / "model"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill"])
def test_a_process_that_is_ended_leaves_the_old_index(
    sent: signal.Signals, copy_of_samples: Callable[[], Path], embedder: Embedder, other_model: str
) -> None:
    folder = copy_of_samples()
    before = found(folder, embedder)
    code = (
        "import sys; sys.argv = ['saidso', 'reindex', '--data-dir', sys.argv[1]]; import index.reindex;"
        "index.reindex.SETTLE_BATCH = 1; from assistant.cli import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env={"SAIDSO_EMBEDDING_MODEL": other_model},
        cwd=Path(__file__).parents[1],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    )
    while running.poll() is None and not list(folder.glob("chroma-*/chroma.sqlite3")):
        time.sleep(0.02)
    running.send_signal(sent)
    _, err = running.communicate(timeout=120)
    assert running.returncode == (130 if sent == signal.SIGINT else -9), err
    assert "Traceback" not in err
    assert found(folder, embedder) == before
    reindex(folder, Embedder(other_model))
    assert found(folder, Embedder(other_model)) == before


def test_a_model_that_reads_too_little_is_refused(
    copy_of_samples: Callable[[], Path], embedder: Embedder, tmp_path: Path
) -> None:
    model = Path(embedder_under_another_name(tmp_path))
    sizes = model / "sentence_bert_config.json"
    sizes.write_text(json.dumps({**json.loads(sizes.read_text()), "max_seq_length": 24}))
    folder = copy_of_samples()
    before = found(folder, embedder)
    with pytest.raises(SaidsoError, match=r"has \d+ tokens, and .* reads 22; the index stays as it was"):
        reindex(folder, Embedder(str(model)))
    assert found(folder, embedder) == before
