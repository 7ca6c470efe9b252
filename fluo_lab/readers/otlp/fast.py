"""The fast reading of OTLP/JSON lines: many at once, with the odd ones handed back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fluo_lab.readers.blocks import Line, LineBlock
from fluo_lab.readers.otlp.columns import RequestColumns
from fluo_lab.readers.otlp.pairs import PairTable
from fluo_lab.readers.otlp.structs import MISFITS, decode_lines, decode_request
from fluo_lab.traces import SpanBatch

__all__ = ["FastLines", "is_worth_trying"]

# What is parsed before it is taken apart; more than the processor's cache holds is slower.
_PIECE_BYTES = 1 << 17
# Below this many messages nothing is learned from them.
_FEW = 4
_MAX_ODD_SHARE = 0.5


class FastLines:
    """Takes lines of OTLP/JSON and makes one batch of those that fit.

    Parameters
    ----------
    pairs
        Distinct attributes met before.
    """

    def __init__(self, pairs: PairTable) -> None:
        self._columns = RequestColumns(pairs)
        # Of each piece: how many of its lines fit so far, and what tells which these are.
        self._pieces: list[tuple[int, Callable[[], list[Line]]]] = []
        self._misfits: list[Line] = []

    def add_block(self, block: LineBlock) -> int:
        """Take a block; return how many lines it has, blank ones too."""
        n_all = 0
        for piece, n_lines in block.pieces(_PIECE_BYTES):
            self._add_piece(piece.data, n_lines, piece.lines)
            n_all += n_lines
        return n_all

    def add_lines(self, lines: Sequence[Line]) -> None:
        """Take lines that have no line feeds in them."""
        first, n_bytes = 0, 0
        for i, line in enumerate(lines, 1):
            n_bytes += len(line.data)
            if n_bytes >= _PIECE_BYTES or i == len(lines):
                piece = list(lines[first:i])
                self._add_piece(b"\n".join([one.data for one in piece]), len(piece), piece.copy)
                first, n_bytes = i, 0

    def _add_piece(self, data: bytes, n_lines: int, lines: Callable[[], list[Line]]) -> None:
        """Decode all lines in one call; only where that fails look at them one by one."""
        try:
            requests = decode_lines(data)
        except MISFITS:
            requests = []
        # Decoding knows no lines: it takes two documents on one, and one on two.
        if len(requests) != n_lines:
            requests, fitting = [], []
            for line in lines():
                try:
                    requests.append(decode_request(line.data))
                except MISFITS:
                    self._misfits.append(line)
                else:
                    fitting.append(line)
            lines = fitting.copy
        self._columns.add(requests)
        self._pieces.append((len(requests), lines))

    def finish(self) -> tuple[SpanBatch, int, list[Line]]:
        """Return a batch of the lines that fit, how many they are, and the lines that do not, in order."""
        batch, odd = self._columns.finish()
        first = 0
        for n_lines, lines in self._pieces:
            here = [number - first for number in odd if first <= number < first + n_lines]
            if here:
                found = lines()
                self._misfits += [found[number] for number in here]
            first += n_lines
        return batch, first - len(odd), sorted(self._misfits, key=lambda line: line.offset_bytes)


def is_worth_trying(n_fitting: int, n_odd: int) -> bool:
    """Return whether the rest of a file should be read fast, going by a block of it."""
    return n_fitting + n_odd <= _FEW or n_odd <= _MAX_ODD_SHARE * (n_fitting + n_odd)
