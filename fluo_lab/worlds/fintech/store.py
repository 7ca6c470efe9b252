"""A small database in memory for each running service."""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.fintech import facts

if TYPE_CHECKING:
    from fluo_lab.worlds.live.service import Service

__all__ = ["Store"]

_TABLES = """
create table accounts (number integer primary key, balance integer not null);
create table customers (number integer primary key, name text not null, city text not null);
create table postings (id text not null, account text not null, cents integer not null);
create table entries (action text not null, user text not null);
"""


class Store:
    """A database that several threads may use; nothing a visit does depends on what others left in it.

    Attributes
    ----------
    service
        Whose database it is; its tracer makes the spans.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._lock = Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.executescript(_TABLES)
        for number in range(64):
            self._connection.execute("insert into accounts values (?, ?)", (number, number * 1_000))
            self._connection.execute("insert into customers values (?, ?, ?)", (number, f"name {number}", "Delft"))

    def run(self, statement: str, *values: str | int) -> list[tuple[object, ...]]:
        """Return the rows of a statement."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def query(self, operation: str, table: str, statement: str, *values: str | int) -> list[tuple[object, ...]]:
        """Return the rows of a statement that gets a span."""
        with self.service.tracer.start_as_current_span(
            f"{operation} {table}", kind=SpanKind.CLIENT, attributes=facts.database(operation, table)
        ):
            self.service.work(0.2, 2.0)
            return self.run(statement, *values)
