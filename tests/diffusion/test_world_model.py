"""A world model rolls out frame by frame, saves itself whole, and refuses what is not its own."""

import dataclasses

import pytest
import torch
from helpers import every, scaled_error
from safetensors.torch import load_file, save_file
from train_helpers import sampling, world_model

from pipeline.diffusion import rollout
from pipeline.diffusion import world_model as models
from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.diffusion.sampling import Noise
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import DataError, ParamsError
from pipeline.families import SAMPLERS

CPU = torch.device("cpu")
QUICK = sampling(steps=3)


def untidy(model):
    """With weights that make every part of the network matter."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    model.denoiser.requires_grad_(False)
    return model


@pytest.fixture
def model(cache):
    return untidy(world_model(cache))


def inputs(model, generator, batch=2, known=1, new=3):
    shape = model.spec.latent_shape
    history = torch.randn((batch, known, *shape), generator=generator)
    actions = torch.randn((batch, known - 1 + new, 2, 2), generator=generator)
    start = torch.randn((batch, new, *shape), generator=generator)
    context = torch.randn((batch, known + new, *shape), generator=generator)
    return history, actions, Noise(start, context if known < 0 else None)


def test_a_long_rollout_begins_like_a_short_one(model, generator):
    history, actions, noise = inputs(model, generator, new=8)
    long = model.rollout(history, actions, noise, QUICK)
    assert long.shape == noise.start.shape
    short = model.rollout(history, actions[:, :5], Noise(noise.start[:, :5]), QUICK)
    torch.testing.assert_close(long[:, :5], short)


def test_past_the_window_a_frame_depends_on_the_last_frames_alone(model, generator):
    history, actions, noise = inputs(model, generator, known=6, new=1)
    first = model.rollout(history, actions, noise, QUICK)
    forgotten = history.clone()
    forgotten[:, :3] = 9
    assert torch.equal(model.rollout(forgotten, actions, noise, QUICK), first)
    remembered = history.clone()
    remembered[:, 3:] += 1
    assert not torch.equal(model.rollout(remembered, actions, noise, QUICK), first)


@pytest.mark.parametrize(
    ("context", "generate"), [(1, 3), (2, 1), (3, 3), (1, 1), (None, None), (None, 1), (1, None)]
)
def test_the_window_keeps_its_context_and_generates_as_many_frames_as_it_may(
    model, generator, context, generate, monkeypatch
):
    shapes = []

    def recorded(denoiser, objective, matrix, window, actions, **options):
        fixed = (matrix == matrix[0]).all(0)
        shapes.append((int(fixed.sum()), len(fixed) - int(fixed.sum())))
        assert actions.shape[1] == len(fixed)
        return sample(denoiser, objective, matrix, window, actions, **options)

    monkeypatch.setattr(rollout, "sample", recorded)
    arguments = inputs(model, generator, new=7)
    model.rollout(*arguments, sampling(steps=1, context=context, generate=generate))
    context, generate = context or 3, generate or 3
    assert sum(new for _, new in shapes) == 7
    assert shapes[0] == (1, min(generate, 3))
    assert all(known <= context and new <= generate for known, new in shapes)
    assert all(known == context for known, _ in shapes[3:])
    assert all(known + new <= 4 for known, new in shapes)


@pytest.mark.parametrize("order", every(SAMPLERS))
@pytest.mark.parametrize("stabilisation", [0.0, 0.02])
def test_a_rollout_is_the_same_with_and_without_memory(
    model, generator, order, stabilisation, monkeypatch
):
    chosen = sampling(order, steps=3, stabilisation=stabilisation)
    history, actions, _ = inputs(model, generator, known=2, new=7)
    noise = chosen.noise(2, 2, 7, model.spec.latent_shape, generator)
    fast = model.rollout(history, actions, noise, chosen)
    monkeypatch.setattr(
        rollout, "sample", lambda *args, **options: sample(*args, **options, use_kv_cache=False)
    )
    slow = model.rollout(history, actions, noise, chosen)
    assert scaled_error(fast, slow) < 1e-5


def test_stabilisation_shows_a_noised_context_and_returns_clean_frames(
    model, generator, monkeypatch
):
    chosen = sampling(steps=2, stabilisation=0.02)
    seen = []

    def recorded(denoiser, objective, matrix, window, actions, **options):
        seen.append((matrix[:, 0], window[:, 0]))
        return sample(denoiser, objective, matrix, window, actions, **options)

    monkeypatch.setattr(rollout, "sample", recorded)
    history, actions, _ = inputs(model, generator, new=4)
    noise = chosen.noise(2, 1, 4, model.spec.latent_shape, generator)
    result = model.rollout(history, actions, noise, chosen)
    level, shown = seen[0]
    assert (level == 20).all()
    expected = model.objective.noised(history, noise.context[:, :1], torch.tensor([[20]]))
    assert torch.equal(shown, expected[:, 0])
    # The window that follows is shown the returned frames with their own noise, not noise twice.
    again = model.objective.noised(result[:, :1], noise.context[:, 1:2], torch.tensor([[20]]))
    assert torch.equal(seen[1][1], again[:, 0])


def test_an_action_changes_no_frame_before_the_one_that_it_leads_to(model, generator):
    history, actions, noise = inputs(model, generator, new=6)
    changed = actions.clone()
    changed[:, 3] += 1
    before, after = (model.rollout(history, a, noise, QUICK) for a in (actions, changed))
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3] != after[:, 3]).any()


@pytest.mark.parametrize("frame", [1, 4, 6])
def test_every_frame_starts_from_its_own_noise(model, generator, frame):
    history, actions, noise = inputs(model, generator, new=8)
    changed = noise.start.clone()
    changed[:, frame] += 1
    before = model.rollout(history, actions, noise, QUICK)
    after = model.rollout(history, actions, Noise(changed), QUICK)
    assert torch.equal(before[:, :frame], after[:, :frame])
    assert (before[:, frame] != after[:, frame]).any()


def test_shared_noise_is_the_same_noise_for_each(model, generator):
    history, actions, noise = inputs(model, generator)
    shared = model.rollout(history, actions, Noise(noise.start[:1]), QUICK)
    repeated = Noise(noise.start[:1].expand_as(noise.start))
    assert torch.equal(shared, model.rollout(history, actions, repeated, QUICK))


def test_stochastic_steps_draw_from_the_noises_generator(model, generator):
    chosen = sampling(steps=3, eta=1.0)
    history, actions, noise = inputs(model, generator)
    results = [
        model.rollout(
            history,
            actions,
            dataclasses.replace(noise, generator=torch.Generator().manual_seed(seed)),
            dataclasses.replace(chosen, sampler=QUICK.sampler),
        )
        for seed in (1, 1, 2)
    ]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_shared_noise_is_shared_at_every_stochastic_step(model, generator):
    history, actions, noise = inputs(model, generator)
    same = (each[:1].expand_as(each) for each in (history, actions))
    shared = Noise(noise.start[:1], generator=torch.Generator().manual_seed(0))
    first, second = model.rollout(*same, shared, sampling(steps=3, eta=1.0))
    torch.testing.assert_close(first, second)


def test_actions_and_noise_that_do_not_fit_are_refused(model, generator):
    history, actions, noise = inputs(model, generator, known=2, new=3)
    with pytest.raises(ValueError, match=r"3 actions, but 2 history .* need 4"):
        model.rollout(history, actions[:, :3], noise, QUICK)
    for changes in ({"stabilisation": 0.02}, {"eta": 0.5}):
        with pytest.raises(ValueError, match="need noise of their own"):
            model.rollout(history, actions, noise, sampling(steps=2, **changes))


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


def test_rollout_py_shows_the_context_at_a_level_that_it_steps_through():
    made = {
        steps: sampling(steps=steps, spacing="linspace", stabilisation=0.02).options
        for steps in (10, 50, 100)
    }
    found = {
        steps: rollout._context_level(each, ddim_timesteps(steps, 1000, "linspace"), 1000)
        for steps, each in made.items()
    }
    assert found == {10: 0, 50: 20, 100: 20}


def test_a_dream_is_a_rollout_from_drawn_noise(model):
    history, actions, _ = inputs(model, torch.Generator().manual_seed(3), new=6)
    dreams = [
        model.dream(history, actions, torch.Generator().manual_seed(7), steps=2) for _ in range(2)
    ]
    assert dreams[0].shape == (2, 6, *model.spec.latent_shape)
    assert torch.equal(*dreams)


def test_a_sampling_is_made_by_its_name(model):
    made = model.sampling("pyramid", 7, stabilisation=0.02, context=2, generate=1)
    assert (
        made.options
        == sampling("pyramid", steps=7, stabilisation=0.02, context=2, generate=1).options
    )
    assert (made.options.context, model.sampling("pyramid", 7).options.context) == (2, None)
    with pytest.raises(ParamsError, match="sampler = 'piramid' is unknown; did you mean pyramid"):
        model.sampling("piramid", 7)
    with pytest.raises(ParamsError, match=r"sampling.steps: Input should be greater than 0"):
        model.sampling("pyramid", 0)
    with pytest.raises(ParamsError, match=r"sampling.context = 9, but the world model's windows"):
        model.sampling("pyramid", 7, context=9)


@pytest.mark.parametrize(
    ("changes", "objective", "message"),
    [
        (
            {"context": 4},
            "v",
            "plan.sampling.context = 4, but .* windows have 4 frames .*; choose at most 3",
        ),
        ({"generate": 7}, "v", "plan.sampling.generate = 7, but the world model's windows have 4"),
        ({"eta": 0.5}, "flow", "plan.sampling.eta = 0.5, but the steps of a flow are determin"),
    ],
)
def test_a_sampling_that_the_model_cannot_do_is_refused(cache, changes, objective, message):
    model = world_model(cache, objective=objective)
    fit = {"stochastic": model.objective.stochastic_steps, "place": "plan.sampling"}
    with pytest.raises(ParamsError, match=message):
        sampling(**changes).options.check_fits(4, **fit)
    sampling().options.check_fits(4, **fit)


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
    arguments = inputs(model, generator)
    expected = model.rollout(*arguments, QUICK)
    assert torch.equal(loaded.rollout(*arguments, QUICK), expected)
    files = sorted(path.name for path in (tmp_path / "wm").iterdir())
    assert files == ["README.md", "config.json", "model.safetensors"]


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
    asked = {}

    def snapshot(repo_id, *, revision, allow_patterns):
        asked.update(repo_id=repo_id, revision=revision, files=sorted(allow_patterns))
        return str(tmp_path / "downloaded")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    loaded = WorldModel.from_pretrained("someone/model", revision="v1")
    assert loaded.config == model.config
    assert asked == {
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
    with pytest.raises(DataError, match=r"me/x: the hub did not take it .*check the network, or"):
        model.push_to_hub("me/x")


def test_what_is_neither_folder_nor_repository_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match="no/such: neither a folder nor a repository"):
        WorldModel.from_pretrained("no/such")
    with pytest.raises(DataError, match="a/b/c: neither a folder nor a repository"):
        WorldModel.from_pretrained("a/b/c")


def test_a_missing_or_damaged_model_is_named(model, cache, tmp_path):
    with pytest.raises(DataError, match=r"config.json: no such file; run `dvc repro train`"):
        models.load(tmp_path, CPU, cache)
    model.save_pretrained(str(tmp_path / "wm"))
    model.save_pretrained(tmp_path / "wm")
    weights = tmp_path / "wm" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(DataError, match="not a readable world model"):
        models.load(tmp_path / "wm", CPU, cache)


def test_weights_of_another_size_are_refused_by_name(model, cache, tmp_path):
    model.save_pretrained(str(tmp_path / "wm"))
    model.save_pretrained(tmp_path / "wm")
    config = tmp_path / "wm" / "config.json"
    config.write_text(config.read_text().replace('"width": 32', '"width": 64'))
    with pytest.raises(DataError, match=r"other shapes \(.*\(.*32.* not \(.*64"):
        models.load(tmp_path / "wm", CPU, cache)


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
