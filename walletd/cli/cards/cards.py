"""`walletd card`: support from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import click

from walletd.bootstrap import Application
from walletd.cli.cards.key_list import read_key_list
from walletd.cli.opening import json_option, merchant_option, run_command
from walletd.domain.calendar import rfc3339
from walletd.domain.cards.keys import OldKey, Rewrite, RewritePlan, RewritesRefused, Rewritten
from walletd.domain.errors import NotFound
from walletd.domain.identifiers import is_serial_number
from walletd.domain.ledger.card_views import CardView
from walletd.domain.ledger.documents import card_document
from walletd.services.delivery.targets import PhoneDelivery
from walletd.services.merchants.merchants import shell


@click.group()
def card() -> None:
    """Look at one card."""


@card.command()
@click.argument("name", metavar="CARD")
@merchant_option
@json_option
def show(name: str, merchant_id: str | None, as_json: bool) -> None:  # noqa: FBT001 - click gives options by name
    """Show CARD, named by serial number or key: its balance, and how far each phone has come."""

    async def work(app: Application) -> tuple[CardView, tuple[PhoneDelivery, ...]]:
        by = shell((await app.services.merchants.get(merchant_id)).id)
        view = await _find(app, by.merchant_id, name)
        return view, await app.services.deliveries.of_card(by, view.card.serial_number)

    view, phones = run_command(work)
    document = card_document(view)
    if as_json:
        click.echo(json.dumps(document | {"phones": [_phone(phone) for phone in phones]}))
        return
    account = view.account
    click.echo(f"Card      {view.card.serial_number}   key {view.card.key}   {view.card.status}")
    click.echo(f"Program   {view.program.name} ({view.program.kind})")
    click.echo(f"Customer  {view.customer.number}   {view.customer.name}")
    click.echo(f"Balance   {account.balance} {account.currency or account.unit}")
    click.echo(f"Add link  {view.add_url}")
    for phone in phones:
        versions = f"published {phone.published or '-'}, told {phone.accepted or '-'}, fetched {phone.fetched or '-'}"
        click.echo(f"Phone     {phone.device}  {phone.state}: {versions}  {phone.last_reason}".rstrip())
    if not phones:
        click.echo("Phone     none: the card is on no phone yet")


@card.command("pass")
@click.argument("name", metavar="CARD")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@merchant_option
def write_pass(name: str, file: Path, merchant_id: str | None) -> None:
    """Write the signed pass of CARD, named by serial number or key, to FILE (.pkpass)."""

    async def work(app: Application) -> bytes:
        by = shell((await app.services.merchants.get(merchant_id)).id)
        view = await _find(app, by.merchant_id, name)
        return (await app.services.passes.of_card(by, view.card.serial_number)).content

    content = run_command(work)
    file.write_bytes(content)
    click.echo(f"{file}: {len(content)} bytes")


@card.command("rewrite-key")
@click.argument("name", metavar="CARD")
@click.argument("key")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@click.option("--retire", is_flag=True, help="Refuse the old key at the till from now on.")
@merchant_option
def rewrite_key(name: str, key: str, reason: str, retire: bool, merchant_id: str | None) -> None:  # noqa: FBT001
    """Give CARD, named by serial number or key, the new KEY; its phones are told."""

    async def work(app: Application) -> Rewritten:
        by = shell((await app.services.merchants.get(merchant_id)).id)
        return await app.services.card_keys.rewrite(by, Rewrite(name, key), _plan(reason, retire=retire))

    done = run_command(work)
    click.echo(f"{done.serial_number}: {done.old_key} → {done.key}")


@card.command("rewrite-keys")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@click.option("--retire", is_flag=True, help="Refuse the old keys at the till from now on.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@merchant_option
def rewrite_keys(file: Path, reason: str, retire: bool, dry_run: bool, merchant_id: str | None) -> None:  # noqa: FBT001
    """Give the cards in FILE, a CSV with the columns card and key, new keys: all of them or none."""

    async def work(app: Application) -> list[Rewritten]:
        by = shell((await app.services.merchants.get(merchant_id)).id)
        plan = _plan(reason, retire=retire)
        return await app.services.card_keys.rewrite_all(by, read_key_list(file), plan, dry_run=dry_run)

    try:
        done = run_command(work)
    except RewritesRefused as refused:
        for place, fault in refused.failures:
            click.echo(f"card {place + 1} of the list: {fault.detail}", err=True)
        raise
    for row in done:
        click.echo(f"{row.serial_number}: {row.old_key} → {row.key}")
    changed = sum(row.old_key != row.key for row in done)
    click.echo(f"{changed} of {len(done)} cards {'would change' if dry_run else 'changed'}.")


def _plan(reason: str, *, retire: bool) -> RewritePlan:
    return RewritePlan(reason, OldKey.RETIRE if retire else OldKey.REDIRECT)


async def _find(app: Application, merchant_id: str, name: str) -> CardView:
    by = shell(merchant_id)
    if is_serial_number(name):
        try:
            return await app.services.cards.get(by, name)
        except NotFound:
            # A merchant's own keys may look like serial numbers.
            return await app.services.cards.by_key(by, name)
    return await app.services.cards.by_key(by, name)


def _phone(phone: PhoneDelivery) -> dict[str, object]:
    return {
        "device": phone.device,
        "wallet": phone.wallet,
        "state": phone.state,
        "published": phone.published,
        "accepted": phone.accepted,
        "fetched": phone.fetched,
        "due_at": None if phone.due_at is None else rfc3339(phone.due_at),
        "last_reason": phone.last_reason,
        "registered_at": rfc3339(phone.registered_at),
    }
