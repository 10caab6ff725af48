"""What may be wrong with a data folder: found check by check, and mended where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.catalogue import Catalogue
from index.claims import found_by
from index.embedder import Embedder
from index.keyword_indexes import Gap
from index.reindex import rebuild_vectors
from index.store import Step, Store, broken, derived, for_upkeep, vectors_name
from index.vectors import VectorTier

_SAMPLE = 48  # passages whose vectors are computed once more
_SAME = 0.97  # least cosine of a vector with itself, computed on another processor

OnStep = Callable[[Step], None]


@dataclass(frozen=True)
class Finding:
    """What one check has found, or None where all is fine, and whether that has been mended."""

    check: str
    found: str | None = None
    mended: bool = False

    @property
    def state(self) -> str:
        """`fine`, `mended` or `found`."""
        return "fine" if self.found is None else "mended" if self.mended else "found"

    def as_json(self) -> dict[str, str | None]:
        """Return the finding as `saidso doctor --json` prints it."""
        return {"check": self.check, "state": self.state, "found": self.found}


def examine(
    folder: Path,
    embedder: Embedder,
    catalogue_url: str | None = None,
    vectors_url: str | None = None,
    repair: bool = False,
    on_step: OnStep = lambda _: None,
) -> Iterator[Finding]:
    """Yield what each check finds in a data folder, after mending it where `repair` is set.

    Checks that lean on something broken are left out. Holds the writer's place: raises BusyError when another process
    has it, SaidsoError when there is no index or the catalogue does not open.
    """
    with for_upkeep(folder, catalogue_url, vectors_url) as (catalogue, tier):
        yield from _Examination(folder, catalogue, embedder, tier, repair, on_step).findings()


@dataclass(frozen=True)
class _Examination:
    folder: Path
    catalogue: Catalogue
    embedder: Embedder
    tier: VectorTier
    repair: bool
    on_step: OnStep

    def findings(self) -> Iterator[Finding]:
        if fault := self.catalogue.fault():
            yield Finding("catalogue", f"{fault}; only `saidso restore` of a backup brings it back")
            return
        yield Finding("catalogue")
        yield self._rows()
        of_files = list(self._files())
        yield from of_files
        model = self._model()
        yield model
        if "found" in {finding.state for finding in (*of_files, model)}:
            return
        yield self._foreign()
        with closing(Store.assemble(self.folder, self.catalogue, self.embedder, self.tier)) as store:
            yield self._owed(store)
            yield from self._gaps(store)

    def _rows(self) -> Finding:
        """Look for rows of articles and claims that are gone."""
        orphans = self.catalogue.orphans()
        if orphans and self.repair:
            self.catalogue.remove_orphans()
        return self._finding("catalogue rows", f"{orphans:,} belong to nothing" if orphans else None)

    def _files(self) -> Iterator[Finding]:
        """Look for indexes that do not open, trying Chroma out in a process that may crash; they are moved aside."""
        faults = {index.name: index for index in broken(self.folder, self.catalogue, self.tier, thoroughly=True)}
        for index in derived(self.folder, self.catalogue, self.tier):
            if (bad := faults.get(index.name)) and self.repair:
                index.set_aside()
            yield self._finding(f"files of {index.name}", bad.look.fault if bad else None)

    def _model(self) -> Finding:
        """Look whether the vectors are said to be of the model that is set; else compute them anew."""
        stored = self.catalogue.fact("embedding_model") or self.embedder.name
        if stored == self.embedder.name:
            return Finding("embedding model")
        if self.repair:
            rebuild_vectors(self.catalogue, self.embedder, self.tier, self.on_step)
        return self._finding("embedding model", f"the vectors are of {stored!r}, and {self.embedder.name!r} is set")

    def _foreign(self) -> Finding:
        """Look whether some vectors are those that the model computes; else move all of them aside."""
        with closing(Store.assemble(self.folder, self.catalogue, self.embedder, self.tier)) as store:
            fault = _foreign_vectors(store)
        if fault and self.repair:
            self.tier.set_aside(vectors_name(self.catalogue))
        return self._finding("vectors of the model", fault)

    def _owed(self, store: Store) -> Finding:
        """Look for what a killed process has left to do."""
        passages, articles = self.catalogue.owed_passages(), self.catalogue.owed_articles(found_by())
        if (passages or articles) and self.repair:
            store.settle(self.on_step)
        left = f"{passages:,} passages to index, {articles:,} articles to read for claims"
        return self._finding("owed work", left if passages or articles else None)

    def _gaps(self, store: Store) -> Iterator[Finding]:
        """Look for what the derived indexes lack, and for what they should not have."""
        gaps = store.gaps()
        if self.repair:
            store.close_gaps(gaps, self.on_step)
        yield self._finding("vectors", _told(gaps.vectors))
        yield self._finding("passage words", _told(gaps.passage_words))
        yield self._finding("article words", _told(gaps.article_words))

    def _finding(self, check: str, found: str | None) -> Finding:
        return Finding(check, found, mended=found is not None and self.repair)


def _told(gap: Gap[int] | Gap[str]) -> str | None:
    return f"{len(gap.missing):,} missing, {len(gap.extra):,} of nothing" if gap else None


def _foreign_vectors(store: Store) -> str | None:
    """Say what is wrong where vectors, spread over the index, are not those that the model gives their passages."""
    held = store.catalogue.passages(store.vectors.ids()[:: max(1, store.vectors.count() // _SAMPLE)])
    if not held:
        return None
    ids = sorted(held)
    stored = np.concatenate(list(store.vectors.stored(ids)))
    computed = store.embedder.embed([held[id_].text for id_ in ids])
    if stored.shape[1] != computed.shape[1]:
        return f"they have {stored.shape[1]} dimensions, and the model gives {computed.shape[1]}"
    foreign = int((np.sum(stored * computed, axis=1) < _SAME).sum())
    return f"{foreign} of {len(ids)} looked at are of another model" if foreign else None
