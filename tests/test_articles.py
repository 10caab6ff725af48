"""Reading articles: every format as its programs write it, and everything that is not one."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.articles import SUFFIXES, Article, Rejected, find_files, read_file
from index.document import MAX_DOCUMENT_BYTES

ROOT = Path(__file__).parents[1]


def read(path: Path) -> list[Article | Rejected]:
    return [item for item, _ in read_file(path)]


def article(path: Path) -> Article:
    (item,) = read(path)
    assert isinstance(item, Article), item
    return item


def reason(path: Path) -> str:
    (item,) = read(path)
    assert isinstance(item, Rejected), item
    assert item.origin == str(path.absolute())
    return item.reason


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pdf(pages: Sequence[Sequence[str]], info: str = "", encrypt: str = "") -> bytes:
    """A real PDF of one line of text after another, empty ones being gaps."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{' '.join(f'{2 * n + 5} 0 R' for n in range(len(pages)))}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< {info} >>",
    ]
    for number, lines in enumerate(pages):
        shown = " ".join(f"({line}) Tj T*" if line else "T*" for line in lines)
        stream = f"BT /F1 12 Tf 72 720 Td 14 TL {shown} ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {2 * number + 6} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    data, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{content}\nendobj\n".encode("cp1252")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R {encrypt} >>"
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer {trailer}\nstartxref\n{len(data)}\n%%EOF\n"
    return data + end.encode()


LOCKED = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{'41' * 32}> /U <{'42' * 32}> /P -4 >> /ID [<00> <00>]"


def word(*paragraphs: str, title: str = "", author: str = "") -> bytes:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.core_properties.title = title
    document.core_properties.author = author
    return saved(document)


