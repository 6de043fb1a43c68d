"""The room against geometry worked out by hand."""

import mujoco
import numpy as np
import pytest
from helpers import GOLDEN, default, member_of

from pipeline.episodes.cameras import looking, rays, unproject
from pipeline.testing.worlds import WorldTests
from pipeline.worlds import WORLDS
from pipeline.worlds._shared import distractor
from pipeline.worlds.room import scene
from pipeline.worlds.room.camera import EYE
from pipeline.worlds.room.policy import MOST_PITCH, RADIUS

META = {"room": 0}
SIZE = scene.SIZE


def build(**changes):
    module, options = default(WORLDS, "room", **changes)
    return module.build(options)


@pytest.fixture
def empty():
    return build(boxes=0, height=33, width=33)


def state(*values):
    return np.array(values, np.float32)


def walk(world, start, *actions):
    world.restore(state(*start), META)
    for action in actions:
        world.step(state(*action))
    return world.snapshot()


@pytest.mark.parametrize(
    ("yaw", "wall"),
    [(0, SIZE[0] - 2), (np.pi / 2, SIZE[1] - 1.5), (np.pi, 2), (-np.pi / 2, 1.5)],
)
def test_depth_straight_ahead_is_the_distance_of_the_wall(empty, yaw, wall):
    depth = empty.cameras(state(2, 1.5, yaw, 0)[None], META).depth[0]
    assert depth[16, 16] == pytest.approx(wall, abs=1e-5)


def test_the_floor_and_the_ceiling_are_where_a_tilted_camera_sees_them(empty):
    pitch = 0.5
    for sign, height in ((1, SIZE[2] - EYE), (-1, EYE)):
        depth = empty.cameras(state(1, 3, 0, sign * pitch)[None], META).depth[0]
        assert depth[16, 16] == pytest.approx(height / np.sin(pitch), abs=1e-5)


def test_a_right_step_moves_the_picture_to_the_left_and_a_left_turn_to_the_right():
    world = build(boxes=3)
    start = state(1, 3, 0, 0)
    world.restore(start, META)
    pose = world.cameras(start[None], META).poses[0]
    far = np.array([5.0, 3.0, EYE, 1])
    assert (pose @ far)[:2] == pytest.approx([0, 0])
    right = world.cameras(walk(world, start, [0, 0.1, 0, 0])[None], META).poses[0]
    turned = world.cameras(walk(world, start, [0, 0, 0.1, 0])[None], META).poses[0]
    up = world.cameras(walk(world, start, [0, 0, 0, 0.1])[None], META).poses[0]
    assert (right @ far)[0] < -0.05
    assert (turned @ far)[0] > 0.05
    assert (up @ far)[1] > 0.05


def test_rays_meet_what_the_slab_method_says_at_the_same_place():
    golden = np.load(GOLDEN / "worlds/room.npz")
    directions = rays(golden["depth"].shape[1:], golden["intrinsics"]).reshape(-1, 3).T
    for number, (x, y, yaw, pitch) in enumerate(golden["states"].astype(float)):
        eye = np.array([x, y, EYE])
        turned = looking(eye, yaw, pitch)[:3, :3].T @ directions
        depth, colours = scene.cast(scene.make(golden["rooms"][number], 5), eye, turned)
        np.testing.assert_allclose(depth, golden["depth"][number].ravel(), rtol=0, atol=1e-9)
        np.testing.assert_array_equal(colours, golden["colours"][number].reshape(-1, 3))


def test_the_model_for_the_viewer_has_the_camera_of_the_frames():
    world = build(height=48, width=64)
    start = state(1, 3, 0.4, -0.2)
    world.restore(start, META)
    model = mujoco.MjModel.from_xml_string(world.mjcf())
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    cameras = world.cameras(start[None], META)
    opencv = data.cam_xmat[0].reshape(3, 3) * [1, -1, -1]  # MuJoCo's cameras look along -z
    np.testing.assert_allclose(opencv.T, cameras.poses[0, :3, :3], atol=1e-9)
    np.testing.assert_allclose(data.cam_xpos[0], cameras.centres()[0], atol=1e-9)
    focal = 24 / np.tan(np.radians(model.cam_fovy[0]) / 2)
    assert focal == pytest.approx(world.intrinsics[1])


def test_every_unprojected_pixel_lies_on_a_face():
    world = build()
    rng = np.random.default_rng(0)
    episode = next(iter(world.collect(1, 6, seed=0)))
    for camera in range(6):
        known = episode.cameras
        points = unproject(known.depth[camera], known.intrinsics[camera], known.poses[camera])
        assert surface_distance(world.scene, points.reshape(-1, 3)).max() < 1e-5
    inner = rng.uniform(0.5, 2, (9, 3))
    assert surface_distance(world.scene, inner).min() > 1e-3


