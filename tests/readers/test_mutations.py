"""One field or record of a good file changed: the others come back as they were, and nothing is lost in silence."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from golden import GOLDEN, Bytes, Golden, Message, Raw, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_checks import Reading, read_bytes, read_golden

Path_ = tuple[Any, ...]

_NAMES = ("name", "operationName", "Name")
_IDS = ("spanId", "span_id", "spanID", "id", "SpanID", "context", "spanContext")
_DEEP = Raw("[" * 200 + "1" + "]" * 200)
_DEEP_VALUE = Raw('{"arrayValue":{"values":[' * 200 + '{"intValue":"1"}' + "]}}" * 200)
_DEEP_OBJECT = Raw('{"a":' * 200 + "null" + "}" * 200)

# Values of JSON; those whose text is no JSON to a strict reader are apart, as they cost what stands around them too.
ODD: list[Any] = [
    None,
    "",
    "x",
    " ",
    "\x00",
    "é" * 3,
    "x" * 20_000,
    0,
    -1,
    1,
    7,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    2**70,
    0.5,
    1e300,
    -0.0,
    True,
    False,
    [],
    {},
    [None],
    [[]],
    [{}],
    {"x": 1},
    {"": None},
    "NaN",
    "Infinity",
    "-1",
    "1e400",
    "18446744073709551615",
    "SPAN_KIND_WRONG",
    "ERROR",
    "0" * 16,
    "0" * 32,
    "ab" * 7,
    "AB" * 8,
    "ab" * 17,
    "f" * 24,
    "7uGbfsPBsXQ=",
    "2024-10-30T12:24:00Z",
    "2024-02-31T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "PT-5S",
    "1.5s",
    "null",
    _DEEP,
    _DEEP_VALUE,
    _DEEP_OBJECT,
    {"stringValue": "x"},
    {"stringValue": 5},
    {"intValue": "9" * 30},
    {"zValue": 1},
    {"stringValue": "a", "intValue": "1"},
    {"arrayValue": {}},
    {"kvlistValue": {"values": [{}]}},
    {"bytesValue": "*"},
    {"doubleValue": "NaN"},
    [{"key": "k"}],
    [{"key": None, "value": {"intValue": 1}}],
    [0, 10**9],
    [1, 2, 3],
]
NOT_JSON = [
    Raw(text)
    for text in ("1" + "0" * 400, "1e400", "NaN", "-Infinity", '"\\ud800"', '"\\udc00x"', "01", "'x'", '"\t"', "[1,]")
]
WIRE: list[Any] = [
    0,
    1,
    7,
    2**31,
    2**32,
    2**63,
    2**64 - 1,
    Bytes(b""),
    Bytes(b"x"),
    Bytes(b"\xff\xfe"),
    Bytes(bytes(8)),
    Bytes(bytes(16)),
    Bytes(b"y" * 7),
    Bytes(b"z" * 24),
    Bytes(b"ab" * 8),
    Bytes(b"\x00"),
    Bytes("\x00é".encode()),
    Bytes(b"x" * 50_000),
    Bytes(bytes(8), wire=1),
    Bytes(b"\xff" * 8, wire=1),
    Bytes(b"\x00" * 7 + b"\x80", wire=1),
    Bytes(b"\x7f" * 4, wire=5),
    Bytes(b"", wire=3),
    Bytes(b"", wire=4),
    Bytes(b"", wire=7),
    Message([]),
    Message([[1, Bytes(b"k")]]),
    Message([[99, 5]]),
]
CELLS: list[Any] = [
    "",
    "x",
    " ",
    "0",
    "-1",
    "1e400",
    "NaN",
    "1.5",
    "007",
    "true",
    str(2**63),
    str(2**70),
    "x" * 20_000,
    'a"b',
    '"',
    "a\nb",
    "\x00",
    "é",
    "\ud800",
    "[" * 200,
    "{}",
    "[]",
    "null",
    "2024-02-31 00:00:00",
    "2024-10-30T12:24:00Z",
    "root",
    "0" * 32,
    ",;\t|",
]
VALUES: list[Any] = [
    None,
    "",
    "x",
    "x" * 10_000,
    0,
    1,
    -1,
    7,
    2**31,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    0.5,
    float("nan"),
    float("inf"),
    True,
    b"",
    b"\xff\xfe",
    bytes(8),
    bytes(16),
    b"y" * 7,
    b"z" * 24,
    [],
    [None],
    [{}],
    {},
    "{",
    "[" * 200,
    "null",
    '{"arrayValue":5}',
]
FIRST = {"checkout", "140"}
# Where columns are never null, one null says that the file is something else, and it is refused.
WRITTEN_WHOLE = ("parquet-tempo", "parquet-own")
EDITS = st.lists(
    st.tuples(
        st.integers(0, 1 << 20),
        st.sampled_from(["replace"] * 6 + ["delete", "duplicate", "repeat", "rename"]),
        st.integers(0, 1 << 10),
    ),
    min_size=1,
    max_size=3,
)


def paths_of(node: Any, at: Path_ = ()) -> Iterator[Path_]:
    """Yield the way to every part of a tree, the tree itself left out."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, member in members:
        yield (*at, key)
        yield from paths_of(member, (*at, key))


