"""Presence: where A occurs, B occurs too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fluo_lab.mining.draft import Draft
from fluo_lab.mining.landscape import Landscape
from fluo_lab.mining.shape import Family, Shape

__all__ = ["presence"]


def presence(land: Landscape) -> Iterator[Draft]:
    """Yield ``when { has(A) } always { has(B) }`` for names that nearly always come together.

    The null is conditional: how often traces of the same kinds have B, whether or not they have A.
    """
    together, nesting = land.together, land.nesting
    own = np.diag(together)
    for b in land.speakers:
        hit = land.has(b)
        for a in land.speakers:
            likely = own[a] and together[a, b] >= land.settings.min_hold_labelled * own[a] - 1
            if a == b or not likely or nesting.under[a, b] > 0.95 or nesting.under[b, a] > 0.95:
                continue
            rows = land.occurrences[a].trace
            base = land.base_rate(rows[land.looks.good[rows]], b)
            yield Draft(
                shape=Shape(Family.PRESENCE, land.occurrences.names[a], land.occurrences.names[b]),
                left=a,
                right=b,
                rows=rows,
                broken=~hit[rows],
                null_rate=base,
                relevance=land.kinship(a, b) * (0.5 + 0.5 * (1 - base)) * 0.9,
            )
