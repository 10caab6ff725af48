"""The API described: /openapi.json for programs, and /docs, a page made of it, for people. Neither needs a network."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from assistant.web.openapi import document

Json = dict[str, Any]


def add_documentation(app: FastAPI) -> None:
    """Add /openapi.json and /docs, which describe all routes of the application."""

    async def for_programs() -> JSONResponse:
        return JSONResponse(document(app))

    async def for_people(request: Request) -> HTMLResponse:
        return HTMLResponse(render(document(app), str(request.base_url).rstrip("/")))

    app.add_api_route("/openapi.json", for_programs, include_in_schema=False)
    app.add_api_route("/docs", for_people, include_in_schema=False)


def render(api: Json, address: str) -> str:
    """Return an OpenAPI document as a page; `address` is where its examples send their requests."""
    operations = list(_operations(api))
    tags = list(dict.fromkeys(tag for _, _, one in operations for tag in one.get("tags", ["Other"])))
    contents, sections = [], []
    for tag in tags:
        own = [one for one in operations if tag in one[2].get("tags", ["Other"])]
        links = "".join(f'<li><a href="#{_anchor(*one)}">{escape(one[2]["summary"])}</a></li>' for one in own)
        contents.append(f"<li>{escape(tag)}<ul>{links}</ul></li>")
        sections.append(f"<h2>{escape(tag)}</h2>" + "".join(_operation(api, address, *one) for one in own))
    models = "".join(_model(name, one) for name, one in sorted(api["components"]["schemas"].items()))
    title = f"{escape(api['info']['title'])} API"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{title}</title>'
        '<link rel="stylesheet" href="web/docs.css"></head><body>'
        f"<header><h1>{title}</h1><p>{_prose(api['info']['description'])}</p>"
        '<p>For programs: <a href="openapi.json">openapi.json</a>. <a href="./">To the page</a>.</p></header>'
        f'<nav aria-label="Routes"><ul>{"".join(contents)}<li><a href="#objects">Objects</a></li></ul></nav>'
        f'<main>{"".join(sections)}<h2 id="objects">Objects</h2>{models}</main></body></html>'
    )


def _operations(api: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _anchor(method: str, path: str, _operation: Json) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{method} {path}".lower()).strip("-")


def _operation(api: Json, address: str, method: str, path: str, operation: Json) -> str:
    bodies = operation.get("requestBody", {}).get("content", {})
    parts = [
        f'<h3><span class="method">{method}</span> <code>{escape(path)}</code></h3>',
        f"<p><strong>{escape(operation['summary'])}.</strong> {_prose(operation.get('description', ''))}</p>",
        _fields("Parameters", map(_parameter, operation.get("parameters", []))),
        *(_body(api, kind, body.get("schema", {})) for kind, body in bodies.items()),
        *(f"<pre><code>{escape(line)}</code></pre>" for line in curl_lines(api, address, method, path, operation)),
        _responses(operation["responses"]),
    ]
    return f'<section id="{_anchor(method, path, operation)}">{"".join(parts)}</section>'


def _parameter(parameter: Json) -> tuple[str, str, str]:
    told = parameter.get("description") or parameter["schema"].get("description", "")
    kind = f"{_kind(parameter['schema'])}, in the {parameter['in']}"
    return parameter["name"], kind + _default(parameter["schema"], parameter.get("required", False)), told


def _body(api: Json, kind: str, body: Json) -> str:
    named = "" if "properties" in body else f": {_kind(body)}"
    return f"<p>Body ({escape(kind)}){named}</p>{_fields('Fields', _properties(_resolved(api, body)))}"


def _responses(responses: Json) -> str:
    rows = []
    for status, response in responses.items():
        content = response.get("content", {})
        gives = ", ".join(_kind(one["schema"]) or escape(kind) for kind, one in content.items() if one.get("schema"))
        kinds = "" if gives else escape(", ".join(content))
        rows.append(
            f"<tr><th scope=row><code>{escape(status)}</code></th><td>{gives or kinds}</td>"
            f"<td>{_prose(response.get('description', ''))}</td></tr>"
        )
    return f"<table><caption>Answers</caption>{''.join(rows)}</table>"


def _model(name: str, model: Json) -> str:
    told = f"<p>{_prose(model.get('description', ''))}</p>{_fields('', _properties(model))}"
    return f'<section id="{escape(name)}"><h3>{escape(name)}</h3>{told}</section>'


def _properties(model: Json) -> Iterator[tuple[str, str, str]]:
    for name, field in model.get("properties", {}).items():
        required = name in model.get("required", ())
        yield name, _kind(field) + _default(field, required), field.get("description", "")


def _fields(caption: str, fields: Iterable[tuple[str, str, str]]) -> str:
    """Return a table of (name, kind as HTML, description)."""
    rows = "".join(
        f"<tr><th scope=row><code>{escape(name)}</code></th><td>{kind}</td><td>{_prose(told)}</td></tr>"
        for name, kind, told in fields
    )
    return f"<table><caption>{escape(caption)}</caption>{rows}</table>" if rows else ""


def _kind(field: Json) -> str:
    """Say as HTML what values a field takes; an object is linked."""
    if "$ref" in field:
        name = escape(field["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {})) or 'values'}"
    return escape((field.get("format") == "binary" and "file") or field.get("type", ""))


def _default(field: Json, required: bool) -> str:
    if required:
        return " <em>required</em>"
    value = field.get("default")
    return f" <span>[{escape(json.dumps(value))}]</span>" if value not in (None, "", []) else ""


def _prose(text: str) -> str:
    """Return a description as HTML: what stands between backticks is code."""
    pieces = text.split("`")
    return "".join(f"<code>{escape(piece)}</code>" if at % 2 else escape(piece) for at, piece in enumerate(pieces))


# ── examples ────────────────────────────────────────────────────────────────────────────────────────────────


def curl_lines(api: Json, address: str, method: str, path: str, operation: Json) -> Iterator[str]:
    """Yield a command for each kind of body that a route takes, made of the examples in its description."""
    url = address + _address(path, operation.get("parameters", []))
    words = [
        "curl",
        *(["-X", method] if method == "DELETE" or (method == "POST" and not operation.get("requestBody")) else []),
    ]
    for kind, body in operation.get("requestBody", {}).get("content", {"": {}}).items():
        yield shlex.join([*words, *_sent(api, kind, body.get("schema", {})), url])


def _address(path: str, parameters: Iterable[Json]) -> str:
    query: list[tuple[str, Any]] = []
    for parameter in parameters:
        examples = parameter["schema"].get("examples") or parameter.get("examples") or []
        if parameter["in"] == "path":
            value = quote(str(examples[0]), safe="") if examples else parameter["name"].upper()
            path = path.replace(f"{{{parameter['name']}}}", value)
        elif examples:
            query.append((parameter["name"], examples[0]))
    return f"{path}?{urlencode(query)}" if query else path


def _sent(api: Json, kind: str, body: Json) -> list[str]:
    """Return what curl must be told to send an example of a body."""
    if kind == "application/json":
        example: object = next(iter(_resolved(api, body).get("examples", [])), {})
        return ["-H", f"Content-Type: {kind}", "-d", json.dumps(example, ensure_ascii=False)]
    fields = ((name, field) for name, field in body.get("properties", {}).items() if "examples" in field)
    return [word for name, field in fields for word in ("-F", f"{name}={_form_value(field)}")]


def _form_value(field: Json) -> str:
    example = field["examples"][0]
    value = example[0] if isinstance(example, list) else example
    return f"@{value}" if "binary" in json.dumps(field) else str(value)


def _resolved(api: Json, body: Json) -> Json:
    """Return the schema of a body; of several that may be sent, the first."""
    while "$ref" in body or "anyOf" in body:
        body = body["anyOf"][0] if "anyOf" in body else api["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    return body
