"""The use cases. Every edge is given this bundle, and only that."""

from __future__ import annotations

from dataclasses import dataclass

from walletd.services.cards.cards import Cards
from walletd.services.cards.keys import CardKeys
from walletd.services.cards.programs import Programs
from walletd.services.customers.consent import Consent
from walletd.services.customers.customers import Customers
from walletd.services.customers.duplicate_mails import DuplicateMails
from walletd.services.customers.duplicates import Duplicates
from walletd.services.customers.erasures import Erasures
from walletd.services.customers.history import History
from walletd.services.customers.lists import CustomerLists
from walletd.services.customers.merge_requests import MergeRequests
from walletd.services.customers.merges.merges import Merges
from walletd.services.customers.personal_data import PersonalDataExports
from walletd.services.delivery.devices import Devices
from walletd.services.delivery.links import Links
from walletd.services.delivery.messages import KIND as MESSAGE
from walletd.services.delivery.messages import Messages
from walletd.services.delivery.objects.deliveries import ObjectDelivery
from walletd.services.delivery.objects.objects import WalletObjects
from walletd.services.delivery.passes import Passes
from walletd.services.delivery.publishing import Publisher
from walletd.services.delivery.targets import Deliveries
from walletd.services.exchange.exports import Exports
from walletd.services.exchange.imports.imports import KIND as IMPORT
from walletd.services.exchange.imports.imports import Imports
from walletd.services.ledger.accounts import Accounts
from walletd.services.ledger.checkpoints import Checkpoints
from walletd.services.ledger.ledger import Ledger
from walletd.services.ledger.proof import Proof
from walletd.services.ledger.reports import Reports
from walletd.services.ledger.statements import Statements
from walletd.services.merchants.api_keys import ApiKeys
from walletd.services.merchants.merchants import Merchants
from walletd.services.operations.assurance import Assurance
from walletd.services.operations.health import Health
from walletd.services.operations.upkeep import Upkeep
from walletd.services.outbox.jobs import Handler, Jobs
from walletd.services.outbox.mail import ServiceMail
from walletd.services.outbox.mail_queue import KIND as MAIL
from walletd.services.outbox.tills import KIND as TILL
from walletd.services.outbox.tills import Tills
from walletd.services.outbox.webhook_messages import WebhookDelivery
from walletd.services.outbox.webhooks import Webhooks
from walletd.services.promotions.orders import Orders
from walletd.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Services:
    """All use cases, by noun."""

    accounts: Accounts
    api_keys: ApiKeys
    assurance: Assurance
    cards: Cards
    checkpoints: Checkpoints
    customer_lists: CustomerLists
    customers: Customers
    deliveries: Deliveries
    devices: Devices
    duplicate_mails: DuplicateMails
    duplicates: Duplicates
    erasures: Erasures
    exports: Exports
    health: Health
    history: History
    imports: Imports
    jobs: Jobs
    card_keys: CardKeys
    ledger: Ledger
    links: Links
    merchants: Merchants
    merge_requests: MergeRequests
    merges: Merges
    messages: Messages
    wallet_objects: WalletObjects
    object_delivery: ObjectDelivery
    consent: Consent
    orders: Orders
    passes: Passes
    personal_data: PersonalDataExports
    programs: Programs
    proof: Proof
    publisher: Publisher
    reports: Reports
    service_mail: ServiceMail
    statements: Statements
    tills: Tills
    upkeep: Upkeep
    webhook_delivery: WebhookDelivery
    webhooks: Webhooks


def build_services(runtime: Runtime) -> Services:
    """Return the use cases over one runtime."""
    links, publisher, merchants, merges = Links(runtime), Publisher(runtime), Merchants(runtime), Merges(runtime)
    passes, ledger, deliveries = Passes(runtime, publisher, links), Ledger(runtime), Deliveries(runtime)
    messages, object_delivery, imports = Messages(runtime), ObjectDelivery(runtime), Imports(runtime)
    wallet_objects = WalletObjects(runtime, publisher, links, object_delivery)
    proof, checkpoints, service_mail = Proof(runtime), Checkpoints(runtime), ServiceMail(runtime)
    history, tills = History(runtime), Tills(runtime)
    return Services(
        accounts=Accounts(runtime),
        api_keys=ApiKeys(runtime),
        assurance=Assurance(proof, checkpoints, service_mail),
        cards=Cards(runtime, links),
        checkpoints=checkpoints,
        customer_lists=CustomerLists(runtime),
        customers=Customers(runtime),
        deliveries=deliveries,
        devices=Devices(runtime, passes, publisher),
        duplicate_mails=DuplicateMails(runtime),
        duplicates=Duplicates(runtime, merges),
        erasures=Erasures(runtime),
        exports=Exports(runtime),
        health=Health(runtime),
        history=history,
        imports=imports,
        jobs=Jobs(runtime, _handlers(service_mail, messages, imports, tills)),
        card_keys=CardKeys(runtime),
        ledger=ledger,
        links=links,
        merchants=merchants,
        merge_requests=MergeRequests(runtime, merges),
        merges=merges,
        messages=messages,
        wallet_objects=wallet_objects,
        object_delivery=object_delivery,
        consent=Consent(runtime),
        orders=Orders(runtime),
        passes=passes,
        personal_data=PersonalDataExports(runtime),
        programs=Programs(runtime),
        proof=proof,
        publisher=publisher,
        reports=Reports(runtime, ledger),
        service_mail=service_mail,
        statements=Statements(runtime),
        tills=tills,
        upkeep=Upkeep(runtime, ledger, deliveries, merchants, wallet_objects),
        webhook_delivery=WebhookDelivery(runtime),
        webhooks=Webhooks(runtime),
    )


def _handlers(mail: ServiceMail, messages: Messages, imports: Imports, tills: Tills) -> dict[str, Handler]:
    """Return who does the jobs, by their kind."""
    return {MAIL: mail.send, MESSAGE: messages.deliver, IMPORT: imports.work, TILL: tills.notify}
