"""The README's commands and programs are run, so that they cannot go stale."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.settings import sample_articles

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(sample_articles(), tmp_path / "articles")
    return tmp_path


def test_the_commands_do_what_they_say(folder: Path) -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("saidso ")]
    assert len(commands) >= 7
    saidso = f'"{sys.executable}" -m assistant'
    for command in commands:
        line = command.replace("saidso", saidso, 1)
        place = {"PYTHONPATH": str(ROOT), "SAIDSO_DATA_DIR": str(folder / "data")}
        done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, env=place)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert (done.stdout + done.stderr).strip(), command


def test_the_programs_run(folder: Path) -> None:
    program = "\n".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ten bombs") == 2


def test_make_knows_the_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in blocks("sh")[0].splitlines():
        target = line.split()[1]
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_file_is_in_the_map() -> None:
    modules = [path for folder in ("index", "assistant") for path in (ROOT / folder).glob("*.py")]
    for path in modules:
        if path.stem not in ("__init__", "__main__"):
            assert str(path.relative_to(ROOT)) in README, f"{path.name} is not in the README's map of files"
    for mentioned in re.findall(r"`((?:index|assistant|tests)/[\w/]+\.\w+)`", README):
        assert (ROOT / mentioned).exists(), f"the README names {mentioned}, which does not exist"
