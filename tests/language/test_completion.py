"""What is offered while a rule is typed: in context, in order, and never anything that breaks the text."""

import pytest
from shop_vocabulary import CHARGE, VOCABULARY

from fluo_lab.errors import UsageError
from fluo_lab.language import (
    AttributeUse,
    CompletionKind,
    OperationUse,
    SpanName,
    Vocabulary,
    complete,
)


def at_bar(text, **options):
    """Complete a text at its bar."""
    cursor = text.index("|")
    return complete(text.replace("|", "", 1), cursor, VOCABULARY, **options)


def texts(text, **options):
    return [completion.text for completion in at_bar(text, **options)]


ON_CHARGE = "trace.has(payment.charge).where("
EVERY_CHARGE = "trace.every(payment.charge).must("

FIRST = [
    # the rule
    ("|", ["trace.has(", "trace.every(", "trace.count("]),
    ("tr|", ["trace.has(", "trace.every("]),
    ("has|", ["trace.has("]),
    ("w|", ["when {"]),
    ("al|", ["always {"]),
    ("when { payment.charge } |", ["always {", "never {"]),
    ("when { payment.charge } always { payment.refund } |", ["never {"]),
    ("trace.has(payment.charge) |", [".where(", "and", "or"]),
    ("trace.has(payment.charge)|", [".where(", " and", " or"]),
    ("trace.has(payment.charge).wh|", [".where("]),
    ("trace.every(payment.charge).|", [".must(", ".where("]),
    ("trace.has(payment.charge) an|", ["and"]),
    # operations
    ("trace.has(|", ["payment.charge", '"GET /users/{id}"', "inventory.reserve", "payment.refund"]),
    ("trace.has(pay|", ["payment.charge", "payment.refund"]),
    ("trace.has(PAY|", ["payment.charge", "payment.refund"]),
    ("trace.has(ref|", ["payment.refund"]),
    ("trace.has(pmtref|", ["payment.refund"]),
    ("trace.has(paymnet.refund|", ["payment.refund"]),
    ("trace.has(paymnet|", ["payment.charge", "payment.refund"]),
    ("trace.has(payment.charge|", [")", "::"]),
    ("trace.has(GE|", ['"GET /users/{id}"']),
    ('trace.has("GE|', ['"GET /users/{id}"']),
    ('trace.has("GE|")', ['"GET /users/{id}"']),
    ('trace.has("pay|', ['"payment.charge"', '"payment.refund"']),
    ("trace.has(chec|", ["checkout::", '"checkout service"::']),
    ("trace.has(checkout::|", ["payment.charge", "payment.refund"]),
    ("trace.has(checkout:|", ["::"]),
    ('trace.has("checkout service"::|', ["PlaceOrder"]),
    ("trace.count(|", ["payment.charge"]),
    (EVERY_CHARGE + "after(inv|", ["inventory.reserve"]),
    (EVERY_CHARGE + "before(inventory.reserve, without |", ["payment.charge"]),
    # inside the braces of a clause
    ("when { |", ["payment.charge", '"GET /users/{id}"', "inventory.reserve"]),
    ("when { per|", ['"per"']),
    ("when { ha|", ["has("]),
    ("when { trace.h|", ["trace.has("]),
    ("when { checkout::|", ["payment.charge", "payment.refund"]),
    ("when { payment.charge |", [".where(", "and", "or", "}"]),
    ("when { payment.charge.wh|", [".where("]),
    ("when { payment.charge.where(|", ["cart.id", "amount"]),
    ("when { checkout::payment.charge.where(|", ["cart.id", "amount"]),
    ("when { payment.charge } always { count(inventory.reserve).where(|", ["basket", "sku"]),
    # fields
    (ON_CHARGE + "|", ["cart.id", "amount", "operation", "rush", "tags", "max_amount", '"not"', "span.name"]),
    (ON_CHARGE + "am|", ["amount"]),
    (ON_CHARGE + "am|ount > 5)", ["amount"]),
    (ON_CHARGE + "paymnt or amonut|", ["amount"]),
    (ON_CHARGE + "span.st|", ["span.status", "span.status_message"]),
    (ON_CHARGE + "status|", ["span.status"]),
    (ON_CHARGE + "resource.|", ["resource.k8s.pod.name", 'resource."odd name"']),
    (ON_CHARGE + 'resource."od|', ['resource."odd name"']),
    (ON_CHARGE + "amount > 5 and |", ["cart.id"]),
    (ON_CHARGE + "exists(|", ["cart.id", "amount"]),
    (EVERY_CHARGE + "|", ["cart.id", "amount"]),
    ("trace.has(payment.*).where(|", ["cart.id", "amount"]),
    ("trace.has(*).where(ba|", ["basket"]),
    ("trace.sum(payment.charge, |", ["amount", "max_amount", "span.duration"]),
    ("trace.distinct(payment.charge, |", ["cart.id", "amount"]),
    ("per |", ["cart.id", "amount"]),
    ("per cart.id, b|", ["basket"]),
    (EVERY_CHARGE + "after(inventory.reserve.where(|", ["basket", "sku"]),
    (EVERY_CHARGE + "after(inventory.reserve, same |", ["cart.id", "amount"]),
    (EVERY_CHARGE + "after(inventory.reserve, same cart.id as |", ["basket", "sku"]),
    (ON_CHARGE + "event(|", ['"exception"', '"cache miss"']),
    (ON_CHARGE + 'event("exc|', ['"exception"']),
    (ON_CHARGE + 'event("exception", |', ["exception.type", "exists(", "not", "("]),
    (ON_CHARGE + 'event("exception", exception.type == |', ["Timeout"]),
    # operators
    (ON_CHARGE + "amount |", ["==", "!=", ">", ">=", "<", "<=", "in ["]),
    (ON_CHARGE + "amount|", [" ==", " !="]),
    (ON_CHARGE + "operation |", ["==", "!=", "in [", "contains", "matches"]),
    (ON_CHARGE + "rush |", ["==", "!="]),
    (ON_CHARGE + "tags |", ["contains", "not contains"]),
    (ON_CHARGE + "operation not |", ["in [", "contains", "matches"]),
    (ON_CHARGE + "amount !|", ["!="]),
    (ON_CHARGE + "amount =|", ["=="]),
    (ON_CHARGE + "span.duration |", [">", ">=", "<", "<=", "==", "!=", "in ["]),
    ("trace.count(payment.charge) |", [".where(", "==", "!=", ">", ">=", "<", "<="]),
    # values
    (ON_CHARGE + "operation == |", ["write", '"read all"', '"true"']),
    (ON_CHARGE + 'operation == "w|")', ['"write"']),
    (ON_CHARGE + "operation in [write, r|", ['"read all"']),
    (ON_CHARGE + "operation in [|", ["write"]),
    (ON_CHARGE + "operation contains |", ["write"]),
    (ON_CHARGE + "amount == |", ["100", "5"]),
    (ON_CHARGE + "amount > |", ["100", "5", "max_amount", "$limit", "attr("]),
    (ON_CHARGE + "rush == |", ["false", "true"]),
    (ON_CHARGE + "span.status == |", ["unset", "ok", "error"]),
    (ON_CHARGE + "span.kind == c|", ["client", "consumer"]),
    (ON_CHARGE + "span.service == |", ["checkout", "web", "billing", "stock", '"checkout service"']),
    ("trace.count(payment.charge).where(cart.id == |", ["unique"]),
    ("trace.count(payment.charge) <= $|", ["$limit"]),
    ("trace.count(payment.charge) <= |", ["trace.count(", "trace.sum("]),
    ("trace.has(payment.charge) and trace.count(per) > $other and trace.count(per) < $ot|", ["$other"]),
    # durations
    ("per cart.id within |", ["100ms", "1s", "5s", "1m", "10m", "1h", "$limit"]),
    ("per cart.id within 10|", ["10ms", "10s", "10m", "10h", "10us", "10ns"]),
    (ON_CHARGE + "span.duration > 5|", ["5ms", "5s"]),
    ("trace.duration > 1.5|", ["1.5ms", "1.5s"]),
    (
        "trace.max(payment.charge, span.duration) > 5m|",
        [
            "5ms",
        ],
    ),
    (EVERY_CHARGE + "after(inventory.reserve, |", ["same", "within", "without"]),
    # an error in another operand
    ("trace.hass(payment.charge) and trace.has(ref|", ["payment.refund"]),
    ("when { amount = 1 } always { inv|", ["inventory.reserve"]),
    (ON_CHARGE + "x = 1 and am|", ["amount"]),
    ("trace.has(a b) && trace.has(ref|", ["payment.refund"]),
]


