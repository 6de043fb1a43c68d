"""`wm parity` agrees with the reference, and says so only where it looked."""

import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import GOLDEN, ROOT, golden_arrays
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.encoders.vjepa2_1.vit import load_network
from pipeline.errors import DataError
from pipeline.tools.parity.golden import Check, Folder, close, compare, exact
from pipeline.tools.parity.run import check_file, known_files, run

ENCODERS = GOLDEN / "encoders"
FILES = [
    str(file.relative_to(GOLDEN))
    for folder in (GOLDEN, *sorted(path for path in GOLDEN.rglob("*") if path.is_dir()))
    for file in known_files(folder)
]


def write(folder, stem, arrays):
    np.savez_compressed(folder / f"{stem}.npz", **arrays)
    return folder


def verdicts(folder):
    return {check.name: check.verdict for check in run(folder)}


@pytest.mark.parametrize("file", FILES)
def test_every_array_of_a_golden_file_agrees(file):
    golden = Folder((GOLDEN / file).parent)
    found = list(check_file(golden, GOLDEN / file))
    assert found
    assert GOLDEN / file in golden.read
    assert [check for check in found if not check.passed] == []


def test_no_golden_file_is_left_unread():
    folders = {(GOLDEN / file).parent for file in FILES}
    for folder in folders:
        assert {path for path in folder.iterdir() if path.suffix == ".npz"} <= {
            GOLDEN / file for file in FILES
        }


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("cem", "plain/mu"),
        ("cem", "warm/best_loss_mean"),
        ("cem", "obj/all_cosine"),
        ("dataset", "val_slices"),
        ("dataset", "item7_video"),
        ("metrics", "ssim"),
        ("metrics", "fd_n64/fid"),
    ],
)
def test_one_changed_number_disagrees_and_no_other(stem, name, tmp_path):
    arrays = golden_arrays(stem)
    changed = arrays[name].copy()
    changed[(-1,) * changed.ndim] += 1
    found = verdicts(write(tmp_path, stem, {**arrays, name: changed}))
    assert [row for row, verdict in found.items() if verdict != "agrees"] == [f"{stem} {name}"]
    assert found[f"{stem} {name}"] == "DISAGREES"


def test_another_name_of_an_item_disagrees(tmp_path):
    arrays = {**golden_arrays("dataset"), "item7_name": np.array("traj_0000_start_0008")}
    assert verdicts(write(tmp_path, "dataset", arrays))["dataset item7_name"] == "DISAGREES"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("cem", "plain/nu"),
        ("cem", "cold/mu"),
        ("cem", "obj/first_mse"),
        ("metrics", "lpips"),
        ("dataset", "item7_state"),
    ],
)
def test_an_array_that_nobody_knows_is_not_understood(stem, name, tmp_path):
    arrays = {**golden_arrays(stem), name: np.zeros(3, np.float32)}
    found = verdicts(write(tmp_path, stem, arrays))
    assert found.pop(f"{stem} {name}") == "not understood"
    assert set(found.values()) == {"agrees"}


@pytest.mark.parametrize(
    "name",
    ["other.npz", "other.json", "golden.npz", "_spec.npz", "weights.safetensors", "metrics.npy"],
)
def test_a_file_that_nobody_knows_is_not_understood(name, tmp_path):
    write(tmp_path, "metrics", golden_arrays("metrics"))
    (tmp_path / name).write_bytes(b"")
    found = verdicts(tmp_path)
    assert found.pop(name) == "not understood"
    assert set(found.values()) == {"agrees"}


def test_weights_without_the_arrays_that_they_made_are_not_understood(tmp_path):
    shutil.copy(GOLDEN / "vae_tiny.safetensors", tmp_path)
    assert verdicts(tmp_path) == {"vae_tiny.safetensors": "not understood"}


def spoilt(folder, form, **changes):
    """A copy of the vectors of an encoder, with arrays changed, added, or left out where None."""
    shutil.copytree(ENCODERS / form, folder / form)
    path = folder / form / "cases.safetensors"
    arrays = {**load_file(path), **changes}
    save_file({name: value for name, value in arrays.items() if value is not None}, path)
    return folder