def saved(document: docx.document.Document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def with_part(data: bytes, part: str, old: str, new: str) -> bytes:
    """A Word document with something replaced in the XML of one part."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            assert name != part or old.encode() in content
            target.writestr(name, content.replace(old.encode(), new.encode(), 1) if name == part else content)
    return buffer.getvalue()


def page(head: str = "", body: str = "") -> str:
    return f"""<!doctype html><html><head>{head}</head><body>
        <nav><ul><li><a href="/">Front page</a></li><li><a href="/sport">Sport</a></li></ul></nav>
        <script>var tracked = "by nobody";</script><style>p {{ color: red }}</style>
        <article>{body or PARAGRAPHS}</article></body></html>"""


PARAGRAPHS = """<p>The minister said on Tuesday that the café would <b>close</b>, whatever happened next week.</p>
    <p>Her critics, who had asked for a vote, were not so sure that it would.</p>"""
PROSE = (
    "The minister said on Tuesday that the café would close, whatever happened next week.\n\n"
    "Her critics, who had asked for a vote, were not so sure that it would."
)


# Finding files


def found(*paths: Path) -> list[str]:
    return [f"! {item.reason}" if isinstance(item, Rejected) else item.name for item in find_files(paths)]


def test_a_folder_gives_its_articles_sorted_by_name_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.md", "a.html", "c.JSONL.GZ", "Z.pdf", "d.docx", "e.eml", "f.htm", "g.json.gz"):
        written(tmp_path, name, "x")
    for name in ("README.md", "LICENSE.txt", "CHANGELOG-2.md", "readme.txt", ".hidden.txt", ".git/x.txt", "p.png"):
        written(tmp_path, name, "x")
    names = ["Z.pdf", "a.html", "1.md", "2.txt", "c.JSONL.GZ", "d.docx", "e.eml", "f.htm", "g.json.gz"]
    assert found(tmp_path) == names


def test_an_article_about_a_licence_is_not_taken_for_one(tmp_path: Path) -> None:
    written(tmp_path, "license-fees-rise.txt", "x")
    assert found(tmp_path) == ["license-fees-rise.txt"]


def test_what_is_named_is_read_though_a_walk_would_pass_over_it(tmp_path: Path) -> None:
    assert found(written(tmp_path, "README.md", "x"), written(tmp_path, ".x.txt", "x")) == ["README.md", ".x.txt"]


def test_a_file_is_found_once_however_often_it_is_named(tmp_path: Path) -> None:
    one = written(tmp_path, "one.txt", "x")
    (tmp_path / "two.txt").symlink_to(one)
    assert found(one, tmp_path, one, tmp_path) == ["one.txt"]


def test_links_in_circles_end(tmp_path: Path) -> None:
    written(tmp_path, "deep/one.txt", "x")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    assert found(tmp_path) == ["one.txt"]


@pytest.fixture
def deep_folder() -> Iterator[Path]:
    """Not in tmp_path: pytest removes that by recursion, and so could not."""
    folder = Path(tempfile.mkdtemp())
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("x.txt", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


def test_a_folder_may_nest_deeper_than_python_recurses(deep_folder: Path) -> None:
    assert found(deep_folder) == ["x.txt"]


def test_paths_that_lead_nowhere_are_rejected_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "empty").mkdir()
    picture = written(tmp_path, "p.png", "x")
    missing, circle, empty = (tmp_path / name for name in ("no.txt", "self", "empty"))
    kinds = ", ".join(SUFFIXES)
    assert found(missing, picture, empty, circle, Path("a\0b.txt")) == [
        "! no.txt is not there; check the path.",
        f"! p.png is of a kind that cannot be read; give one of {kinds}.",
        f"! empty is a folder with nothing to read; put files in it ending in {kinds}.",
        "! self could not be read (Too many levels of symbolic links); check the file and its disk.",
        "! a\\x00b.txt is no path that a file can have; check it for odd characters.",
    ]


def test_a_pipe_in_a_folder_is_passed_over_and_a_named_one_does_not_hang(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    assert found(written(tmp_path, "x.txt", "x").parent) == ["x.txt"]
    assert reason(pipe) == "pipe.txt is not a file; give the file itself."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_opened_is_rejected(tmp_path: Path) -> None:
    locked = written(tmp_path, "locked/x.txt", "x")
    locked.chmod(0)
    assert "permission" in reason(locked)
    locked.parent.chmod(0)
    assert "permission" in found(tmp_path)[0]
    locked.parent.chmod(0o700)


# Reading: identity, origin, progress


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("000_b2823e664fc0b80c.txt", "000_b2823e664fc0b80c"),
        ("Ein Café (2).v1.txt", "Ein-Café--2-.v1"),
        ("Cafe\u0301.txt", "Café"),
        (".txt", "article"),
        ("???.txt", "---"),
    ],
)
def test_a_file_without_an_id_is_called_by_its_name(tmp_path: Path, name: str, id_: str) -> None:
    item = article(written(tmp_path, name, "Some words."))
    assert (item.id, item.named, item.origin) == (id_, False, str(tmp_path / name))


def test_a_name_that_is_not_unicode_gives_an_origin_that_can_be_stored(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text("Some words.")
    assert article(path).origin == f"{tmp_path}/caf\\xe9.txt"
    assert article(path).id == "caf-"


def test_a_relative_path_has_an_absolute_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert article(written(Path(), "x.txt", "Some words.")).origin == str(tmp_path / "x.txt")


def test_progress_rises_to_the_size_of_the_file(tmp_path: Path) -> None:
    lines = b"".join(b'{"id": %d, "text": "%s"}\n' % (n, os.urandom(5000).hex().encode()) for n in range(50))
    for name, data in (("a.jsonl", lines), ("a.jsonl.gz", gzip.compress(lines)), ("b.txt", lines), ("c.pdf", lines)):
        path = written(tmp_path, name, data)
        positions = [position for _, position in read_file(path)]
        assert positions == sorted(positions)
        assert positions[-1] == path.stat().st_size


@pytest.mark.parametrize(
    ("published", "day"),
    [("2024-05-31", 20240531), ("2024-05-31T23:59:59+09:00", 20240531), ("0007-01-02", 70102), ("", None), ("?", None)],
)
def test_the_day_of_an_article(published: str, day: int | None) -> None:
    assert Article(id="x", text="x", published=published).day == day


def test_heavy_libraries_wait_until_a_file_needs_them() -> None:
    heavy = "trafilatura lxml pypdfium2 docx charset_normalizer yaml"
    code = f"import sys, index.articles; print(*set('{heavy}'.split()) & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "\n"


# Text and Markdown


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le café “Dôme” était fermé.", "utf-8"),
        ("Le café “Dôme” était fermé.", "utf-8-sig"),
        ("Le café “Dôme” était fermé.", "utf-16"),
        ("Le café “Dôme” était fermé.", "utf-16-le"),
        ("Le café “Dôme” était fermé.", "utf-16-be"),
        ("Le café “Dôme” était fermé.", "utf-32"),
        ("It’s over – the vote cost £5m.", "cp1252"),
        ("L'été dernier, le café était fermé.", "latin-1"),
        ("Le président s’est dit « très préoccupé » par l’œuvre.", "cp1252"),
        ("Die Straße ist schön, die Maßnahmen für Bürger nicht.", "latin-1"),
        ("A situação não é fácil, disse o ministro da educação.", "latin-1"),
        ("El niño preguntó: ¿qué pasó mañana?", "latin-1"),
        ("Премьер-министр заявил, что меры будут приняты на следующей неделе.", "cp1251"),
        ("Premier powiedział, że wszystkie środki są już gotowe, a ludzie wrócą do domów.", "cp1250"),
        ("総理大臣は来週、新しい対策を発表すると述べた。", "shift_jis"),
    ],
)
def test_the_encoding_of_a_text_is_found(tmp_path: Path, text: str, encoding: str) -> None:
    assert article(written(tmp_path, "x.txt", text.encode(encoding))).text == text


def test_a_byte_gone_astray_in_utf8_shows_and_spoils_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, "x.txt", "Le café “Dôme” était ".encode() + b"\xe9 ferm\xc3\xa9.")
    assert article(path).text == "Le café “Dôme” était \ufffd fermé."


def test_a_text_keeps_all_but_its_line_ends_and_control_characters(tmp_path: Path) -> None:
    path = written(tmp_path, "x.txt", "\ufeff\n  One\r\ntwo\rthree \x07\x1b[31m\tfour\x0c\n\n\n # five * \n ")
    assert article(path).text == "One\ntwo\nthree [31m\tfour\n\n\n\n # five *"


def test_two_million_characters_are_one_article(tmp_path: Path) -> None:
    text = "The minister said it. " * 100_000
    assert article(written(tmp_path, "x.txt", text)).text == text.strip()


FRONT_MATTER = """---
ID: budget-1
Title: "Budget: the vote"
outlet: The Paper
author: [Jane Doe, "Roe, John"]
date: 2024-05-31 10:00:00 +0200
url: https://paper.example/1
tags: [a, b]
---

The vote failed.
"""


@pytest.mark.parametrize("name", ["x.txt", "x.md"])
def test_front_matter_is_metadata(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, FRONT_MATTER)
    assert article(path) == Article(
        id="budget-1",
        text="The vote failed.",
        title="Budget: the vote",
        source="The Paper",
        authors=("Jane Doe", "Roe, John"),
        published="2024-05-31T10:00:00+02:00",
        url="https://paper.example/1",
        origin=str(path),
    )
    assert article(path).named


@pytest.mark.parametrize(
    "text",
    ["---\nA ruled line, not a field\n---\nText.", "---\nBreaking: news\n---\nText.", "--- Text ---", "---\n---\nx"],
)
def test_a_ruled_line_is_no_front_matter(tmp_path: Path, text: str) -> None:
    assert article(written(tmp_path, "x.txt", text)).text == text


@pytest.mark.parametrize(
    ("front", "sentence"),
    [
        ("title: a: b", "x.md has front matter that is no YAML (mapping values are not allowed here);"),
        ("title: [a]", "x.md has \"title\": ['a'], which is not text; write one string in quotes."),
        (
            "date: last May",
            "x.md has \"published\": 'last May', which is not an ISO 8601 date; write it as 2024-05-31.",
        ),
        ("author: {name: x}", "x.md has \"authors\": {'name': 'x'}, which is not a name or a list of names;"),
        ('title: "a\\0b"', "x.md has \"title\": 'a\\x00b', which is not storable"),
        ("title: " + "[" * 5000, "x.md has front matter that is no YAML (it is nested too deeply);"),
        ("title: &x [*x]", "x.md has front matter that is no YAML (found unconstructable recursive node);"),
    ],
)
def test_front_matter_that_cannot_be_read_is_rejected(tmp_path: Path, front: str, sentence: str) -> None:
    assert reason(written(tmp_path, "x.md", f"---\n{front}\n---\nText.")).startswith(sentence)


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("# Vote fails\n\nText", "Vote fails\n\nText"),
        ("> “We **lost**,” she said.", "“We lost,” she said."),
        ('See [the *report*](https://x.example/a_b_c "Report") now.', "See the report now."),
        ("![A photo](x.png) Text", "Text"),
        ("***All*** of _it_, __now__", "All of it, now"),
        ("5 * 3 * 2, snake_case_name, a*b*c, *, 2**3**4", "5 * 3 * 2, snake_case_name, a*b*c, *, 2**3**4"),
        ("\\*not so\\*, 1\\. May", "*not so*, 1. May"),
        ("- one\n- two\n\n1. three", "- one\n- two\n\n1. three"),
        ("[brackets] stay (so do these)", "[brackets] stay (so do these)"),
    ],
)
def test_markdown_is_read_as_it_would_be_seen(tmp_path: Path, marked: str, plain: str) -> None:
    assert article(written(tmp_path, "x.md", marked)).text == plain


# Web pages


def test_a_page_is_its_paragraphs_and_nothing_around_them(tmp_path: Path) -> None:
    item = article(written(tmp_path, "x.html", page("<meta charset=utf-8><title>Café</title>")))
    assert (item.text, item.title) == (PROSE, "Café")
    assert (item.source, item.authors, item.published, item.url) == ("", (), "", "")


LINKED = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "WebSite", "name": "Not this"},
        {
            "@type": ["Thing", "NewsArticle"],
            "headline": "Caf&eacute; to close",
            "author": [{"@type": "Person", "name": "Jane Doe"}, {"@id": "#roe"}, "A. Third"],
            "publisher": {"@id": "#paper"},
            "datePublished": "2024-05-31T10:00:00Z",
            "mainEntityOfPage": {"@id": "https://paper.example/linked"},
        },
        {"@id": "#roe", "name": "John Roe"},
        {"@id": "#paper", "@type": "Organization", "name": "The Paper"},
    ],
}


@pytest.mark.parametrize(
    ("head", "stated"),
    [
        (
            f'<script type="application/ld+json">{{broken</script><meta property="og:title" content="Not this">'
            f'<script type="application/ld+json">{json.dumps([LINKED])}</script>',
            {
                "title": "Café to close",
                "source": "The Paper",
                "authors": ("Jane Doe", "John Roe", "A. Third"),
                "published": "2024-05-31T10:00:00+00:00",
                "url": "https://paper.example/linked",
            },
        ),
        (
            '<meta property="og:title" content=" Café\n to close "><meta property="og:site_name" content="The Paper">'
            '<meta property="article:author" content="https://social.example/jane"><meta name="Author" content="Jane">'
            '<meta property="article:published_time" content="2024-05-31T10:00:00+0200">'
            '<link rel="canonical" href="https://paper.example/1"><meta property="og:url" content="https://no.example">',
            {
                "title": "Café to close",
                "source": "The Paper",
                "authors": ("Jane",),
                "published": "2024-05-31T10:00:00+02:00",
                "url": "https://paper.example/1",
            },
        ),
        (
            '<title>Not this</title><meta name="citation_title" content="A study">'
            '<meta name="citation_author" content="A"><meta name="citation_author" content="B">'
            '<meta name="citation_publication_date" content="2024/05/31"><link rel="canonical" href="/relative">',
            {"title": "A study", "authors": ("A", "B"), "published": "2024-05-31", "url": ""},
        ),
        (
            '<meta name="DC.title" content="Core"><meta name="DC.creator" content="C">'
            '<meta name="DC.date" content="2024-05"><meta name="date" content="31 May 2024">'
            '<meta name="DC.publisher" content="P">',
            {"title": "Core", "authors": ("C",), "published": "", "source": "P"},
        ),
        (
            '<script type="application/ld+json">{"@type": "JobPosting", "headline": "No", '
            '"datePublished": "2020-01-01"}</script><svg><title>Icon</title></svg>',
            {"title": "", "published": ""},
        ),
    ],
)
def test_a_page_states_its_metadata(tmp_path: Path, head: str, stated: dict[str, object]) -> None:
    item = article(written(tmp_path, "x.htm", page(f"<meta charset=utf-8>{head}")))
    assert {name: getattr(item, name) for name in stated} == stated


def test_no_date_is_taken_from_the_text_or_the_address_of_a_page(tmp_path: Path) -> None:
    body = (
        '<time datetime="2020-01-01">1 January 2020</time><p>Published on May 31, 2024 by Jane Doe. It was a day.</p>'
    )
    head = '<link rel=canonical href="https://paper.example/2024/05/31/x">'
    item = article(written(tmp_path, "x.html", page(head, body)))
    assert (item.published, item.authors) == ("", ())


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="koi8-r">', "koi8-r"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', "cp1251"),
        ('<meta charset="utf-7">', "utf-8"),
        ('<meta charset="unicode_escape">', "utf-8"),
        ('<meta charset="no-such-thing">', "utf-8"),
        ("", "utf-16"),
    ],
)
def test_a_page_is_read_in_the_encoding_it_declares(tmp_path: Path, declaration: str, encoding: str) -> None:
    prose = "Премьер-министр заявил, что меры будут приняты \\u0041 на следующей неделе."
    path = written(tmp_path, "x.html", page(declaration, f"<p>{prose}</p>").encode(encoding))
    assert article(path).text == prose


# PDF, Word, e-mail


def test_a_pdf_is_its_pages_in_paragraphs_with_broken_words_whole(tmp_path: Path) -> None:
    pages = [
        [
            "Vote fails",
            "",
            "The minister said",
            "on Tuesday that the govern-",
            "ment would stay, Anglo-",
            "American or not.",
            "",
        ],
        ["“We shall see,” said her crit-", "ics. Nobody asked them", ""],
        ["twice."],
    ]
    path = written(tmp_path, "x.pdf", pdf(pages, "/Title (Vote fails) /Author (Jane Doe; John Roe) /ModDate (D:2024)"))
    assert article(path) == Article(
        id="x",
        text="Vote fails\n\nThe minister said\non Tuesday that the government would stay, Anglo-American or not.\n\n"
        "“We shall see,” said her critics. Nobody asked them\ntwice.",
        title="Vote fails",
        authors=("Jane Doe", "John Roe"),
        origin=str(path),
    )


def test_a_word_document_is_all_its_text_in_order(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Before.")
    document.add_table(1, 2).cell(0, 1).text = "In a cell."
    document.add_paragraph("One\ttab,\nbreak.")
    document.core_properties.title, document.core_properties.author = "A vote", "Jane Doe; John Roe"
    path = written(tmp_path, "x.docx", saved(document))
    assert article(path) == Article(
        id="x",
        text="Before.\n\n\n\nIn a cell.\n\nOne\ttab,\nbreak.",
        title="A vote",
        authors=("Jane Doe", "John Roe"),
        origin=str(path),
    )


def test_a_word_document_shows_insertions_and_hides_deletions(tmp_path: Path) -> None:
    tracked = "<w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
    data = with_part(
        word("Some text."), "word/document.xml", "<w:t>Some text.", f"<w:t>Some </w:t></w:r>{tracked}<w:r><w:t>"
    )
    assert article(written(tmp_path, "x.docx", data)).text == "Some new"


def test_a_word_document_names_its_publisher_and_nothing_that_python_docx_makes_up(tmp_path: Path) -> None:
    stated = with_part(
        word("Text."), "docProps/core.xml", "</cp:core", "<dc:publisher>The Paper</dc:publisher></cp:core"
    )
    assert article(written(tmp_path, "x.docx", stated)).source == "The Paper"
    bare = with_part(word("Text."), "_rels/.rels", "metadata/core-properties", "metadata/other")
    assert article(written(tmp_path, "x.docx", bare)).title == ""


def mail(text: str = "", html: str = "", **headers: str) -> bytes:
    message = EmailMessage()
    for name, value in headers.items():
        message[name] = value
    if text or not html:
        message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    message.add_attachment(b"not this", maintype="text", subtype="plain", filename="x.txt")
    return bytes(message)


def test_an_email_is_its_text_and_its_headers(tmp_path: Path) -> None:
    headers = {"From": "Jürgen Müller <j@x.example>", "Date": "Fri, 31 May 2024 10:00:00 +0200"}
    path = written(tmp_path, "x.eml", mail("Le café.\n", "<p>Not this</p>", Subject="Café: the vote", **headers))
    assert article(path) == Article(
        id="x",
        text="Le café.",
        title="Café: the vote",
        authors=("Jürgen Müller",),
        published="2024-05-31T10:00:00+02:00",
        origin=str(path),
    )


def test_an_email_without_plain_text_is_read_as_a_page(tmp_path: Path) -> None:
    item = article(written(tmp_path, "x.eml", mail(html=page(), Subject="x", From="j@x.example")))
    assert (item.text, item.authors, item.published) == (PROSE, (), "")


@pytest.mark.parametrize(
    ("headers", "title", "authors", "published"),
    [
        (b"Subject: caf\xc3\xa9\nFrom: J\xc3\xbc <j@x>\nDate: yesterday", "café", ("Jü",), ""),
        (b"Subject: =?no-such?q?x?=\nFrom: =?utf-8?q?Doe=2C_Jane?= <j@x>\nDate: ", "x", ("Doe, Jane",), ""),
        (b"Subject: =?utf-8?b?////?=\nDate: Fri, 31 May 2024 99:00:00 +9999999999", "", (), ""),
    ],
)
def test_odd_headers_of_an_email(
    tmp_path: Path, headers: bytes, title: str, authors: tuple[str, ...], published: str
) -> None:
    item = article(written(tmp_path, "x.eml", headers + b"\n\nText."))
    assert (item.title, item.authors, item.published) == (title, authors, published)


# JSON


def line(**fields: object) -> str:
    return json.dumps({"id": "a", "text": "Text."} | fields) + "\n"


def test_a_line_of_json_keeps_its_text_to_the_letter(tmp_path: Path) -> None:
    text = " \r\n\x07Caf\u00e9 \U0001f600\u2028\x0b e\u0301 \t\n"
    fields = {
        "title": "T",
        "source": "S",
        "authors": "Jane Doe, John Roe",
        "published": "20240531",
        "url": "https://x.example",
    }
    path = written(tmp_path, "x.jsonl", "\ufeff" + line(text=text, **fields))
    assert article(path) == Article(
        id="a",
        text=text,
        title="T",
        source="S",
        authors=("Jane Doe, John Roe",),
        published="2024-05-31",
        url="https://x.example",
        origin=f"{path}#a",
    )
    assert article(path).named


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"id": ""}, 'has no "id"; give every article one of its own.'),
        ({"id": None}, 'has no "id"; give every article one of its own.'),
        ({"id": True}, 'has "id": True, which is not text; write one string in quotes.'),
        ({"text": " \n"}, "has no text; put the article's words there, or leave it out."),
        ({"text": None}, "has no text; put the article's words there, or leave it out."),
        ({"text": 5}, 'has "text": 5, which is not text; write one string in quotes.'),
        ({"text": "a\0b"}, "has \"text\": 'a\\x00b', which is not storable: it holds a NUL or half a surrogate pair;"),
        ({"title": "\ud800"}, "has \"title\": '\\ud800', which is not storable: it holds a NUL or half a surrogate"),
        ({"authors": ["a", 1]}, "has \"authors\": ['a', 1], which is not a name or a list of names;"),
        ({"authors": ["\0"]}, "has \"authors\": '\\x00', which is not storable"),
        (
            {"published": "31 May"},
            "has \"published\": '31 May', which is not an ISO 8601 date; write it as 2024-05-31.",
        ),
        ({"published": 2024}, 'has "published": 2024, which is not text; write one string in quotes.'),
        ({"url": {}}, 'has "url": {}, which is not text; write one string in quotes.'),
    ],
)
def test_a_wrong_field_is_rejected_by_name(tmp_path: Path, fields: dict[str, object], sentence: str) -> None:
    first, second = read(written(tmp_path, "x.jsonl", line(**fields) + line(id="ok")))
    assert isinstance(first, Rejected) and first.reason.startswith(f"x.jsonl line 1 {sentence}")
    assert isinstance(second, Article)


def test_numbers_may_be_ids_and_null_is_nothing(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("title", "source", "authors", "published", "url"))
    items = read(written(tmp_path, "x.jsonl", line(id=7, **nothing) + line(id=1.5, authors=[None, " "])))
    assert [(item.id, item.authors) for item in items if isinstance(item, Article)] == [("7", ()), ("1.5", ())]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (b"{]", "is not JSON (at character 2: Expecting property name enclosed in double quotes); mend or remove it."),
        (b"[1]", 'is no JSON object; write {"id": …, "text": …}.'),
        (b"[" * 100_000, "nests its JSON too deeply; write one flat object an article."),
        (b'"caf\xe9"', "is not UTF-8 at byte 5; save it as UTF-8."),
        (b'{"id": NaN}', "holds a number that cannot be read (NaN is no JSON value); remove it."),
        (b'{"id": ' + b"9" * 5000 + b"}", "holds a number that cannot be read (Exceeds the limit"),
        (
            b'{"id": "' + b"x" * MAX_DOCUMENT_BYTES + b'"}',
            "has 50,000,001 bytes or more, over the limit of 50,000,000;",
        ),
    ],
)
def test_a_broken_line_is_rejected_by_number_and_the_rest_goes_on(tmp_path: Path, broken: bytes, sentence: str) -> None:
    lines = b"\n".join([line(id="before").encode(), broken, b"", line(id="after").encode()])
    before, rejected, after = read(written(tmp_path, "x.jsonl", lines))
    assert isinstance(rejected, Rejected) and rejected.reason.startswith(f"x.jsonl line 3 {sentence}")
    assert isinstance(before, Article) and isinstance(after, Article)
    assert (before.id, after.id) == ("before", "after")


def test_an_id_may_come_again_only_with_the_same_article(tmp_path: Path) -> None:
    path = written(tmp_path, "x.jsonl", line() + line(id="b") + line() + line(text="Other.") + line())
    *articles, rejected = read(path)
    assert [item.id for item in articles if isinstance(item, Article)] == ["a", "b"]
    assert rejected == Rejected(str(path), "x.jsonl line 4 has the id of line 1, 'a'; give it one of its own.")


def test_a_broken_gzip_gives_what_stood_before_the_break(tmp_path: Path) -> None:
    lines = "".join(line(id=n, text=os.urandom(500).hex()) for n in range(100))
    packed = gzip.compress(lines.encode())
    *articles, rejected = read(written(tmp_path, "x.jsonl.gz", packed[: len(packed) // 2]))
    assert isinstance(rejected, Rejected)
    assert 40 < len(articles) < 60 and all(isinstance(item, Article) for item in articles)
    assert rejected.reason.startswith(f"x.jsonl.gz is broken after line {len(articles)};")


@pytest.mark.parametrize(("suffix", "pack"), [(".json", bytes), (".json.gz", gzip.compress)])
def test_a_json_file_is_one_article_or_a_list(tmp_path: Path, suffix: str, pack: type[bytes]) -> None:
    alone = written(tmp_path, f"alone{suffix}", pack(b'{"text": "Text."}'))
    assert (article(alone).id, article(alone).named) == ("alone", False)
    many = written(tmp_path, f"many{suffix}", pack(f"[{line()}, {line(id='')}, {line(id='c')}]".encode()))
    first, second, third = read(many)
    assert isinstance(first, Article) and isinstance(third, Article)
    assert (first.origin, third.id) == (f"{many}#a", "c")
    assert second == Rejected(str(many), f'many{suffix} item 2 has no "id"; give every article one of its own.')


# What cannot be read


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
USED = with_part(word("Text."), "word/document.xml", "Text.", "&a11;")
BOMB = f'<!DOCTYPE d [<!ENTITY a0 "ha">{ENTITIES}]><w:document '


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        *((f"x{suffix}", b"", "") for suffix in SUFFIXES),
        *((f"x{suffix}", b" \n\t\r\n ", "") for suffix in SUFFIXES),
        *((f"x{suffix}", PNG, "") for suffix in SUFFIXES),
        ("x.txt", b"", "is empty; there is nothing to read in it."),
        ("x.jsonl", b"\n \n", "is empty; there is nothing to read in it."),
        ("x.json", b"[]", "is empty; there is nothing to read in it."),
        ("x.txt", b"---\ntitle: x\n---\n", "has no text; put the article's words there"),
        ("x.txt", PNG, "is not text, whatever its name says; give it the suffix of what it is."),
        ("x.txt", b"\x7fELF\x02\x01", "is not text, whatever its name says;"),
        ("x.txt", b"Text\0Text", "holds binary data, not text;"),
        ("x.txt", bytes(range(1, 256)), "is in an encoding that could not be recognised; save it as UTF-8."),
        ("x.txt", b"\x01\x02\x03 text \x04\x05", "holds binary data, not text;"),
        ("x.jsonl", line().encode("utf-16"), "is not UTF-8 text; save it as JSON lines in UTF-8."),
        ("x.html", page(body="<img src=x.png>").encode(), "holds no text of an article; save the article's own page."),
        ("x.html", b"<div>" * 5000 + b"text", "is too large or too deeply nested for one article;"),
        ("x.html", b"<p>" + b"<b>x</b> y " * 30_000, "is too large or too deeply nested for one article;"),
        ("x.pdf", b"%PDF-1.4", "is a broken or incomplete PDF; fetch or export it again."),
        ("x.pdf", pdf([["Text"]])[:300], "is a broken or incomplete PDF;"),
        ("x.pdf", pdf([["Text"]], encrypt=LOCKED), "is encrypted; save a copy of it without a password."),
        ("x.pdf", pdf([[]]), "holds no text, only pictures of it; run text recognition (OCR) on it first."),
        ("x.docx", b"Not a zip.", "is not a whole Word document; open it in Word and save it as .docx."),
        ("x.docx", word("Text.")[:5000], "is not a whole Word document;"),
        ("x.docx", word(), "holds no text;"),
        ("x.docx", with_part(USED, "word/document.xml", "<w:document ", BOMB), "is not a whole Word document;"),
        ("x.docx", with_part(word(), "_rels/.rels", "Target", "Goal"), "is not built as a Word document;"),
        ("x.docx", with_part(word(), "word/document.xml", "<w:body>", "<w:body>" + " " * 30_000_000), "unpacks to 30,"),
        ("x.eml", b"Only words, no headers.", "is not an e-mail: it has no headers; save the message itself"),
        ("x.eml", mail(" ", Subject="x"), "is an e-mail without text; save its attachment and read that."),
        ("x.eml", b"Content-Type: message/rfc822\n\n" * 5000, "nests its parts or headers too deeply;"),
        ("x.eml", b"From: " + b"(" * 5000 + b"\n\nText.", "nests its parts or headers too deeply;"),
        ("x.json.gz", b"\x1f\x8b\x08\x00", "is broken after its start; what comes before is kept, fetch it again."),
        ("x.json.gz", gzip.compress(b" " * 51_000_000), "has 50,000,001 bytes or more, over the limit"),
        ("x.png", PNG, "is of a kind that cannot be read; give one of .txt, "),
    ],
)
def test_what_holds_no_article_is_rejected_with_a_reason(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    assert reason(written(tmp_path, name, data)).startswith(f"{name} {sentence}")


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if "jsonl" not in suffix])
def test_a_file_over_the_limit_is_rejected_unread(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, f"x{suffix}", b"")
    os.truncate(path, 200_000_000)
    assert "has 200,000,000 bytes or more, over the limit of 50,000,000; split it" in reason(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_went_away_and_a_folder_in_its_place_are_rejected(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    assert reason(path) == f"x{suffix} is not there; check the path."
    path.mkdir()
    assert reason(path) == f"x{suffix} is a folder; give the file itself."


# Whatever comes


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
ANYWHERE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@ANYWHERE
@given(texts=st.lists(TEXTS, min_size=1), ascii_only=st.booleans())
def test_every_text_comes_back_from_json_lines(tmp_path: Path, texts: list[str], ascii_only: bool) -> None:
    lines = [json.dumps({"id": n, "text": text}, ensure_ascii=ascii_only) for n, text in enumerate(texts)]
    items = read(written(tmp_path, "x.jsonl", "\n".join(lines)))
    assert [item.text for item in items if isinstance(item, Article)] == texts


def seeds() -> dict[str, bytes]:
    """A sound file of each kind, to be damaged."""
    eml = mail("Le café.", page(), Subject="Café", From="Jürgen <j@x.example>", Date="Fri, 31 May 2024 10:00:00 +0200")
    head = f'<meta charset=utf-8><script type="application/ld+json">{json.dumps(LINKED)}</script>'
    json_line = line(title="T", authors=["A"], published="2024-05-31").encode()
    return {
        ".txt": FRONT_MATTER.encode(),
        ".md": FRONT_MATTER.encode() + "# Café\n\n*a* [b](c)".encode("cp1252"),
        ".html": page(head).encode(),
        ".htm": page(head).encode("utf-16"),
        ".pdf": pdf([["Some text", "", "more"], ["and more"]], "/Title (T)"),
        ".docx": word("Some text.", "More.", title="T"),
        ".eml": eml,
        ".json": b"[" + json_line + b"]",
        ".json.gz": gzip.compress(json_line),
        ".jsonl": json_line * 3,
        ".jsonl.gz": gzip.compress(json_line * 3),
    }


SEEDS = seeds()


@st.composite
def damaged(draw: st.DrawFn, seed: bytes) -> bytes:
    """The seed with some bytes put in the place of others, or only the bytes."""
    place, length = draw(st.integers(0, len(seed))), draw(st.integers(0, 40))
    piece = draw(st.binary(max_size=60))
    return draw(st.sampled_from([piece, seed[:place] + piece, seed[:place] + piece + seed[place + length :]]))


@pytest.mark.parametrize("suffix", SUFFIXES)
@ANYWHERE
@given(data=st.data())
def test_no_bytes_raise_or_hang_or_give_what_cannot_be_stored(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = written(tmp_path, f"x{suffix}", data.draw(damaged(SEEDS[suffix])))
    started = time.monotonic()
    items = read(path)
    assert items and time.monotonic() - started < 5
    for item in items:
        if isinstance(item, Rejected):
            assert item.reason.startswith(path.name) and item.reason.endswith(".")
        else:
            assert item.id and item.text.strip()
            assert not item.published or (datetime.fromisoformat(item.published) and item.day)
            stored = "".join([item.id, item.text, item.title, item.source, *item.authors, item.url, item.origin])
            assert "\0" not in stored and stored.encode()