def name_of(node: Any) -> str | None:
    """Return the name of a part that is a span."""
    if isinstance(node, Message):
        fields = {number: value for number, value in reversed(node) if isinstance(number, int)}
        name = fields.get(5)
        is_span = isinstance(fields.get(2), Bytes) and isinstance(name, Bytes) and name.wire == 2
        return name.data.decode(errors="replace") if is_span else None
    if not isinstance(node, dict) or not any(key in node for key in _IDS):
        return None
    name = next((node[key] for key in _NAMES if key in node), None)
    return name if isinstance(name, str) else None


def spans_below(tree: Any, at: Path_) -> set[str]:
    """Return the names of the spans at and below a place."""
    node = at_path(tree, at)
    if isinstance(tree, Table):
        rows = tree[1:] if len(at) == 0 or at[0] == 0 else [tree[at[0]]]
        return {str(cell) for row in rows for cell in row}
    found = {name_of(node)} | {name_of(at_path(tree, (*at, *path))) for path in paths_of(node)}
    return {name for name in found if name is not None}


def at_path(tree: Any, path: Path_) -> Any:
    """Return the part of a tree at a place."""
    for key in path:
        tree = tree[key]
    return tree


def touched_by(golden: Golden, tree: Any, path: Path_, odd: Any, *, is_text_broken: bool) -> set[str]:
    """Return the names of the spans whose reading a change at a place may change."""
    # Where a group begins or ends that is none, nobody knows where the next field is.
    is_group = isinstance(odd, Bytes) and odd.wire in (3, 4, 7)
    shared = ("resource", "scope", "resource_attributes", "scope_attributes", "scope_name", "scope_version")
    is_frame = golden.name.startswith("protobuf-plain") and len(path) <= 3
    if is_group:
        return spans_below(tree, path[:1])
    if golden.is_joint or is_frame or (golden.name == "parquet-own" and len(path) > 1 and path[1] in shared):
        return spans_below(tree, ())
    if is_text_broken:
        return spans_below(tree, path[: golden.element_depth])
    for n in range(len(path) + 1):
        if name_of(at_path(tree, path[:n])) is not None:
            return spans_below(tree, path[:n])
    for n in range(len(path) - 1, -1, -1):
        if found := spans_below(tree, path[:n]):
            return found | spans_below(tree, path)
    return set()


@dataclass
class Change:
    """A changed file, and what may come of it.

    Attributes
    ----------
    touched
        Names of the spans that may be read differently.
    keys
        Attributes that may: a column of a table has one type.
    may_lose_spans, may_lose_values
        Whether some may be gone without a word, because the change itself took them out.
    """

    data: bytes = b""
    touched: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    may_lose_spans: bool = False
    may_lose_values: bool = False


def mutate(golden: Golden, edits: list[tuple[int, str, int]]) -> Change:
    """Return a golden file changed in some places."""
    done = Change()
    tree = copy.deepcopy(golden.tree)
    for at, kind, choice in edits:
        paths = list(paths_of(tree))
        if isinstance(tree, Table):
            paths = [path for path in paths if path[0] or len(tree) > 1]
        if not paths:
            break
        path = paths[at % len(paths)]
        parent, key = at_path(tree, path[:-1]), path[-1]
        odd, is_text_broken = choose(golden, parent, choice)
        done.touched |= touched_by(golden, tree, path, odd, is_text_broken=is_text_broken)
        if isinstance(tree, Table) and len(path) == 2:
            # A cell more or less moves those behind it.
            done.keys.update(
                map(str, tree[0][path[1] :] if kind in ("delete", "duplicate") else tree[0][path[1] :][:1])
            )
        done.may_lose_values |= isinstance(parent[key], dict | list)
        done.may_lose_spans |= change(golden, parent, key, kind, odd)
    done.data = golden.write(tree)
    return done


def choose(golden: Golden, parent: Any, choice: int) -> tuple[Any, bool]:
    """Return an odd value for a place, and whether its text is no JSON."""
    if golden.name.startswith("protobuf"):
        return copy.deepcopy(WIRE[choice % len(WIRE)]), False
    if golden.name.startswith("parquet"):
        return copy.deepcopy(VALUES[choice % len(VALUES)]), False
    if isinstance(golden.tree, Table):
        return (CELLS[choice % len(CELLS)] if not isinstance(parent, Table) else [CELLS[choice % len(CELLS)]]), False
    odd = [*ODD, *NOT_JSON]
    number = choice % len(odd)
    return copy.deepcopy(odd[number]), number >= len(ODD)