def test_the_vectors_of_encoders_are_found_below_the_folder_that_is_named():
    above = verdicts(ENCODERS)
    assert set(above.values()) == {"agrees"}
    assert len(above) == 30
    for part in ("dino", "dino/mlp", "vjepa"):
        within = {f"{part}/{name}" for name in verdicts(ENCODERS / part)}
        assert within == {name for name in above if name.startswith(f"{part}/")}


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("dino/mlp", "native56.cls"),
        ("dino/swiglu", "large70.patch_tokens"),
        ("vjepa", "twothirds64.after_block2"),
        ("vjepa", "pattern256.output"),
        ("vjepa", "codec.preprocessed"),
        ("vjepa", "codec.latents"),
    ],
)
def test_one_changed_number_of_an_encoder_disagrees_and_no_other(form, name, tmp_path):
    array = load_file(ENCODERS / form / "cases.safetensors")[name]
    array[(-1,) * array.ndim] += 4e-5
    found = verdicts(spoilt(tmp_path, form, **{name: array}))
    rows = {row: verdict for row, verdict in found.items() if verdict != "agrees"}
    assert rows == {f"{form}/cases {name}": "DISAGREES"}


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("dino/mlp", "native56.registers"),
        ("dino/mlp", "cls"),
        ("vjepa", "native96.after_block4"),
        ("vjepa", "codec.decoded"),
    ],
)
def test_an_array_of_an_encoder_that_nobody_knows_is_not_understood(form, name, tmp_path):
    found = verdicts(spoilt(tmp_path, form, **{name: torch.zeros(3)}))
    assert found.pop(f"{form}/cases {name}") == "not understood"
    assert set(found.values()) == {"agrees"}


def test_a_file_beside_the_vectors_of_an_encoder_that_nobody_knows_is_not_understood(tmp_path):
    spoilt(tmp_path, "vjepa")
    (tmp_path / "vjepa" / "more.npz").write_bytes(b"")
    assert verdicts(tmp_path)["vjepa/more.npz"] == "not understood"


def test_the_vectors_of_an_encoder_without_their_inputs_are_refused(tmp_path):
    spoilt(tmp_path, "dino/mlp", **{"native56.input_u8": None})
    with pytest.raises(DataError, match=r"holds no array native56.input_u8, which others"):
        verdicts(tmp_path)
    (tmp_path / "dino" / "mlp" / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"model.safetensors: no such file, but other golden files"):
        verdicts(tmp_path)


