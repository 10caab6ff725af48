"""Paragraphs → PDF, in the page's own font; letters that it lacks are taken from fonts of this machine, or named."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont, TTLibError
from fpdf import FPDF

_FONT = "templates/frontend/static/fonts/SourceSansPro"  # within gradio: Latin, Greek and Cyrillic; open (SIL OFL)
_FOLDERS = {
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": ("C:/Windows/Fonts", "~/AppData/Local/Microsoft/Windows/Fonts"),
}
_UNIX_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
_SPECIAL = ("bold", "italic", "oblique", "mono", "condensed", "light", "thin", "black", "narrow", "serif", "emoji")
_MOST_FONTS = 6
_NAMED = 12  # missing letters that are named one by one
_SIZES = {"title": 20.0, "question": 14.0, "short": 13.0, "note": 9.0, "source": 9.0}
_SIZE = 10.5
_BOLD = frozenset({"title", "question", "lead"})
_INDENTED = frozenset({"short", "statement", "source", "problem"})
_INK, _SOFT, _ACCENT = (31, 28, 24), (99, 92, 82), (143, 29, 29)
_LEADING = 0.5  # millimetres a point


@dataclass(frozen=True)
class Face:
    """A font of this machine: its file, which of the file's fonts it is, and the letters it has."""

    file: Path
    number: int
    letters: frozenset[int]


class Writer:
    """A PDF that grows paragraph by paragraph. `letters` is all that will be written, so that fonts can be found."""

    def __init__(self, title: str, made: datetime, letters: str) -> None:
        wanted = {ord(letter) for letter in letters if not _is_blank(letter)} - _own_letters()
        faces = chosen(wanted)
        self._missing = wanted.difference(*(face.letters for face in faces))
        self._pdf = pdf = _Pages()
        pdf.set_title(self._shown(title))
        pdf.set_lang("en")
        pdf.set_creation_date(made)  # the same conversation gives the same file
        pdf.add_font("own", "", _own_font("Regular"))
        pdf.add_font("own", "B", _own_font("Bold"))
        for number, face in enumerate(faces):
            pdf.add_font(f"other{number}", "", face.file, collection_font_number=face.number)
        pdf.set_fallback_fonts([f"other{number}" for number in range(len(faces))], exact_match=False)
        pdf.set_text_shaping(True)  # letters that join, and lines from right to left
        pdf.set_margins(22, 20)
        pdf.set_auto_page_break(True, 22)
        pdf.add_page()
        if self._missing:
            self.paragraph("problem", _lacking(self._missing))

    def paragraph(self, kind: str, text: str, lead: str = "", links: Sequence[tuple[str, str]] = ()) -> None:
        """Add a paragraph; see `assistant.export.Line`."""
        pdf, size = self._pdf, _SIZES.get(kind, _SIZE)
        height = size * _LEADING
        pdf.ln(7 if kind == "question" else 1)
        pdf.set_left_margin(28 if kind in _INDENTED else 22)
        pdf.set_x(pdf.l_margin)
        if kind in _BOLD and pdf.will_page_break(4 * height):
            pdf.add_page()  # what it stands above goes with it
        if lead:
            self._write("B", size, height, lead, _INK)
        colour = _SOFT if kind in ("note", "source") else _ACCENT if kind in ("problem", "short") else _INK
        self._write("B" if kind in _BOLD else "", size, height, text, colour)
        for label, where in links:
            pdf.set_text_color(*_ACCENT)
            pdf.write(height, f"{label}    ", link=where)
        pdf.ln(height + 1 if links else 1)

    def finished(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())

    def _write(self, style: str, size: float, height: float, text: str, colour: tuple[int, int, int]) -> None:
        self._pdf.set_font("own", style, size)
        self._pdf.set_text_color(*colour)
        self._pdf.multi_cell(0, height, self._shown(text), align="L", new_x="LMARGIN", new_y="NEXT")

    def _shown(self, text: str) -> str:
        """Return text with the number of each letter that no font has in its place."""
        kept = (" " if _is_blank(letter) and letter != "\n" else letter for letter in text)
        return "".join(f"[U+{ord(one):04X}]" if ord(one) in self._missing else one for one in kept)


class _Pages(FPDF):
    def footer(self) -> None:
        """Number the page."""
        self.set_y(-15)
        self.set_font("own", "", 8)
        self.set_text_color(*_SOFT)
        self.cell(0, 8, str(self.page_no()), align="R")


def _lacking(missing: Iterable[int]) -> str:
    named = [f"U+{code:04X} {unicodedata.name(chr(code), 'unnamed').lower()}" for code in sorted(missing)]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return (
        f"No font on this machine has these letters: {', '.join(named[:_NAMED])}{more}. Their numbers stand in their "
        "places. Install a font that has them and export again, or use the HTML or Markdown export."
    )


def _is_blank(letter: str) -> bool:
    """Whether a letter shows nothing, so that no font need have it."""
    return letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn")


# ── fonts ───────────────────────────────────────────────────────────────────────────────────────────────────


def _own_font(weight: str) -> Path:
    package = find_spec("gradio")
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / _FONT / f"SourceSansPro-{weight}.woff2"


@cache
def _own_letters() -> frozenset[int]:
    regular, bold = (frozenset(TTFont(_own_font(weight)).getBestCmap()) for weight in ("Regular", "Bold"))
    return regular & bold


def chosen(wanted: Iterable[int], folders: Sequence[str] | None = None) -> list[Face]:
    """Return fonts of this machine that have the wanted letters, each with some that those before it lack."""
    missing, found = set(wanted), []
    for file in _files(folders) if missing else ():
        for face in _faces(file):
            if missing & face.letters:
                found.append(face)
                missing -= face.letters
                break
        if not missing or len(found) == _MOST_FONTS:
            break
    return found


def _files(folders: Sequence[str] | None) -> list[Path]:
    """Return the font files of this machine, plain ones first."""
    places = [Path(folder).expanduser() for folder in folders or _FOLDERS.get(sys.platform, _UNIX_FOLDERS)]
    files = {file for place in places for file in place.rglob("*") if file.suffix.lower() in _SUFFIXES}
    return sorted(files, key=lambda file: (sum(word in file.stem.lower() for word in _SPECIAL), str(file)))


@cache
def _faces(file: Path) -> tuple[Face, ...]:
    """Return the fonts of a file that a PDF can hold; none where it cannot be read."""
    try:
        return tuple(_read_faces(file))
    except (TTLibError, OSError, AssertionError, KeyError, ValueError):
        return ()  # not a font that can be used; others may be


def _read_faces(file: Path) -> Iterator[Face]:
    collected = file.suffix.lower() in (".ttc", ".otc")
    with file.open("rb") as stream:
        fonts = TTCollection(stream, lazy=True).fonts if collected else [TTFont(stream, lazy=True)]
        for number, font in enumerate(fonts):
            if "glyf" in font or "CFF " in font:
                yield Face(file, number, frozenset(font.getBestCmap() or ()))
