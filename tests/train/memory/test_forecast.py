"""A run says what it needs before its first step, and one that will not fit says what would."""

import re
from dataclasses import astuple, replace

import pytest
import torch
from helpers import every
from train_helpers import options, part

from pipeline.compute.device import computes_bfloat16
from pipeline.denoisers import Size
from pipeline.denoisers.nanowm import published_options
from pipeline.diffusion.config import VariantConfig
from pipeline.errors import ParamsError
from pipeline.families import DENOISERS
from pipeline.train.memory import forecast as preflight
from pipeline.train.memory.available import HEAP, AvailableMemory, available, limits, room
from pipeline.train.memory.cost import FLOAT, parameters
from pipeline.train.memory.forecast import TrainingPlan, check, cost_of, need, report_memory

PUBLISHED = Size(latent_shape=(4, 32, 32), action_dim=10, frames=4)
GB = 10**9
EVERYTHING = AvailableMemory(10**6 * GB, gpu=True, bfloat16=True)


def asked(name="B", processes=1, strategy="ddp", **train):
    network = VariantConfig(
        name="nanowm", options=published_options(name, 2, "additive", causal=True).model_dump()
    )
    chosen = options(**{"precision": "float32", "accumulation": 1, **train})
    return TrainingPlan(network, PUBLISHED, chosen, processes, strategy)


def needed(run, within=EVERYTHING):
    return need(run, cost_of(run, within).activation_bytes)


def told(run, within):
    with pytest.raises(ParamsError) as error:
        check(run, within)
    assert "\n" not in str(error.value)
    return str(error.value)


def offers(message):
    """Settings of a message with the GB that each needs."""
    return {
        words: float(size)
        for words, size in re.findall(r"((?:train|denoisers)\.[^,;]*?) needs (\S+) GB", message)
    }


def test_a_card_of_8_gb_is_told_what_would_fit():
    run, card = asked(batch=64), AvailableMemory(8 * GB, gpu=True, bfloat16=True)
    message = told(run, card)
    start = (
        "train: nanowm of 158.6 M parameters with pieces of 64 clips needs 84.1 GB (weights 0.634, "
        "gradients 0.634, optimiser 1.27, activations 81.6), the device has 8 GB; "
    )
    assert message.startswith(start)
    assert offers(message) == {
        "train.accumulation: 16 or train.batch: 4": 7.64,
        "denoisers.nanowm.size: nano": 3.58,
    }


