"""`walletd api-key`: make, list and revoke keys of the API."""

from __future__ import annotations

import json

import click

from walletd.bootstrap import Application
from walletd.cli.opening import json_option, merchant_option, run_command
from walletd.domain.calendar import rfc3339
from walletd.domain.merchants.principals import GRANTS, SCOPES
from walletd.services.merchants.merchants import shell


@click.group("api-key")
def api_key() -> None:
    """Make, list and revoke keys of the API."""


@api_key.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(GRANTS),
    help="A scope or a single right; can be given more than once. Without it: everything a till needs.",
)
@merchant_option
@json_option
def create(name: str, scopes: tuple[str, ...], merchant_id: str | None, as_json: bool) -> None:  # noqa: FBT001 - click
    """Make a key called NAME and print its secret, once."""
    wanted = scopes or tuple(scope for scope in SCOPES if scope != "admin")

    async def work(app: Application) -> dict[str, object]:
        merchant = await app.services.merchants.get(merchant_id)
        row, secret = await app.services.api_keys.create(shell(merchant.id), name, wanted)
        return {"key_id": row.id, "api_key": secret, "name": row.name, "scopes": list(row.scopes)}

    made = run_command(work)
    if as_json:
        click.echo(json.dumps(made))
    else:
        click.echo(f"{made['api_key']}   (shown once; keep it. Its id is {made['key_id']})")


@api_key.command("list")
@merchant_option
@json_option
def list_keys(merchant_id: str | None, as_json: bool) -> None:  # noqa: FBT001 - click gives options by name
    """List all keys, revoked ones too; secrets are not stored and cannot be shown."""

    async def work(app: Application) -> list[dict[str, object]]:
        merchant = await app.services.merchants.get(merchant_id)
        return [
            {
                "key_id": row.id,
                "name": row.name,
                "scopes": list(row.scopes),
                "created_at": rfc3339(row.created_at),
                "revoked_at": None if row.revoked_at is None else rfc3339(row.revoked_at),
            }
            for row in await app.services.api_keys.list(merchant.id)
        ]

    rows = run_command(work)
    if as_json:
        click.echo(json.dumps({"items": rows}))
        return
    for row in rows:
        state = f"revoked {row['revoked_at']}" if row["revoked_at"] else "living"
        click.echo(f"{row['key_id']}  {state}  {row['name']}  {', '.join(map(str, _as_list(row['scopes'])))}")


@api_key.command("revoke")
@click.argument("key_id")
@merchant_option
def revoke(key_id: str, merchant_id: str | None) -> None:
    """Revoke the key KEY_ID; a running server refuses it within a second."""

    async def work(app: Application) -> None:
        merchant = await app.services.merchants.get(merchant_id)
        await app.services.api_keys.revoke(shell(merchant.id), key_id)

    run_command(work)
    click.echo(f"{key_id} is revoked.")


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
