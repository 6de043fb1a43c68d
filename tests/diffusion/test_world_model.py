"""A world model saves itself whole, and refuses what is not its own."""

import json

import pytest
import torch
from rollout_helpers import rollout_inputs
from safetensors.torch import load_file, save_file
from train_helpers import sampling

from pipeline import __version__
from pipeline.diffusion import make as models
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import DataError
from pipeline.weights import hub

CPU = torch.device("cpu")
QUICK = sampling(steps=3)


@pytest.mark.parametrize(
    ("history", "actions", "message"),
    [
        (
            (2, 1, 5, 4, 4),
            (2, 3, 2, 2),
            r"history is \[2, 1, 5, 4, 4\], not \[B, K >= 1, 3, 4, 4\]",
        ),
        ((2, 3, 4, 4), (2, 3, 2, 2), r"history is \[2, 3, 4, 4\]"),
        ((2, 0, 3, 4, 4), (2, 3, 2, 2), r"history is \[2, 0, 3, 4, 4\]"),
        ((2, 1, 3, 4, 4), (2, 3, 1, 4), r"actions are .*, not \[B, 0 \+ F, 2, 2\]"),
        ((2, 3, 3, 4, 4), (2, 2, 2, 2), r"actions are .*, not \[B, 2 \+ F, 2, 2\]"),
        ((2, 1, 3, 4, 4), (1, 3, 2, 2), "1 sequences of actions, but 2 histories"),
    ],
)
def test_latents_and_actions_of_other_shapes_are_refused(model, history, actions, message):
    with pytest.raises(ValueError, match=message):
        model.dream(torch.zeros(history), torch.zeros(actions), torch.Generator(), steps=1)


def test_a_dream_is_a_rollout_from_drawn_noise(model):
    history, actions, _ = rollout_inputs(model, torch.Generator().manual_seed(3), new=6)
    dreams = [
        model.dream(history, actions, torch.Generator().manual_seed(7), steps=2) for _ in range(2)
    ]
    assert dreams[0].shape == (2, 6, *model.spec.latent_shape)
    assert torch.equal(*dreams)


def test_actions_are_standardised_where_the_data_set_asks_for_it(model):
    spec = model.spec
    actions = torch.tensor(spec.actions["mean"]).expand(1, 1, 2, 2)
    assert spec.normalise_actions
    assert model.model_actions(actions).abs().max() < 1e-6
    assert model.model_actions(actions + torch.tensor(spec.actions["std"])).allclose(torch.ones(1))


def test_a_saved_model_is_the_same_model(model, cache, generator, tmp_path):
    model.save_pretrained(str(tmp_path / "wm"))
    model.save_pretrained(tmp_path / "wm")
    loaded = models.load(tmp_path / "wm", CPU, cache)
    assert loaded.config == model.config
    arguments = rollout_inputs(model, generator)
    expected = model.rollout(*arguments, QUICK)
    assert torch.equal(loaded.rollout(*arguments, QUICK), expected)
    files = sorted(path.name for path in (tmp_path / "wm").iterdir())
    assert files == ["README.md", "config.json", "model.safetensors"]


def whole(network):
    return torch.compile(network)


def a_block(network):
    network.blocks[0] = torch.compile(network.blocks[0])
    return network


@pytest.mark.parametrize(
    "wrap",
    [whole, a_block, torch.nn.DataParallel, lambda network: torch.nn.DataParallel(whole(network))],
    ids=["compiled", "a compiled block", "wrapped", "both"],
)
def test_a_compiled_or_wrapped_denoiser_is_saved_under_its_own_names(model, tmp_path, wrap):
    expected = model.denoiser.state_dict()
    wrapped = WorldModel(model.config, CPU)
    wrapped.denoiser.load_state_dict(expected)
    wrapped.denoiser = wrap(wrapped.denoiser)
    wrapped.save_pretrained(tmp_path)
    loaded = WorldModel.from_pretrained(tmp_path).denoiser.state_dict()
    assert list(loaded) == list(expected)
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())


# Written before config.json had a version, and before cameras; it must be read for ever.
def test_a_model_without_a_version_is_read(model, tmp_path):
    model.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    values = json.loads(config.read_text())
    assert (values.pop("format_version"), values.pop("written_by")) == (2, __version__)
    assert values["denoiser"]["options"].pop("camera") == "none"
    assert "camera_scale" not in values["spec"]
    config.write_text(json.dumps(values))
    assert WorldModel.from_pretrained(tmp_path).config == model.config


def test_of_a_hub_s_model_nobody_is_told_to_train_it(model, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "folder", lambda *_: tmp_path)

    def said():
        with pytest.raises(DataError) as caught:
            WorldModel.from_pretrained("someone/model")
        return str(caught.value)

    assert said().endswith("config.json: no such file; name another revision of someone/model")
    model.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"frames"', '"length"'))
    assert said().endswith(
        f"config.json (written by nano-world-models {__version__}): damaged (frames: Field "
        "required); name another revision of someone/model"
    )
    config.write_text('{"format_version": 99, "written_by": "9.0"}')
    assert said().endswith("install 9.0 or later")


