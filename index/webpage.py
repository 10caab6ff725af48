"""An article from a web page: its text by trafilatura, its metadata from meta tags and JSON-LD alone."""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any

from index.document import Document, UnreadableError, decode, iso_date, one_line, tidy

# The pages of real outlets stay far below both.
_MAX_ELEMENTS = 30_000
_MAX_INLINE_SIBLINGS = 1_000
_BLOCKS = {"p", "div", "li", "br", "tr", "section", "blockquote"}
_DECLARATION = re.compile(
    rb"""<(?:meta\s[^>]*?charset|\?xml\s[^>]*?encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
_NOT_PROSE = "//nav|//script|//style|//noscript|//template|//*[@role='navigation']"

# Where each field may stand, the most exact place first. "ld:" is the article in JSON-LD, "<" an element.
_PLACES = {
    "title": ("ld:headline", "ld:name", "citation_title", "og:title", "dc.title", "dcterms.title", "<title>"),
    "source": ("ld:publisher", "og:site_name", "dc.publisher", "dcterms.publisher"),
    "authors": ("ld:author", "citation_author", "article:author", "author", "dc.creator", "dcterms.creator"),
    "published": (
        *("ld:datePublished", "article:published_time", "datepublished", "citation_publication_date"),
        *("citation_date", "dc.date.issued", "dcterms.issued", "dc.date", "dcterms.date", "date"),
    ),
    "url": ("<link>", "og:url", "ld:url", "ld:mainEntityOfPage"),
}
_ARTICLE_TYPES = ("Article", "BlogPosting", "SocialMediaPosting", "Report")


def read_html(data: bytes, declared: str = "") -> Document:
    """The article in a web page, `declared` being the encoding its transport names.

    Raises UnreadableError where the page holds no article text or is too large for one article.
    """
    tree = _parse(decode(data, declared or _declared(data)))
    text = _prose(tree)
    if not text:
        raise UnreadableError("holds no text of an article; save the article's own page")
    return Document(text=text, **_metadata(tree))


def _declared(data: bytes) -> str:
    """The encoding named in the first bytes, where HTML wants it, or ""."""
    found = _DECLARATION.search(data[:4096])
    return found[1].decode("ascii") if found else ""


def _parse(text: str) -> Any:
    """The page as an lxml tree. Raises UnreadableError where it is none, or the parser gave up half-way."""
    from lxml import etree, html  # type: ignore[import-untyped]

    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(text.encode(), parser=parser)
    except etree.LxmlError as error:
        raise UnreadableError("is not a web page; save it again as HTML") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log) or _is_excessive(tree):
        raise UnreadableError("is too large or too deeply nested for one article; save the article alone")
    return tree


def _is_excessive(tree: Any) -> bool:
    """Whether trafilatura, quadratic in siblings and in elements, would take minutes over the page."""
    crowded = (element for element in tree.iter() if len(element) > _MAX_INLINE_SIBLINGS)
    return sum(1 for _ in tree.iter()) > _MAX_ELEMENTS or any(
        sum(child.tag not in _BLOCKS for child in parent) > _MAX_INLINE_SIBLINGS for parent in crowded
    )


def _prose(tree: Any) -> str:
    """The article's paragraphs, a blank line between them, or ""."""
    import trafilatura

    # It logs every page that holds no article; the caller gets that as a sentence.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    # Without metadata it never looks for a date, which it would guess.
    found = trafilatura.extract(tree, include_comments=False, with_metadata=False, prune_xpath=_NOT_PROSE)
    return re.sub(r"\n\s*", "\n\n", tidy(found or ""))


def _metadata(tree: Any) -> dict[str, Any]:
    """What the page says about itself; nothing is taken from its visible text."""
    stated = _stated(tree)
    found = {field: [stated.get(place, []) for place in places] for field, places in _PLACES.items()}
    return {
        "title": next(iter(_flat(found["title"])), ""),
        "source": next(iter(_flat(found["source"])), ""),
        "authors": next(filter(None, map(_people, found["authors"])), ()),
        "published": next(filter(None, map(_date, _flat(found["published"]))), ""),
        "url": next(filter(_is_absolute, _flat(found["url"])), ""),
    }


def _flat(values: Iterable[Iterable[str]]) -> Iterator[str]:
    return (value for group in values for value in group)


def _people(names: Iterable[str]) -> tuple[str, ...]:
    """Names in order, each once; "article:author" is often the address of a profile, which is no name."""
    return tuple(dict.fromkeys(name for name in names if not _is_absolute(name)))


def _date(written: str) -> str:
    """ISO 8601, or "" where the date cannot be read; scholarly pages write 2024/05/31."""
    try:
        return iso_date(re.sub(r"^(\d{4})/(\d\d)/(\d\d)$", r"\1-\2-\3", written))
    except ValueError:
        return ""


def _is_absolute(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _stated(tree: Any) -> dict[str, list[str]]:
    """All that the page's head states, by place; no empty strings."""
    stated: dict[str, list[str]] = {}
    for place, value in (*_elements(tree), *_linked_data(tree)):
        if text := one_line(value):
            stated.setdefault(place, []).append(text)
    return stated


def _elements(tree: Any) -> Iterator[tuple[str, str]]:
    for element in tree.iterfind("head/title"):  # not any title: drawings have one too
        yield "<title>", element.text or ""
    for element in tree.iter("meta", "link"):
        if element.tag == "meta":
            name = element.get("property") or element.get("name") or element.get("itemprop") or ""
            yield name.strip().lower(), element.get("content") or ""
        elif (element.get("rel") or "").lower() == "canonical":
            yield "<link>", element.get("href") or ""


def _linked_data(tree: Any) -> Iterator[tuple[str, str]]:
    """The fields of the page's first JSON-LD article."""
    nodes = [node for block in _json_blocks(tree) for node in _nodes(block)]
    by_id = {node["@id"]: node for node in reversed(nodes) if isinstance(node.get("@id"), str)}
    article = next(filter(_is_article, nodes), {})
    for key in ("headline", "name", "datePublished", "url"):
        yield from ((f"ld:{key}", text) for text in _names(article.get(key), {}))
    for key in ("author", "publisher"):
        yield from ((f"ld:{key}", name) for name in _names(article.get(key), by_id))
    for address in _names(article.get("mainEntityOfPage"), {}, key="@id"):
        yield "ld:mainEntityOfPage", address


def _json_blocks(tree: Any) -> Iterator[object]:
    for script in tree.iter("script"):
        if (script.get("type") or "").strip().lower().startswith("application/ld+json"):
            try:
                # strict=False: line breaks within strings are common, and harmless
                yield json.loads(script.text or "", strict=False)
            except (ValueError, RecursionError):
                continue


def _nodes(block: object) -> Iterator[dict[str, Any]]:
    """The objects in a block: itself, or those in its lists and @graph."""
    waiting = deque([block])
    while waiting:
        node = waiting.popleft()
        if isinstance(node, list):
            waiting.extendleft(reversed(node))
        elif isinstance(node, dict):
            yield node
            waiting.appendleft(node.get("@graph"))


def _is_article(node: Mapping[str, Any]) -> bool:
    types = [kind for kind in _list(node.get("@type")) if isinstance(kind, str)]
    return any(kind.endswith(_ARTICLE_TYPES) for kind in types)


def _names(value: object, by_id: Mapping[str, Any], key: str = "name") -> Iterator[str]:
    """The strings in a value: itself, the names of the objects in it, or of those it points to."""
    for item in _list(value):
        if isinstance(item, dict):
            target = item if key in item else by_id.get(str(item.get("@id")), {})
            item = next(iter(_list(target.get(key))), "")
        if isinstance(item, str):
            yield unescape(item)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
