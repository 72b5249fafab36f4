"""`pferdewert erase` and `pferdewert orders mail`, as somebody types them."""

import uuid
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.job import Kind, MailDuty, MailState
from ledger.documents import order_key, plain
from ledger.erasure import fingerprint
from ledger.names import AI_REQUESTS, ERASURES, ERROR_LOGS, JOBS, ORDERS, STRIPE_EVENTS
from ops.running import Exit
from sandbox.servers import EmbeddedValkey
from tests.builders import NOW, order
from tests.integration.ledger.examples import make_answer, make_notice
from tests.integration.ops.conftest import Shop

SESSION = "cs_live_forget-me"
SECRET = "Zacharias vom Karpfenteich"
VALUATIONS = ORDERS[Kind.VALUATION]
MAILING = {"MAIL_PROVIDER": "resend", "RESEND_API_KEY": "re_x", "MAIL_FROM": "shop@example.org"}


async def deliver(shop: Shop, session: str = SESSION, **duties: MailDuty) -> str:
    """Put a delivered job there, with everything that a worker and Stripe leave behind."""
    job_id = await shop.open(session)
    order_id = uuid.uuid4().hex[:24]
    fields = {
        "order_id": order_id,
        "state": "delivered",
        "not_before": None,
        "answer": plain(make_answer(text=SECRET)),
        "delivered_at": NOW,
        "mails": {to: plain(duty) for to, duty in duties.items()},
        "payment.source": SECRET,
    }
    put = shop.connection.collection
    await put(JOBS).update_one({"_id": job_id}, {"$set": fields})
    document = order(_id=order_key(order_id), stripeSessionId=session, besonderheiten=SECRET)
    await put(VALUATIONS).insert_one(document)
    request = {"session_id": session, "timestamp": NOW, "model_used": "m", "success": False}
    words = {"horse_data": {"rasse": SECRET}, "response_data": {"content": SECRET}}
    await put(AI_REQUESTS).insert_one(request | words | {"job_id": job_id})
    error = {"session_id": session, "timestamp": NOW, "error_type": "x", "error_message": SECRET}
    await put(ERROR_LOGS).insert_one(error)
    notice = plain(make_notice()) | {"session_id": session}
    await put(STRIPE_EVENTS).insert_one({"_id": notice.pop("id"), **notice})
    return job_id


async def contents(shop: Shop, *names: str) -> str:
    found = names or await shop.connection.database.list_collection_names()
    return " ".join(
        [str(await shop.connection.latest(name).find().to_list(None)) for name in sorted(found)]
    )


async def test_a_dry_run_shows_and_changes_nothing(shop: Shop) -> None:
    """What would go, what stays, and which fields the site holds."""
    await deliver(shop)
    before = await contents(shop)

    plan = await shop.told("erase", SESSION, "--dry-run")

    assert (plan["dry_run"], plan["exit_code"]) == (True, Exit.OK)
    assert plan["erased"] == {JOBS: 1, AI_REQUESTS: 1, ERROR_LOGS: 1}
    [site] = [text for where, text in plan["remains"].items() if where.startswith(VALUATIONS)]
    assert "STILL HOLDS" in site
    assert "besonderheiten" in site
    assert await contents(shop) == before


async def test_erasing_leaves_nothing_of_ours_and_a_receipt(shop: Shop) -> None:
    """The order is the site's and stays; the second time says when the first one was."""
    await deliver(shop)

    first = await shop.told("erase", SESSION, "--force")
    second = await shop.told("erase", SESSION, "--force")

    ours = set(await shop.connection.database.list_collection_names()) - {VALUATIONS}
    assert SECRET not in await contents(shop, *ours)
    assert SECRET in await contents(shop, VALUATIONS)
    assert first["erased"] == {JOBS: 1, AI_REQUESTS: 1, ERROR_LOGS: 1}
    assert first["already_erased_at"] is None
    assert second["already_erased_at"] is not None
    assert not any(second["erased"].values())
    [receipt] = await shop.connection.latest(ERASURES).find().to_list(None)
    assert receipt["_id"] == fingerprint(SESSION) == first["receipt_id"]
    assert len(receipt["runs"]) == 1


async def test_the_order_too_when_asked_for_and_also_later(shop: Shop) -> None:
    """Nothing of the customer's is left anywhere in the database."""
    await deliver(shop)
    await shop.told("erase", SESSION, "--force")

    later = await shop.told("erase", SESSION, "--with-order", "--force")

    assert later["erased"] == {JOBS: 0, AI_REQUESTS: 0, ERROR_LOGS: 0, VALUATIONS: 1}
    assert SECRET not in await contents(shop)
    [receipt] = await shop.connection.latest(ERASURES).find().to_list(None)
    assert [run["with_order"] for run in receipt["runs"]] == [False, True]


