"""The benches: the same work as the reference, the same answers, fair turns. Never how fast."""

import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from pipeline.compute import peak_flops as ceiling
from pipeline.compute.device import computes_bfloat16
from pipeline.errors import ParamsError
from pipeline.testing.member import scaled_error
from pipeline.tools import machine
from pipeline.tools.bench import (
    Sampling,
    Setting,
    Training,
    baseline,
    matmul,
    profile,
    sampler,
    timing,
    train,
)
from pipeline.tools.bench.commands import app
from pipeline.tools.bench.setting import INJECTIONS, inputs, network, randomised

CPU = torch.device("cpu")
TINY = Sampling(
    size="nano", patch=2, injection="additive", latent=(4, 8, 8), action_dim=7, frames=4, batch=2,
    repeats=1, compiled="none", precision="float32", context=1, steps=2,
)  # fmt: skip
TRAINED = Training(
    size="nano", patch=2, injection="additive", latent=(4, 8, 8), action_dim=7, frames=4, batch=2,
    repeats=1, compiled="none", precision="float32", attention="auto", fused=False,
)  # fmt: skip
TINY_WORDS = ["--size", "nano", "--latent", "4x8x8", "--batch", "1", "--repeats", "2"]


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    monkeypatch.setitem(ceiling.SIDES, "cpu", 64)


def at(size, frames=4, injection="additive"):
    return replace(TINY, size=size, frames=frames, injection=injection, latent=(4, 32, 32), batch=1)


@pytest.mark.parametrize(
    ("setting", "gigaflops"),
    [
        (at("S"), 71.4),
        (at("B"), 280.6),
        (at("L"), 993.0),
        (at("XL"), 1464.1),
        (at("L", frames=16), 3975),
        (at("S", injection="adaln"), 82.3),
        (at("B", injection="adaln"), 324.2),
        (at("S", injection="adaln_fuse"), 71.4),
        (at("S", injection="film"), 75.0),
        (at("XL", injection="film"), 1540),
    ],
    ids=lambda value: f"{value.size}-{value.frames}" if isinstance(value, Setting) else "",
)
def test_the_closed_form_gives_the_work_that_the_reference_was_measured_to_do(setting, gigaflops):
    assert baseline.reference_flops(setting) / 1e9 == pytest.approx(gigaflops, rel=1e-3)


@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize("setting", [TINY, at("S"), at("S", frames=16)], ids=["tiny", "S", "long"])
def test_the_baseline_does_the_published_work(setting, injection):
    chosen = replace(setting, injection=injection, batch=1)
    assert baseline.assert_reference_flops(chosen) == baseline.reference_flops(chosen)


def test_a_baseline_that_does_less_is_refused(monkeypatch):
    monkeypatch.setattr(baseline, "baseline_network", lambda network: network)
    with pytest.raises(AssertionError, match=r"the baseline does 60\.5\d GFLOP .* 71\.38"):
        baseline.assert_reference_flops(at("S"))


@pytest.mark.parametrize("injection", INJECTIONS)
def test_the_samples_and_the_number_of_forwards_are_those_of_the_reference(injection, generator):
    setting = replace(TINY, frames=5, context=2, injection=injection)
    ours = randomised(network(setting), generator)
    batch = inputs(setting, generator, CPU)
    drawn, networks = sampler.variants(setting, ours, batch, CPU)
    answers = [draw() for draw in drawn.values()]
    for answer in answers[1:]:
        assert scaled_error(answer, answers[0]) < 1e-5
    moved = answers[0] - torch.cat([batch.clean[:, :2], batch.noise[:, 2:]], 1)
    assert (moved[:, :2] == 0).all()
    assert (moved[:, 2:] != 0).any((2, 3, 4)).all()
    assert [(n.forwards, n.frames) for n in networks.values()] == [(6, 30), (6, 30), (9, 10)]
    assert dict(zip(networks, [(6, 30), (6, 30), (9, 10)], strict=True)) == sampler.forward_counts(
        setting
    )


@torch.no_grad()
@pytest.mark.parametrize("injection", INJECTIONS)
def test_the_answers_hang_on_what_the_caches_could_lose(injection, generator):
    """The random weights must let actions and earlier frames through, or agreement is cheap."""
    setting = replace(TINY, injection=injection)
    ours = randomised(network(setting), generator)
    batch = inputs(setting, generator, CPU)
    whole = ours(batch.clean, batch.level, batch.actions)
    for changed in (
        ours(batch.clean, batch.level, batch.actions + 1),
        ours(torch.cat([batch.noise[:, :1], batch.clean[:, 1:]], 1), batch.level, batch.actions),
        ours(batch.clean[:, [1, 0, 2, 3]], batch.level[:, [1, 0, 2, 3]], batch.actions),
    ):
        assert scaled_error(changed[:, -1], whole[:, -1]) > 1e-4


