"""Requests made from the API's own document, valid and invalid ones: some in the test run, many in `make soak`."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from tests.web.serving import Served


def send_examples_of_all_operations(served: Served, examples: int) -> set[int]:
    """Send so many valid and so many invalid requests of every route, and return the statuses of their answers.

    Each answer is one that the document describes, and none is a 5xx.
    """
    schema = schemathesis.openapi.from_url(f"{served.address}/api/v1/openapi.json")
    statuses: set[int] = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        # A path that an example turned into another one is answered by whatever is there.
        possible = {int(status) for status in operation.definition.raw["responses"]} | {400, 404, 405}
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            for status in _send_examples(operation.as_strategy(mode), served, examples):
                assert status in possible, operation.label
                statuses.add(status)
    return statuses


def _send_examples(strategy: st.SearchStrategy[Any], served: Served, examples: int) -> set[int]:
    statuses: set[int] = set()

    @settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(strategy)
    def send(case: schemathesis.Case[Any]) -> None:
        answer = case.call(f"{served.address}/api/v1", headers={"Authorization": f"Bearer {served.api_key}"})
        assert answer.status_code < 500, answer.text
        statuses.add(answer.status_code)

    send()
    return statuses
