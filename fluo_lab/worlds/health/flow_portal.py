"""Simulated: what the portal and the identity service do in every workflow."""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.flow_parts import Asker, do
from fluo_lab.worlds.simulated import Step
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["begin", "end", "show_page", "sign_in"]


def begin(root: Step, asker: Asker, *, is_guest: Mask | None = None) -> None:
    """Do what the portal usually does first: limit the rate and sign the asker in."""
    chances = root.flow.chances
    _report_usage(root, ~drawn.USAGE_LAST.ask(chances))
    _limit_rate(root, drawn.RATE_FIRST.ask(chances))
    is_signed_in = ~drawn.NO_COOKIE.ask(chances) & drawn.PORTAL_SIGNS_IN.ask(chances)
    sign_in(root, asker, where=is_signed_in, is_guest=is_guest)


def end(root: Step) -> None:
    """Do what the portal usually does last: report the usage, for which nobody waits."""
    chances = root.flow.chances
    _limit_rate(root, ~drawn.RATE_FIRST.ask(chances))
    _report_usage(root, drawn.USAGE_LAST.ask(chances))


def _limit_rate(root: Step, where: Mask) -> None:
    chances = root.flow.chances
    do(
        root,
        "rate_limit.check",
        50,
        400,
        where=where & drawn.RATE_LIMITS.ask(chances),
        attributes=lambda again: {"limit.remaining": drawn.RATE_REMAINING.ask(chances, turn=again)},
    )


def _report_usage(root: Step, where: Mask) -> None:
    is_reported = where & drawn.USAGE_REPORTED.ask(root.flow.chances)
    do(root, "usage.report", 2_000, 300_000, where=is_reported, is_detached=True)


def show_page(root: Step, where: Mask, *, is_never_lost: Mask) -> None:
    """Render a page of the portal; seldom its span gets lost, and that of its template is left without a parent."""
    chances = root.flow.chances
    attributes = {"page.language": root.flow.texts(drawn.PAGE_LANGUAGE)}
    with root.span("page render", where=where & drawn.PAGE_SHOWN.ask(chances), attributes=attributes) as page:
        page.work("render page", 400, 6_000)
        do(page, "template.load", 100, 1_500, where=drawn.TEMPLATE_LOADS.ask(chances))
        page.lose(drawn.PAGE_LOST.ask(chances) & ~is_never_lost)


def sign_in(step: Step, asker: Asker, *, where: Mask, turn: int = 0, is_guest: Mask | None = None) -> None:
    """Have the identity service authenticate somebody, by a new session or an old one; guests get one without that."""
    flow = step.flow
    is_known = flow.everybody() if is_guest is None else ~is_guest
    is_rejected = drawn.is_rejected(flow.chances, turn=turn)
    is_login = drawn.LOGIN.ask(flow.chances, turn=turn)
    with step.call("identity", "POST", "/sessions", where=where & is_login) as server:
        _authenticate(server, asker, turn, is_rejected, is_known)
        is_written = ~is_rejected & drawn.LOGIN_WRITES.ask(flow.chances, turn=turn)
        do(
            server,
            "database.write",
            200,
            3_000,
            where=is_written,
            attributes=lambda again: {
                "data_type": "session",
                "rows.written": drawn.SESSION_ROWS.ask(flow.chances, turn=turn + again),
            },
        )
        server.answer(np.where(is_rejected, 401, 201))
    session = "/sessions/" + flow.ids("sess", "session", turn=turn)
    with step.call("identity", "GET", "/sessions/{id}", path=session, where=where & ~is_login) as server:
        _authenticate(server, asker, turn, is_rejected, is_known)
        server.answer(np.where(is_rejected, 401, 200))


def _authenticate(server: Step, asker: Asker, turn: int, is_rejected: Mask, is_known: Mask) -> None:
    chances = server.flow.chances
    is_verified = drawn.TOKEN_VERIFIES.ask(chances, turn=turn)
    is_first = drawn.TOKEN_FIRST.ask(chances, turn=turn)
    _verify_token(server, turn, is_verified & is_first)
    with server.span(
        "auth.user_authenticated",
        where=~is_rejected & is_known,
        attributes={
            "user.id": asker.user,
            "user.role": asker.role,
            "auth.method": server.flow.texts(drawn.AUTH_METHOD, turn=turn),
            "compliance.framework": server.flow.texts(drawn.FRAMEWORK),
            "compliance.control": server.flow.texts(drawn.AUTH_CONTROL),
        },
    ) as authenticated:
        authenticated.work("authenticate", 300, 9_000)
    is_shown = is_rejected & drawn.REJECTION_SHOWN.ask(chances)
    do(
        server,
        "auth.rejected",
        100,
        900,
        where=is_shown,
        attributes=lambda again: {"reason": server.flow.texts(drawn.REJECTED_BECAUSE, turn=again)},
    )
    _verify_token(server, turn, is_verified & ~is_first)


def _verify_token(server: Step, turn: int, where: Mask) -> None:
    do(
        server,
        "token.verify",
        80,
        900,
        where=where,
        attributes=lambda again: {"token.algorithm": server.flow.texts(drawn.TOKEN_ALGORITHM, turn=turn + again)},
    )