@pytest.mark.parametrize("injection", INJECTIONS)
def test_training_steps_agree_in_loss_and_gradient_step_after_step(injection, generator):
    setting = replace(TRAINED, injection=injection)
    ours = randomised(network(setting), generator)
    slow, fast = train.variants(setting, ours, inputs(setting, generator, CPU), CPU).values()
    losses = []
    for _ in range(3):
        theirs = slow()
        torch.testing.assert_close(fast(), theirs, rtol=1e-5, atol=0)
        losses.append(theirs[0].item())
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.parametrize("factor", [1.001, float("nan")])
@pytest.mark.parametrize(
    ("bench", "setting"), [(sampler, TINY), (train, TRAINED)], ids=["sampler", "train"]
)
def test_answers_that_differ_are_refused(bench, setting, factor, monkeypatch):
    def spoilt(network):
        copied = baseline.baseline_network(network)
        with torch.no_grad():
            copied.final_layer.linear.weight.mul_(factor)
        return copied

    monkeypatch.setattr(bench, "baseline_network", spoilt)
    with pytest.raises(AssertionError, match="differ"):
        bench.run(setting, CPU)


def test_nan_from_the_cache_alone_is_refused(monkeypatch):
    def forgetful(network, batch):
        kept = remember(network, batch)
        kept.values[-1].fill_(float("nan"))
        return kept

    remember = sampler.NanoWM.kv_cache
    monkeypatch.setattr(sampler.NanoWM, "kv_cache", forgetful)
    with pytest.raises(AssertionError, match="samples differ by nan"):
        sampler.run(TINY, CPU)


def test_variants_take_turns():
    order = []
    variants = {name: lambda name=name: order.append(name) for name in "abc"}
    timings = timing.interleaved(variants, 2, CPU)
    assert order == list("abcabc")
    assert all(len(t.wall) == len(t.cpu) == 2 for t in timings.values())


def test_a_speedup_is_the_median_of_the_ratios_of_rounds():
    assert timing.speedup([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]) == 3.0
    assert timing.TimeStats.of([3.0, 1.0, 2.5]) == timing.TimeStats(2.5, 1.0, 3.0)


