"""Everything the families look at, gathered once: occurrences, nesting, links, echoes and kinds of traces."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fluo_lab.mining.fields import field_columns
from fluo_lab.mining.labels import Looks
from fluo_lab.mining.links import link_strengths
from fluo_lab.mining.nesting import Nesting
from fluo_lab.mining.occurrences import Occurrences
from fluo_lab.mining.settings import Settings
from fluo_lab.traces import Traces

__all__ = ["Landscape"]


@dataclass(frozen=True)
class Landscape:
    """The store as the families see it; names are numbered as in ``occurrences``."""

    traces: Traces
    looks: Looks
    settings: Settings
    occurrences: Occurrences

    @cached_property
    def nesting(self) -> Nesting:
        """Who stands under whom."""
        return Nesting.of(self.occurrences)

    @cached_property
    def links(self) -> NDArray[np.float64]:
        """How strongly two names are tied by shared values."""
        return link_strengths(self.occurrences)

    @cached_property
    def together(self) -> NDArray[np.int64]:
        """Good traces in which two names occur together."""
        return self.occurrences.together(self.looks.good)

    @cached_property
    def together_bad(self) -> NDArray[np.int64]:
        """Bad traces in which two names occur together."""
        return self.occurrences.together(self.looks.bad)

    @cached_property
    def echo(self) -> NDArray[np.int64]:
        """For each name the one that speaks for it.

        Two names are echoes when one stands under the other and both occur in the same traces: a handler and
        the work it does. A root speaks for itself alone, or every workflow would be one echo.
        """
        n, both, nesting = len(self.occurrences), self.together + self.together_bad, self.nesting
        speaker = np.arange(n)
        own = np.diag(both)
        same = (both == own[:, None]) & (both == own[None, :]) & (own[:, None] > 0)
        nested = (nesting.under > 0.95) & (nesting.root_share[None, :] < 0.05)
        for a, b in np.argwhere(same & nested):
            low, high = sorted((speaker[a], speaker[b]))
            speaker[speaker == high] = low
        for group in np.unique(speaker):
            members = np.flatnonzero(speaker == group)
            speaker[members] = max(members.tolist(), key=self._voice)
        return speaker

    @cached_property
    def speakers(self) -> list[int]:
        """The names that speak for their echoes."""
        return [int(number) for number in np.unique(self.echo)]

    @cached_property
    def classes(self) -> list[list[int]]:
        """Names whose counts agree on every trace, the classes of two and more."""
        signature: dict[tuple[bytes, bytes], list[int]] = {}
        for number in range(len(self.occurrences)):
            column = self.occurrences[number]
            signature.setdefault((column.trace.tobytes(), column.count.tobytes()), []).append(number)
        return [members for members in signature.values() if len(members) > 1]

    def members(self, number: int) -> tuple[str, ...]:
        """Return the other names of the same class, and the echoes a name speaks for."""
        found = {int(n) for n in np.flatnonzero(self.echo == self.echo[number])}
        found |= {n for members in self.classes if number in members for n in members}
        return tuple(self.occurrences.names[n] for n in sorted(found - {number}))

    def _voice(self, number: int) -> tuple[bool, bool, float, int]:
        """Return how well a name speaks for others: what is done rather than how it was asked for."""
        ties = float(np.sort(self.links[number])[-3:].sum())
        nesting = self.nesting
        return not nesting.is_plumbing(number), bool(nesting.is_internal[number]), ties, -number

    @cached_property
    def presence_by_kind(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Share of the good traces of each kind that have each name, and how many such traces a kind has."""
        kinds = self.nesting.kind_of_trace
        size = np.bincount(kinds[self.looks.good], minlength=int(kinds.max(initial=0)) + 1)
        shares = np.zeros((len(size), len(self.occurrences)))
        for number in range(len(self.occurrences)):
            rows = self.occurrences[number].trace
            mine = kinds[rows[self.looks.good[rows]]]
            shares[:, number] = np.bincount(mine, minlength=len(size)) / np.maximum(size, 1)
        return shares, size

    def base_rate(self, rows: NDArray[np.int64], number: int) -> float:
        """Return how often a trace of the same kinds as the given good ones has a name, whatever else it has."""
        if not len(rows):
            return 1.0
        return float(self.presence_by_kind[0][self.nesting.kind_of_trace[rows], number].mean())

    @cached_property
    def carriers(self) -> Counter[str]:
        """How many of the speakers carry each attribute."""
        return Counter(key for n in self.speakers for key in {f.key for f in field_columns(self.occurrences, n)})

    def has(self, number: int) -> NDArray[np.bool_]:
        """Return which traces have a name."""
        mask = np.zeros(self.traces.n_traces, dtype=np.bool_)
        mask[self.occurrences[number].trace] = True
        return mask

    def kinship(self, a: int, b: int) -> float:
        """Return how much two names have to do with each other beyond standing in one program, 0 to 1.

        A shared value counts most; then a shared word. Two services are further apart than two lines of one
        service, so an agreement between them says more. Plumbing says next to nothing.
        """
        words = _words(self.occurrences.names[a]) & _words(self.occurrences.names[b])
        tie = 0.3 + 0.6 * float(self.links[a, b]) + (0.1 if words else 0.0)
        if self.nesting.service[a] == self.nesting.service[b]:
            tie *= 0.8
        for number in (a, b):
            if self.nesting.is_plumbing(number):
                tie *= 0.2
            elif not self.nesting.is_internal[number]:
                tie *= 0.8
        return tie


def _words(name: str) -> frozenset[str]:
    """Return the words of a name that may carry meaning."""
    return frozenset(w for w in "".join(c.lower() if c.isalnum() else " " for c in name).split() if len(w) > 3)
