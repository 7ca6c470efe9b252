"""The pages under docs/: nothing of the language is missing from them, and everything they show is so."""

import doctest
import json
import re
import shlex
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from fluo_lab import RuleBook, language, rules
from fluo_lab.errors import RuleError, RuleFileError
from fluo_lab.language import RelationKind, parse_rule, parse_template
from fluo_lab.rules import lint_book
from fluo_lab.traces import traces_from_spans

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
CODES = {**language.CODES, **rules.CODES}
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def fences(text, language):
    """What follows the language after the three quotes, and what stands in the block."""
    found = (found.groups() for found in FENCE.finditer(text))
    return [(info.partition(" ")[2], body) for info, body in found if info.partition(" ")[0] == language]


@cache
def notation():
    """The functions that the language page's first block defines: ``spans_of``, ``judge``, ``judge_all``."""
    _, block = fences(page("language.md"), "python")[0]
    names = {}
    for example in doctest.DocTestParser().get_examples(block):
        exec(example.source, names)
    return names


# --- nothing is missing ---------------------------------------------------------------------------------------


@cache
def grammar_words():
    """Every keyword and every function of the grammar, functions of the trace with ``trace.``."""
    grammar = files("fluo_lab.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    words = set(re.findall(r'^_?[A-Z]+(?:\.\d+)?: "([a-z]+)"$', grammar, re.MULTILINE))
    for alternatives in re.findall(r"/trace\[[^]]*\]\*\\\.\[[^]]*\]\*\(?([a-z|]+)", grammar):
        words |= {f"trace.{name}" for name in alternatives.split("|")}
    for alternatives in re.findall(r"^[A-Z]+\.3: /\(?([a-z_|]+)\)?\(\?=", grammar, re.MULTILINE):
        words |= {f"{name}(" for name in alternatives.split("|")}
    return sorted(words)


@cache
def examples():
    """Everything the language page executes, as one text."""
    found = doctest.DocTestParser().get_examples(page("language.md"))
    return "\n".join(example.source for example in found)


def test_the_words_of_the_grammar_are_found():
    words = set(grammar_words())
    assert {"and", "within", "trace.has", "trace.avg", "trace.spans", "after(", "beside(", "attr(", "event("} <= words
    assert {f"{kind}(" for kind in RelationKind} <= words


@pytest.mark.parametrize(
    "word",
    [
        *grammar_words(),
        *sorted(language.KEYWORDS),
        *(f"{kind}(" for kind in RelationKind),
        *(f"span.{name}" for name in language.SPAN_FIELDS),
    ],
)
def test_an_example_of_the_language_page_uses_every_word_of_the_language(word):
    shown = re.escape(word).replace(r"trace\.", r"(?:trace\.)?")
    assert re.search(rf"(?<![\w.]){shown}(?!\w)" if word[-1] != "(" else rf"(?<!\w){shown}", examples())


@pytest.mark.parametrize("name", [*RelationKind, "within", "same", "without", "every", "rising", "event", "exists"])
def test_the_language_page_has_a_section_on(name):
    assert re.search(rf"^##+ .*\b{name}\b", page("language.md"), re.MULTILINE)


@pytest.mark.parametrize("word", [*language.SPAN_KINDS, *language.SPAN_STATUSES, *sorted(language.KEYWORDS)])
def test_the_language_page_names(word):
    assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", page("language.md"))


# --- what is shown is so --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=[path.name for path in PAGES])
def test_a_rule_in_a_block_of_its_own_can_be_parsed(path):
    for info, body in fences(path.read_text(encoding="utf-8"), "fluo"):
        if "raises" not in info:
            parse_template(body)


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text):
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)}


@pytest.mark.parametrize("path", PAGES, ids=[path.name for path in PAGES])
def test_a_link_leads_somewhere(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\[[^]]+\]\(([^)\s]+)\)", FENCE.sub("", text))
    for link in links:
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://")):
            continue
        there = (path.parent / target).resolve() if target else path
        assert there.is_file(), link
        assert not anchor or anchor in anchors(there.read_text(encoding="utf-8")), link


