"""Evaluations over HTTP: start one with a question file, watch it, fetch its run and report, cancel it, delete it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.datastructures import FormData, UploadFile

from assistant.evaluation.jobs import Job, Jobs, Options
from assistant.web import schema
from assistant.web.openapi import described, refusals
from index.errors import SaidsoError

_MOST_FIELDS, _MOST_GATES, _LONGEST_GATE = 60, 50, 200
_LARGEST = 2**32
_FIELDS = {
    "file": {"type": "string", "format": "binary", "description": "The questions.", "examples": ["questions.jsonl"]},
    "limit": {"type": "integer", "minimum": 1, "description": "Ask so many, chosen by lot.", "examples": [100]},
    "seed": {"type": "integer", "minimum": 0, "description": "What the lot is drawn by."},
    "baseline": {"type": "string", "description": "The id of a finished evaluation to compare with."},
    "gate": {"type": "string", "description": "A condition such as verbatim>=1; may be repeated."},
}
_STARTED = {
    "required": True,
    "content": {"multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": _FIELDS}}},
}
# The report's own page: it runs its one script and nothing else, as a stranger to the pages of this address.
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src '{script}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox"
)


def add_evaluations(app: FastAPI, jobs: Jobs) -> None:
    """Add the routes under /api/evaluations; refusals are JSON with the sentence under `detail`."""
    app.include_router(_router(jobs))


def _router(jobs: Jobs) -> APIRouter:
    """Return all routes; the first four only read."""
    routes = _Routes(jobs)
    router = APIRouter(prefix="/api/evaluations", tags=["Evaluations"], responses=refusals(422, 503))
    one = described("Watch an evaluation", schema.Evaluation, 404)
    start = described("Start an evaluation", schema.Evaluation, 413, 429, status=201)
    cancel = described("End an evaluation", schema.Evaluation, 404, 409)
    refused = refusals(404, 409)
    router.add_api_route("", routes.listed, **described("List evaluations", schema.Evaluations))
    router.add_api_route("/{job_id}", routes.one, **one)
    router.add_api_route(
        "/{job_id}/run", routes.run_file, summary="Fetch the run file", responses=refused, response_class=JSONResponse
    )
    router.add_api_route(
        "/{job_id}/report", routes.report, summary="Fetch the report", responses=refused, response_class=HTMLResponse
    )
    router.add_api_route("", routes.start, methods=["POST"], openapi_extra={"requestBody": _STARTED}, **start)
    router.add_api_route("/{job_id}/cancel", routes.cancel, methods=["POST"], **cancel)
    router.add_api_route(
        "/{job_id}", routes.delete, methods=["DELETE"], status_code=204, summary="Remove an evaluation",
        responses=refused,
    )  # fmt: skip
    return router


class _Routes:
    """What each route does; those that are not `async` run in a thread, so that they hold nobody up."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def listed(self) -> dict[str, Any]:
        """The jobs, the newest first, without what only a reader of one needs."""
        return {"evaluations": [_brief(job) for job in self._jobs.all()]}

    def one(self, job_id: str) -> dict[str, Any]:
        """One job with its warnings, figures and gates."""
        return self._jobs.get(job_id).as_json()

    async def start(self, request: Request, response: Response) -> dict[str, Any]:
        """Queue the evaluation of the uploaded question file."""
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise SaidsoError("There is no question file; send one as the form's field `file`.")
            options, name, data = _options(form), file.filename, await file.read()
        job = await run_in_threadpool(self._jobs.add, name, data, options)
        response.headers["Location"] = f"/api/evaluations/{job.id}"
        return job.as_json()

    def run_file(self, job_id: str) -> FileResponse:
        """The run as `saidso eval --out` writes it, to be kept: also `--baseline` reads it."""
        file = self._jobs.run_file(job_id)
        name = f"{self._jobs.get(job_id).file}.run.json"
        return FileResponse(file, media_type="application/json", filename=name)

    def report(self, job_id: str, download: bool = False) -> Response:
        """The report, made anew of the run: to be shown, or with `?download=1` to be kept."""
        from assistant.evaluation.report import render_report, script_hash

        run = json.loads(self._jobs.run_file(job_id).read_text(encoding="utf-8"))
        headers = {
            "Content-Security-Policy": _REPORT_POLICY.format(script=script_hash()),
            "X-Frame-Options": "SAMEORIGIN",
            "Cache-Control": "no-store",
        }
        if download:
            name = quote(f"{self._jobs.get(job_id).file}.report.html", safe="")
            headers["Content-Disposition"] = f"attachment; filename*=utf-8''{name}"
        return Response(render_report(run).encode("utf-8", "replace"), headers=headers, media_type="text/html")

    def cancel(self, job_id: str) -> dict[str, Any]:
        """End a job that waits or runs; one that runs says so until the question at hand is answered."""
        return self._jobs.cancel(job_id).as_json()

    def delete(self, job_id: str) -> Response:
        """Remove a job that is over, with its files."""
        self._jobs.delete(job_id)
        return Response(status_code=204)


def _brief(job: Job) -> dict[str, Any]:
    fields = job.as_json()
    shown = {name: value for name, value in fields.items() if name not in ("warnings", "summary", "gates")}
    return {**shown, "right": (job.summary.get("right") or {}).get("value")}


def _options(form: FormData) -> Options:
    """Read the form's fields. Raises SaidsoError naming the one that is not what it should be."""
    gates = tuple(_word(gate).strip() for gate in form.getlist("gate") if _word(gate).strip())
    if len(gates) > _MOST_GATES or any(len(gate) > _LONGEST_GATE for gate in gates):
        raise SaidsoError(f"There may be {_MOST_GATES} gates of {_LONGEST_GATE} characters at most.")
    limit, seed = _number(form, "limit", 1), _number(form, "seed", 0)
    return Options(limit, seed or 0, _word(form.get("baseline")) or None, gates)


def _number(form: FormData, name: str, least: int) -> int | None:
    text = _word(form.get(name)).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and least <= int(text) <= _LARGEST):
        raise SaidsoError(f"The {name} is {text[:40]!r}; give a whole number from {least} on, or leave it out.")
    return int(text)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