@pytest.mark.parametrize("bfloat16", [True, False])
def test_what_is_offered_fits_and_bfloat16_only_where_it_is_not_emulated(bfloat16):
    run, card = asked("nano", batch=16), AvailableMemory(7 * GB // 10, gpu=True, bfloat16=bfloat16)
    halves, again = run.having(accumulation=2), run.having(checkpointing=True)
    narrow = run.having(precision="bfloat16")
    pieces = "train.accumulation: 2 or train.batch: 8"
    fitting = {pieces: halves, "train.checkpointing: true": again}
    fitting |= {"train.precision: bfloat16": narrow} if bfloat16 else {}
    found = offers(told(run, card))
    assert found == {
        words: pytest.approx(needed(other).total / GB, rel=5e-3) for words, other in fitting.items()
    }
    assert check(halves, card)
    assert check(again, card)


def test_both_savings_are_offered_together_where_neither_suffices():
    run, card = (
        asked("S", batch=4, accumulation=2),
        AvailableMemory(3 * GB // 4, gpu=False, bfloat16=False),
    )
    found = offers(told(run, card))
    both = "train.checkpointing: true with train.accumulation: 4 or train.batch: 2"
    assert set(found) == {both, "denoisers.nanowm.size: nano"}
    together = run.having(checkpointing=True, accumulation=4)
    assert found[both] == pytest.approx(needed(together).total / GB, rel=5e-3)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_batch_that_is_offered_is_cut_into_the_same_pieces(processes):
    run = asked("nano", processes, batch=32, accumulation=2)
    card = AvailableMemory(needed(run).total // 2, gpu=True, bfloat16=False)
    words = next(words for words in offers(told(run, card)) if "train.batch" in words)
    pieces, batch = (int(number) for number in re.findall(r"\d+", words))
    assert run.having(batch=batch).piece == run.having(accumulation=pieces).piece
    assert batch % (processes * 2) == 0
    assert check(run.having(batch=batch), card)


def test_where_the_weights_alone_are_too_many_a_smaller_size_is_offered_with_what_saves():
    found = offers(told(asked("S", batch=16), AvailableMemory(GB // 2, gpu=False, bfloat16=False)))
    assert set(found) == {
        "denoisers.nanowm.size: nano with train.accumulation: 2 or train.batch: 8"
    }


def test_a_smaller_size_that_fits_as_it_is_is_offered_once():
    found = offers(told(asked("S", batch=4), AvailableMemory(GB // 2, gpu=False, bfloat16=False)))
    assert set(found) == {"denoisers.nanowm.size: nano"}


@pytest.mark.parametrize(("compiled", "tried"), [("default", True), (None, True), ("none", False)])
def test_a_compiled_run_is_tried_unless_its_weights_alone_are_too_many(compiled, tried):
    run = asked("nano", batch=1, compile=compiled)
    weights = need(run, 0).total
    with pytest.raises(ParamsError, match=r"needs .* the device has"):
        report_memory(run, AvailableMemory(weights - 1, gpu=True, bfloat16=True))
    enough = AvailableMemory(weights, gpu=True, bfloat16=True)
    if tried:
        assert report_memory(run, enough).endswith("without torch.compile, so it is tried")
    else:
        with pytest.raises(ParamsError):
            report_memory(run, enough)


def test_where_nothing_helps_that_is_said():
    message = told(asked("nano", batch=2), AvailableMemory(10**6, gpu=True, bfloat16=True))
    assert message.endswith("no setting makes it fit, take a larger device")


def test_a_run_that_fits_is_described_on_one_line():
    line = check(asked("S", batch=2, ema=0.99), EVERYTHING)
    assert line == (
        "train: 39.8 M parameters, 182 GFLOP a clip; pieces of 2 clips in float32 need 2.07 "
        "of 1e+06 GB: weights 0.159, gradients 0.159, optimiser 0.318, average 0.159, "
        "activations 1.27"
    )


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_fsdp_spreads_the_weights_and_all_that_is_as_large_as_they_are(strategy):
    alone = needed(asked("S", batch=2, ema=0.99))
    spread = needed(asked("S", processes=4, strategy=strategy, batch=8, ema=0.99))
    shares = {"ddp": 1, "fsdp": 4}[strategy]
    weights = parameters(asked("S").denoiser, PUBLISHED) * FLOAT
    assert spread.weights == weights / shares
    assert (spread.gradients, spread.optimiser) == (weights / shares, 2 * weights / shares)
    assert spread.average == weights / shares
    assert (spread.activations, spread.latents) == (alone.activations, alone.latents)
    assert spread.total == sum(astuple(spread))


def test_without_an_average_none_is_needed():
    assert needed(asked("nano", ema=None)).average == 0


@pytest.mark.parametrize(
    ("batch", "processes", "accumulation", "piece"), [(64, 1, 1, 64), (64, 4, 2, 8), (16, 2, 8, 1)]
)
def test_a_piece_is_what_a_process_passes_through_at_once(batch, processes, accumulation, piece):
    run = asked(batch=batch, processes=processes, accumulation=accumulation)
    assert run.piece == piece


@pytest.mark.parametrize(
    ("chosen", "gpu", "bfloat16", "found"),
    [
        ("auto", True, True, "bfloat16"),
        ("auto", True, False, "float32"),
        ("auto", False, True, "float32"),
        ("bfloat16", True, True, "bfloat16"),
        ("bfloat16", False, True, "bfloat16"),
        ("bfloat16", False, False, "float32"),
        ("float32", True, True, "float32"),
    ],
)
def test_auto_is_bfloat16_on_a_gpu_and_none_is_emulated(chosen, gpu, bfloat16, found):
    card = AvailableMemory(GB, gpu=gpu, bfloat16=bfloat16)
    assert preflight.precision(asked(precision=chosen), card) == found


@pytest.mark.parametrize("name", every(DENOISERS))
def test_a_denoisers_named_sizes_grow(name):
    module = DENOISERS.load(name, "test")
    run = asked()
    run = replace(run, denoiser=part(DENOISERS, name))
    sizes = [run.sized(label) for label in module.SIZES]
    counts = [parameters(other.denoiser, other.size) for other in sizes]
    assert counts == sorted(set(counts))
    assert len(counts) > 1


def test_processes_share_the_memory_of_a_cpu():
    cpu = torch.device("cpu")
    expected = int(available(cpu) / 4 / HEAP)
    assert room(cpu, 4) == AvailableMemory(expected, gpu=False, bfloat16=computes_bfloat16(cpu))


def test_control_groups_above_ours_limit_us_too(tmp_path):
    groups, own = tmp_path / "groups", tmp_path / "own"
    (groups / "slice" / "job").mkdir(parents=True)
    (groups / "slice" / "memory.max").write_text("8000\n")
    (groups / "slice" / "job" / "memory.max").write_text("max\n")
    own.write_text("0::/slice/job\n")
    assert limits(groups, own) == [8000]


def test_the_older_control_groups_limit_us_too(tmp_path):
    groups, own = tmp_path / "groups", tmp_path / "own"
    (groups / "memory" / "job").mkdir(parents=True)
    (groups / "memory" / "job" / "memory.limit_in_bytes").write_text("4000\n")
    own.write_text("5:cpu,cpuacct:/job\n4:memory:/job\n")
    assert limits(groups, own) == [4000]
    assert limits(groups, tmp_path / "absent") == []
