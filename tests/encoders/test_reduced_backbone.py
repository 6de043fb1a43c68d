"""What is kept of features is what was asked for, and said by its share of their variance."""

import json

import pytest
import torch
from helpers import GOLDEN, default
from safetensors.torch import save_file
from torch.nn import functional

from pipeline import encoders
from pipeline.encoders import ENCODERS
from pipeline.encoders._shared.reduced_backbone import (
    PrincipalComponents,
    ReducedBackbone,
    Reduction,
    fit_reduction,
    load_reduction,
    principal_components,
)
from pipeline.errors import ParamsError

DECODER = {"channels": [8, 8], "steps": 2, "batch": 2, "learning_rate": 1e-3}
SOURCES = {"web_dino": "dino/swiglu", "dinov2": "dino/mlp", "vjepa2_1": "vjepa/weights.safetensors"}
WIDTHS = {"web_dino": 48, "dinov2": 32, "vjepa2_1": 48}


class Linear:
    """Pixels of `patch` x `patch` on average, taken by a matrix [C, 3] to features off the mean."""

    def __init__(self, matrix, patch=2, offset=5.0):
        self.matrix, self.patch, self.offset, self.largest = matrix, patch, offset, 0

    def encode(self, frames):
        self.largest = max(self.largest, len(frames))
        colours = functional.avg_pool2d(frames.float(), self.patch) / 255
        return torch.einsum("kc,bchw->bkhw", self.matrix, colours) + self.offset

    def save(self, folder):
        (folder / "linear.txt").write_text("kept elsewhere")


@pytest.fixture
def frames(generator):
    return torch.randint(0, 256, (20, 3, 16, 24), generator=generator, dtype=torch.uint8)


@pytest.fixture
def linear(generator):
    """Features of 40 channels that lie in a subspace of 3 dimensions, off the origin."""
    return Linear(torch.randn(40, 3, generator=generator))


def published(name, **changes):
    weights = {"file": None, "revision": None, "sha256": None}
    weights["source"] = str(GOLDEN / "encoders" / SOURCES[name])
    heads = {"heads": 3} if name == "vjepa2_1" else {}
    size = {"size": 64 if name == "vjepa2_1" else 56}
    return default(ENCODERS, name, weights=weights, decoder=DECODER, **heads, **size, **changes)


def restored(backbone, latents):
    tokens = latents.movedim(1, -1) @ backbone.components.basis + backbone.components.mean
    return tokens.movedim(-1, 1)


def relative_error(ours, theirs):
    """Root mean square of the error, of that of deviations from the mean feature."""
    deviations = theirs - theirs.mean((0, 2, 3), keepdim=True)
    return float((ours - theirs).square().mean().sqrt() / deviations.square().mean().sqrt())


def test_as_many_components_as_dimensions_keep_features_exactly(linear, frames):
    backbone = fit_reduction(linear, frames, Reduction(pool=1, channels=3), "here")
    latents = backbone.encode(frames)
    assert latents.shape == (20, 3, 8, 12)
    torch.testing.assert_close(
        restored(backbone, latents), linear.encode(frames), atol=1e-5, rtol=1e-5
    )
    assert backbone.kept_variance(frames) == pytest.approx(1, abs=1e-6)


def test_fewer_components_lose_the_variance_that_they_say(linear, frames):
    backbone = fit_reduction(linear, frames, Reduction(pool=1, channels=2), "here")
    lost = relative_error(restored(backbone, backbone.encode(frames)), linear.encode(frames))
    assert lost > 0.1
    assert backbone.kept_variance(frames) == pytest.approx(1 - lost**2, abs=1e-5)


def test_components_are_uncorrelated_and_the_largest_comes_first(linear, frames):
    backbone = fit_reduction(linear, frames, Reduction(pool=1, channels=3), "here")
    covariance = torch.cov(backbone.encode(frames).movedim(1, 0).flatten(1).double())
    variances = covariance.diagonal()
    assert (variances[:-1] > variances[1:]).all()
    assert (covariance - variances.diag()).abs().max() < 1e-5 * variances.max()


def test_a_backbone_in_bfloat16_does_not_bring_its_components_into_it(linear, frames):
    """One part in 256 of features around 500 is more than the spread of any component."""
    components = principal_components(linear, frames, 3, batch=8)
    features = linear.encode(frames) + 500
    moved = PrincipalComponents(components.mean + 500, components.basis)
    with torch.autocast("cpu", torch.bfloat16):
        found = moved.project(features)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, components.project(features - 500), atol=1e-3, rtol=0)


def test_of_features_that_never_vary_no_share_is_kept(frames):
    """What rounding leaves of their variance is no variance."""
    backbone = fit_reduction(
        Linear(torch.zeros(40, 3)), frames, Reduction(pool=2, channels=3), "here"
    )
    assert backbone.kept_variance(frames) is None
    third = Linear(torch.zeros(40, 3), offset=1 / 3)
    assert ReducedBackbone(third, 4, None).kept_variance(frames) is None


@pytest.mark.parametrize("options", [{"pool": 2}, {"channels": 3}])
def test_features_that_are_not_finite_are_refused_as_soon_as_one_is_seen(frames, options):
    broken = Linear(torch.full((40, 3), torch.nan))
    with pytest.raises(FloatingPointError):
        fit_reduction(broken, frames, Reduction(**{"pool": 1, "channels": None, **options}), "here")
    assert broken.largest == 1