def test_the_card_says_what_the_model_is_and_its_code_runs(model, tmp_path, monkeypatch):
    model.save_pretrained(str(tmp_path / "wm"))
    model.save_pretrained(tmp_path / "wm")
    card = (tmp_path / "wm" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: nano-world-models\n")
    for fact in ("`patch_pca`", "3 x 4 x 4", "4 frames", f"{model.parameters():,} parameters"):
        assert fact in card
    code = card.split("```python\n")[1].split("```")[0]
    names = {}
    exec(
        code.replace("THIS_REPOSITORY", str(tmp_path / "wm")).replace("steps=50", "steps=2"), names
    )
    assert names["frames"].shape == (1, 8, 3, 4, 4)


def test_a_model_comes_from_the_hub_by_id_and_revision(model, tmp_path, monkeypatch):
    import huggingface_hub

    model.save_pretrained(tmp_path / "downloaded")
    requested = {}

    def snapshot(repo_id, *, revision, allow_patterns):
        requested.update(repo_id=repo_id, revision=revision, files=sorted(allow_patterns))
        return str(tmp_path / "downloaded")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    loaded = WorldModel.from_pretrained("someone/model", revision="v1")
    assert loaded.config == model.config
    assert requested == {
        "repo_id": "someone/model",
        "revision": "v1",
        "files": ["config.json", "model.safetensors"],
    }


def test_a_model_goes_to_the_hub_with_its_card(model, monkeypatch):
    import huggingface_hub

    uploaded = {}

    class Api:
        def create_repo(self, repo_id, *, private, exist_ok):
            uploaded.update(repo_id=repo_id, private=private)

        def upload_folder(self, *, repo_id, folder_path, commit_message):
            uploaded["files"] = sorted(path.name for path in folder_path.iterdir())
            return type("Commit", (), {"commit_url": f"https://hub/{repo_id}"})

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert model.push_to_hub("someone/model", private=True) == "https://hub/someone/model"
    files = ["README.md", "config.json", "model.safetensors"]
    assert uploaded == {"repo_id": "someone/model", "private": True, "files": files}


def test_a_hub_that_cannot_be_reached_is_named(model, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"me/x: the upload to the hub failed .*check the network"):
        model.push_to_hub("me/x")


def test_what_is_neither_folder_nor_repository_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match="no/such: neither a folder nor a repository"):
        WorldModel.from_pretrained("no/such")
    with pytest.raises(DataError, match="a/b/c: neither a folder nor a repository"):
        WorldModel.from_pretrained("a/b/c")


def test_a_missing_or_damaged_model_is_named(model, cache, tmp_path):
    with pytest.raises(DataError, match=r"config.json: no such file; `dvc checkout` restores"):
        models.load(tmp_path, CPU, cache)
    model.save_pretrained(str(tmp_path / "wm"))
    model.save_pretrained(tmp_path / "wm")
    weights = tmp_path / "wm" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(DataError, match=r"model.safetensors: damaged \(.*dvc checkout"):
        models.load(tmp_path / "wm", CPU, cache)


def test_weights_of_another_size_are_refused_by_name(model, cache, tmp_path):
    model.save_pretrained(str(tmp_path / "wm"))
    model.save_pretrained(tmp_path / "wm")
    config = tmp_path / "wm" / "config.json"
    config.write_text(config.read_text().replace('"width": 32', '"width": 64'))
    with pytest.raises(DataError, match=r"other shapes \(.*\(.*32.* not \(.*64"):
        models.load(tmp_path / "wm", CPU, cache)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"depth": 2', '"depth": 1000000000', "damaged (size.depth = 1000000000: "),
        ('"depth": 2', '"depth": 1000', "model.safetensors: does not fit the network"),
        ('"width": 32', '"width": 65536', "model.safetensors: does not fit the network"),
        ('"patch": 2', '"patch": 3', "config.json: denoisers.nanowm.patch = 3 does not divide"),
        ('"frames": 4', '"frames": 1' + "0" * 30, "damaged (frames = 1"),
        ('"frames": 4', '"frames": true', "damaged (frames = True: "),
        ('"interval": 2', '"interval": "2"', "damaged (interval = '2': "),
        ('"std": [', '"std": [1e400, ', "config.json"),
        ('"name": "nanowm"', '"name": "nanovm"', "did you mean nanowm?"),
        ("{", "[" * 99_999, "config.json: damaged (Invalid JSON: recursion limit exceeded"),
    ],
)
def test_a_config_takes_no_memory_that_its_weights_do_not_have(
    model, tmp_path, before, after, message
):
    model.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    text = json.dumps(json.loads(config.read_text()))
    assert before in text
    config.write_text(text.replace(before, after, 1))
    with pytest.raises(DataError) as caught:
        WorldModel.from_pretrained(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))
    assert message in str(caught.value)
    assert "dvc checkout" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("pos_embed"), r"1 missing keys \(pos_embed\)"),
        (lambda state: state.update(extra=torch.zeros(1)), r"1 unknown keys \(extra\)"),
        (
            lambda state: state["temp_embed"].fill_(torch.nan),
            r"1 values that are not finite \(temp_embed\)",
        ),
    ],
)
def test_weights_with_holes_are_refused_by_name(model, tmp_path, change, message):
    model.save_pretrained(str(tmp_path / "wm"))
    model.save_pretrained(tmp_path / "wm")
    weights = tmp_path / "wm" / "model.safetensors"
    state = load_file(weights)
    change(state)
    save_file(state, weights)
    with pytest.raises(DataError, match=message):
        WorldModel.from_pretrained(tmp_path / "wm")


def test_latents_of_another_encoder_are_refused(model, cache):
    other = cache.spec.model_copy(update={"encoder": "tiny_vae"})
    foreign = type(cache)(cache.path, cache.seal.model_copy(update={"spec": other}), cache.store)
    model.check_cache(cache)
    with pytest.raises(DataError, match="its encoder is tiny_vae, the world model was trained on"):
        model.check_cache(foreign)
