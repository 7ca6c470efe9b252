"""The command line as people run it: its exit codes and what it prints."""

import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
import zstandard
from sample import N_NEW_INTENT, N_SPANS, N_TRACES, POST_MORTEM, TRACES, planted

from fluo_lab.cli import main
from fluo_lab.shipped import shipped_folder

SAMPLE = str(TRACES)
INTENT = "when { payment.charge.where(attempt > 1) } always { distinct(payment.charge, payment_intent_id) == 1 }"
DEMO_CAPTURE = "data/otel-demo/otel-tui_test_data.jsonl"


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def fluo(capfd, monkeypatch):
    """Run a command in this process; anything but a clean exit fails the test."""
    monkeypatch.setenv("FLUO_LAB_PROGRESS", "0")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fluo", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main()
        out, err = capfd.readouterr()
        return Done(int(exit_info.value.code or 0), out, err)

    return run


def test_read_reports_the_lines_of_other_signals(fluo, shared):
    done = fluo("read", shared / DEMO_CAPTURE, "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert (found["spans"], found["traces"], found["non_trace_lines"], found["incomplete_traces"]) == (547, 141, 56, 1)
    assert sorted(p["n"] for p in found["problems"]) == [16, 40]


@pytest.mark.parametrize(
    ("required", "passed", "violated", "code"), [("*/Charge", 0, 4, 1), ("oteldemo.CartService/GetCart", 4, 0, 0)]
)
def test_check_on_the_demo_capture(fluo, shared, required, passed, violated, code):
    rule = f'trace.has("oteldemo.CheckoutService/PlaceOrder") and trace.has("{required}")'
    done = fluo("check", shared / DEMO_CAPTURE, "--rule", rule, "--format", "json")
    answer = json.loads(done.stdout)
    assert done.returncode == code
    assert (answer["traces"], answer["spans"]) == (141, 547)
    (one,) = answer["rules"]
    assert (one["pass"], one["violation"], one["inconclusive"], one["not_applicable"]) == (passed, violated, 0, 137)
    assert len(one["violations"]) == violated
    for violation in one["violations"]:
        assert [span["name"] for span in violation["guard_spans"]] == ["oteldemo.CheckoutService/PlaceOrder"]
        assert violation["broken_spans"] == []
        assert "no span named like" in violation["why"]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_check_writes_one_row_a_rule_and_trace(fluo, tmp_path, ending):
    path = tmp_path / f"verdicts.{ending}"
    assert fluo("check", SAMPLE, "--rule", INTENT, "--verdicts", path).returncode == 1
    read = {"jsonl": pl.read_ndjson, "csv": pl.read_csv, "parquet": pl.read_parquet}[ending]
    frame = read(path)
    assert frame.columns == ["rule_id", "trace_id", "verdict"]
    assert frame["trace_id"].n_unique() == N_TRACES
    violating = frame.filter(pl.col("verdict") == "violation")["trace_id"].to_list()
    assert sorted(violating) == sorted(planted("retry-keeps-intent"))


def test_verdicts_of_an_unknown_ending_are_refused(fluo):
    done = fluo("check", SAMPLE, "--rule", INTENT, "--verdicts", "verdicts.xls")
    assert done.returncode == 2
    assert ".jsonl, .csv or .parquet" in done.stderr


def test_fail_on_counts_violations_from_a_severity_up(fluo, tmp_path):
    book = tmp_path / "rules.yaml"
    book.write_text(f"rules:\n  - id: intent\n    name: intent\n    severity: low\n    condition: |\n      {INTENT}\n")
    assert fluo("check", SAMPLE, "--rules", book).returncode == 1
    assert fluo("check", SAMPLE, "--rules", book, "--fail-on", "high").returncode == 0


def test_parameters_are_filled_in_and_an_unbound_one_is_an_error(fluo):
    rule = "when { trace.has(payment.charge) } always { trace.count(payment.charge) <= $most }"
    assert fluo("check", SAMPLE, "--rule", rule, "--param", "most=4").returncode == 0
    assert fluo("check", SAMPLE, "--rule", rule, "--param", "most=1").returncode == 1
    unbound = fluo("check", SAMPLE, "--rule", rule)
    assert unbound.returncode == 2
    assert "most" in unbound.stderr


def test_explain_prints_the_canonical_form_and_a_sentence(fluo):
    done = fluo("explain", "--rule", "trace.has(pii.access) and trace.has(audit.log)")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "when { trace.has(pii.access) } always { trace.has(audit.log) }",
        "Whenever a trace has a pii.access span, it must also have an audit.log span.",
    ]


def test_explain_says_why_a_trace_got_its_verdict(fluo):
    rows = json.loads(fluo("check", SAMPLE, "--rule", INTENT, "--format", "json").stdout)
    trace_id = rows["rules"][0]["violations"][0]["trace_id"]
    done = fluo("explain", SAMPLE, "--rule", INTENT, "--trace", trace_id, "--format", "json")
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "violation"
    assert answer["why"] == rows["rules"][0]["violations"][0]["why"]
    unknown = fluo("explain", SAMPLE, "--rule", INTENT, "--trace", "nope")
    assert unknown.returncode == 2
    assert "no trace has the id" in unknown.stderr