def surface_distance(room, points):
    """Distance of points [N, 3] to the nearest face of any box."""
    from room_helpers import distance_to_surface

    return distance_to_surface(room, points)


def test_what_is_walked_into_is_slid_along(empty):
    x, y, *_ = walk(empty, [SIZE[0] - 0.4, 3, np.pi / 4, 0], *[[0.2, 0, 0, 0]] * 3)
    assert x <= SIZE[0] - RADIUS
    assert y == pytest.approx(3 + 3 * 0.2 * np.sin(np.pi / 4), abs=1e-5)


def test_furniture_cannot_be_walked_through():
    world = build()
    low, high = world.scene.low[1], world.scene.high[1]
    start = low[0] - 0.5, (low[1] + high[1]) / 2, 0, 0
    x = walk(world, start, *[[0.25, 0, 0, 0]] * 10)[0]
    assert low[0] - 0.5 < x <= low[0] - RADIUS
    assert world.detour(state(high[0] + 0.5, start[1], 0, 0))
    assert not world.detour(state(low[0] - 0.6, start[1] + 0.1, 0, 0))


def test_a_turn_goes_round_and_a_look_ends(empty):
    assert walk(empty, [3, 3, 3.1, 0], [0, 0, 0.2, 0])[2] == pytest.approx(3.3 - 2 * np.pi)
    assert walk(empty, [3, 3, 0, 0], *[[0, 0, 0, 0.12]] * 9)[3] == pytest.approx(MOST_PITCH)


def test_going_straight_arrives_where_nothing_is_in_the_way(empty):
    start, goal = state(1, 1, 2, 0.3), state(5, 4, -1, -0.2)
    empty.restore(start, META)
    for _ in range(60):
        empty.step(empty.straight(goal))
    assert empty.success(empty.snapshot(), goal)


def test_rooms_differ_and_every_place_outside_furniture_can_be_reached():
    world = build(rooms=[1, 2, 3])
    seen = {episode.meta["room"] for episode in world.collect(8, 2, 0)}
    assert seen == {1, 2, 3}
    for seed in range(5):
        room = scene.make(seed, 5)
        for low, high in zip(room.low[1:], room.high[1:], strict=True):
            assert (low[:2] >= scene.GAP).all()
            assert (high[:2] <= SIZE[:2] - scene.GAP).all()
    assert scene.GAP > 2 * RADIUS


def test_depth_is_recorded_only_if_asked_for():
    assert next(iter(build(depth=False).collect(1, 2, 0))).cameras.depth is None


def test_walks_see_much_of_the_room_and_keep_moving():
    states = np.concatenate([e.states for e in build(height=16, width=16).collect(6, 40, 0)])
    assert np.ptp(states[:, :2], axis=0).min() > 3
    moved = np.linalg.norm(np.diff(states[:, :2], axis=0), axis=1)
    assert np.median(moved) > 0.08


class TestRoomWithAnObjectThatJumps(WorldTests):
    @pytest.fixture(scope="class")
    @classmethod
    def member(cls):
        return member_of(WORLDS, "room", jumping=4, height=32, width=48)

    def test_every_frame_shows_it_whole_at_its_recorded_cell(self, member, episode):
        cells = distractor.cells(episode.states[:, 4], 16)
        expected = member.options.distractor_frames()[cells]
        np.testing.assert_array_equal(episode.frames[..., 2], expected[..., 2])
        assert len(set(cells.tolist())) > 8

    def test_the_room_its_cameras_and_the_walk_are_the_same(self, world):
        plain = next(iter(build(height=32, width=48).collect(1, 12, seed=1)))
        jumping = next(iter(world.collect(1, 12, seed=1)))
        for field in ("actions", "frames", "states"):
            ours, theirs = (getattr(each, field) for each in (jumping, plain))
            kept = {"actions": 4, "frames": 2, "states": 4}[field]
            np.testing.assert_array_equal(ours[..., :kept], theirs[..., :kept])
        for field in ("intrinsics", "poses", "depth"):
            ours, theirs = (getattr(each.cameras, field) for each in (jumping, plain))
            np.testing.assert_array_equal(ours, theirs)

    def test_where_it_is_matters_to_no_goal(self, world, episode):
        state, elsewhere = episode.states[0], episode.states[0].copy()
        elsewhere[4] = 0.25
        assert world.distance(state, elsewhere) == 0
        assert world.success(state, elsewhere)
