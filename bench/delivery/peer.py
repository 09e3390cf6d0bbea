"""The same pass with the same certificate, made by passkit-generator on Node; skipped where there is no Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.delivery.sample import Sample, make_sample
from bench.figures import Figure
from bench.rates import Scale, rate, stay_on_core
from bench.shop import folder

_PEER: Final = Path(__file__).parent / "peers" / "passkit_generator"
_INSTALL_SECONDS: Final = 180


def run(scale: Scale) -> list[Figure]:
    """Measure passkit-generator, installed into a folder that is removed again, and then ours."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("node is not here, so there is nothing to compare with")
        return []
    stay_on_core(1)
    sample = make_sample()
    with folder() as place:
        for file in _PEER.iterdir():
            shutil.copy(file, place)
        write_material(sample, place)
        if not _is_installed(npm, place):
            return []
        ran = subprocess.run(
            [node, "measure.mjs", str(max(1.0, 3 * scale.seconds))],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(ran.stderr[-2000:])
        theirs = float(json.loads(ran.stdout)["passes_per_second"])
    ours = rate(sample.renderer(), scale.seconds)
    return [Figure("fresh pass in process, against passkit-generator", ours, theirs, "passkit-generator", 150.0)]


def write_material(sample: Sample, place: Path) -> None:
    """Write the members of the pass below `pass/` and certificates and key as PEM."""
    document, _ = sample.document()
    for name, content in {**sample.template.files, "pass.json": document}.items():
        path = place / "pass" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    credentials = sample.credentials
    (place / "leaf.pem").write_bytes(credentials.leaf.public_bytes(Encoding.PEM))
    (place / "intermediate.pem").write_bytes(credentials.chain[0].public_bytes(Encoding.PEM))
    key = place / "key.pem"
    key.touch(mode=0o600)
    key.write_bytes(credentials.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _is_installed(npm: str, place: Path) -> bool:
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        ran = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        print("npm did not finish installing passkit-generator")
        return False
    if ran.returncode:
        print(f"passkit-generator could not be installed: {ran.stderr.strip()[-300:]}")
    return ran.returncode == 0
