"""The committed sample, a trace that tries to be markup, and what an untrusted notebook keeps of markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from sample import TRACES

from fluo_lab.readers import read_traces
from fluo_lab.traces import PlainSpan, StatusCode, Traces, traces_from_spans

SCRIPT = '<script>alert("1")</script>'


@pytest.fixture(scope="session")
def sample() -> Traces:
    return read_traces(TRACES)


@pytest.fixture(scope="session")
def hostile() -> Traces:
    root = PlainSpan(
        SCRIPT,
        span_id="a" * 16,
        service=f"{SCRIPT}-service",
        end_ns=9_000_000,
        status=StatusCode.ERROR,
        status_message=SCRIPT,
        attributes={SCRIPT: SCRIPT, 'a"b': "'><img src=x onerror=alert(1)>"},
    )
    child = PlainSpan("payment.charge", span_id="b" * 16, parent_span_id="a" * 16, end_ns=5_000_000)
    return traces_from_spans([root, child])


# fmt: off
TAGS = {
    "b", "bdi", "br", "code", "details", "div", "li", "span", "summary", "table", "tbody", "td", "th",
    "thead", "tr", "ul",
}
ATTRIBUTES = {"style", "title", "open"}
VOID = {"br"}
PROPERTIES = {
    "align-items", "background-color", "border", "border-bottom", "border-collapse", "border-left",
    "border-radius", "border-right", "border-top", "bottom", "box-sizing", "color", "cursor", "display",
    "flex-grow", "flex-shrink", "flex-wrap", "font", "font-family", "font-size", "font-weight", "gap",
    "height", "left", "line-height", "list-style", "margin", "margin-bottom", "margin-left", "margin-right",
    "margin-top", "max-width", "min-height", "min-width", "opacity", "outline", "overflow", "overflow-x",
    "padding", "padding-bottom", "padding-left", "padding-right", "padding-top", "position", "right",
    "table-layout", "text-align", "text-decoration", "text-overflow", "top", "vertical-align", "white-space",
    "width",
}
# fmt: on


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.lost.append(f"<{tag}>")
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.lost.append(f"{tag} {name}=")
            if name == "style":
                self._style(value or "")

    def _style(self, style: str) -> None:
        for declaration in filter(None, style.split(";")):
            prop, _, value = declaration.partition(":")
            if prop not in PROPERTIES or not value or re.search(r"var\(|url\(|expression", value):
                self.lost.append(declaration)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.lost.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read_markup(markup: str) -> tuple[list[str], str]:
    """Return what would be lost of some markup, and its text."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.lost + [f"<{tag}> is never closed" for tag in reader.open], " ".join("".join(reader.text).split())


@pytest.fixture(scope="session")
def read_markup() -> Callable[[str], tuple[list[str], str]]:
    """What JupyterLab would drop of some markup in a notebook its reader did not run, and its text."""
    return _read_markup
