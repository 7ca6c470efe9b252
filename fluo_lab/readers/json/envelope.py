"""Large and damaged JSON documents, cut between the elements of the array that holds what they are about.

A cut is never guessed: a text that begins at an element, ends before a comma and is elements with commas between them
ends between elements of that array, since JSON read from the left has one meaning only. So the place of a cut may be
looked for by appearance, and ``orjson``, which has to parse the part anyway, says whether it is one. Only where that
fails are the ends of elements found exactly, one by one.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from functools import partial
from typing import Final

import orjson

from fluo_lab.readers.collection import uncollected
from fluo_lab.readers.json.frames import Document, Frame, Place, describe_fault, text_around
from fluo_lab.readers.json.scan import Scan, Window
from fluo_lab.readers.json.siblings import LOST_ARRAY_BYTES, find_lost_array
from fluo_lab.readers.report import Report

__all__ = ["Envelope"]

_NAMES: Final = (b"resourceSpans", b"resource_spans", b"batches", b"data", b"result", b"trace", b"hits")
# Members of these names are gone into; ``spans`` is none, since Jaeger's processes stand behind a trace's spans.
_KEYS: Final = frozenset(b'"' + name + b'"' for name in _NAMES)
_MAX_DEPTH = 8
# What is parsed takes up to ten times as much as its text.
_PARTS_PER_BLOCK = 8
_KEY: Final = re.compile(rb'("(?:[^"\\\x00-\x1f]|\\.)*")\s*:\s*(?=\S)')
_MAX_KEY_BYTES = 4096
_OVERLAP_BYTES = 1024
_SAMPLE_BYTES = 320

_NOT_READ = "text that is no JSON document, not read"
_CUT_OFF = "the last document is cut off, not read"
_CUT_OFF_LATER = "the last document is cut off; what came before in it was read"
_WITHOUT_ELEMENTS = "a damaged document without one element that can be read, its other members not read"
_BETWEEN = "text between the elements of a document, not read"
_NO_COMMA = "elements of a document without a comma between them, read nevertheless"
_LAST_COMMA = "a comma behind the last element of a document, ignored"
_LEARNED_BYTES = 1 << 16
_N_LEARNED = 16
_COMMA, _OPEN_BRACKET, _BRACKET = b",[]"


class Envelope:
    """Walks one document that is too large to be held, or damaged.

    Parameters
    ----------
    window
        Stands at the document's first byte.
    report
        Where damage is named.
    """

    def __init__(self, window: Window, report: Report) -> None:
        self._window = window
        self._report = report
        self._frames: list[Frame] = []
        # The array that was read last, and what is around it.
        self._last_array: list[Frame] = []
        self._n_parts = 0
        self._part_bytes = max(1, window.block_bytes // _PARTS_PER_BLOCK)
        self._is_large = False
        self._is_damaged = False
        # Up to here, as an offset in the stream, cutting by appearance has failed.
        self._tried_bytes = 0
        self._start = (*window.place(window.at), window.data[window.at : window.at + _SAMPLE_BYTES])

    def walk(self, *, is_large: bool) -> Iterator[Document]:
        """Yield the parts; ``is_large`` where the document goes on behind the window, not known to be damaged."""
        self._is_large = is_large
        mark = self._window.peek()
        if mark not in (b"{", b"["):
            self._fail()
        else:
            self._push()
        while self._frames:
            frame = self._frames[-1]
            yield from self._walk_array(frame) if frame.is_array else self._walk_object(frame)

    def _walk_object(self, frame: Frame) -> Iterator[Document]:
        """Read members until one is gone into, or the object ends."""
        window = self._window
        while True:
            mark = window.peek()
            if mark == b"}":
                yield from self._close_object(frame)
                return
            is_next = frame.place is Place.START
            if mark == b"," and not is_next:
                window.at += 1
                mark, is_next = window.peek(), True
            if not mark:
                yield from self._end_cut_off()
                return
            key = self._match_key() if is_next else None
            if key is None:
                self._fail()
                return
            frame.place = Place.BEHIND_ITEM
            if key.group(1) in _KEYS and key.string[key.end()] in b"[{" and len(self._frames) < _MAX_DEPTH:
                yield from self._flush_large_members(frame)
                frame.key = key.group(1)
                window.at = key.end()
                self._push()
                return
            if not (yield from self._read_member(frame, key.end() - window.at)):
                return

    def _match_key(self) -> re.Match[bytes] | None:
        """Return the key that is next, with the first byte of its value held."""
        while True:
            match = _KEY.match(self._window.data, self._window.at)
            if match or self._window.n_left > _MAX_KEY_BYTES or not self._window.grow():
                return match

    def _read_member(self, frame: Frame, n_key_bytes: int) -> Generator[Document, None, bool]:
        """Keep a member; return whether it could be."""
        window = self._window
        scan = window.scan(window.at + n_key_bytes)
        while (scan.is_cut or scan.end == len(window.data)) and window.grow():
            scan = window.scan(window.at + n_key_bytes)
        if scan.is_cut and window.is_end:
            yield from self._end_cut_off()
            return False
        if scan.fault:
            self._fail(self._too_large("a member") if scan.is_cut else _NOT_READ)
            return False
        member = window.data[window.at : scan.end]
        try:
            uncollected(orjson.loads, b"{" + member + b"}")
        except orjson.JSONDecodeError as error:
            self._blame(window.at, describe_fault("a member", member, error.msg))
        else:
            frame.members.append(member)
            if not frame.has_news:
                frame.has_news, frame.news_place = True, window.place(window.at)
        window.at = scan.end
        return True

    def _flush_large_members(self, frame: Frame) -> Iterator[Document]:
        """Deliver members once that are too large to be repeated in every part."""
        limit_bytes = self._window.block_bytes // 4
        if sum(map(len, frame.members)) > limit_bytes:
            if frame.has_news:
                yield self._make_object(frame)
            frame.members = [member for member in frame.members if len(member) <= limit_bytes // 4]

    def _make_object(self, frame: Frame) -> Document:
        """Return a part with the members alone of the innermost object."""
        place = frame.news_place if self._n_parts and frame.has_news else self._start[:2]
        self._frames.pop()
        before, behind = text_around(self._frames)
        self._frames.append(frame)
        data = before + b"{" + b",".join(frame.members) + b"}" + behind
        return self._deliver(uncollected(orjson.loads, data), data, place)

    def _close_object(self, frame: Frame) -> Iterator[Document]:
        self._window.at += 1
        if self._is_damaged and not self._n_parts:
            # Members alone would pass for a whole document.
            if frame.has_news:
                self._blame_at(self._start, _WITHOUT_ELEMENTS)
            frame.has_news = False
        elif frame.has_news or not self._n_parts:
            yield self._make_object(frame)
        self._close(b"{" + b",".join(frame.shell) + b"}")

    def _close(self, shell: bytes, *, is_news: bool = False) -> None:
        """Leave the innermost frame, of which ``shell`` is left to be seen in the parts to come."""
        self._frames.pop()
        if not self._frames:
            self._check_end()
            return
        frame = self._frames[-1]
        frame.place = Place.BEHIND_ITEM
        if not frame.is_array:
            frame.members.append(frame.key + b":" + shell)
            frame.shell.append(frame.key + b":" + shell)
            if is_news and not frame.has_news:
                frame.has_news, frame.news_place = True, self._window.place(self._window.at)

    def _check_end(self) -> None:
        """Look for elements behind the end of a document, which a stray bracket may have ended."""
        window = self._window
        window.fill(LOST_ARRAY_BYTES)
        if not window.is_followed_by_document(window.at):
            window.at = window.skip_space(window.at)
            self._blame(window.at, _NOT_READ)
            following = window.skip_space(window.at + 1)
            if not self._last_array and window.data[following : following + 1] in (b"{", b"["):
                window.at = following
            else:
                self._seek(self._last_array)

    def _walk_array(self, frame: Frame) -> Iterator[Document]:
        """Read elements until one is gone into, or the array ends."""
        window = self._window
        self._last_array = list(self._frames)
        while self._frames and self._frames[-1] is frame:
            window.fill(2 * self._part_bytes)
            mark = window.peek()
            if not mark:
                yield from self._end_cut_off()
            elif mark == b"]":
                yield from self._close_array(frame)
            elif frame.place is not Place.BEHIND_ITEM:
                part = self._try_rest() or self._try_cut(frame)
                if part:
                    yield part
                    part = None  # Not to be held while the next is parsed.
                else:
                    yield from self._step(frame)
            elif mark == b",":
                window.at += 1
                frame.place = Place.BEHIND_COMMA
            else:
                self._blame(window.at, _BETWEEN)
                self._seek(self._frames)

    def _close_array(self, frame: Frame) -> Iterator[Document]:
        if frame.place is Place.BEHIND_COMMA:
            self._blame(self._window.at, _LAST_COMMA)
        self._window.at += 1
        if frame.place is Place.START and all(around.is_array for around in self._frames):
            yield self._make_part(b"", self._start[:2])
        self._close(b"[]", is_news=frame.place is Place.START)

    def _try_rest(self) -> Document | None:
        """Return a part with everything that is left of the stream, where that is the document's rest; once."""
        window = self._window
        if not (self._is_large and window.is_end and window.n_left <= 2 * self._part_bytes):
            return None
        self._is_large = False
        data = text_around(self._frames)[0] + window.data[window.at :]
        try:
            value = uncollected(orjson.loads, data)
        except orjson.JSONDecodeError:
            window.effort_bytes += window.n_left
            return None
        part = self._deliver(value, data, window.place(window.at))
        window.at = len(window.data)
        self._frames = []
        return part

    def _try_cut(self, frame: Frame) -> Document | None:
        """Return a part with the elements before the last place held that looks like the beginning of one."""
        window = self._window
        if frame.place is Place.START:
            self._learn(frame)
        # What was tried in vain is not tried again from places within it: damage must not cost a block each time.
        if not self._is_large or window.place(window.at)[0] < self._tried_bytes:
            return None
        look = partial(frame.siblings.find_cut, window.data, window.at)
        cut = look(min(window.at + self._part_bytes, len(window.data))) or look(len(window.data))
        if cut is None:
            return None
        try:
            part = self._make_part(window.data[window.at : cut], window.place(window.at))
        except orjson.JSONDecodeError:
            window.effort_bytes += cut - window.at
            self._tried_bytes = window.place(cut)[0]
            return None
        window.at = cut + 1
        frame.place = Place.BEHIND_COMMA
        return part

    def _learn(self, frame: Frame) -> None:
        """Look at the first elements of an array."""
        window = self._window
        start, stop = window.at, min(window.at + _LEARNED_BYTES, len(window.data))
        for _ in range(_N_LEARNED):
            scan = window.scan(start, size=stop - start)
            self._note(frame, start, is_whole=not scan.fault)
            comma = window.skip_space(scan.end)
            start = window.skip_space(comma + 1)
            if scan.fault or start >= stop or window.data[comma] != _COMMA:
                return

    def _note(self, frame: Frame, position: int, *, is_whole: bool = True) -> None:
        """Learn how an element begins, and how those in it do where it is an array."""
        data = self._window.data
        frame.siblings.learn(data, position, is_whole=is_whole)
        if self._is_inner_array(position):
            frame.inner_siblings.learn(data, self._window.skip_space(position + 1), is_whole=is_whole)

    def _step(self, frame: Frame) -> Iterator[Document]:
        """Read elements one by one, up to the first that is damaged or not held whole, and overcome that."""
        window = self._window
        position, stop = window.at, min(window.at + self._part_bytes, len(window.data))
        whole: list[tuple[int, int]] = []
        scan = Scan(position)
        while position < stop and window.data[position] != _BRACKET:
            scan = self._scan_element(frame, position)
            if scan.fault:
                break
            whole.append((position, scan.end))
            self._note(frame, position)
            position = self._skip_comma(frame, scan.end)
        yield from self._make_parts(whole)
        window.at = position
        is_open = scan.is_cut and not window.is_end
        if not scan.fault or (is_open and whole):
            return
        if self._is_inner_array(position):
            frame.place = Place.BEHIND_ITEM
            window.at += 1
            self._frames.append(Frame(is_array=True, siblings=frame.inner_siblings))
        elif not (is_open and window.grow()):
            yield from self._leave_out(scan, is_too_large=is_open)

    def _scan_element(self, frame: Frame, start: int) -> Scan:
        """Return the end of an element, or what is wrong with it or what stands behind it."""
        window = self._window
        scan = window.scan(start)
        behind = window.skip_space(scan.end)
        mark = window.data[behind : behind + 1]
        if scan.fault or mark in (b",", b"]") or (not mark and window.is_end):
            return scan
        if not mark:
            return Scan(behind, "it goes on", is_cut=True)
        if frame.siblings.is_one(window.data, behind):
            self._blame(behind, _NO_COMMA)
            return scan
        return Scan(behind, "a comma or the end was expected behind it")

    def _skip_comma(self, frame: Frame, end: int) -> int:
        """Return the position of what comes behind an element."""
        behind = self._window.skip_space(end)
        mark = self._window.data[behind : behind + 1]
        frame.place = Place.BEHIND_ITEM if mark in (b"", b"]") else Place.BEHIND_COMMA
        return self._window.skip_space(behind + 1) if mark == b"," else behind

    def _leave_out(self, scan: Scan, *, is_too_large: bool) -> Iterator[Document]:
        """Report the element that is next, and go to the one behind it."""
        window = self._window
        start = window.at
        if (
            scan.is_cut
            and not is_too_large
            and not self._frames[-1].siblings.is_any(window.data, start + 1, barren=window.barren)
        ):
            yield from self._end_cut_off()
            return
        what = describe_fault("an element", window.data[start : scan.end], scan.fault)
        self._blame(start, self._too_large("an element") if is_too_large else what)
        self._seek(self._frames, skip=1, n_shown=scan.end - start)

    def _push(self) -> None:
        """Go into the bracket that is next."""
        self._frames.append(Frame(is_array=self._window.data[self._window.at] == _OPEN_BRACKET))
        self._window.at += 1

    def _make_parts(self, elements: list[tuple[int, int]]) -> Iterator[Document]:
        """Yield a part with the elements between these positions, without those that orjson refuses."""
        window = self._window
        if not elements:
            return
        first, last = elements[0][0], elements[-1][1]
        try:
            yield self._make_part(window.data[first:last], window.place(first))
        except orjson.JSONDecodeError:
            window.effort_bytes += last - first
            texts = [self._sift(start, end) for start, end in elements]
            if any(texts):
                first = next(start for (start, _), text in zip(elements, texts, strict=True) if text)
                yield self._make_part(b",".join(filter(None, texts)), window.place(first))

    def _sift(self, start: int, end: int, *, is_inner: bool = False) -> bytes:
        """Return the text of an element, or what orjson takes of an array in an array; empty where that is nothing."""
        window = self._window
        text = window.data[start:end]
        try:
            orjson.loads(text)
            return text
        except orjson.JSONDecodeError as error:
            if is_inner or not self._is_inner_array(start):
                self._blame(start, describe_fault("an element", text, error.msg))
                return b""
        texts = []
        position = window.skip_space(start + 1)
        while position < end - 1:
            inner_end = window.scan(position).end
            texts.append(self._sift(position, inner_end, is_inner=True))
            position = window.skip_space(window.skip_space(inner_end) + 1)
        kept = b",".join(filter(None, texts))
        return kept and b"[" + kept + b"]"

    def _is_inner_array(self, position: int) -> bool:
        """Return whether an element of the array that is the document is one itself, as Zipkin's traces are."""
        return len(self._frames) == 1 and self._window.data[position] == _OPEN_BRACKET

    def _make_part(self, body: bytes, place: tuple[int, int]) -> Document:
        """Return a part with these elements in the innermost array; ``orjson`` raises where the text is none."""
        before, behind = text_around(self._frames)
        # Parsed alone, a text that leaves the array and ends in another is none; within the rest it would pass.
        elements = uncollected(orjson.loads, b"[" + body + b"]")
        value = innermost = orjson.loads(before + behind)
        for frame in self._frames[:-1]:
            innermost = innermost[0 if frame.is_array else orjson.loads(frame.key)]
        innermost += elements
        return self._deliver(value, before + body + behind, place)

    def _deliver(self, value: object, data: bytes, place: tuple[int, int]) -> Document:
        """Return a part that has the members of all frames."""
        for frame in self._frames:
            frame.has_news = False
        self._n_parts += 1
        offset_bytes, line = place
        self._report.locate(offset_bytes=offset_bytes, line=line)
        return Document(value, offset_bytes, line, data)

    def _blame(self, position: int, what: str) -> None:
        """Report a problem at a position of the window."""
        sample = self._window.data[position : position + _SAMPLE_BYTES]
        self._blame_at((*self._window.place(position), sample), what)

    def _blame_at(self, where: tuple[int, int, bytes], what: str) -> None:
        self._is_damaged = True
        offset_bytes, line, sample = where
        self._report.locate(offset_bytes=offset_bytes, line=line)
        self._report.add(what, sample=sample)

    def _too_large(self, what: str) -> str:
        return f"{what} of more than {self._window.limit_bytes / (1 << 30):.3g} GiB, not read"

    def _end_cut_off(self) -> Iterator[Document]:
        """Report that the stream ends within the document; deliver the members no part has had yet."""
        if self._n_parts:
            self._blame(self._window.at, _CUT_OFF_LATER)
        else:
            self._blame_at(self._start, _CUT_OFF)
        while self._frames:
            frame = self._frames[-1]
            if frame.has_news and self._n_parts:
                yield self._make_object(frame)
            self._frames.pop()
        self._window.at = len(self._window.data)

    def _fail(self, what: str = _NOT_READ) -> None:
        """Report what is no member of an object; go on at the next element of the array before, or after it."""
        window = self._window
        if self._last_array:
            self._blame(window.at, what)
            self._seek(self._last_array)
            return
        self._blame_at(self._start, what)
        match = find_lost_array(window.data, window.at)
        if match and not self._n_parts:
            frames = self._frames or [Frame(is_array=False)]
            frames[-1].key = b'"' + match.group(1) + b'"'
            self._frames = [*frames, Frame(is_array=True)]
            window.at = match.end()
            return
        self._seek([], skip=1)

    def _seek(self, frames: list[Frame], *, skip: int = 0, n_shown: int = 0) -> None:
        """Go to the next element of an array, or to the next document, whichever comes first, or to the end.

        An element within the ``n_shown`` bytes after which the damage showed may be one that a lost bracket made look
        like a part of another; as reading it again takes time, it is done within bounds.
        """
        window = self._window
        siblings = frames[-1].siblings if frames else None
        inner = frames[-1].inner_siblings if len(frames) == 1 and frames[-1].inner_siblings.is_known else None
        window.fill(_LEARNED_BYTES)
        start = window.at + skip
        fault_at = window.at + n_shown
        while True:
            found = siblings.find(window.data, start, barren=window.barren) if siblings else None
            if siblings and found is not None and found < fault_at and not window.spend(fault_at - found):
                found = siblings.find(window.data, max(start, fault_at - siblings.lead_bytes), barren=window.barren)
            stop = len(window.data) if found is None else found
            within = inner.find(window.data, max(start, fault_at), stop=stop, barren=window.barren) if inner else None
            window.effort_bytes += stop - start if siblings else 0
            # Damage may leave a piece of an element at the beginning of a line; a sibling behind it says so.
            is_alike = found is not None or within is not None
            document = window.find_document(start, stop if within is None else within, is_alike=is_alike)
            if is_alike or document is not None or window.is_end:
                break
            window.at = max(window.at, len(window.data) - _OVERLAP_BYTES)
            window.fill(window.n_left + window.block_bytes)
            start, fault_at = window.at, 0
        target = next((place for place in (document, within, found) if place is not None), len(window.data))
        window.at = target
        self._frames = list(frames) if is_alike and document is None else []
        if not self._frames:
            return
        frames[-1].place = Place.BEHIND_COMMA
        if len(frames) > 1:
            around = frames[-2]
            around.members = [member for member in around.members if not member.startswith(around.key + b":")]
        if within is not None:
            frames[-1].place = Place.BEHIND_ITEM
            self._frames.append(Frame(is_array=True, place=Place.BEHIND_COMMA, siblings=frames[-1].inner_siblings))