def test_the_machine_is_named(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("vendor_id\t: Acme\nmodel name\t: Acme 9000\nmodel name\t: Acme 9000\n")
    monkeypatch.setattr(machine, "CPUINFO", cpuinfo)
    found = machine.describe(CPU)
    assert found.processor == "Acme 9000"
    assert found.device == "cpu"


def test_the_sampler_bench_writes_what_it_measured(tmp_path):
    out = tmp_path / "sampler.json"
    words = ["sampler", *TINY_WORDS, "--steps", "2", "--out", str(out)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "and K/V cache" in done.stdout
    found = json.loads(out.read_text())
    assert found["bench"] == "sampler"
    assert found["setting"]["latent"] == [4, 8, 8]
    assert found["setting"]["steps"] == 2
    assert found["machine"]["threads"] == torch.get_num_threads()
    assert found["difference"] < 1e-5
    rows = list(found["variants"].values())
    assert list(found["variants"]) == [sampler.BASELINE, sampler.PER_FRAME, sampler.CACHED]
    assert rows[0]["speedup"] == rows[0]["cpu_speedup"] == 1
    work = found["baseline_gigaflops"]
    assert [row["gigaflops"] for row in rows[:1]] == [pytest.approx(6 * work, abs=0.05)]
    assert rows[0]["gigaflops"] > rows[1]["gigaflops"] > rows[2]["gigaflops"]
    for row in rows:
        assert row["seconds"]["min"] <= row["seconds"]["median"] <= row["seconds"]["max"]
        useful = rows[-1]["gigaflops"] * 1e9 / row["seconds"]["median"]
        assert row["ceiling_share"] == pytest.approx(useful / found["ceiling"], rel=2e-2)
        tokens = row["frames_per_second"] * 16
        assert row["tokens_per_second"] == pytest.approx(tokens, rel=1e-2)


def test_the_training_bench_writes_what_it_measured(tmp_path):
    out = tmp_path / "train.json"
    words = ["train", *TINY_WORDS, "--injection", "film", "--out", str(out)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(out.read_text())
    assert (found["bench"], found["setting"]["injection"]) == ("train", "film")
    slow, fast = found["variants"].values()
    assert slow["gigaflops"] > fast["gigaflops"] > 2.5 * found["baseline_gigaflops"] / 1.2


@pytest.mark.slow
@pytest.mark.skipif(not computes_bfloat16(CPU), reason="this CPU emulates bfloat16")
@pytest.mark.parametrize("bench", ["sampler", "train"])
def test_the_ceiling_is_that_of_the_precision(bench, monkeypatch):
    asked = []
    measured = matmul.matmul_flops
    monkeypatch.setattr(
        matmul, "matmul_flops", lambda *words: asked.append(words[1]) or measured(*words)
    )
    words = [bench, *TINY_WORDS, "--precision", "bfloat16"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert asked == [torch.bfloat16]
    assert "TFLOP/s, measured by a matrix product in bfloat16" in done.stdout
    differ = float(done.stdout.partition("outputs differ by ")[2].split()[0])
    assert differ < 2e-2


def test_a_step_can_be_profiled(tmp_path):
    table = tmp_path / "profile.txt"
    words = ["train", *TINY_WORDS, "--fused", "--attention", "math", "--profile", str(table)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    shown = table.read_text()
    assert "Self CPU" in shown
    assert "aten::mm" in shown
    rows = [line for line in shown.splitlines() if line.strip() and line[0] == " "]
    assert len(rows) == 1 + profile.OPERATORS
    names = {event.get("name", "") for event in json.loads(trace_of(table))["traceEvents"]}
    assert "aten::_fused_adamw_" in names
    assert "aten::_scaled_dot_product_attention_math" in names
    assert not any("flash" in name for name in names)


def trace_of(table):
    return table.with_suffix(".json").read_text()


def test_a_kernel_that_the_machine_lacks_is_refused():
    words = ["train", *TINY_WORDS, "--attention", "efficient"]
    with pytest.raises(ParamsError, match="--attention = 'efficient' needs a GPU; choose"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_fused_optimiser_takes_the_same_steps(generator):
    ours = randomised(network(TRAINED), generator)
    batch = inputs(TRAINED, generator, CPU)
    plain, fused = (
        train.variants(replace(TRAINED, fused=fused), copy.deepcopy(ours), batch, CPU)
        for fused in (False, True)
    )
    for _ in range(3):
        torch.testing.assert_close(fused[train.PER_FRAME](), plain[train.PER_FRAME]())


def test_products_are_onednn_s_only_while_asked():
    before = torch.get_float32_matmul_precision()
    for onednn, inside in ((True, "medium"), (False, before)):
        with matmul.float32_matmul(onednn=onednn):
            assert torch.get_float32_matmul_precision() == inside
        assert torch.get_float32_matmul_precision() == before


def test_the_share_of_a_ceiling_counts_useful_work_alone():
    from pipeline.tools.bench.results import rows, table

    timings = {"baseline": timing.Timing([4.0], [4.0]), "ours": timing.Timing([1.0], [1.0])}
    found = rows(timings, {"baseline": 300, "ours": 100}, 2, 8, 200.0)
    assert [row.ceiling_share for row in found.values()] == [0.125, 0.5]
    assert found["ours"].tokens_per_second == 16
    shown = table(SimpleNamespace(variants=found))
    assert list(shown.columns[-1].cells) == ["12.5%", "50.0%"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--context", "4"], "--context = 4 leaves no frame of --frames = 4 to generate"),
        (["--context", "0"], "--context = 0 must be 1 or more"),
        (["--size", "nan"], r"--size = 'nan': did you mean nano\?"),
        (["--injection", "adaIn"], "did you mean adaln"),
        (["--latent", "4x32"], "--latent = '4x32' is not CxHxW"),
        (["--latent", "0x32x32"], "is not CxHxW"),
        (["--repeats", "0"], "--repeats = 0 must be 1 or more"),
        (["--steps", "0"], "--steps = 0 must be 1 or more"),
        (["--steps", "1001"], "--steps = 1001 must be 1000 or less"),
        (["--action-dim", "0"], "--action-dim = 0"),
        (["--patch", "3"], "does not divide latents of 32 x 32"),
    ],
)
def test_wrong_words_are_refused_before_any_work(words, message, monkeypatch, tmp_path):
    monkeypatch.setattr(sampler, "run", lambda *_: pytest.fail("it ran"))
    out = tmp_path / "out.json"
    with pytest.raises(ParamsError, match=message) as caught:
        CliRunner().invoke(app, ["sampler", *words, "--out", str(out)], catch_exceptions=False)
    assert "\n" not in str(caught.value)
    assert not out.exists()