@pytest.mark.parametrize(("text", "expected"), FIRST, ids=[text for text, _ in FIRST])
def test_these_are_offered_first(text, expected):
    assert texts(text)[: len(expected)] == expected


NEVER = [
    ("|", "has("),
    ("|", "payment.charge"),
    ("trace.has(payment.charge|", "payment.charge"),
    ("when { |", "}"),
    ("when { payment.charge } |", "when {"),
    ("trace.has(payment.charge).where(amount |", "and"),
    (ON_CHARGE + "operation in |", "write"),
    (ON_CHARGE + "span.name |", ">"),
    (ON_CHARGE + "span.duration |", "contains"),
    (ON_CHARGE + "span.duration > |", "attr(x"),
    (ON_CHARGE + "operation == |", "unique"),
    (ON_CHARGE + 'event("exception", |', "span.name"),
    (ON_CHARGE + "operation matches |", "write"),
    (EVERY_CHARGE + "under(inventory.reserve, |", "without"),
    (EVERY_CHARGE + "after(inventory.reserve, within 5s, |", "within"),
    ("when { payment.charge |", ">"),
    ("tr|", " and"),
    ("trace.count(payment.charge) > |", "has("),
]


@pytest.mark.parametrize(("text", "unwanted"), NEVER, ids=[f"{text} {unwanted}" for text, unwanted in NEVER])
def test_what_the_rule_could_not_keep_is_not_offered(text, unwanted):
    offered = texts(text, limit=1000)
    assert unwanted not in offered


