"""Forty checkouts for the lints that look at traces; every one charges, reserves stock and calls the gateway once."""

from fluo_lab.traces import PlainSpan, StatusCode, Traces, traces_from_spans

N_CHECKOUTS = 40


def _checkout(number: int) -> list[PlainSpan]:
    trace_id = f"{number + 1:032x}"
    charge = {"amount": 10 * number, "currency": "EUR", "gateway.code": "503" if number % 4 == 0 else "15032"}
    if number % 10 == 0:
        charge["coupon"] = "SPRING"
    spans = [
        PlainSpan("checkout", trace_id=trace_id, span_id="r", start_ns=0, end_ns=1_000),
        PlainSpan("inventory.reserve", trace_id=trace_id, span_id="i", parent_span_id="r", start_ns=100, end_ns=200),
        PlainSpan(
            "payment.charge",
            trace_id=trace_id,
            span_id="p",
            parent_span_id="r",
            service="payments",
            start_ns=300,
            end_ns=400,
            attributes=charge,
        ),
    ]
    if number < 25:
        spans.append(
            PlainSpan(
                "email.send",
                trace_id=trace_id,
                span_id="e",
                parent_span_id="r",
                status=StatusCode.ERROR,
                start_ns=500,
                end_ns=600,
            )
        )
    return spans


def checkouts() -> Traces:
    """Return the traces of all checkouts."""
    return traces_from_spans(span for number in range(N_CHECKOUTS) for span in _checkout(number))