def test_components_of_features_that_are_not_finite_are_refused(linear, frames):
    encode = linear.encode
    linear.encode = lambda part: encode(part).where(torch.tensor(len(part) == 8), torch.nan)
    with pytest.raises(FloatingPointError):
        principal_components(linear, frames, 3, 8)


def test_only_a_few_frames_are_seen_at_once(linear, frames):
    fit_reduction(linear, frames, Reduction(pool=2, channels=3), "here").kept_variance(frames)
    assert linear.largest == 8


def test_pooling_averages_squares_of_the_grid(linear, frames):
    backbone = fit_reduction(linear, frames, Reduction(pool=4, channels=None), "here")
    whole, pooled = linear.encode(frames), backbone.encode(frames)
    assert pooled.shape == (20, 40, 2, 3)
    torch.testing.assert_close(pooled[:, :, 1, 2], whole[:, :, 4:8, 8:12].mean((2, 3)))
    spread = functional.interpolate(pooled, scale_factor=4.0)
    share = backbone.kept_variance(frames)
    assert share == pytest.approx(1 - relative_error(spread, whole) ** 2, abs=1e-5)


def test_components_are_those_of_what_was_pooled(linear, frames):
    both = fit_reduction(linear, frames, Reduction(pool=4, channels=2), "here")
    pooled = ReducedBackbone(linear, 4, None)
    expected = principal_components(pooled, frames, 2, 8).project(pooled.encode(frames))
    assert torch.equal(both.encode(frames), expected)


def test_nothing_is_put_around_a_backbone_of_which_all_is_kept(linear, frames, tmp_path):
    options = Reduction(pool=1, channels=None)
    assert fit_reduction(linear, frames, options, "here") is linear
    assert load_reduction(linear, tmp_path, options) is linear


@pytest.mark.parametrize(
    "stored",
    [{}, {"mean": (40,), "other": (2, 40)}, {"mean": (40,), "basis": (3, 40)}],
    ids=["nothing", "no basis", "more"],
)
def test_other_components_than_the_options_say_are_refused(linear, tmp_path, stored):
    tensors = {name: torch.zeros(shape) for name, shape in stored.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="no mean and basis of 2 components in"):
        load_reduction(linear, tmp_path, Reduction(pool=1, channels=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": 3}, "here.pool = 3 does not divide the 8 x 12 features .* one of 1, 2, 4$"),
        ({"channels": 41}, "here.channels = 41, but features have 40; .* null for all"),
    ],
)
def test_more_than_there_is_cannot_be_kept(linear, frames, options, message):
    with pytest.raises(ParamsError, match=message):
        fit_reduction(linear, frames, Reduction(**{"pool": 1, "channels": None, **options}), "here")


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("reduction", [{"pool": 2}, {"channels": 6}, {"pool": 2, "channels": 6}])
def test_a_published_encoder_is_reduced_and_comes_back_the_same(name, reduction, frames, tmp_path):
    module, options = published(name, **reduction)
    encoder = module.fit(frames, options, seed=0)
    latents = encoder.encode(frames).mean
    side = 4 // reduction.get("pool", 1)
    assert latents.shape == (20, reduction.get("channels", WIDTHS[name]), side, side)
    assert encoder.decode(latents).shape == frames.shape
    encoders.save(encoder, name, options.model_dump(), tmp_path)
    again = encoders.load(tmp_path)[1]
    assert torch.equal(again.encode(frames).mean, latents)
    assert torch.equal(again.decode(latents), encoder.decode(latents))


@pytest.mark.parametrize("name", SOURCES)
def test_a_published_encoder_loses_less_with_more_components_and_says_how_much(name, frames):
    whole = published(name)[0].fit(frames, published(name)[1], seed=0)
    assert whole.fit_metrics(frames) == {}
    features, errors = whole.encode(frames).mean, []
    for channels in (8, 24):
        module, options = published(name, channels=channels)
        encoder = module.fit(frames, options, seed=0)
        found = restored(encoder.backbone, encoder.encode(frames).mean)
        errors.append(relative_error(found, features))
        kept = {"kept_variance": pytest.approx(1 - errors[-1] ** 2, abs=1e-4)}
        assert encoder.fit_metrics(frames) == kept
    assert errors[0] > 1.2 * errors[1] > 0


def test_the_place_of_a_mistake_is_that_of_the_encoder(frames):
    module, options = published("web_dino", pool=3)
    with pytest.raises(ParamsError, match=r"encoders.web_dino.pool = 3 .* 1, 2, 4$"):
        module.fit(frames, options, seed=0)
    module, options = published("vjepa2_1", channels=49)
    with pytest.raises(ParamsError, match=r"encoders.vjepa2_1.channels = 49, but features have 48"):
        module.fit(frames, options, seed=0)


def test_components_join_the_weights_that_a_codec_holds(frames, tmp_path):
    module, options = published("web_dino", channels=6)
    module.fit(frames, options, seed=0).save(tmp_path)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"weights.json", "model.safetensors", "decoder.safetensors"}
    assert (
        json.loads((tmp_path / "weights.json").read_text())["place"] == "encoders.web_dino.weights"
    )