@pytest.mark.parametrize(
    "text",
    [
        *("// has|", "trace.has(payment.charge) // and |", ON_CHARGE + "x = |", "trace.hass(payment.|"),
        *("trace.has(payment.charge)) and) tr|", 'trace.has(payment.charge) "|', "trace.count(payment.charge) > 12|3"),
    ],
)
def test_where_nothing_can_be_said_nothing_is_offered(text):
    assert texts(text) == []


def test_a_completion_takes_the_place_of_the_whole_word():
    (first, *_) = at_bar("trace.has(pay|ment.x).where(amount > 5)")
    assert (first.text, first.start, first.end) == ("payment.charge", 10, 19)
    assert first.apply("trace.has(payment.x).where(amount > 5)") == "trace.has(payment.charge).where(amount > 5)"


def test_the_method_behind_a_name_is_no_part_of_it():
    (first, *_) = at_bar("when { pay|.where(amount > 5) }")
    assert first.apply("when { pay.where(amount > 5) }") == "when { payment.charge.where(amount > 5) }"


def test_a_bracket_that_is_there_is_not_written_again():
    (first, *_) = at_bar("trace.ev|(payment.charge)")
    assert first.apply("trace.ev(payment.charge)") == "trace.every(payment.charge)"


def test_a_closed_string_is_replaced_with_its_quotes():
    (first, *_) = at_bar('trace.has("GE|T /") and trace.has("x")')
    assert first.apply('trace.has("GET /") and trace.has("x")') == 'trace.has("GET /users/{id}") and trace.has("x")'