def test_mine_proposes_saves_drafts_and_the_saved_book_finds_the_incident(fluo, tmp_path):
    book = tmp_path / "drafts.yaml"
    done = fluo("mine", SAMPLE, "--bad", POST_MORTEM, "--save", book, "--format", "json")
    records = json.loads(done.stdout)
    assert done.returncode == 0
    assert records[0]["family"] == "distinct_one"
    assert records[0]["violations_bad"] == 3, "as many as the post-mortem names in full"
    assert records[0]["field"] == "payment_intent_id"
    assert fluo("rules", "lint", book).returncode == 0
    checked = json.loads(fluo("check", SAMPLE, "--rules", book, "--format", "json").stdout)
    assert len(checked["rules"]) == len(records)
    assert checked["rules"][0]["violation"] == N_NEW_INTENT


def test_profile_lists_every_span_name(fluo):
    rows = json.loads(fluo("profile", SAMPLE, "--format", "json").stdout)
    assert sum(row["spans"] for row in rows) == N_SPANS


def test_the_shipped_rules_lint_and_test_clean(fluo):
    assert fluo("rules", "lint", shipped_folder("rules")).returncode == 0
    assert fluo("rules", "test", shipped_folder("rules")).returncode == 0


def test_a_failing_inline_test_is_named_and_exits_with_1(fluo, tmp_path):
    book = tmp_path / "rules.yaml"
    book.write_text(
        "rules:\n  - id: a-needs-b\n    name: n\n    severity: low\n    condition: trace.has(a) and trace.has(b)\n"
        "    tests:\n      - {name: wrong on purpose, expect: pass, spans: [{name: a}]}\n"
    )
    done = fluo("rules", "test", book)
    assert done.returncode == 1
    assert "wrong on purpose" in done.stdout


# --- bad input: one clear message with place and fix, the right code, and everything else still done ----------


def sample_lines():
    with zstandard.open(SAMPLE, "rt") as file:
        return file.readlines()


def test_a_malformed_line_is_reported_with_its_place_and_the_rest_is_read(fluo, tmp_path):
    lines = sample_lines()[:40]
    path = tmp_path / "traces.jsonl"
    path.write_text("".join([*lines[:20], '{"resourceSpans": [}\n', *lines[20:]]))
    whole = tmp_path / "whole.jsonl"
    whole.write_text("".join(lines))
    done = fluo("read", path, "--format", "json")
    found, expected = json.loads(done.stdout), json.loads(fluo("read", whole, "--format", "json").stdout)
    assert done.returncode == 0
    assert found["spans"] == expected["spans"]
    assert [(p["line"], p["n"]) for p in found["problems"]] == [(21, 1)]
    assert fluo("read", path, "--strict").returncode == 3


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.jsonl", b"", "empty"),
        ("notes.txt", b"just some words\n", "no known format"),
        ("list.json", b'[{"id":"2","name":"a"}]', "JSON of another kind"),
    ],
)
def test_a_file_that_is_no_trace_file_exits_with_3(fluo, tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    done = fluo("read", path)
    assert done.returncode == 3
    assert str(path) in done.stderr
    assert says in done.stderr


def test_a_missing_file_exits_with_3_and_names_it(fluo):
    done = fluo("check", "nowhere.jsonl", "--rule", INTENT)
    assert done.returncode == 3
    assert "nowhere.jsonl" in done.stderr


def test_a_truncated_gzip_keeps_what_came_before(fluo, tmp_path):
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress("".join(sample_lines()).encode())[:200_000])
    done = fluo("read", path, "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert 0 < found["spans"] < N_SPANS
    assert any("ends early" in p["what"] for p in found["problems"])


def test_a_bad_file_among_good_ones_is_a_problem_and_the_rest_is_read(fluo, tmp_path):
    shutil.copy(SAMPLE, tmp_path / "a.jsonl.zst")
    (tmp_path / "b.txt").write_text("no traces here\n")
    found = json.loads(fluo("read", tmp_path, "--format", "json").stdout)
    assert found["spans"] == N_SPANS
    assert any("b.txt" in p["file"] for p in found["problems"])


def test_a_rule_with_a_typo_names_the_place_and_the_fix_and_other_rules_are_checked(fluo):
    done = fluo("check", SAMPLE, "--rule", "trace.hass(payment.charge)", "--rule", INTENT, "--format", "json")
    assert done.returncode == 2
    assert "rule:1:1: error[FL102]" in done.stderr
    assert "did you mean 'trace.has'?" in done.stderr
    assert [rule["violation"] for rule in json.loads(done.stdout)["rules"]] == [N_NEW_INTENT]


def test_a_rule_file_with_a_duplicate_id_a_tag_and_a_typo_keeps_its_good_rules(fluo, tmp_path):
    good = f"  - id: intent\n    name: intent\n    severity: high\n    condition: |\n      {INTENT}\n"
    (tmp_path / "good.yaml").write_text(f"rules:\n{good}")
    twice = good.replace("id: intent", "id: twice")
    (tmp_path / "duplicate.yaml").write_text(f"rules:\n{twice}{twice}")
    (tmp_path / "tag.yaml").write_text("rules: !!python/object:os.system []\n")
    (tmp_path / "typo.yaml").write_text(
        "rules:\n  - id: typo\n    name: typo\n    severity: high\n    condition: |\n"
        "      trace.has(payment.charge)\n        adn trace.has(x)\n"
    )
    done = fluo("check", SAMPLE, "--rules", tmp_path, "--format", "json")
    assert done.returncode == 2
    assert "duplicate.yaml:7:" in done.stderr
    assert "tag.yaml:1:8: error" in done.stderr
    assert "typo.yaml:7:9: error" in done.stderr
    assert "did you mean 'and'?" in done.stderr
    rules = json.loads(done.stdout)["rules"]
    assert {rule["id"] for rule in rules} >= {"intent"}
    assert next(rule for rule in rules if rule["id"] == "intent")["violation"] == N_NEW_INTENT


def test_an_unknown_span_name_gets_a_warning_with_the_nearest_names(fluo):
    done = fluo(
        "check", SAMPLE, "--rule", "trace.has(payment.charg) and trace.has(inventory.reserve)", "--format", "json"
    )
    assert done.returncode == 0
    assert "warning[FL605]" in done.stderr
    assert "payment.charge" in done.stderr
    assert json.loads(done.stdout)["rules"][0]["not_applicable"] == N_TRACES


def test_no_rule_at_all_is_a_usage_error(fluo):
    done = fluo("check", SAMPLE)
    assert done.returncode == 2
    assert "--rule" in done.stderr


def test_importing_the_command_line_loads_no_notebook_packages():
    heavy = ["pandas", "plotly", "ipywidgets", "IPython"]
    code = f"import sys, fluo_lab.cli.app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_demo_ends_with_the_book_and_the_violations(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fluo_lab.cli.demo", str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "out" / "rules.yaml") in done.stdout
    assert done.stdout.count("violation  critical") == 5
    assert f"… {N_NEW_INTENT - 5} more of payment-keeps-its-intent" in done.stdout
    assert "fluo lab" in done.stdout


