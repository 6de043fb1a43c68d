"""A run is prepared as params.yaml says, and its first weights come from its seed."""

import numpy as np
import pytest
import torch
import yaml
from helpers import PARAMS

from pipeline import params
from pipeline.latents.windows import Windows
from pipeline.train.distributed.group import single_process
from pipeline.train.setup import identity, prepare

CPU = torch.device("cpu")


def prepared(cache, folder, **train):
    shape = {"width": 32, "depth": 2, "heads": 2}
    small = {**PARAMS["denoisers"]["nanowm"], "size": shape}
    values = {**PARAMS, "train": {**PARAMS["train"], "interval": 2, **train}}
    values["denoisers"] = {"nanowm": small}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return prepare(params.read(folder / "params.yaml"), cache, single_process(CPU))


def test_the_first_weights_come_from_the_seed_alone(cache, tmp_path):
    first = prepared(cache, tmp_path, seed=3)
    torch.randn(5)  # whatever was drawn before must not matter
    second, other = prepared(cache, tmp_path, seed=3), prepared(cache, tmp_path, seed=4)
    weights = [model.denoiser.blocks[0].attn.qkv.weight for model, _ in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_preparing_a_run_leaves_the_global_generator_alone(cache, tmp_path):
    before = torch.random.get_rng_state()
    prepared(cache, tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_changed_configuration_has_another_identity(cache, tmp_path):
    def of(**train):
        model, trainer = prepared(cache, tmp_path, **train)
        return identity(model.config, trainer.batches.options, cache)

    first = of()
    assert of() == first
    assert of(learning_rate=0.1) != first
    assert of(frames=3) != first


def test_the_model_carries_the_choice_of_params(cache, tmp_path):
    config = prepared(cache, tmp_path, frames=3)[0].config
    assert (config.denoiser.name, config.objective.name) == ("nanowm", "x")
    assert (config.frames, config.interval, config.denoiser.options["size"]["width"]) == (3, 2, 32)
    assert config.spec == cache.spec


@pytest.mark.parametrize(
    ("whitening", "scale", "std"),
    [
        ("channel", 0.25, None),
        ("none", 0.25, 4.0),
        ("none", None, 1.0),
        ("auto", 0.25, 4.0),
        ("auto", None, None),
    ],
)
def test_latents_are_whitened_by_channel_or_as_the_encoders_authors_scale_them(
    cache, tmp_path, whitening, scale, std
):
    """`std` is what a model divides raw latents by, None for the cache's own statistics."""
    spec = cache.spec.model_copy(update={"published_scale": scale})
    model, trainer = prepared(cache.whitened_by(spec), tmp_path, whitening=whitening)
    ours = model.spec
    assert ours.mean == (spec.mean if std is None else [0.0] * 3)
    assert ours.std == (spec.std if std is None else [std] * 3)
    rows = np.arange(4)
    latents = trainer.batches.windows.latents(rows, None)
    raw = spec.unwhiten(Windows(cache, "train", 4, 2).latents(rows, None))
    torch.testing.assert_close(latents, ours.whiten(raw))
    assert ours.model_copy(update={"mean": spec.mean, "std": spec.std}) == spec
