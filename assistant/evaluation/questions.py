"""Reading question sets: Saidso's JSON lines, SQuAD's JSON, BEIR's folders, CSV."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from assistant.evaluation.gold import Gold, QuestionSet, WrongFieldError, from_fields
from index.errors import SaidsoError

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv")
_UNPACKED, _MAX_RATIO = 50 * 2**20, 100  # bytes, and times a file's size; beyond both it is a bomb


def read_questions(path: Path) -> QuestionSet:
    """Read a question set of any of the four kinds. Raises SaidsoError naming the file and the line or place.

    JSON lines: as in the design's contract. JSON: SQuAD 1.1 or 2.0 (Rajpurkar et al. 2016, 2018), whose paragraphs
    become articles; or a list of Saidso questions. A folder: BEIR's corpus.jsonl, queries.jsonl and qrels/*.tsv
    (Thakur et al. 2021). CSV: a header with `question` and any other field; several answers or articles in a cell are
    separated by "|", an empty `answers` cell means not known, and `[]` that the articles do not hold the answer.
    """
    return _read_beir(path) if path.is_dir() else questions_from(path, _bytes(path))


def questions_from(path: PurePath, data: bytes, most: int | None = None) -> QuestionSet:
    """Make a question set of what a file holds; `path` says its kind, and what to call it in errors.

    `most` limits the bytes that a compressed file may hold, which else may be a hundred times its own. Raises
    SaidsoError as `read_questions` does.
    """
    name = path.name.lower().removesuffix(".gz")
    text = _text(path, data, most)
    if name.endswith(".jsonl"):
        return _set(path, text, _gold_lines(path, text))
    if name.endswith(".json"):
        return _read_json(path, text)
    if name.endswith((".csv", ".tsv")):
        return _set(path, text, _csv_lines(path, text))
    raise SaidsoError(f"{path} is of no kind that can be read; give a BEIR folder or a file in {', '.join(SUFFIXES)}.")


def _set(path: PurePath, text: str, questions: Iterator[Gold]) -> QuestionSet:
    return QuestionSet(str(path), _sha256(text), tuple(questions))


def _sha256(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SaidsoError(f"The question set {path} cannot be read ({error.strerror or error}).") from error


def _text(path: PurePath, data: bytes, most: int | None = None) -> str:
    """Return the whole of a text file, gzipped or not. Raises SaidsoError where it is none."""
    try:
        return (_unpacked(path, data, most) if path.name.lower().endswith(".gz") else data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SaidsoError(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8.") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SaidsoError(f"The question set {path} cannot be read ({reason}).") from error


def _unpacked(path: PurePath, data: bytes, most: int | None) -> bytes:
    most = _UNPACKED + _MAX_RATIO * len(data) if most is None else most
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        held = stream.read(most + 1)
    if len(held) > most:
        raise SaidsoError(f"The question set {path} holds more than {most // 2**20} MB; give it in parts.")
    return held


def _lines(path: PurePath, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) of JSON lines, without the empty ones."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SaidsoError(f"{path}, line {number}: this is not JSON ({error}).") from error
        if not isinstance(fields, dict):
            raise SaidsoError(f"{path}, line {number}: this is not a JSON object.")
        yield number, fields


def _gold_lines(path: PurePath, text: str) -> Iterator[Gold]:
    for number, fields in _lines(path, text):
        yield _gold(fields, str(number), f"{path}, line {number}")


def _gold(fields: object, fallback_id: str, place: str) -> Gold:
    try:
        return from_fields(fields, fallback_id)
    except WrongFieldError as why:
        raise SaidsoError(f"{place}: the question {why}") from why


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _csv_lines(path: PurePath, text: str) -> Iterator[Gold]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, restval="")
    try:
        names = [(name or "").strip() for name in rows.fieldnames or []]
        if text.strip() and "question" not in names:
            raise SaidsoError(f"{path}, line 1: the header has no column `question`; it reads {header.strip()!r:.80}.")
        rows.fieldnames = names
        for row in rows:
            if None in row:
                raise SaidsoError(f"{path}, line {rows.line_num}: there are more cells than the header has columns.")
            yield _gold(_from_cells(row), str(rows.line_num), f"{path}, line {rows.line_num}")
    except csv.Error as error:
        raise SaidsoError(f"{path}, line {rows.line_num + 1}: from here on this is not CSV ({error}).") from error


def _from_cells(row: Mapping[str, str]) -> dict[str, Any]:
    """Turn a row's cells into what a JSON line would hold."""
    cells = {name: cell.strip() for name, cell in row.items() if cell.strip()}
    fields: dict[str, Any] = {name: cell for name, cell in cells.items() if name not in ("spans", "history")}
    for name in ("answers", "articles", "left_out"):
        if name in fields:
            fields[name] = [] if fields[name] == "[]" else [part.strip() for part in fields[name].split("|")]
    for name in ("conflicting", "conflict"):
        fields[name] = fields.get(name, "").casefold() in ("true", "yes", "1")
    return fields