def test_the_installed_command_runs_in_a_process_of_its_own():
    command = Path(sys.executable).with_name("fluo")
    done = subprocess.run([command, "explain", "--rule", "trace.hass(a)"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "did you mean" in done.stderr


def test_read_says_what_was_recognised_and_how_much_of_it(fluo, tmp_path):
    path = tmp_path / "spans.csv"
    path.write_text("TraceID,SpanID,OperationName,StartTimeUnixNano\n1,2,pay,1700000000000000000\n,3,pay,5\n")
    done = fluo("read", path, "--format", "json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert (found["spans"], found["formats"], found["bytes"]) == (1, ["CSV table"], path.stat().st_size)
    assert found["inputs"] == [{"name": str(path), "format": "CSV table", "bytes": path.stat().st_size}]
    assert found["seconds"] > 0
    assert sum(found["problems_by_kind"].values()) == sum(problem["n"] for problem in found["problems"]) > 0


def test_a_table_with_columns_of_any_names_is_read_when_told_which_is_which(fluo, tmp_path):
    path = tmp_path / "spans.csv"
    path.write_text("who,what,when,t\na,pay,1700000000000000000,x\n")
    refused = fluo("read", path)
    assert refused.returncode == 3
    assert "columns=" in refused.stderr
    pairs = ["trace_id=t", "span_id=who", "name=what", "start_ns=when"]
    done = fluo("read", path, "--format", "json", *(part for pair in pairs for part in ("--column", pair)))
    assert (done.returncode, json.loads(done.stdout)["spans"]) == (0, 1)
    assert fluo("read", path, "--column", "trace_id").returncode == 2


@pytest.mark.parametrize(
    ("to", "name", "options"),
    [
        ("otlp-json", "a.jsonl.gz", []),
        ("otlp-proto", "a.pb", []),
        ("parquet", "a.parquet", []),
        ("parquet", "folder", ["--buckets", "4"]),
    ],
)
def test_converted_traces_read_the_same(fluo, tmp_path, to, name, options):
    done = fluo("convert", SAMPLE, "--to", to, "--out", tmp_path / name, *options)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(fluo("read", path, "--format", "json").stdout) for path in (SAMPLE, tmp_path / name))
    for key in ("spans", "traces", "services", "span_names", "incomplete_traces"):
        assert first[key] == second[key]
    assert second["problems"] == []


def test_a_repair_is_asked_for_by_name_and_recorded(fluo):
    done = fluo("read", SAMPLE, "--repair", "duplicates", "--format", "json")
    assert [record["repair"] for record in json.loads(done.stdout)["repairs"]] == ["duplicates"]
    refused = fluo("read", SAMPLE, "--repair", "dupes")
    assert refused.returncode == 2
    assert "there are duplicates, shared_spans, clock_skew" in refused.stderr
