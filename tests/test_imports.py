"""The shape of the code: imports go one way, and each heavyweight is imported in one file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("index/**/*.py"), *ROOT.glob("assistant/**/*.py"), ROOT / "app.py"])
WIDGET = {"assistant/widget_keys.py", "assistant/widget_log.py"}
RANK = {"index": 0, "assistant": 1, "app": 2}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def layer(path: Path) -> int:
    return RANK[path.relative_to(ROOT).parts[0].removesuffix(".py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    upward = [name for name in imported(path) if RANK.get(name.split(".")[0], -1) > layer(path)]
    assert not upward, f"{path.name} imports upward: {upward}"


@pytest.mark.parametrize(
    ("package", "homes"),
    [
        ("chromadb", {"index/chroma.py"}),
        ("gradio", {"assistant/web/page.py"}),
        ("tantivy", {"index/keywords.py"}),
        ("fpdf", {"assistant/pdf.py"}),
        (
            "sqlalchemy",
            {
                *("index/database.py", "index/catalogue.py", "assistant/conversations.py", "assistant/tokens.py"),
                "index/pgvector.py",
                *WIDGET,
            },
        ),
        ("sentence_transformers", {"index/embedder.py"}),
        ("llama_index", {"assistant/llamaindex.py", "assistant/writing/model.py"}),
        ("mcp", {"assistant/mcp_server.py"}),
        ("rich", {"assistant/terminal.py"}),
        ("ray", {"index/cluster.py"}),
    ],
)
def test_each_heavyweight_has_its_homes(package: str, homes: set[str]) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if any(name.split(".")[0] == package for name in imported(path))
    }  # fmt: skip
    assert found == homes


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"os\.environ(?!\.setdefault|\[[^]]+\] =)|getenv", line)
    }
    assert readers == {"assistant/settings.py"}


def test_there_is_no_cycle() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in SOURCES}
    graph = {name: {other for other in imported(path) if other in modules} for name, path in modules.items()}
    while leaves := {name for name, needs in graph.items() if not needs}:
        graph = {name: needs - leaves for name, needs in graph.items() if name not in leaves}
    assert not graph, f"these import each other: {sorted(graph)}"


def test_the_command_line_starts_without_the_heavyweights() -> None:
    code = (
        "import sys, assistant.cli; heavy = 'torch gradio chromadb llama_index mcp ray trafilatura transformers';"
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
