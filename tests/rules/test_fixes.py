"""A fix edits a text in some places at once, and refuses what cannot be meant."""

import pytest

from fluo_lab.errors import Diagnostic, Edit, Fix, UsageError


def test_edits_count_in_the_text_before_the_fix_in_any_order():
    fix = Fix("swap", (Edit(4, 5, "one"), Edit(0, 1, "three")))
    assert fix.apply("a + b") == "three + one"


def test_two_insertions_at_one_place_keep_their_order():
    assert Fix("quote", (Edit(1, 1, "("), Edit(1, 1, "["), Edit(1, 2, "x"))).apply("abc") == "a([xc"


@pytest.mark.parametrize("edits", [(Edit(0, 2, "x"), Edit(1, 3, "y")), (Edit(2, 9, "x"),), (Edit(2, 1, "x"),)])
def test_an_edit_outside_the_text_or_over_another_is_refused(edits):
    with pytest.raises(UsageError, match="the fix 'bad' edits"):
        Fix("bad", edits).apply("abc")


def test_fixes_do_not_show_in_the_rendered_finding():
    plain = Diagnostic.at("FL102", "unknown", "trace.hass(a)", 6, 10, hint="did you mean 'has'?")
    fixed = Diagnostic.at(
        "FL102",
        "unknown",
        "trace.hass(a)",
        6,
        10,
        hint="did you mean 'has'?",
        fixes=[Fix.replacing("has", 6, 10, "has")],
    )
    assert fixed.render() == plain.render()
    assert fixed.fixes[0].apply("trace.hass(a)") == "trace.has(a)"
    assert fixed.moved("r.yaml", lines=3, columns=2).fixes == fixed.fixes
