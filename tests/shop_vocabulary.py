"""A vocabulary by hand: a shop with names, values and events that need every kind of quoting."""

from fluo_lab.language import AttributeUse, EventUse, OperationUse, SpanName, ValueUse, Vocabulary

CHARGE = (
    AttributeUse("cart.id", ("string",), 1204, 1204, 1100),
    AttributeUse("amount", ("int",), 1180, 1204, 2, (ValueUse(100, 700), ValueUse(5, 480))),
    AttributeUse(
        "operation",
        ("string",),
        900,
        1204,
        3,
        (ValueUse("write", 500), ValueUse("read all", 300), ValueUse("true", 100)),
    ),
    AttributeUse("rush", ("bool",), 30, 1204, 2, (ValueUse(False, 20), ValueUse(True, 10))),
    AttributeUse("tags", ("array",), 20, 1204, 7),
    AttributeUse("max_amount", ("double",), 10, 1204, 9),
    AttributeUse("not", ("bool",), 3, 1204),
)
RESERVE = (AttributeUse("basket", ("string",), 20, 20), AttributeUse("sku", ("string",), 10, 20))
VOCABULARY = Vocabulary(
    operations=(
        OperationUse("payment.charge", "checkout", 1000),
        OperationUse("payment.charge", "billing", 204),
        OperationUse("GET /users/{id}", "web", 500),
        OperationUse("inventory.reserve", "stock", 20),
        OperationUse("payment.refund", "checkout", 7),
        OperationUse("PlaceOrder", "checkout service", 3),
        OperationUse("per", "web", 1),
    ),
    attributes={None: CHARGE + RESERVE, SpanName("payment.charge"): CHARGE, SpanName("inventory.reserve"): RESERVE},
    resource_attributes=(AttributeUse("k8s.pod.name", ("string",), 1500, 1735), AttributeUse("odd name", (), 2, 1735)),
    events=(EventUse("exception", 12), EventUse("cache miss", 3)),
    event_attributes={
        "exception": (AttributeUse("exception.type", ("string",), 12, 12, 1, (ValueUse("Timeout", 12),)),)
    },
    parameters={"limit": 3},
)
