"""Vectors in PostgreSQL, by its extension pgvector."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    FromClause,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    any_,
    cast,
    delete,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from index.batches import parts
from index.database import engine_at, fitting, transaction
from index.errors import SaidsoError, UnwritableError
from index.filters import Filters
from index.soundness import Look
from index.vectors import About

_AT_ONCE = 4_000  # rows: some MB
_EF_SEARCH = 200  # Chroma's as well
_MOST_SEARCHED = 1_000  # pgvector's limit


@dataclass(frozen=True)
class Postgres:
    """Collections in a PostgreSQL database, each a table under this index's id and a name."""

    url: str
    index_id: str

    @property
    def address(self) -> str:
        """The address without user and password."""
        url = make_url(self.url)
        at = {key: value for key, value in url.query.items() if key in ("host", "port")}
        return URL.create(url.drivername, None, None, url.host, url.port, url.database, at).render_as_string()

    def open(self, name: str) -> PostgresVectors:
        """Open the collection of this name. Raises SaidsoError when the server does not answer."""
        with self.answering(), self.engine.connect():
            return PostgresVectors(self, name)

    def look(self, name: str, _thoroughly: bool = False, /) -> Look:
        """Count the collection's vectors; the server answers for its files."""
        return Look(PostgresVectors(self, name).count())

    def try_out(self, _name: str, _thoroughly: bool = False, /) -> str | None:
        """Nothing here can be hurt by reading."""
        return None

    def set_aside(self, name: str) -> None:
        """Drop the table: all that it holds can be computed again."""
        self._drop([self.table(name)])

    def keep_only(self, name: str) -> None:
        """Drop the tables of this index's other collections."""
        with self.answering():
            there = inspect(self.engine).get_table_names()
        self._drop([one for one in there if one.startswith(self.table("")) and one != self.table(name)])

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()

    def table(self, name: str) -> str:
        """Return the name of a collection's table."""
        return f"saidso_{self.index_id}_{re.sub(r'[^a-z0-9]', '_', name)}"

    @cached_property
    def engine(self) -> Engine:
        """What speaks to the database."""
        return engine_at(self.url, "SAIDSO_VECTORS_URL")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Raises SaidsoError where the database does not answer, or cannot do what is asked."""
        try:
            yield
        except DBAPIError as error:
            raise SaidsoError(
                f"The vector server {self.address} does not answer as it should ({error.orig or error}); check that it "
                "runs, has the extension `vector`, and SAIDSO_VECTORS_URL names it, a user and a database of theirs."
            ) from error

    def _drop(self, tables: Sequence[str]) -> None:
        with self.answering(), transaction(self.engine) as connection:
            for table in tables:
                connection.execute(text(f'DROP TABLE IF EXISTS "{table}"'))


class PostgresVectors:
    """One open collection; see `index.vectors.VectorStore`. Its table is made when the first vector comes."""

    widest = 0  # it reads what the filters leave, and nothing else

    def __init__(self, tier: Postgres, name: str) -> None:
        self._tier, self._name = tier, name

    def close(self) -> None:
        """Let go of the connections."""
        self._tier.close()

    def reopen(self, name: str) -> None:
        """Go over to another collection; what is written into this one is seen at once."""
        self._name = name

    def upsert(self, ids: Sequence[int], vectors: NDArray[np.float32], about: Sequence[About]) -> None:
        """Store one vector a passage. Raises UnwritableError when the database cannot, as `delete` does."""
        table = _table(self._tier.table(self._name), vectors.shape[1])
        rows = [
            {"id": id_, "embedding": vector, "source": source, "day": day}
            for id_, vector, (_, source, day) in zip(ids, vectors, about, strict=True)
        ]
        adding = insert(table)
        changed = {name: adding.excluded[name] for name in ("embedding", "source", "day")}
        with self._writing() as connection:
            if not self._is_there(connection):
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
                table.create(connection)
            for part in parts(rows, _AT_ONCE):
                connection.execute(adding.on_conflict_do_update(index_elements=["id"], set_=changed), part)

    def delete(self, ids: Sequence[int]) -> None:
        """Forget these passages; ids that are not there are passed over."""
        with self._writing() as connection:
            if self._is_there(connection):
                connection.execute(delete(self._table).where(self._table.c.id.in_(list(ids))))

    def settle(self) -> None:
        """What was written is on disk."""

    def search(
        self, vector: NDArray[np.float32], k: int, filters: Filters, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return up to `k` (passage id, cosine similarity), best first; equal similarities by id.

        Of the filters, those by outlet and date are looked at; `only` are the passages that the others leave. What is
        left is searched to the last vector: the search tree would look at its nearest, and find none of them left.
        """
        among: FromClause = self._table
        conditions = fitting(self._table, filters)
        if only is not None:
            conditions.append(self._table.c.id == any_(cast(list(only), ARRAY(BigInteger))))
        if conditions:
            left = select(self._table.c.id, self._table.c.embedding).where(*conditions)
            among = left.cte("left_by_filters").prefix_with("MATERIALIZED")
        distance = among.c.embedding.cosine_distance(vector).label("distance")
        with self._using() as connection:
            if not self._is_there(connection):
                return []
            connection.execute(text(f"SET LOCAL hnsw.ef_search = {min(_MOST_SEARCHED, max(_EF_SEARCH, k))}"))
            found = connection.execute(select(among.c.id, distance).order_by(distance).limit(k)).all()
        return sorted(((row.id, 1.0 - row.distance) for row in found), key=lambda hit: (-hit[1], hit[0]))

    def count(self) -> int:
        """Return the number of vectors stored."""
        with self._using() as connection:
            if not self._is_there(connection):
                return 0
            return int(connection.scalar(select(func.count()).select_from(self._table)) or 0)

    def ids(self) -> list[int]:
        """Return the passage ids that have a vector."""
        with self._using() as connection:
            if not self._is_there(connection):
                return []
            return list(connection.scalars(select(self._table.c.id).order_by(self._table.c.id)))

    def stored(self, ids: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors of these passages, some thousands at a time, in the order of their ids."""
        held = self._table.c
        for part in parts(sorted(ids), _AT_ONCE):
            with self._using() as connection:
                found = connection.scalars(select(held.embedding).where(held.id.in_(part)).order_by(held.id)).all()
            yield np.asarray(found, dtype=np.float32)

    @property
    def _table(self) -> Table:
        return _table(self._tier.table(self._name))

    def _is_there(self, connection: Connection) -> bool:
        return connection.scalar(select(func.to_regclass(self._tier.table(self._name)))) is not None

    @contextmanager
    def _using(self) -> Iterator[Connection]:
        with self._tier.answering(), transaction(self._tier.engine) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with transaction(self._tier.engine) as connection:
                yield connection
        except DBAPIError as error:
            place = f"{self._tier.table(self._name)!r} on {self._tier.address}"
            raise UnwritableError(
                place, error.orig or error, "that the server runs, has room and the extension `vector`"
            ) from error


@cache
def _table(name: str, dimensions: int | None = None) -> Table:
    """Describe a collection's table; the number of dimensions is wanted for making it alone."""
    table = Table(
        name,
        MetaData(),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("embedding", Vector(dimensions), nullable=False),
        Column("source", Text, nullable=False),
        Column("day", Integer),
    )
    Index(
        f"{name}_tree",
        table.c.embedding,
        postgresql_using="hnsw",
        postgresql_with={"m": 16, "ef_construction": 64},
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
    return table