def test_a_pattern_of_any_size_needs_no_input(tmp_path):
    network = load_network(load_file(ENCODERS / "vjepa" / "weights.safetensors"), 3, tmp_path)
    picture = torch.tensor(
        [
            [[(7 * i + 13 * j + 29 * c + i * j // 11 + 37 * (i // 16) * (j // 16)) % 256
              for j in range(48)] for i in range(48)] for c in range(3)
        ]
    )  # fmt: skip
    output = network((picture.float()[None, :, None] - 128) / 64)
    found = verdicts(spoilt(tmp_path, "vjepa", **{"pattern48.output": output}))
    assert found["vjepa/cases pattern48.output"] == "agrees"


def by_hand(arrays, low, high, counts):
    """The cross-entropy method on the linear world, in float64, one candidate after another."""
    mean, spread = np.zeros((2, 5, 4)), np.ones((2, 5, 4))
    means, spreads, bests = [mean.copy()], [spread.copy()], []
    for noise in arrays["noise"].astype(float):
        best = []
        for row in range(2):
            goal = arrays["obsg"][row].ravel()
            candidates, costs = [], []
            for number in range(32):
                plan = mean[row] + spread[row] * noise[row, number] * (number > 0)
                plan = np.clip(plan, low, high)
                states = [arrays["obs0"][row].ravel().astype(float)]
                for action in plan:
                    states.append(states[-1] + action @ arrays["W"])
                errors = [((state - goal) ** 2).mean() for state in states]
                weighted = sum(2**i * error for i, error in enumerate(errors)) / 63 / 6
                candidates.append(plan)
                costs.append(weighted if counts == "all" else errors[-1])
            elites = np.array(candidates)[np.argsort(costs)[:6]]
            mean[row], spread[row] = elites.mean(0), elites.std(0, ddof=1)
            best.append(min(costs))
        means.append(mean.copy())
        spreads.append(spread.copy())
        bests.append(np.mean(best))
    return {"mu": np.array(means), "sigma": np.array(spreads), "best_loss_mean": np.array(bests)}


@pytest.mark.parametrize(
    ("search", "low", "high", "counts"),
    [
        ("plain", -np.inf, np.inf, "last"),
        ("clipped", -1, 0.8, "last"),
        ("all", -np.inf, np.inf, "all"),
    ],
)
def test_searches_computed_by_hand_agree(search, low, high, counts, tmp_path):
    arrays = golden_arrays("cem")
    inputs = {name: arrays[name] for name in ("W", "obs0", "obsg", "noise")}
    made = by_hand(arrays, low, high, counts)
    write(tmp_path, "cem", {**inputs, **{f"{search}/{what}": made[what] for what in made}})
    assert verdicts(tmp_path) == {f"cem {search}/{what}": "agrees" for what in made}


def test_features_fewer_than_their_dimensions_agree(tmp_path):
    arrays = golden_arrays("metrics")
    a, b = (arrays[f"fd_n64/{name}"][:12].astype(float) for name in "AB")
    cov_a, cov_b = (np.cov(x, rowvar=False) for x in (a, b))
    roots = np.sqrt(np.linalg.eigvals(cov_a @ cov_b).astype(complex)).real.sum()
    fid = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * roots
    write(tmp_path, "metrics", {"fd_n12/A": a, "fd_n12/B": b, "fd_n12/fid": np.array(fid)})
    assert verdicts(tmp_path) == {"metrics fd_n12/fid": "agrees"}


@pytest.mark.parametrize("as_rows", [True, False], ids=["rows", "indices"])
def test_a_fixed_subset_agrees(as_rows, tmp_path):
    arrays = golden_arrays("dataset")
    chosen = np.random.RandomState(42).choice(len(arrays["val_slices"]), 5, replace=False)
    arrays["val_subset5_seed42"] = arrays["val_slices"][chosen] if as_rows else chosen
    found = verdicts(write(tmp_path, "dataset", arrays))
    assert found["dataset val_subset5_seed42"] == "agrees"


def test_errors_are_relative_to_the_largest_value():
    theirs = torch.tensor([0.0, 4.0])
    assert compare("x", theirs + 1, theirs, 0.1) == Check("x", 0.25, 0.1)
    assert compare("x", theirs * 0, theirs * 0, 0.1).error == 0
    assert compare("x", theirs, theirs * 0, 0.1).error == math.inf
    assert compare("x", theirs[:, None], theirs, 0.1).error == math.inf
    assert not compare("x", theirs * math.nan, theirs, 0.1).passed
    assert not compare("x", theirs, theirs * math.nan, 0.1).passed
    assert close("x", theirs + 1, theirs, 0.1) == Check("x", 1.0, 0.1)
    assert close("x", theirs[:, None], theirs, 0.1).error == math.inf
    assert not close("x", theirs * math.nan, theirs, 0.1).passed
    assert exact("x", torch.tensor([1, 2, 3]), torch.tensor([1, 0, 0])) == Check("x", 2.0, 0.0)
    assert exact("x", torch.tensor([1]), torch.tensor([1, 1])).error == math.inf


def test_the_command_counts_what_agrees(tmp_path):
    done = CliRunner().invoke(app, ["parity", str(write(tmp_path, "cem", golden_arrays("cem")))])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "10 of 10 arrays agree"
    assert "cem obj/last_cosine" in done.output


def test_the_command_exits_with_1_if_anything_disagrees(tmp_path):
    arrays = golden_arrays("cem")
    arrays["plain/mu"][3, 1, 2, 0] += 0.01
    arrays["[red]"] = np.zeros(2)
    done = CliRunner().invoke(app, ["parity", str(write(tmp_path, "cem", arrays))])
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "2 of 11 arrays disagree"
    assert "cem [red]" in done.output


def test_a_folder_that_is_not_there_exits_with_2_and_one_line(tmp_path):
    command = [sys.executable, "-m", "pipeline", "parity", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    expected = f"error: {tmp_path}/none: no such folder; name one that holds golden files\n"
    assert (done.stdout, done.stderr) == ("", expected)


def test_a_folder_without_golden_files_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(DataError, match="holds no golden file"):
        list(run(tmp_path))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "cem.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"cem\.npz: damaged .*copy it again") as refused:
        list(run(tmp_path))
    assert "\n" not in str(refused.value)


def test_arrays_that_do_not_fit_one_another_are_refused_in_one_line(tmp_path):
    arrays = {**np.load(GOLDEN / "forward.npz")}
    shutil.copy(GOLDEN / "tiny_additive.safetensors", tmp_path)
    kept = {name: arrays[name] for name in ("x", "t2", "action", "out/additive_causal_t2")}
    np.savez(tmp_path / "forward.npz", **{**kept, "x": arrays["x"][:, :, :3]})
    with pytest.raises(
        DataError, match=r"forward.npz: its arrays do not fit one another"
    ) as caught:
        list(run(tmp_path))
    assert "\n" not in str(caught.value)


def test_names_that_are_no_names_are_refused(tmp_path):
    (tmp_path / "state_dict_keys.json").write_text("[1]")
    with pytest.raises(
        DataError, match=r"state_dict_keys.json: not values by name .Input should be an object"
    ):
        list(run(tmp_path))


def test_an_empty_array_agrees_with_nothing(tmp_path):
    empty = torch.zeros(0)
    for check in (compare, close):
        assert check("empty", empty, empty, 1.0).verdict == "not understood"


def test_damaged_bytes_inside_an_array_are_refused(tmp_path):
    content = bytearray((GOLDEN / "cem.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "cem.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"cem\.npz: damaged"):
        list(run(tmp_path))


def test_pickled_arrays_are_refused(tmp_path):
    write(tmp_path, "cem", {"plain/mu": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(DataError, match=r"cem\.npz: damaged .*allow_pickle"):
        list(run(tmp_path))


def test_an_output_without_its_inputs_is_refused(tmp_path):
    write(tmp_path, "cem", {"plain/mu": golden_arrays("cem")["plain/mu"]})
    with pytest.raises(DataError, match="holds no array noise, which others of its arrays need"):
        list(run(tmp_path))
