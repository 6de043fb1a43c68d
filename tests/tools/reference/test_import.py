"""Checkpoints of the reference are imported exactly, and never executed."""

import os

import pytest
import torch
from exchange_helpers import INJECTIONS, changed, weights, wm, write
from helpers import golden

from pipeline.denoisers.nanowm import SIZES, Shape
from pipeline.diffusion.world_model import WorldModel
from pipeline.encoders import ENCODERS
from pipeline.errors import DataError
from pipeline.testing.member import scaled_error
from pipeline.tools.reference import checkpoint, config, convert


@pytest.fixture(autouse=True)
def _test_size(monkeypatch):
    monkeypatch.setitem(SIZES, "test", Shape(width=64, depth=4, heads=4))


@pytest.mark.parametrize("injection", INJECTIONS)
def test_an_imported_checkpoint_computes_what_the_reference_computes(injection, tmp_path):
    kind = "noncausal" if injection == "film" else "causal"
    values = changed(model__action_injection={"type": injection}, model__causal=kind == "causal")
    path = write(tmp_path / "theirs", weights(injection), values)
    assert wm("import", path, tmp_path / "ours").exit_code == 0
    model = WorldModel.from_pretrained(tmp_path / "ours")
    arrays = golden("forward")
    output = model.denoiser(arrays("x"), arrays("t2"), arrays("action"))
    assert scaled_error(output, arrays(f"out/{injection}_{kind}_t2")) < 2e-5
    assert (model.config.frames, model.config.interval) == (4, 3)
    schedule = {"schedule": "squared_cosine", "zero_terminal_snr": True, "shift": 1.0}
    assert (model.config.objective.name, model.config.objective.options) == ("v", schedule)
    assert (model.spec.encoder, model.spec.dataset) == ("sd_vae", "dino_wm_pusht")
    latents = torch.ones(1, 4, 8, 8)
    torch.testing.assert_close(model.spec.whiten(latents), latents * 0.18215)


@pytest.mark.parametrize("prefix", ["model.", "model._orig_mod.", "_orig_mod.model."])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_lightning_checkpoint_loses_its_prefixes_and_its_autoencoder(tmp_path, prefix, zipped):
    state = {f"{prefix}{name}": value for name, value in weights().items()}
    state["vae.encoder.conv_in.weight"] = torch.zeros(3)
    path = tmp_path / "latest.ckpt"
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=zipped)
    read = checkpoint.read(path)
    assert read.keys() == weights().keys()
    assert all(torch.equal(read[name], value) for name, value in weights().items())


def test_a_checkpoint_that_would_execute_code_is_refused(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    torch.save({"state_dict": Malicious()}, tmp_path / "bad.ckpt")
    with pytest.raises(DataError, match=r"bad.ckpt: holds more than tensors"):
        checkpoint.read(tmp_path / "bad.ckpt")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ([torch.ones(2).bfloat16()], "a list of 1 (a tensor of bfloat16 [2])"),
        ({"epoch": 1, "state_dict": {"step": 2}}, "a dict of 2 (epoch, state_dict)"),
    ],
)
def test_a_file_without_a_network_is_told_by_what_it_is(tmp_path, value, what):
    torch.save(value, tmp_path / "other.ckpt")
    with pytest.raises(DataError) as caught:
        checkpoint.read(tmp_path / "other.ckpt")
    assert str(caught.value).endswith(
        f"holds {what}, no state_dict of tensors; name a checkpoint of the reference"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no zip", "damaged|holds more than tensors"),
        (b"", "damaged|holds more than tensors"),
    ],
)
@pytest.mark.parametrize("name", ["a.ckpt", "a.safetensors"])
def test_a_damaged_checkpoint_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        checkpoint.read(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("pos_embed"), "1 missing keys (pos_embed)"),
        (lambda state: state.update(label=torch.zeros(2)), "1 unknown keys (label)"),
        (
            lambda state: state.update(pos_embed=torch.zeros(1, 4, 64)),
            "1 other shapes (pos_embed (1, 4, 64) not (1, 16, 64))",
        ),
        (
            lambda state: state["pos_embed"].fill_(torch.inf),
            "1 values that are not finite (pos_embed)",
        ),
    ],
)
def test_a_mismatch_names_the_keys_and_leaves_nothing(tmp_path, change, message):
    state = weights()
    change(state)
    path = write(tmp_path / "theirs", state)
    reference_config = config.read(tmp_path / "theirs" / "config.yaml")
    with pytest.raises(DataError) as caught:
        convert.import_checkpoint(path, reference_config, None)
    assert message in str(caught.value)
    assert wm("import", path, tmp_path / "ours").exit_code != 0
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed(model__arch="DiT-XL/2"), "model.arch = 'DiT-XL/2'; known: NanoWM-"),
        (changed(model__num_frames="${frames}"), r"model.num_frames = '\$\{frames\}'"),
        (changed(model__action_injection={"type": "telepathy"}), "action_injection.type = 'telep"),
        (changed(model__extras=2), "model.extras = 2"),
        (changed(experiment={}), "experiment.diffusion: Field required"),
        (changed(dataset__loader={}), "dataset.loader.normalize_action: Field required"),
        (changed(latent_codec={"kind": "pixel"}), "latent_codec.kind = 'pixel'"),
        (changed(model__arch="NanoWM-test/0"), "model.arch = 'NanoWM-test/0'; known"),
        (changed(model__num_frames=1), "model.num_frames = 1: .* greater than 1"),
        (changed(model__latent_channels=-4), "model.latent_channels = -4"),
        (changed(model__latent_size=0), "model.latent_size.0 = 0"),
        (changed(dataset__frame_interval=0), "dataset.frame_interval = 0"),
        (
            changed(experiment__diffusion__pred_name="eps"),
            "experiment.diffusion: .* eps is incompatible with zero_terminal_snr: true",
        ),
    ],
)
def test_an_unsupported_config_is_refused_by_its_key(tmp_path, values, message):
    write(tmp_path, weights(), values)
    with pytest.raises(DataError, match=message) as caught:
        config.read(tmp_path / "config.yaml")
    assert "\n" not in str(caught.value)