@pytest.mark.parametrize(("answer", "code"), [("n\n", Exit.FAILED), ("y\n", Exit.OK)])
async def test_it_asks_first(shop: Shop, answer: str, code: Exit) -> None:
    """The question says what goes."""
    await deliver(shop)

    result = await shop.call("erase", SESSION, answer=answer)

    assert result.exit_code == code
    assert "1 jobs, 1 ai_requests, 1 error_logs" in result.stderr
    assert (SECRET in await contents(shop, JOBS)) == (code is Exit.FAILED)
    if code is Exit.OK:
        assert "log files" in result.stdout


async def test_who_paid_and_got_nothing_is_refused(shop: Shop) -> None:
    """Refund first; with --force it is done and said."""
    await shop.open(SESSION)

    refused = await shop.call("erase", SESSION)
    forced = await shop.told("erase", SESSION, "--force")
    retried = await shop.call("orders", "retry", SESSION)

    assert refused.exit_code == Exit.FAILED
    assert "Refund" in refused.stderr
    assert "paid and gets nothing" in forced["warnings"][0]
    assert retried.exit_code == Exit.FAILED
    assert "erased" in retried.stderr


async def test_an_order_of_two_sessions_is_not_emptied_for_one(shop: Shop) -> None:
    """The other customer's result may stand in it."""
    job_id = await deliver(shop)
    other = await shop.open("cs_other")
    job = await shop.connection.latest(JOBS).find_one({"_id": job_id}) or {}
    same = {"order_id": job["order_id"], "holds_order": False}
    await shop.connection.collection(JOBS).update_one({"_id": other}, {"$set": same})

    refused = await shop.call("erase", SESSION, "--with-order", "--force")

    assert refused.exit_code == Exit.FAILED
    assert "cs_other" in refused.stderr


async def test_an_unknown_session_is_refused(shop: Shop) -> None:
    """A slip of the pen must not look like an erasure."""
    result = await shop.call("erase", "cs_live_unknown", "--force")

    assert result.exit_code == Exit.FAILED
    assert "Nothing is known" in result.stderr


async def duty(shop: Shop, job_id: str, to: str = "customer") -> dict[str, Any]:
    job = await shop.connection.latest(JOBS).find_one({"_id": job_id}) or {}
    found: dict[str, Any] = job["mails"][to]
    return found


async def test_a_failed_mail_is_due_again(shop: Shop, valkey: EmbeddedValkey) -> None:
    """At once, with a ring, under its old key."""
    job_id = await deliver(shop, customer=MailDuty(state=MailState.FAILED, tries=9))
    async with Redis.from_url(valkey.url) as redis:
        await redis.delete("pw:jobs")
        report = await shop.told("orders", "mail", SESSION, "--force", **MAILING)
        rings = await redis.llen("pw:jobs")

    assert (report["effect"], report["rung"], rings) == ("mail_due", True, 1)
    found = await duty(shop, job_id)
    assert (found["state"], found["tries"], found["edition"]) == ("pending", 0, 0)


async def test_a_sent_mail_goes_out_again_only_when_meant(shop: Shop) -> None:
    """It asks, and --again gives the mail a new key."""
    sent = MailDuty(state=MailState.SENT, sent_at=NOW, provider_id="m1")
    job_id = await deliver(shop, customer=sent)

    refused = await shop.call("orders", "mail", SESSION, answer="y\n", **MAILING)
    declined = await shop.call("orders", "mail", SESSION, "--again", answer="n\n", **MAILING)
    done = await shop.call("orders", "mail", SESSION, "--again", answer="y\n", **MAILING)

    assert [result.exit_code for result in (refused, declined, done)] == [1, 1, 0]
    assert "--again" in refused.stderr
    assert (await duty(shop, job_id))["edition"] == 1


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        ([], {}, "MAIL_PROVIDER is off"),
        (["--to", "admin"], MAILING, "ADMIN_EMAILS is empty"),
    ],
)
async def test_a_mail_that_nothing_would_send_is_refused(
    shop: Shop, arguments: list[str], env: dict[str, str], words: str
) -> None:
    """Before anything is asked or changed."""
    await deliver(shop, customer=MailDuty(state=MailState.FAILED))

    result = await shop.call("orders", "mail", SESSION, *arguments, **env)

    assert result.exit_code == Exit.FAILED
    assert words in result.stderr


async def test_an_erased_order_gets_no_more_mail(shop: Shop) -> None:
    """Whoever asks."""
    await deliver(shop, customer=MailDuty(state=MailState.FAILED))
    await shop.told("erase", SESSION, "--force")

    result = await shop.call("orders", "mail", SESSION, "--force", **MAILING)

    assert result.exit_code == Exit.FAILED
    assert "erased" in result.stderr


async def test_an_order_that_nobody_paid_can_be_emptied(shop: Shop) -> None:
    """There is no job and nothing of ours; the site's fields go all the same."""
    document = order(_id=order_key("a" * 24), stripeSessionId=SESSION, besonderheiten=SECRET)
    await shop.connection.collection(VALUATIONS).insert_one(document)

    report = await shop.told("erase", SESSION, "--with-order", "--force")

    assert report["erased"][VALUATIONS] == 1
    assert SECRET not in await contents(shop)
