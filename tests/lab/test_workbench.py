"""The workbench without a browser: what it makes of a text, and its traits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sample import N_TRACES, with_without

from fluo_lab.lab import judge_text, load_formatters, sample_traces, workbench
from fluo_lab.lab.register import SHOWN_TYPES
from fluo_lab.rules import Mode, Rule
from fluo_lab.traces import PlainSpan, Traces, traces_from_spans

RECEIPT = "trace.has(payment.charge) and trace.has(notification.receipt)"
CAPTURED = "trace.has(payment.charge).where(payment.outcome == captured) and trace.has(notification.receipt)"

ReadMarkup = Callable[[str], tuple[list[str], str]]


def unanswered(sample: Traces) -> int:
    """How many traces have a charge and no receipt."""
    return with_without(sample, "payment.charge", "notification.receipt")[1]


def test_a_rule_has_a_reading_counts_and_no_error(sample: Traces) -> None:
    state = judge_text(RECEIPT, sample)
    assert state.counts is not None
    kept, broken, without = with_without(sample, "payment.charge", "notification.receipt")
    assert state.counts.to_dict() == {"pass": kept, "violation": broken, "inconclusive": 0, "not_applicable": without}
    assert state.reading.startswith("Whenever a trace has a payment.charge span")
    assert state.canonical.startswith("when {")
    assert not any(finding.is_error for finding in state.findings)


def test_a_fault_has_its_place_and_no_counts(sample: Traces) -> None:
    text = "trace.has(payment.charge) and trace.hass(x)"
    state = judge_text(text, sample)
    assert state.counts is None
    assert state.rule is None
    assert [text[f.start : f.end] for f in state.findings] == ["trace.hass"]
    assert state.findings[0].replacement == "trace.has"


@pytest.mark.parametrize("text", ["", "trace.has(", "when { payment.charge } always {", 'trace.has("pay'])
def test_unfinished_text_is_told_from_a_fault(text: str, sample: Traces) -> None:
    state = judge_text(text, sample)
    assert [finding.is_incomplete_text for finding in state.findings] == [True]
    assert state.counts is None


def test_what_the_traces_do_not_have_is_a_doubt_and_no_fault(sample: Traces) -> None:
    state = judge_text("trace.has(payment.charg) and trace.has(inventory.reserve)", sample)
    assert state.counts is not None
    assert any("payment.charg" in finding.message for finding in state.findings)
    assert not any(finding.is_error for finding in state.findings)


def test_a_new_text_changes_the_counts_and_the_picture(sample: Traces) -> None:
    editor = workbench(RECEIPT, sample)
    assert editor.counts["violation"] == unanswered(sample)
    assert editor.selected == editor.violations[0]
    assert "∅" in editor.picture
    editor.value = CAPTURED
    assert editor.counts["violation"] == 0
    assert editor.violations == []
    assert editor.picture == ""
    assert editor.judged_value == CAPTURED


def test_a_fault_keeps_the_last_counts_and_drops_the_reading(sample: Traces) -> None:
    editor = workbench(RECEIPT, sample)
    editor.value = "trace.hass(payment.charge)"
    assert editor.counts["violation"] == unanswered(sample)
    assert editor.reading == ""
    assert editor.rule is None
    assert editor.diagnostics[0]["start"] == 0
    assert not editor.diagnostics[0]["is_incomplete_text"]


def test_choosing_another_violation_draws_it(sample: Traces) -> None:
    editor = workbench(RECEIPT, sample)
    editor.selected = editor.violations[1]
    assert editor.violations[1] in editor.picture


def many_traces(n: int) -> Traces:
    return traces_from_spans(
        PlainSpan("a" if at % 2 else "b", trace_id=f"{at + 1:032x}", start_ns=at, end_ns=at + 1) for at in range(n)
    )


def test_a_sample_is_judged_first_and_said_to_be_one() -> None:
    traces = many_traces(6_000)
    editor = workbench("trace.has(a)", traces)
    assert editor.n_traces == 5_000
    assert editor.is_sampled
    assert "a sample of 5,000 of 6,000 traces" in editor.sample_note
    editor.is_on_all = True
    assert editor.n_traces == sum(editor.counts.values()) == 6_000
    assert editor.counts["pass"] == 3_000
    assert "all 6,000 traces" in editor.sample_note


def test_few_traces_are_not_sampled(sample: Traces) -> None:
    assert sample_traces(sample) is sample


def test_a_rule_can_be_opened_and_read_back(sample: Traces) -> None:
    rule = Rule(RECEIPT)
    assert workbench(rule, sample).value == RECEIPT
    detector = Rule("trace.has(payment.refund)", mode=Mode.DETECT)
    assert workbench(detector, sample).value == "never { trace.has(payment.refund) }"
    code = workbench(rule, sample).to_code()
    assert eval(code, {"Rule": Rule, "traces": sample}).counts.violation == unanswered(sample)


def test_a_saved_notebook_keeps_the_workbench_as_markup(hostile: Traces, read_markup: ReadMarkup) -> None:
    editor = workbench('trace.has("*script*") and trace.has("<script>x</script>")', hostile)
    data, _ = editor._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    lost, text = read_markup(data["text/html"])
    assert lost == []
    assert "<script" not in data["text/html"]
    assert "✖ 1 violated" in text
    assert "<script" not in editor.picture


def test_the_script_and_the_style_are_part_of_the_widget(sample: Traces) -> None:
    editor = workbench(RECEIPT, sample)
    assert "export default" in editor._esm
    assert ".fluo-workbench" in editor._css
    assert "http://" not in editor._esm + editor._css
    assert "https://" not in editor._esm + editor._css


def test_a_shell_shows_the_objects_as_cards(sample: Traces) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    load_formatters(shell)
    data, _ = shell.display_formatter.format(sample)
    assert f"{N_TRACES:,} traces" in data["text/html"]
    assert data["text/plain"].startswith(f"Traces({N_TRACES:,} traces")
    assert len(SHOWN_TYPES) == 9
