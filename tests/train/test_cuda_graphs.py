"""What is compiled by a mode that captures CUDA graphs, in graphs that a CPU plays."""

import pytest
import torch
from cuda_graphs import played
from torch import nn
from train_helpers import run, sampling, trainer, world_model

from pipeline.errors import ParamsError
from pipeline.train.distributed.group import Group
from pipeline.train.trainer import Trainer

pytestmark = pytest.mark.slow


def gradients(network, answer, clips):
    """Of the sum over clips, one backward pass after the other."""
    for clip in clips:
        answer(clip).square().sum().backward()
    return [weight.grad.clone() for weight in network.parameters()]


def test_a_graph_overwrites_what_it_gave_before(generator):
    """The hazard is played: autograd's way of adding up comes to another gradient."""
    network = nn.Sequential(nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 1))
    clips = torch.randn((3, 2, 3), generator=generator)
    right = gradients(network, network, clips)
    network.zero_grad()
    with played() as graphs:
        wrong = gradients(network, torch.compile(network, mode="reduce-overhead"), clips)
    assert [(graph.captures, graph.replays) for graph in graphs] == [(1, 2), (1, 2)]
    assert not torch.allclose(right[0], wrong[0], rtol=0.1)


def test_training_in_micro_batches_by_captured_graphs_takes_the_same_steps(cache, tmp_path):
    asked = {"accumulation": 2, "steps": 4, "ema": 0.9}
    plain = run(trainer(cache, **asked), tmp_path / "plain")
    with played() as graphs:
        ours = run(trainer(cache, compile="reduce-overhead", **asked), tmp_path / "ours")
    assert [(graph.captures, graph.replays) for graph in graphs] == [(1, 7), (1, 7)]
    state = ours.state_dict()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(state[name], value, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("order", ["sequential", "pyramid"])
def test_steps_of_sampling_are_captured_once_for_all_windows(cache, order, generator):
    model = world_model(cache, objective="v")
    for weight in model.denoiser.parameters():  # a fresh one answers 0
        nn.init.normal_(weight, std=0.05, generator=generator)
    history = torch.randn((2, 1, *model.spec.latent_shape), generator=generator)
    actions = torch.randn((2, 2, 2, 2), generator=generator)

    def drawn(mode):
        chosen = sampling(order, steps=2, compile=mode)
        noise = chosen.noise(2, 1, 2, model.spec.latent_shape, generator.manual_seed(1))
        return model.rollout(history, actions, noise, chosen)

    with played() as graphs:
        first, again = drawn("reduce-overhead"), drawn("reduce-overhead")
    torch.testing.assert_close(first, drawn("none"), atol=1e-5, rtol=1e-4)
    assert torch.equal(first, again)
    assert {(graph.captures, graph.refused) for graph in graphs} == {(1, 0)}
    assert sum(graph.replays for graph in graphs) > len(graphs)


def test_a_memory_that_is_made_anew_keeps_a_step_from_being_captured(cache, generator):
    model = world_model(cache)
    one = torch.randn((2, 1, *model.spec.latent_shape), generator=generator)
    level, actions = torch.zeros((2, 1), dtype=torch.int64), torch.zeros((2, 4, 4))
    network = torch.compile(model.denoiser, mode="reduce-overhead")
    with played() as graphs, torch.no_grad():
        network(one, level, actions, torch.tensor([0]), model.denoiser.kv_cache(2))
    assert [(graph.captures, graph.refused) for graph in graphs] == [(0, 1)]


def test_graphs_are_not_captured_over_weights_that_move(cache):
    one = trainer(cache)
    group = Group(0, 2, torch.device("cpu"), "fsdp")
    options = one.options.model_copy(update={"compile": "reduce-overhead"})
    with pytest.raises(ParamsError, match=r"train.compile = 'reduce-overhead' captures CUDA gr"):
        Trainer(one.network, one.loss, one.batches, options, group)
