#!/usr/bin/env bash
# colorednoise 2.2.0: short sequences have more than the unit variance that its docstring promises.
#
# powerlaw_psd_gaussian says "Normalised to unit variance". The variance that it divides by leaves out
# the constant part of the spectrum, which is drawn all the same. So white noise (exponent 0) has
# variance 4 in sequences of 2, 1.5 of 3, 1.6 of 4, 1.18 of 10 and 1.01 of 100 samples.
#
# Installs the pinned packages into a temporary folder, and fails if what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check colorednoise==2.2.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from colorednoise import powerlaw_psd_gaussian

print(f"colorednoise {version('colorednoise')}, numpy {version('numpy')}")
assert "Normalised to unit variance" in powerlaw_psd_gaussian.__doc__
SEEN = {(2, 0): 4.0, (3, 0): 1.5, (4, 0): 1.6, (10, 0): 1.18, (100, 0): 1.01, (2, 2): 4.0, (10, 2): 1.35}
for (samples, exponent), seen in SEEN.items():
    noise = powerlaw_psd_gaussian(exponent, (2_000_000 // samples, samples), random_state=0)
    variance = noise.var()
    print(f"exponent {exponent}, {samples:3d} samples: variance {variance:.2f}")
    assert abs(variance - seen) < 0.02, f"it was {seen}"
PYTHON
