"""Paths, patterns, directories, several files, compression, and what is said when nothing can be read."""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces
from fluo_lab.readers.read import read_batches
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.traces.parquet import write


@pytest.fixture
def folder(tmp_path: Path, request_line) -> Path:
    (tmp_path / "sub").mkdir()
    for i, name in enumerate(("b.jsonl", "a.json", "sub/c.txt")):
        (tmp_path / name).write_bytes(request_line(spanId=f"{i + 1:016x}"))
    return tmp_path


def test_a_path_a_pattern_a_directory_and_a_sequence_are_read(folder: Path) -> None:
    assert read_traces(folder / "a.json").n_spans == 1
    assert read_traces(str(folder / "a.json")).n_spans == 1
    assert read_traces(str(folder / "*.json*")).n_spans == 2
    assert read_traces(str(folder / "**/*")).n_spans == 3
    assert read_traces(folder).n_spans == 3
    assert read_traces([folder / "a.json", str(folder / "b*")]).n_spans == 2


def test_a_trace_spread_over_files_is_one_trace(folder: Path) -> None:
    traces = read_traces(folder)
    assert (traces.n_traces, traces.n_spans) == (1, 3)
    assert list(traces.sources) == [str(folder / name) for name in ("a.json", "b.jsonl", "sub/c.txt")]


def test_a_file_named_twice_is_read_once(folder: Path) -> None:
    assert read_traces([folder, folder / "a.json", str(folder / "a*")]).n_spans == 3


def test_a_name_that_holds_pattern_characters_is_a_name_first(tmp_path: Path, request_line) -> None:
    (tmp_path / "a[1].json").write_bytes(request_line())
    assert read_traces(str(tmp_path / "a[1].json")).n_spans == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.json", "there is no such file or directory"),
        ("none*.json", "no file matches this pattern"),
        ("empty", "there is no file in this directory"),
        ("empty.json", "the file is empty"),
    ],
)
def test_nothing_to_read_is_said_clearly(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.json").touch()
    with pytest.raises(InputError, match=message) as caught:
        read_traces(str(tmp_path / name))
    assert name in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_no_path_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="no path given"):
        read_traces([])


@pytest.mark.parametrize(
    ("content", "look"),
    [
        (b'{"hello":1}', "looks like JSON of another kind"),
        (b"when,what,who\n1,2,3\n", "looks like a table without a column of trace ids"),
        (b"PK\x03\x04\x14\x00\x00\x00", "looks like a ZIP archive"),
        ('{"resourceSpans":[]}'.encode("utf-16"), "looks like text in UTF-16"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no known format"),
        (b"just some text\n", "no known format"),
        (b"PAR1" + b"\x00" * 40 + b"PAR1", "Parquet"),
    ],
)
def test_other_formats_are_refused_with_what_they_look_like(tmp_path: Path, content: bytes, look: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_traces(tmp_path / "file")
    assert look in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "file"))


def test_a_bad_file_among_good_ones_is_a_problem(folder: Path) -> None:
    (folder / "notes.md").write_text("nothing here")
    (folder / "empty").touch()
    traces = read_traces(folder)
    assert traces.n_spans == 3
    problems = {Path(row["file"]).name: row["what"] for row in traces.problems.to_dicts()}
    assert problems["notes.md"].startswith("file not read: no known format")
    assert problems["empty"] == "file not read: the file is empty"


def test_only_bad_files_are_refused_together(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"{i:02}").touch()
    with pytest.raises(InputError, match="none of the 12 files could be read") as caught:
        read_traces(tmp_path)
    assert "and 2 more" in str(caught.value)


def test_a_file_of_metrics_alone_gives_no_spans_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "m").write_text('{"resourceMetrics":[]}\n' * 3)
    traces = read_traces(tmp_path / "m")
    assert traces.n_spans == 0
    assert traces.problems.select("what", "n").rows() == [("not a trace: resourceMetrics line, skipped", 3)]


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("pack", [_gzip, _zstd])
def test_compressed_files_are_read_whatever_their_names(tmp_path: Path, request_line, pack) -> None:
    lines = [request_line(spanId=f"{i + 1:016x}") for i in range(4)]
    (tmp_path / "a.txt").write_bytes(pack(b"".join(lines[:2])) + pack(b"".join(lines[2:])))
    traces = read_traces(tmp_path / "a.txt")
    assert (traces.n_spans, traces.problems.height) == (4, 0)