# --- coming from other languages ------------------------------------------------------------------------------


def cells(row):
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def comparisons():
    """Every row of the tables of `Coming from …`: what is written there, here, and traces that pass and violate."""
    rows = [cells(line) for line in page("coming-from.md").splitlines() if line.startswith("|")]
    return [row for row in rows if row[1] != "here" and not row[1].startswith("---")]


def code_of(cell):
    return cell.removeprefix("`").removesuffix("`")


@pytest.mark.parametrize(("there", "here", "passes", "violates"), comparisons())
def test_a_rule_set_beside_another_language_gives_the_verdicts_shown(there, here, passes, violates):
    assert there
    parse_rule(code_of(here))
    for expected, shown in (("pass", passes), ("violation", violates)):
        if shown:
            several = [trace.split("; ") for trace in code_of(shown).split(" / ")]
            assert set(notation()["judge_all"](code_of(here), *several)) == {expected}


# --- diagnostics ----------------------------------------------------------------------------------------------


def shown_diagnostics():
    """Code, what is said of the first block, the block, and the rendering that follows it."""
    found = []
    for section in re.split(r"^### ", page("diagnostics.md"), flags=re.MULTILINE)[1:]:
        blocks = [(info, body.rstrip("\n")) for info, body in FENCE.findall(section)]
        for (info, body), (said, rendered) in zip(blocks[::2], blocks[1::2], strict=True):
            assert said == "text", section
            found.append((section[:5], info, body, rendered))
    return found


def refused(action):
    with pytest.raises((RuleError, RuleFileError)) as caught:
        action()
    return caught.value.diagnostics


def options(info):
    """The ``key=value`` words after the language."""
    return dict(word.split("=", 1) for word in shlex.split(info, posix=True) if "=" in word)


def params_of(info):
    _, found, text = info.partition("params=")
    return json.loads(text) if found else {}


def evaluate_expression(source):
    """The value of a short Python expression that builds a text, or reads a rule file."""
    return eval(source, {"RuleBook": RuleBook})


def found_in(info, body):
    """The diagnostics of a block of the diagnostics page."""
    kind, what = info.split(" ")[:2]
    if kind == "fluo":
        return refused(lambda: parse_rule(body, params=params_of(info)))
    if kind == "python" and body.startswith("RuleBook"):
        return refused(lambda: evaluate_expression(body))
    if kind == "python":
        return refused(lambda: parse_rule(evaluate_expression(body)))
    if what == "raises":
        return refused(lambda: RuleBook.from_text(body + "\n", path="rules.yaml"))
    written = options(info).get("traces")
    traces = None if written is None else traces_of(written)
    return lint_book(RuleBook.from_text(body + "\n", path="rules.yaml"), traces=traces)


def traces_of(written):
    """The traces written as ``20 x pay amount=5; ship / pay``."""
    spans = []
    for trace in written.split(" / "):
        times, mark, lines = trace.partition(" x ")
        for _ in range(int(times) if mark else 1):
            name = f"{len(spans):032x}"
            spans += notation()["spans_of"](*(lines if mark else trace).split("; "), id=name)
    return traces_from_spans(spans)


def rendering(code, info, body):
    """What is said of a code in a block of the diagnostics page."""
    return "\n".join(diagnostic.render() for diagnostic in found_in(info, body) if diagnostic.code == code)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_stands_on_the_diagnostics_page_with_its_summary_and_an_example(code):
    assert f"\n### {code}: {CODES[code]}\n" in page("diagnostics.md")
    assert code in {shown for shown, *_ in shown_diagnostics()}


@pytest.mark.parametrize(
    ("code", "info", "body", "rendered"), shown_diagnostics(), ids=[f"{code}" for code, *_ in shown_diagnostics()]
)
def test_an_example_raises_its_code_with_exactly_that_rendering(code, info, body, rendered, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"[{code}]" in rendered
    assert rendering(code, info, body) == rendered
