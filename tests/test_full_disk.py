"""What a full disk does: on a small disk of its own, filled up to so many bytes while the app is running."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app_server import ROOT

IN_A_NAMESPACE = ["unshare", "--map-root-user", "--mount"]
FLOW = """
import os, sys
from contextlib import closing
from pathlib import Path

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles
from index.doctor import examine
from index.embedder import Embedder
from index.errors import SaidsoError

disk, free = Path(sys.argv[1]), int(sys.argv[2])
settings, filler = Settings(disk / "data"), disk / "filler"
articles = sorted(sample_articles().glob("2017*.md"))
question = "Who called for a probe?"

def opened():
    return closing(Assistant.open(settings))

with opened() as assistant:
    assistant.ingest(articles[:14])
    before = assistant.ask(question).text
    room = os.statvfs(disk)
    filler.write_bytes(bytes(room.f_bavail * room.f_frsize - free))
    try:
        assistant.ingest(articles[14:])
    except SaidsoError as error:
        print(error)
    assert assistant.ask(question).text == before
try:
    opened()
except SaidsoError as error:
    print(error)
filler.unlink()
with opened() as assistant:
    assistant.ingest(articles)
    assert assistant.holdings().articles == len(articles)
    assert assistant.ask(question).text
print([one for one in examine(settings.data_dir, Embedder()) if one.state != "fine"])
"""


@pytest.fixture(autouse=True)
def namespaces() -> None:
    if shutil.which("unshare") is None or subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip(f"this system gives no namespace for a disk of one's own ({' '.join(IN_A_NAMESPACE)})")


@pytest.mark.parametrize("free", [0, 100_000])
def test_nothing_is_lost_and_all_is_finished_once_there_is_room(tmp_path: Path, free: int) -> None:
    mounted = f"mount -t tmpfs -o size=16m none {tmp_path} && exec {sys.executable} -c '{FLOW}' {tmp_path} {free}"
    done = subprocess.run([*IN_A_NAMESPACE, "sh", "-c", mounted], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    full, refused, unsound = done.stdout.splitlines()
    assert "could not be written" in full and "free space" in full
    assert "make room on its disk" in refused
    assert unsound == "[]"