@pytest.mark.parametrize("pack", [_gzip, _zstd])
def test_cut_off_compressed_files_keep_what_came_before(tmp_path: Path, request_line, pack) -> None:
    noise = random.Random(7)
    lines = [
        request_line(spanId=f"{noise.getrandbits(63) + 1:016x}", name=noise.randbytes(99).hex()) for _ in range(4000)
    ]
    packed = pack(b"".join(lines))
    (tmp_path / "a").write_bytes(packed[: len(packed) * 3 // 4])
    traces = read_traces(tmp_path / "a")
    assert 1000 < traces.n_spans < 4000
    problems = traces.problems["what"].to_list()
    assert any("ends early; what came before was read" in what for what in problems)


@pytest.mark.parametrize("pack", [_gzip, _zstd])
def test_damaged_compressed_files_are_a_fault_and_no_crash(tmp_path: Path, request_line, pack) -> None:
    packed = bytearray(pack(request_line()))
    packed[len(packed) // 2 :] = b"\xff" * (len(packed) - len(packed) // 2)
    (tmp_path / "a").write_bytes(packed)
    with pytest.raises(InputError, match=r"damaged|cut off|ends early|empty"):
        read_traces(tmp_path / "a")


def test_bytes_after_compressed_data_are_named(tmp_path: Path, request_line) -> None:
    (tmp_path / "a").write_bytes(_gzip(request_line()) + b"trailing")
    (tmp_path / "b").write_bytes(_gzip(request_line()) + b"\x00" * 100)
    assert read_traces(tmp_path / "a").problems["what"].to_list() == ["bytes after the end of the gzip data, ignored"]
    assert read_traces(tmp_path / "b").problems.height == 0


def test_own_parquet_comes_back_as_it_was(tmp_path: Path, folder: Path, read_file) -> None:
    traces = read_traces(folder)
    again = read_traces(write(traces, tmp_path / "own"))
    spans = [span for name in traces.sources for span in read_file(Path(name))[0]]
    expected = sorted(spans, key=lambda span: span["span_id"])
    assert (again.n_spans, again.n_traces) == (traces.n_spans, traces.n_traces)
    assert read_file(tmp_path / "own")[0] == expected


def test_progress_can_be_shown_and_turned_off(folder: Path, monkeypatch, capsys) -> None:
    assert read_traces(folder, progress=True).n_spans == 3
    monkeypatch.setenv("FLUO_LAB_PROGRESS", "0")
    assert read_traces(folder, progress=True).n_spans == 3
    assert capsys.readouterr().err.strip() == ""


def _write_damaged_parquet(path: Path, folder: Path, *, damaged_group: int) -> None:
    table = pq.read_table(write(read_traces(folder), path))
    pq.write_table(table, path, row_group_size=1)
    group = pq.read_metadata(path).row_group(damaged_group)
    start = min(group.column(i).dictionary_page_offset or group.column(i).data_page_offset for i in range(3))
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 64)


def test_parquet_damaged_after_its_first_rows_keeps_what_came_before(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "own"
    _write_damaged_parquet(path, folder, damaged_group=2)
    traces = read_traces(path)
    assert traces.n_spans == 2
    assert traces.problems["what"][0].startswith("stopped after 2 spans: a damaged Parquet file")


def test_parquet_damaged_in_its_first_rows_is_not_read(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "own"
    _write_damaged_parquet(path, folder, damaged_group=0)
    with pytest.raises(InputError, match="a damaged Parquet file"):
        read_traces(path)


class _TornPath(type(Path())):  # type: ignore[misc]
    """A file whose disk fails after its first megabyte, which no real file here does."""

    def open(self, *arguments: Any, **options: Any) -> Any:
        content = super().open("rb").read()

        class Torn(io.RawIOBase):
            at = 0

            def readable(self) -> bool:
                return True

            def seekable(self) -> bool:
                return True

            def seek(self, offset: int, whence: int = 0) -> int:
                self.at = offset
                return offset

            def readinto(self, buffer: Any) -> int:
                if self.at >= 1 << 20:
                    raise OSError(5, "Input/output error")
                piece = content[self.at : min(self.at + len(buffer), 1 << 20)]
                buffer[: len(piece)] = piece
                self.at += len(piece)
                return len(piece)

        return Torn()


def test_a_disk_that_fails_midway_keeps_what_came_before(tmp_path: Path, request_line) -> None:
    line = request_line()
    (tmp_path / "a").write_bytes(line * (2 * (1 << 20) // len(line)))
    report = Report("a")
    spans = sum(b.spans.height for b in read_batches(Source(_TornPath(tmp_path / "a"), "a"), report))
    assert spans == (1 << 20) // len(line)
    whats = [problem.what for problem in report.problems()]
    assert "reading stopped after 1048576 bytes: Input/output error; what came before was read" in whats


def test_reading_batches_does_not_load_pandas(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from fluo_lab.readers.read import *\n"
        "from fluo_lab.readers.report import Report; from fluo_lab.readers.source import Source\n"
        "print(sum(b.spans.height for b in read_batches(Source(Path(sys.argv[1]), 'a'), Report('a'))))\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "a.json")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "False"]
