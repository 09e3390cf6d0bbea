"""Processes with one role each: what they learn from others without a restart, and how they say that they are alive."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import httpx
import pytest

from tests.builders import new_customer
from tests.channels.mailbox import a_mailbox
from tests.processes.conftest import Start
from tests.processes.servers import free_port
from walletd.bootstrap import Application, application, make_demo_credentials, prepare_database, utc_now
from walletd.cli.operations.heartbeat import SILENT_SECONDS, heartbeat_file
from walletd.domain.cards.cards import NewCard
from walletd.domain.cards.programs import NewProgram
from walletd.services.merchants.merchants import NewMerchant, shell
from walletd.settings import load

_SOON_SECONDS = 8.0


@pytest.fixture
def environ(postgres_url: str, tmp_path: Path) -> dict[str, str]:
    """Settings over a PostgreSQL without a shop."""
    port = free_port()
    return {
        "WALLETD_DATA_DIR": str(tmp_path / "data"),
        "WALLETD_DATABASE_URL": postgres_url,
        "WALLETD_PORT": str(port),
        "WALLETD_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WALLETD_MASTER_KEY": "42" * 32,
        "WALLETD_LOG_FORMAT": "json",
    }


async def _shop_without_certificate(app: Application) -> tuple[str, str, str]:
    """Make a merchant with a card; return merchant, API key and serial number."""
    merchant = await app.services.merchants.create(NewMerchant("Café Probe"))
    by = shell(merchant.id)
    program = await app.services.programs.create(by, NewProgram("loyalty", "Points"))
    new = NewCard(program.id, customer=new_customer(last_name="M"))
    serial = json.loads((await app.services.cards.issue(by, new, None)).body)["serial_number"]
    return merchant.id, (await app.services.api_keys.create(by, "till", ("admin",)))[1], serial


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_web_processes_sign_with_a_certificate_that_another_process_loads(
    environ: dict[str, str], start: Start, workers: str
) -> None:
    """After `merchant set` elsewhere every web process hands out passes within seconds, without a restart."""
    settings = load(environ)
    prepare_database(settings)
    async with application(settings, role="cli", serving=False) as app:
        merchant, key, serial = await _shop_without_certificate(app)
        web = start(environ, "serve", "--role", "web", "--workers", workers, name="web")
        await web.ready()
        url, headers = f"{web.url}/api/v1/cards/{serial}/pass.pkpass", {"authorization": f"Bearer {key}"}

        async def statuses() -> set[int]:
            """Ask on connections of their own, so that each process is met."""
            found = set()
            for _ in range(12):
                async with httpx.AsyncClient(trust_env=False) as http:
                    found.add((await http.get(url, headers=headers)).status_code)
            return found

        assert await statuses() == {503}
        made = make_demo_credentials(utc_now())
        await app.services.merchants.set_credentials(
            merchant, "apple", made.pass_type_identifier, made.to_bytes(), made.not_valid_after
        )
        ends_at = time.monotonic() + _SOON_SECONDS
        while (found := await statuses()) != {200}:
            assert time.monotonic() < ends_at, found
    assert await web.stop() == 0


@pytest.mark.parametrize("role", ["worker", "scheduler"])
async def test_a_role_without_a_port_shows_that_it_is_alive(environ: dict[str, str], start: Start, role: str) -> None:
    """The health check knows by itself what runs here, notices silence, and finds nothing after a clean end."""
    served = start(environ, "serve", "--role", role, name=role)
    await served.said("walletd is ready")
    file = heartbeat_file(Path(environ["WALLETD_DATA_DIR"]), role)
    for _ in range(100):
        if file.exists():
            break
        await asyncio.sleep(0.05)

    async def check(name: str, *arguments: str) -> tuple[int, str]:
        process = start(environ, "healthcheck", *arguments, name=name)
        return await process.ended(), process.output.read_text()

    assert await check("by-itself") == (0, f"{role}: alive\n")
    assert await check("by-name", "--role", role) == (0, f"{role}: alive\n")
    assert (await check("port", "--role", "web"))[0] == 1
    await served.kill()
    long_ago = time.time() - SILENT_SECONDS - 5
    os.utime(file, (long_ago, long_ago))
    code, said = await check("silent")
    assert (code, f"the {role} gave no sign of life" in said) == (1, True)
    served.start()
    await served.said("walletd is ready")
    for _ in range(100):
        if file.stat().st_mtime > long_ago + 1:
            break
        await asyncio.sleep(0.05)
    assert (await check("again"))[0] == 0
    assert await served.stop() == 0
    code, said = await check("stopped", "--role", role)
    assert (code, f"walletd serve --role {role}" in said) == (1, True)


def test_the_clock_of_every_role_shows_whole_milliseconds() -> None:
    """An instant that was stored and read equals the one that the clock showed."""
    assert {utc_now().microsecond % 1000 for _ in range(1000)} == {0}


async def test_a_greeting_that_a_command_asked_for_is_mailed_by_the_worker(
    environ: dict[str, str], start: Start
) -> None:
    """The command and the worker are two processes; the mail goes from one to the other through the database."""
    with a_mailbox() as mailbox:
        environ["WALLETD_SMTP_URL"] = mailbox.url()
        settings = load(environ)
        prepare_database(settings)
        async with application(settings, role="cli", serving=False) as app:
            merchant, _, _ = await _shop_without_certificate(app)
            worker = start(environ, "serve", "--role", "worker", name="worker")
            await worker.said("walletd is ready")
            await app.services.service_mail.set_mailbox(shell(merchant), "office@shop.example")
            (greeting,) = await asyncio.to_thread(mailbox.wait, 1)
    assert "Café Probe" in greeting.text
