"""The first notebook in a real JupyterLab and a real browser, as an analyst uses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sample import N_SPANS, N_TRACES, TRACES, with_without

from fluo_lab import Rule, read_traces

pytestmark = pytest.mark.browser

NOTEBOOK = "01_from_traces_to_rule.ipynb"
EDITOR = ".fluo-workbench textarea"


def count_shown(page: Any, verdict: str, n: str) -> None:
    page.wait_for_function(
        "([verdict, n]) => document.querySelector(`.fluo-count[data-verdict=${verdict}] b`)?.textContent === n",
        arg=[verdict, n],
        timeout=15_000,
    )


def saved_outputs(notebook: Path) -> list[dict[str, Any]]:
    saved = json.loads(notebook.read_text(encoding="utf-8"))
    return [output for cell in saved["cells"] for output in cell.get("outputs", [])]


def test_the_notebook_runs_and_the_editor_judges_what_is_typed(lab_page: Any, lab_folder: Path) -> None:
    page = lab_page.page
    lab_page.open(NOTEBOOK)
    lab_page.set_theme("JupyterLab Light")
    lab_page.execute("notebook:run-all-cells")
    page.wait_for_selector(EDITOR, timeout=60_000)
    sample = read_traces(TRACES)
    kept, broken, _ = (str(n) for n in with_without(sample, "payment.charge", "notification.receipt"))
    without = str(Rule("trace.has(payment.charge)").test(sample).counts.violation)
    count_shown(page, "violation", broken)
    count_shown(page, "pass", kept)
    lab_page.shoot("light")

    editor = page.locator(EDITOR)
    editor.scroll_into_view_if_needed()
    editor.fill("trace.has(payment.charge).where(payment.outcome == captured) and trace.has(notification.receipt)")
    count_shown(page, "violation", "0")
    editor.fill("trace.hass(payment.charge)")
    fault = page.locator(".fluo-findings li.is-error")
    fault.wait_for()
    assert "trace.hass" in fault.inner_text()
    assert page.locator(".fluo-error").inner_text() == "trace.hass"
    assert editor.get_attribute("aria-invalid") == "true"
    lab_page.shoot_one(".fluo-workbench", "light-fault")
    fault.get_by_role("button").click()
    assert editor.input_value() == "trace.has(payment.charge)"
    count_shown(page, "violation", without)

    n_cells = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
    editor.fill("")
    page.keyboard.type("trace.has(dd")
    page.locator(".fluo-findings li.is-unfinished").wait_for()
    assert page.locator(".fluo-error, .fluo-point").count() == 0
    assert page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length") == n_cells
    editor.fill("trace.has(payment.charge) and trace.has(notification.receipt)")
    count_shown(page, "violation", broken)
    second = page.locator(".fluo-chips button").nth(1)
    trace_id = second.get_attribute("title")
    second.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("id => document.querySelector('.fluo-violations code')?.textContent === id", arg=trace_id)
    assert page.evaluate("document.activeElement.title") == trace_id

    lab_page.set_theme("JupyterLab Dark")
    lab_page.shoot("dark")
    lab_page.execute("docmanager:save")
    assert lab_page.external == []
    assert lab_page.errors == []
    outputs = saved_outputs(lab_folder / NOTEBOOK)
    assert len(outputs) > 10
    assert [o["evalue"] for o in outputs if o["output_type"] == "error"] == []
    assert [o["text"] for o in outputs if o.get("name") == "stderr"] == []


def test_a_notebook_somebody_else_ran_still_shows_cards_waterfalls_and_the_workbench(
    lab_page: Any, lab_folder: Path
) -> None:
    from nbclient import NotebookClient
    from nbformat import read, write

    notebook = read(Path(__file__).parents[2] / "notebooks" / NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, store_widget_state=False).execute()
    write(notebook, lab_folder / "untrusted.ipynb")
    page = lab_page.page
    lab_page.open("untrusted.ipynb")
    text = lab_page.read_cells()
    assert f"{N_SPANS:,} spans · " in text
    assert f"{N_TRACES:,} traces · " in text
    assert "Rule workbench, as it was when the cell ran" in text
    assert "asked for, not there" in text
    picture = page.locator(".jp-Cell:has(.jp-RenderedHTML div[style*='absolute'])").first
    picture.evaluate("element => element.scrollIntoView()")
    bars = picture.locator("div[style*='absolute']")
    assert bars.count() >= 20
    assert bars.first.bounding_box()["width"] > 100
    lab_page.set_theme("JupyterLab Light")
    lab_page.shoot("untrusted")
    assert lab_page.external == []
    assert lab_page.errors == []
