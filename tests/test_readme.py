"""The README's commands and programs are run, so that they cannot go stale."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

from assistant.assistant import Assistant
from assistant.cli import app
from assistant.settings import sample_articles

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
USED = (  # of the sample articles: those that the commands name, and those that answer
    "2017-03-16-central-command-first-statement",
    "2017-03-17-airwars-coalition-toll",
    "2017-03-17-pahon-meeting-hall",
    "2017-03-17-zakharova-calls-for-probe",
    "2017-06-07-bontrager-investigation-findings",
    "2017-09-06-un-commission-findings",
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    for name in USED:
        shutil.copy(sample_articles() / f"{name}.md", tmp_path / "articles")
    return tmp_path


def test_the_commands_do_what_they_say(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("saidso ")]
    assert len(commands) >= 7
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SAIDSO_DATA_DIR", str(folder / "data"))
    for command in commands:  # in this process: each for itself would import all and load the models anew
        done = CliRunner().invoke(app, shlex.split(command)[1:])
        assert done.exit_code == 0, f"{command}: {done.output}{done.exception}"
        assert done.output.strip(), command


def test_the_programs_run(folder: Path, live: str) -> None:
    program = "\n".join(blocks("python")).replace("http://127.0.0.1:7860", live)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ten bombs") == 4  # twice by the chat completion: in the answer and as its citation


def test_programs_that_speak_mcp_are_configured_so(live: str, samples: Assistant, samples_folder: Path) -> None:
    over_http, over_stdio = (json.loads(line)["mcpServers"]["saidso"] for line in blocks("json")[0].splitlines())
    assert (over_stdio.pop("command"), over_http.pop("type")) == ("saidso", "http")
    command = ["-m", "assistant", *over_stdio.pop("args")]
    place = {"PYTHONPATH": str(ROOT), "SAIDSO_DATA_DIR": str(samples_folder)}
    servers = (
        over_http.pop("url").replace("http://127.0.0.1:7860", live),
        StdioServerParameters(command=sys.executable, args=command, env=place),
    )
    assert over_http == over_stdio == {}

    async def tools(server: str | StdioServerParameters) -> str:
        async with Client(server, mode="legacy") as client:
            return ", ".join(tool.name for tool in (await client.list_tools()).tools)

    for server in servers:
        assert asyncio.run(tools(server)) == "ask, search, read_article, who_said"


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