def test_a_model_without_actions_stays_without(tmp_path):
    state = {name: v for name, v in weights().items() if "action" not in name}
    path = write(tmp_path, state, changed(model__use_action=False))
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    assert model.config.denoiser.options["injection"] == "none"


@pytest.mark.parametrize(("prediction", "ours"), [("eps", "eps"), ("epsilon", "eps"), ("x", "x")])
def test_objective_and_schedule_are_imported(tmp_path, prediction, ours):
    diffusion = {"noise_schedule": "linear", "pred_name": prediction, "zero_terminal_snr": False}
    path = write(tmp_path, weights(), changed(experiment={"diffusion": diffusion}))
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    assert model.config.objective.name == ours
    schedule = {"schedule": "linear", "zero_terminal_snr": False, "shift": 1.0}
    assert model.config.objective.options == schedule


def test_rectangular_latents_are_imported(tmp_path):
    state = {**weights(), "pos_embed": torch.zeros(1, 40, 64)}
    values = changed(model__latent_size=None, model__image_size=[64, 160])
    path = write(tmp_path, state, values)
    model = convert.import_checkpoint(path, config.read(tmp_path / "config.yaml"), None)
    assert model.spec.latent_shape == (4, 8, 20)
    assert (model.spec.view.height, model.spec.view.width) == (64, 160)


def test_nothing_that_exists_is_overwritten(tmp_path):
    path = write(tmp_path / "theirs", weights())
    (tmp_path / "ours").mkdir()
    result = wm("import", path, tmp_path / "ours")
    assert isinstance(result.exception, DataError)
    assert "already exists" in str(result.exception)


def test_action_statistics_come_from_the_cache(cache, tmp_path, monkeypatch):
    values = changed(
        latent_codec={"kind": "webdino"},
        dataset__spec={"action_dim": 2},
        model__latent_size=4,
        model__latent_channels=3,
    )
    values["dataset"]["loader"]["normalize_action"] = True
    write(tmp_path, weights(), values)
    reference_config = config.read(tmp_path / "config.yaml")
    with pytest.raises(DataError, match="its encoder is patch_pca, the checkpoint was trained on"):
        convert._spec_from_cache(cache.path, reference_config)
    monkeypatch.setitem(convert.REFERENCE_ENCODERS, "webdino", "patch_pca")
    spec = convert._spec_from_cache(cache.path, reference_config)
    assert spec.actions == cache.spec.actions
    assert spec.normalise_actions
    assert (spec.mean, spec.std) == ([0.0] * 3, [1.0] * 3)
    assert (spec.source, spec.codec) == (cache.spec.source, cache.spec.codec)
    assert spec.latent_shape == (3, 4, 4)


def test_the_encoders_of_checkpoints_are_members_of_the_family():
    assert set(convert.REFERENCE_ENCODERS.values()) <= set(ENCODERS.names())
