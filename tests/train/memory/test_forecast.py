"""A run reports its memory before its first step; one that does not fit names settings that do."""

import re
from dataclasses import astuple, replace

import pytest
import torch
from helpers import every
from train_helpers import options, part

from pipeline.compute.device import computes_bfloat16
from pipeline.compute.memory import device_memory
from pipeline.denoisers import DENOISERS, Size
from pipeline.denoisers.nanowm import published_options
from pipeline.diffusion.config import VariantConfig
from pipeline.errors import ParamsError
from pipeline.train.memory import forecast as forecast
from pipeline.train.memory.available import HEAP_OVERHEAD, AvailableMemory, available_memory
from pipeline.train.memory.cost import FLOAT, parameters
from pipeline.train.memory.forecast import (
    TrainingPlan,
    check,
    estimate,
    measure_cost,
    report_memory,
)

PUBLISHED = Size(latent_shape=(4, 32, 32), action_dim=10, frames=4)
GB = 10**9
EVERYTHING = AvailableMemory(10**6 * GB, gpu=True, bfloat16=True)


def plan(name="B", processes=1, strategy="ddp", **train):
    network = VariantConfig(
        name="nanowm", options=published_options(name, 2, "additive", causal=True).model_dump()
    )
    chosen = options(**{"precision": "float32", "accumulation": 1, **train})
    return TrainingPlan(network, PUBLISHED, chosen, processes, strategy)


def needed(run, within=EVERYTHING):
    return estimate(run, measure_cost(run, within).activation_bytes)


def refusal(run, within):
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


@pytest.mark.slow
def test_a_card_of_8_gb_is_told_what_would_fit():
    run, card = plan(batch=64), AvailableMemory(8 * GB, gpu=True, bfloat16=True)
    message = refusal(run, card)
    start = (
        "train: nanowm of 158.6 M parameters with micro-batches of 64 clips needs 84.1 GB (weights "
        "0.634, gradients 0.634, optimiser 1.27, activations 81.6), the device has 8 GB; "
    )
    assert message.startswith(start)
    assert offers(message) == {
        "train.accumulation: 16 or train.batch: 4": 7.64,
        "denoisers.nanowm.size: nano": 3.58,
    }