# ── SQuAD ───────────────────────────────────────────────────────────────────────────────────────────────────


def _read_json(path: PurePath, text: str) -> QuestionSet:
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        raise SaidsoError(f"{path}, line {error.lineno}: this is not JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise SaidsoError(f"{path} is not JSON that can be read ({error}).") from error
    if isinstance(loaded, list):
        golds = (_gold(item, str(n), f"{path}, item {n}") for n, item in enumerate(loaded, start=1))
        return _set(path, text, golds)
    squad = _Squad(path)
    for at, document in enumerate(_list(path, loaded, "data")):
        for inner, paragraph in enumerate(_list(path, document, "paragraphs", f"data[{at}].")):
            squad.add(document.get("title"), paragraph, f"data[{at}].paragraphs[{inner}].")
    return QuestionSet(str(path), _sha256(text), tuple(squad.questions), tuple(squad.articles), squad.warnings)


def _list(path: PurePath, holder: object, name: str, place: str = "") -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(value, list):
        raise SaidsoError(
            f'{path}: {place}{name} is not a list; SQuAD\'s format is {{"data": [{{"paragraphs": […]}}]}}.'
        )
    return value


class _Squad:
    """Questions and articles collected from paragraphs; the same paragraph twice is one article."""

    def __init__(self, path: PurePath) -> None:
        self._path = path
        self._ids: dict[str, str] = {}
        self._misplaced = 0
        self.questions: list[Gold] = []
        self.articles: list[dict[str, str]] = []

    def add(self, title: object, paragraph: object, place: str) -> None:
        context = paragraph.get("context") if isinstance(paragraph, dict) else None
        if not isinstance(context, str) or not context.strip():
            raise SaidsoError(f"{self._path}: {place}context is not a text; every paragraph needs one.")
        article = self._article(title if isinstance(title, str) else "", context)
        for at, asked in enumerate(_list(self._path, paragraph, "qas", place)):
            self.questions.append(self._question(asked, article, context, f"{place}qas[{at}]"))

    def _article(self, title: str, context: str) -> str:
        if context not in self._ids:
            self._ids[context] = f"{title or 'paragraph'}-{len(self._ids) + 1}"
            self.articles.append({"id": self._ids[context], "text": context, "title": title.replace("_", " ")})
        return self._ids[context]

    def _question(self, asked: object, article: str, context: str, place: str) -> Gold:
        texts: list[str] = []
        spans: list[dict[str, Any]] = []
        for answer in [] if _impossible(asked) else _list(self._path, asked, "answers", f"{place}."):
            match answer:
                case {"text": str() as text, "answer_start": int() as start} if text:
                    texts.append(text)
                    fits = context.startswith(text, start)
                    self._misplaced += not fits
                    spans += [{"article": article, "start": start, "end": start + len(text)}] if fits else []
                case _:
                    raise SaidsoError(f"{self._path}: {place}.answers holds {answer!r:.60}, without text or start.")
        extra = {"answers": texts, "articles": [article] if texts else [], "spans": spans}
        fields = {**asked, **extra} if isinstance(asked, dict) else asked
        return _gold(_without_squads_own(fields), str(len(self.questions) + 1), f"{self._path}: {place}")

    @property
    def warnings(self) -> tuple[str, ...]:
        sentence = f"{self._misplaced} answers do not stand where the file says; they count by their words only."
        return (sentence,) if self._misplaced else ()


def _impossible(asked: object) -> bool:
    return isinstance(asked, dict) and asked.get("is_impossible") is True


def _without_squads_own(fields: object) -> object:
    own = ("is_impossible", "plausible_answers")
    return {k: v for k, v in fields.items() if k not in own} if isinstance(fields, dict) else fields


# ── BEIR ────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_beir(folder: Path) -> QuestionSet:
    corpus, queries, qrels = _beir_file(folder, "corpus"), _beir_file(folder, "queries"), _qrels_file(folder)
    texts = [_text(file, _bytes(file)) for file in (corpus, queries, qrels)]
    grades = _grades(qrels, texts[2])
    articles = tuple(_documents(corpus, texts[0]))
    asked = ((n, fields) for n, fields in _lines(queries, texts[1]) if str(fields.get("_id")) in grades)
    golds = tuple(_judged(fields, grades, f"{queries}, line {number}") for number, fields in asked)
    lost = len(grades) - len(golds)
    warnings = (f"{lost} questions of {qrels} are not in {queries}; they are left out.",) if lost > 0 else ()
    return QuestionSet(str(folder), _sha256(*texts), golds, articles, warnings)


def _beir_file(folder: Path, name: str) -> Path:
    for suffix in (".jsonl", ".jsonl.gz"):
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    raise SaidsoError(f"{folder} has no {name}.jsonl; a BEIR folder has corpus.jsonl, queries.jsonl and qrels/*.tsv.")


def _qrels_file(folder: Path) -> Path:
    """Return the judgements to score against: test.tsv, or the only file there is."""
    files = sorted((folder / "qrels").glob("*.tsv"))
    tests = [file for file in files if file.name == "test.tsv"]
    if len(tests or files) != 1:
        there = ", ".join(file.name for file in files) or "nothing"
        raise SaidsoError(f"{folder / 'qrels'} must hold test.tsv or one .tsv file; it holds {there}.")
    return (tests or files)[0]


def _grades(path: Path, text: str) -> dict[str, dict[str, float]]:
    """Return {query: {document: grade above 0}}; a first line that names the columns is passed over."""
    grades: dict[str, dict[str, float]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        cells = line.split("\t")
        if not line.strip() or (number == 1 and "query-id" in cells):
            continue
        try:
            query, document, grade = (*cells[:2], float(cells[2]))
        except (IndexError, ValueError):
            raise SaidsoError(f"{path}, line {number}: this is not query, document and grade with tabs.") from None
        if grade > 0:
            grades.setdefault(query, {})[document] = grade
    return grades


def _documents(path: Path, text: str) -> Iterator[dict[str, str]]:
    for number, fields in _lines(path, text):
        words = [fields.get(name) or "" for name in ("_id", "title", "text")]
        if not all(isinstance(word, str) for word in words) or not words[0]:
            raise SaidsoError(f"{path}, line {number}: a document needs a text under _id, title and text.")
        if body := words[2].strip() or words[1].strip():
            yield {"id": words[0], "title": words[1], "text": body}


def _judged(fields: Mapping[str, Any], grades: Mapping[str, Mapping[str, float]], place: str) -> Gold:
    own = {name: value for name, value in fields.items() if name not in ("_id", "text", "metadata")}
    relevant = grades[str(fields["_id"])]
    asked = {**own, "id": str(fields["_id"]), "question": fields.get("text"), "articles": list(relevant)}
    return replace(_gold(asked, "", place), grades=dict(relevant))