def test_an_open_string_does_not_swallow_the_next_one():
    (first, *_) = at_bar('trace.has("GE|) and trace.has("x")')
    assert first.apply('trace.has("GE) and trace.has("x")') == 'trace.has("GET /users/{id}") and trace.has("x")'


def test_details_say_how_often():
    by_text = {completion.text: completion for completion in at_bar("trace.has(|")}
    assert by_text["payment.charge"].detail == "1,204 spans in checkout and 1 more service"
    assert by_text["checkout::"].detail == "service, 1,007 spans"
    amount = next(completion for completion in at_bar(ON_CHARGE + "|") if completion.text == "amount")
    assert (amount.detail, amount.kind) == ("number, 2 values, on 1,180 of 1,204", CompletionKind.ATTRIBUTE)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("trace.has(|", "operation"),
        ("trace.has(checkou|", "service"),
        ("trace.h|", "function"),
        ("whe|", "keyword"),
        (ON_CHARGE + "cart|", "attribute"),
        (ON_CHARGE + "span.n|", "field"),
        (ON_CHARGE + "operation == wr|", "value"),
        (ON_CHARGE + "amount |", "operator"),
        (ON_CHARGE + "aft|", "relation"),
        (ON_CHARGE + "event(|", "event"),
        ("trace.count(payment.charge) > $|", "parameter"),
        ("per cart.id within 5|", "duration"),
    ],
)
def test_every_kind_occurs(text, kind):
    assert at_bar(text)[0].kind == kind


def test_the_better_fit_comes_first_and_scores_fall():
    names = ("cat", "catalog", "concat", "c-a-t", "Cat")
    vocabulary = Vocabulary(operations=tuple(OperationUse(n, "s", i) for i, n in enumerate(names)))
    found = [one for one in complete("trace.has(cat", 13, vocabulary) if one.kind is CompletionKind.OPERATION]
    assert [one.text for one in found] == ["catalog", "Cat", "concat", "c-a-t"]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_equally_frequent_names_stand_in_alphabetical_order_whatever_order_they_came_in():
    uses = [OperationUse(name, "s", 5) for name in ("b", "a", "d", "c")]
    one = complete("trace.has(", 10, Vocabulary(operations=tuple(uses)))
    other = complete("trace.has(", 10, Vocabulary(operations=tuple(reversed(uses))))
    assert one == other
    assert [completion.text for completion in one][:4] == ["a", "b", "c", "d"]


def test_names_of_the_data_do_not_crowd_out_the_grammar():
    vocabulary = Vocabulary(operations=tuple(OperationUse(f"name{i:04}", "s", 1) for i in range(2000)))
    offered = complete("when { ", 7, vocabulary)
    assert len(offered) == 50
    assert {"has(", "count(", "not", "trace.has("} <= {completion.text for completion in offered}
    assert offered[0].text == "name0000"


def test_names_get_half_of_a_short_list():
    offered = at_bar("when { |", limit=4)
    assert [completion.text for completion in offered] == ["payment.charge", '"GET /users/{id}"', "has(", "every("]


def test_the_attributes_of_one_service_are_asked_for_first():
    only = (AttributeUse("only.here"),)
    vocabulary = Vocabulary(attributes={SpanName("GET"): CHARGE, SpanName("GET", "web"): only})
    text = "trace.has(web::GET).where("
    assert complete(text, len(text), vocabulary)[0].text == "only.here"


@pytest.mark.parametrize(("cursor", "limit"), [(-1, 50), (6, 50), (0, 0)])
def test_a_call_that_cannot_be_meant_is_refused(cursor, limit):
    with pytest.raises(UsageError):
        complete("trace", cursor, VOCABULARY, limit=limit)


def test_a_text_beyond_the_limit_gets_nothing():
    text = "trace.has(" + " " * 70_000
    assert complete(text, len(text), VOCABULARY) == ()
