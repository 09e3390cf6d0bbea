"""Fresh passes in process: rendering, packaging and signing beside the bare RSA signature, on one core and on two."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from bench.delivery.sample import Sample, make_sample
from bench.figures import Figure
from bench.rates import Scale, alternate, rate, stay_on_core, wall_rate

_SIGNED = b"\x31" + bytes(range(104))
"""As long as the signed attributes of a pass."""


def bare_rsa(sample: Sample) -> Callable[[], bytes]:
    """Return what makes one signature with the pass's key, and nothing else."""
    key = sample.credentials.key
    assert isinstance(key, RSAPrivateKey)
    padding, sha256 = PKCS1v15(), SHA256()
    return lambda: key.sign(_SIGNED, padding, sha256)


def run(scale: Scale) -> list[Figure]:
    """Measure a whole fresh pass, and its packaging alone, in turns with the bare signature."""
    stay_on_core(1)
    sample, seconds = make_sample(), scale.seconds / 2
    bare = bare_rsa(sample)
    figures = []
    for what, work, reach in (
        ("fresh pass in process, rendered and packaged", sample.renderer(), 0.85),
        ("fresh pass in process, packaged only", sample.packager(), 0.85),
    ):
        turns = alternate(lambda work=work: rate(work, seconds), lambda: rate(bare, seconds), scale.rounds)  # type: ignore[misc]
        figures.append(Figure(what, turns.subject, turns.limit, "bare RSA-2048", reach))
    return figures


def run_two_processes(scale: Scale) -> list[Figure]:
    """Measure one process that makes passes against two that do so at the same time, each on a core of its own."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for core in (0, 1):
        ours, theirs = context.Pipe()
        context.Process(target=_sign_on_demand, args=(theirs, core), daemon=True).start()
        pipes.append(ours)
        assert ours.recv() == "ready"

    def together(asked: list[Connection]) -> float:
        for pipe in asked:
            pipe.send(scale.seconds)
        return sum(float(pipe.recv()) for pipe in asked)

    # Noise only ever slows down, so the best round of each comes nearest to the truth.
    one = both = 0.0
    for _ in range(scale.rounds):
        one = max(one, together(pipes[:1]), together(pipes[1:]))
        both = max(both, together(pipes))
    for pipe in pipes:
        pipe.send(None)
    return [Figure("two processes against one", both, one, "one process", 1.8)]


def _sign_on_demand(pipe: Connection, core: int) -> None:
    stay_on_core(core)
    make = make_sample().renderer()
    make()
    pipe.send("ready")
    while (seconds := pipe.recv()) is not None:
        pipe.send(wall_rate(make, seconds))
