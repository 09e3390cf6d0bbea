"""`walletd init`: a data directory with a merchant and an API key, ready to serve."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import click

from walletd.bootstrap import application, make_demo_credentials, prepare_database, utc_now
from walletd.cli.opening import json_option
from walletd.domain.errors import ConfigurationRefused, ValidationFailed
from walletd.services.merchants.merchants import NewMerchant, shell
from walletd.settings import Settings, from_process


@dataclass(frozen=True, slots=True)
class CreatedShop:
    """A new merchant and the secret of its first API key."""

    merchant_id: str
    api_key: str


@click.command()
@click.option("--merchant", "name", metavar="NAME", help="What the shop is called; stands on every card.")
@click.option("--currency", default="EUR", show_default=True, help="Currency of the shop, ISO 4217.")
@click.option("--timezone", default="Europe/Berlin", show_default=True, help="Time zone of the shop.")
@click.option("--demo-certificates", is_flag=True, help="Sign passes with a certificate of our own, for trying out.")
@click.option("--yes", is_flag=True, help="Ask nothing; what is not given has its default.")
@json_option
def init(
    name: str | None,
    currency: str,
    timezone: str,
    demo_certificates: bool,  # noqa: FBT001 - click gives options by name
    yes: bool,  # noqa: FBT001 - the same
    as_json: bool,  # noqa: FBT001 - the same
) -> None:
    """Make a data directory, a database, a merchant and an API key."""
    settings = from_process()
    if name is None and not yes:
        name = click.prompt("Name of the shop", err=True)
        currency = click.prompt("Currency", default=currency, err=True)
        timezone = click.prompt("Time zone", default=timezone, err=True)
    if demo_certificates and settings.environment != "demo":
        raise ConfigurationRefused(
            "Demo certificates are for WALLETD_ENVIRONMENT=demo; in production load your own: walletd merchant set"
        )
    prepare_database(settings)
    new = NewMerchant(name or "My shop", currency.upper(), timezone)
    made = asyncio.run(make_shop(settings, new, with_demo_certificates=demo_certificates))
    data_dir = str(settings.data_dir.resolve())
    if as_json:
        # There is nothing below this address yet that an administrator could open.
        shown = {
            "merchant_id": made.merchant_id,
            "api_key": made.api_key,
            "admin_url": settings.public_url,
            "data_dir": data_dir,
        }
        click.echo(json.dumps(shown))
        return
    click.echo(f"Data directory   {data_dir}")
    click.echo(f"Merchant         {made.merchant_id}  {new.name}")
    click.echo(f"API key          {made.api_key}   (shown once; keep it)")
    click.echo(f"API description  {settings.public_url}/api/v1/openapi.json")
    click.echo("Next             walletd serve")
    if not demo_certificates:
        click.echo("                 walletd merchant set --apple-p12 FILE   (cards can be issued, but not signed yet)")


async def make_shop(settings: Settings, new: NewMerchant, *, with_demo_certificates: bool) -> CreatedShop:
    """Make a merchant and its first API key in a migrated database; refuses a database that has a merchant."""
    role = "all" if settings.database_is_sqlite else "cli"
    async with application(settings, role=role, serving=False) as app:
        if await app.services.merchants.list():
            raise ValidationFailed(
                f"{settings.data_dir} has a merchant already; for another key"
                " like its first run: walletd api-key create NAME --scope admin"
            )
        merchant = await app.services.merchants.create(new)
        if with_demo_certificates:
            made = make_demo_credentials(utc_now(), organization=new.name)
            await app.services.merchants.set_credentials(
                merchant.id, "apple", made.pass_type_identifier, made.to_bytes(), made.not_valid_after
            )
        _, secret = await app.services.api_keys.create(shell(merchant.id), "first key", ("admin",))
        return CreatedShop(merchant.id, secret)