@pytest.mark.parametrize("bfloat16", [True, False])
def test_what_is_offered_fits_and_bfloat16_only_where_it_is_not_emulated(bfloat16):
    run, card = plan("nano", batch=16), AvailableMemory(7 * GB // 10, gpu=True, bfloat16=bfloat16)
    halves, again = run.with_options(accumulation=2), run.with_options(checkpointing=True)
    narrow = run.with_options(precision="bfloat16")
    accumulation = "train.accumulation: 2 or train.batch: 8"
    fitting = {accumulation: halves, "train.checkpointing: true": again}
    fitting |= {"train.precision: bfloat16": narrow} if bfloat16 else {}
    found = offers(refusal(run, card))
    assert found == {
        words: pytest.approx(needed(other).total / GB, rel=5e-3) for words, other in fitting.items()
    }
    assert check(halves, card)
    assert check(again, card)


@pytest.mark.slow
def test_both_savings_are_offered_together_where_neither_suffices():
    run, card = (
        plan("S", batch=4, accumulation=2),
        AvailableMemory(3 * GB // 4, gpu=False, bfloat16=False),
    )
    found = offers(refusal(run, card))
    both = "train.checkpointing: true with train.accumulation: 4 or train.batch: 2"
    assert set(found) == {both, "denoisers.nanowm.size: nano"}
    together = run.with_options(checkpointing=True, accumulation=4)
    assert found[both] == pytest.approx(needed(together).total / GB, rel=5e-3)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_batch_that_is_offered_is_cut_into_the_same_micro_batches(processes):
    run = plan("nano", processes, batch=32, accumulation=2)
    card = AvailableMemory(needed(run).total // 2, gpu=True, bfloat16=False)
    words = next(words for words in offers(refusal(run, card)) if "train.batch" in words)
    accumulation, batch = (int(number) for number in re.findall(r"\d+", words))
    assert (
        run.with_options(batch=batch).micro_batch
        == run.with_options(accumulation=accumulation).micro_batch
    )
    assert batch % (processes * 2) == 0
    assert check(run.with_options(batch=batch), card)


def test_where_the_weights_alone_are_too_many_a_smaller_size_is_offered_with_what_saves():
    found = offers(
        refusal(plan("S", batch=16), AvailableMemory(GB // 2, gpu=False, bfloat16=False))
    )
    assert set(found) == {
        "denoisers.nanowm.size: nano with train.accumulation: 2 or train.batch: 8"
    }


def test_a_smaller_size_that_fits_as_it_is_is_offered_once():
    found = offers(refusal(plan("S", batch=4), AvailableMemory(GB // 2, gpu=False, bfloat16=False)))
    assert set(found) == {"denoisers.nanowm.size: nano"}


@pytest.mark.parametrize(("compiled", "tried"), [("default", True), (None, True), ("none", False)])
def test_a_compiled_run_is_tried_unless_its_weights_alone_are_too_many(compiled, tried):
    run = plan("nano", batch=1, compile=compiled)
    weights = estimate(run, 0).total
    with pytest.raises(ParamsError, match=r"needs .* the device has"):
        report_memory(run, AvailableMemory(weights - 1, gpu=True, bfloat16=True))
    enough = AvailableMemory(weights, gpu=True, bfloat16=True)
    if tried:
        assert report_memory(run, enough).endswith(
            "since torch.compile needs less than this estimate"
        )
    else:
        with pytest.raises(ParamsError):
            report_memory(run, enough)


def test_where_nothing_helps_that_is_said():
    message = refusal(plan("nano", batch=2), AvailableMemory(10**6, gpu=True, bfloat16=True))
    assert message.endswith("no setting fits, take a larger device")


def test_a_run_that_fits_is_described_on_one_line():
    line = check(plan("S", batch=2, ema=0.99), EVERYTHING)
    assert line == (
        "train: 39.8 M parameters, 182 GFLOP a clip; micro-batches of 2 clips in float32 need 2.07 "
        "of 1e+06 GB: weights 0.159, gradients 0.159, optimiser 0.318, ema 0.159, "
        "activations 1.27"
    )


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_fsdp_shards_the_weights_and_all_that_is_as_large_as_they_are(strategy):
    alone = needed(plan("S", batch=2, ema=0.99))
    sharded = needed(plan("S", processes=4, strategy=strategy, batch=8, ema=0.99))
    shares = {"ddp": 1, "fsdp": 4}[strategy]
    weights = parameters(plan("S").denoiser, PUBLISHED) * FLOAT
    assert sharded.weights == weights / shares
    assert (sharded.gradients, sharded.optimiser) == (weights / shares, 2 * weights / shares)
    assert sharded.ema == weights / shares
    assert (sharded.activations, sharded.latents) == (alone.activations, alone.latents)
    assert sharded.total == sum(astuple(sharded))


def test_without_an_average_none_is_needed():
    assert needed(plan("nano", ema=None)).ema == 0


@pytest.mark.parametrize(
    ("batch", "processes", "accumulation", "micro_batch"),
    [(64, 1, 1, 64), (64, 4, 2, 8), (16, 2, 8, 1)],
)
def test_a_micro_batch_is_what_a_process_passes_through_at_once(
    batch, processes, accumulation, micro_batch
):
    run = plan(batch=batch, processes=processes, accumulation=accumulation)
    assert run.micro_batch == micro_batch


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
    assert forecast.precision(plan(precision=chosen), card) == found


@pytest.mark.parametrize("name", every(DENOISERS))
def test_a_denoisers_named_sizes_grow(name):
    module = DENOISERS.load(name, "test")
    run = plan()
    run = replace(run, denoiser=part(DENOISERS, name))
    sizes = [run.with_size(label) for label in module.SIZES]
    counts = [parameters(other.denoiser, other.size) for other in sizes]
    assert counts == sorted(set(counts))
    assert len(counts) > 1


def test_processes_share_the_memory_of_a_cpu():
    cpu = torch.device("cpu")
    expected = int(device_memory(cpu) / 4 / HEAP_OVERHEAD)
    assert available_memory(cpu, 4) == AvailableMemory(
        expected, gpu=False, bfloat16=computes_bfloat16(cpu)
    )
