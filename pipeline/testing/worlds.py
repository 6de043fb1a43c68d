"""Conformance of a recorder and of a world; see `pipeline.worlds`."""

from typing import ClassVar

import numpy as np
import pytest

from pipeline.episodes.episode import Episode
from pipeline.families import Module
from pipeline.params import Variant
from pipeline.testing.member import MemberTests
from pipeline.worlds import WORLDS, Recorder, World, WorldOptions

Member = Variant[Module[Recorder, WorldOptions], WorldOptions]


class RecorderTests(MemberTests):
    """The promises of a Recorder: it records the same episodes for the same seed."""

    family = WORLDS

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, member: Member) -> Recorder:
        """The simulator, the same one for all tests: nothing may depend on what it did before."""
        return member.build()

    @pytest.fixture(scope="class")
    @classmethod
    def episodes(cls, world: Recorder) -> list[Episode]:
        """Three episodes of 12 frames."""
        return list(world.collect(3, 12, seed=1))

    def test_as_much_is_recorded_as_is_wanted(self, episodes: list[Episode]) -> None:
        assert [len(episode) for episode in episodes] == [12, 12, 12]
        assert len({episode.key for episode in episodes}) == 3

    def test_all_episodes_have_frames_actions_and_states_of_one_size(
        self, episodes: list[Episode]
    ) -> None:
        for field in ("frames", "actions", "states"):
            assert len({getattr(episode, field).shape for episode in episodes}) == 1

    def test_the_same_seed_gives_the_same_episodes(
        self, world: Recorder, episodes: list[Episode]
    ) -> None:
        for first, again in zip(episodes, world.collect(3, 12, seed=1), strict=True):
            assert (first.key, first.meta) == (again.key, again.meta)
            for field in ("frames", "actions", "states"):
                np.testing.assert_array_equal(getattr(first, field), getattr(again, field))

    def test_another_seed_gives_other_episodes(
        self, world: Recorder, episodes: list[Episode]
    ) -> None:
        other = world.collect(3, 12, seed=2)
        assert any((a.states != b.states).any() for a, b in zip(episodes, other, strict=True))


