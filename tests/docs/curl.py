"""`python -m tests.docs.curl`: those options of curl that the README uses, for machines without it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_HTTP_ERROR = 22


def main() -> int:
    """Send one request as the command line says; 22 for a refusal, as curl does with --fail-with-body."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-S", action="store_true")
    parser.add_argument("--fail-with-body", action="store_true")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data", type=str.encode)
    parser.add_argument("-o", dest="output", type=Path)
    given = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in given.headers)
    failed = False
    try:
        with urlopen(Request(given.url, given.data, headers)) as answer:
            body: bytes = answer.read()
    except HTTPError as error:
        body, failed = error.read(), True
    if given.output is not None:
        given.output.write_bytes(body)
    else:
        sys.stdout.buffer.write(body)
    return _HTTP_ERROR if failed and given.fail_with_body else 0


if __name__ == "__main__":
    sys.exit(main())