def change(golden: Golden, parent: Any, key: Any, kind: str, odd: Any) -> bool:
    """Change one part of a tree; return whether what it held may be gone without a word."""
    old = parent[key]
    if golden.name.startswith("protobuf"):
        return change_message(parent, key, kind, odd)
    if kind == "duplicate" and isinstance(parent, list) and not isinstance(parent[key], int):
        parent.insert(key, copy.deepcopy(old))
        return False
    if kind == "repeat" and isinstance(parent, dict) and not golden.name.startswith("parquet"):
        # Of a member that stands twice, parsers of JSON keep the last: RFC 8259, section 4.
        parent[f"{key}\x00again"] = odd
        return True
    if kind == "rename" and isinstance(parent, dict):
        # Its members may now be one attribute.
        parent["zz"] = parent.pop(key)
        return True
    if kind == "delete":
        del parent[key]
        return True
    parent[key] = odd
    if isinstance(parent, Table) and not odd[0].strip():
        return True  # a blank line
    return odd in (None, "", [], {}, [[]]) or isinstance(odd, Message) or golden.name.startswith("parquet")


def change_message(parent: Any, key: Any, kind: str, odd: Any) -> bool:
    """Change a field, its number, or its value; return whether what it held may be gone without a word.

    Fields of unknown numbers, and of known ones under another wire type, are skipped by every parser of protobuf, ours
    too: that is how the format grows.
    """
    if isinstance(parent, Message) and kind == "duplicate":
        parent.insert(key, copy.deepcopy(parent[key]))
    elif isinstance(parent, Message) and kind == "delete":
        del parent[key]
        return True
    elif isinstance(parent, Message):
        parent[key][0] = 99
        return True
    elif isinstance(parent[key], Message) and not isinstance(parent[0], int):
        parent[key] = Message([[1, odd]])
        return True
    elif key == 0:
        parent[0] = odd if isinstance(odd, int) and 0 < odd < 2**29 else 99
        return True
    else:
        old, parent[1] = parent[1], odd
        is_same_wire = wire_type(old) == wire_type(odd)
        return not is_same_wire or isinstance(odd, Message) or odd in (0, Bytes(b""))
    return False


def wire_type(value: Any) -> int:
    """Return the wire type a field's value is written with."""
    return 0 if isinstance(value, int) else value.wire if isinstance(value, Bytes) else 2


def check(golden: Golden, folder: Path, edits: list[tuple[int, str, int]]) -> None:
    """Read a changed file and compare with the good one."""
    good = read_golden(golden.name, folder)
    change_made = mutate(golden, edits)
    touched = change_made.touched
    found = read_bytes(folder / "file", change_made.data)
    if found.error is not None:
        # What a format is known by stands at the beginning.
        unknown = ("no known format", "which is not read", "no message could be read")
        is_known = not any(text in found.error for text in unknown)
        is_excused = not is_known and not touched.isdisjoint(FIRST)
        assert touched >= set(good.spans) or is_excused or golden.name in WRITTEN_WHOLE, (found.error, touched)
        return
    gone = missing(good, found, touched, change_made.keys)
    assert not gone, gone[0]
    has_problem = bool(found.problems - good.problems)
    if found.n_spans < good.n_spans and not change_made.may_lose_spans:
        assert has_problem, f"{good.n_spans - found.n_spans} spans lost in silence"
    if found.n_values < good.n_values and not (
        golden.is_joint or change_made.may_lose_spans or change_made.may_lose_values
    ):
        assert has_problem, f"{good.n_values - found.n_values} values lost in silence"


def missing(good: Reading, found: Reading, touched: set[str], keys: set[str]) -> list[str]:
    """Return the untouched spans that are not as they were, but for attributes of the columns named."""
    gone = []
    for name, spans in good.spans.items():
        if name not in touched:
            rest = Counter(_shown(span, keys) for span in spans)
            rest -= Counter(_shown(span, keys) for span in found.spans.get(name, []))
            gone += [f"{name}: {shown} is not among {found.spans.get(name)}" for shown in rest]
    return gone


def _shown(span: dict[str, Any], keys: set[str]) -> str:
    left = {key: value for key, value in span["attributes"].items() if key not in keys}
    return repr({**span, "attributes": sorted(left.items()), "resource": sorted(span["resource"].items())})


QUICK = settings(
    max_examples=34, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("name", GOLDEN)
@given(edits=EDITS)
@QUICK
def test_a_changed_field_costs_only_its_own_record(tmp_path: Path, name: str, edits: Any) -> None:
    check(GOLDEN[name], tmp_path, edits)


@pytest.mark.slow
@pytest.mark.parametrize("name", GOLDEN)
@given(edits=EDITS)
@settings(QUICK, max_examples=1700, derandomize=False)
def test_many_changed_fields_cost_only_their_own_records(tmp_path: Path, name: str, edits: Any) -> None:
    check(GOLDEN[name], tmp_path, edits)