class WorldTests(RecorderTests):
    """The promises of a World: it can be put into any recorded state, so plans are tried in it."""

    steps: ClassVar[int] = 30
    """Frames of the episode that is replayed; something has to happen in them."""

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, member: Member) -> World:
        """The simulator, the same one for all tests: nothing may depend on what it did before."""
        world = member.build()
        assert isinstance(world, World)
        return world

    @pytest.fixture(scope="class")
    @classmethod
    def episode(cls, world: World) -> Episode:
        """A recorded episode."""
        return next(iter(world.collect(1, cls.steps, seed=3)))

    def test_recorded_actions_and_states_are_of_the_declared_sizes(
        self, world: World, episode: Episode
    ) -> None:
        assert episode.states.shape[1] == world.state_dim
        assert episode.actions.shape[1:] == world.low.shape == world.high.shape
        assert world.low.dtype == world.high.dtype == np.float32

    def test_most_recorded_actions_lie_in_the_range_of_sensible_ones(
        self, world: World, episode: Episode
    ) -> None:
        assert (world.low < world.high).all()
        inside = (episode.actions >= world.low) & (episode.actions <= world.high)
        assert inside.mean() > 0.5

    def test_replaying_recorded_actions_gives_the_recorded_states_and_frames(
        self, world: World, episode: Episode
    ) -> None:
        world.restore(episode.states[0], episode.meta)
        for action, state, frame in zip(
            episode.actions, episode.states, episode.frames, strict=True
        ):
            np.testing.assert_array_equal(world.snapshot(), state)
            np.testing.assert_array_equal(world.render(), frame)
            world.step(action)

    def test_restoring_the_present_state_changes_neither_state_nor_frame(
        self, world: World, episode: Episode
    ) -> None:
        world.restore(episode.states[0], episode.meta)
        for action in episode.actions[: len(episode) // 2]:
            world.step(action)
        state, frame = world.snapshot(), world.render()
        world.restore(state, episode.meta)
        np.testing.assert_array_equal(world.snapshot(), state)
        np.testing.assert_array_equal(world.render(), frame)

    def test_a_snapshot_stays_as_it_was_taken(self, world: World, episode: Episode) -> None:
        world.restore(episode.states[0], episode.meta)
        state = world.snapshot()
        for action in episode.actions:
            world.step(action)
        np.testing.assert_array_equal(state, episode.states[0])

    def test_writing_into_what_was_handed_over_changes_nothing(
        self, world: World, episode: Episode
    ) -> None:
        handed_in = episode.states[0].astype(np.float64)
        world.restore(handed_in, episode.meta)
        frame = world.render()
        kept = frame.copy()
        handed_in[:], world.snapshot()[:], frame[:] = 0, 0, 0
        np.testing.assert_array_equal(world.snapshot(), episode.states[0])
        np.testing.assert_array_equal(world.render(), kept)

    def test_a_state_is_its_own_goal(self, world: World, episode: Episode) -> None:
        for state in episode.states:
            assert world.distance(state, state) == 0
            assert world.success(state, state)

    def test_an_episode_ends_elsewhere_than_it_began(self, world: World, episode: Episode) -> None:
        assert world.distance(episode.states[0], episode.states[-1]) > 0

    def test_a_sampled_task_can_be_restored_and_is_not_solved_yet(self, world: World) -> None:
        start, goal, meta = world.sample(np.random.default_rng(0))
        for state in (goal, start):
            assert state.shape == (world.state_dim,)
            assert state.dtype == np.float32
            world.restore(state, meta)
            np.testing.assert_array_equal(world.snapshot(), state)
        assert not world.success(start, goal)

    def test_the_same_generator_samples_the_same_task(self, world: World) -> None:
        first, second = (world.sample(np.random.default_rng(0)) for _ in range(2))
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])
        assert first[2] == second[2]

    def test_simulated_sequences_are_those_of_step(self, world: World, episode: Episode) -> None:
        actions = np.stack([episode.actions[:5], episode.actions[5:10]])
        states = world.simulate(episode.states[0], episode.meta, actions)
        assert states.dtype == np.float32
        for sequence, expected in zip(actions, states, strict=True):
            world.restore(episode.states[0], episode.meta)
            for action, state in zip(sequence, expected, strict=True):
                world.step(action)
                np.testing.assert_array_equal(world.snapshot(), state)

    def test_drawn_states_are_those_rendered(self, world: World, episode: Episode) -> None:
        frames = world.draw(episode.states[:4], episode.meta)
        np.testing.assert_array_equal(frames, episode.frames[:4])

    def test_coordinates_are_equal_where_states_are_and_differ_where_distance_does(
        self, world: World, episode: Episode
    ) -> None:
        first, again, last = world.coordinates(episode.states[[0, 0, -1]])
        assert first.dtype == np.float32
        np.testing.assert_array_equal(first, again)
        assert np.linalg.norm(first - last) > 0

    def test_a_straight_action_is_one_of_the_action_space(
        self, world: World, episode: Episode
    ) -> None:
        world.restore(episode.states[0], episode.meta)
        action = world.straight(episode.states[-1])
        np.testing.assert_array_equal(world.snapshot(), episode.states[0])
        if action is not None:
            assert action.dtype == np.float32
            assert action.shape == world.low.shape
            assert (action >= world.low).all()
            assert (action <= world.high).all()

    def test_who_is_near_in_coordinates_is_near_by_distance(
        self, world: World, episode: Episode
    ) -> None:
        coordinates = world.coordinates(episode.states)
        np.testing.assert_array_equal(world.coordinates(episode.states[-1:]), coordinates[-1:])
        for state, there in zip(episode.states, coordinates, strict=True):
            apart = float(np.linalg.norm(there - coordinates[0]))
            assert world.distance(state, episode.states[0]) <= 2 * apart + 1e-4

    def test_nothing_is_in_the_way_of_a_goal_that_is_reached(
        self, world: World, episode: Episode
    ) -> None:
        for state in episode.states:
            world.restore(state, episode.meta)
            assert not world.detour(state)

    def test_what_is_in_the_way_there_is_in_the_way_back(self, world: World) -> None:
        rng = np.random.default_rng(0)
        for _ in range(2):
            *ends, meta = world.sample(rng)
            detours = []
            for state, goal in (ends, ends[::-1]):
                world.restore(state, meta)
                detours.append(world.detour(goal))
            assert detours[0] == detours[1]
            assert world.obstacles or not detours[0]

    def test_recorded_cameras_are_those_of_the_recorded_states(
        self, world: World, episode: Episode
    ) -> None:
        cameras = world.cameras(episode.states, episode.meta)
        assert (cameras is None) == (episode.cameras is None)
        if cameras is not None and episode.cameras is not None:
            np.testing.assert_array_equal(episode.cameras.poses, cameras.poses)
            np.testing.assert_array_equal(episode.cameras.intrinsics, cameras.intrinsics)
            assert (episode.cameras.depth is None) == (cameras.depth is None)
            if cameras.depth is not None:
                np.testing.assert_array_equal(episode.cameras.depth, cameras.depth)
