"""LPIPS and FID, on random weights that are stored as the published ones are."""

import hashlib
import os
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch.nn import functional

from pipeline.compute import parts
from pipeline.compute.torchvision_shim import make_importable
from pipeline.errors import DataError, ParamsError
from pipeline.metrics import frames as frame_metrics
from pipeline.metrics import perceptual
from pipeline.metrics.images import frechet

CPU = torch.device("cpu")
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
POOLS, TAPS = (4, 9, 16, 23), (3, 8, 15, 22, 29)
WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def vgg() -> dict[str, torch.Tensor]:
    """What torchvision publishes of VGG16, without its classifier."""
    state, before = {}, 3
    generator = torch.Generator().manual_seed(0)
    for number, width in zip(CONVOLUTIONS, WIDTHS, strict=True):
        scale = (2 / (9 * before)) ** 0.5
        weight = torch.randn(width, before, 3, 3, generator=generator) * scale
        state[f"features.{number}.weight"] = weight
        state[f"features.{number}.bias"] = torch.randn(width, generator=generator) * 0.1
        before = width
    return state


def library_inception():
    make_importable()
    from pytorch_fid import inception

    return inception


def inception() -> dict[str, torch.Tensor]:
    """What pytorch-fid publishes, of other numbers."""
    library = library_inception()
    build = library._inception_v3

    def blank(*arguments, **options):
        network = build(*arguments, **options)
        network.load_state_dict = lambda _: None
        return network

    with (
        mock.patch.object(library, "load_state_dict_from_url"),
        mock.patch.object(library, "_inception_v3", blank),
    ):
        network = library.fid_inception_v3()
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            torch.nn.init.kaiming_normal_(module.weight)
    return network.state_dict()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A torch hub's cache with both files, each under a name that ends as its SHA-256 begins."""
    folder = tmp_path_factory.mktemp("torch") / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    for name, made in {"vgg16": vgg, "inception": inception}.items():
        torch.save(made(), folder / name)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        (folder / name).rename(folder / f"{name}-{digest[:8]}.pth")
    return folder.parents[1]


@pytest.fixture
def published(home, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(home))
    for name, metric in {"vgg16": "lpips", "inception": "fid"}.items():
        file = next(home.rglob(f"{name}-*.pth"))
        monkeypatch.setitem(perceptual.WEIGHTS, metric, f"https://nowhere.invalid/{file.name}")
    return home


@pytest.fixture
def images(generator):
    return torch.randint(0, 256, (3, 3, 40, 48), dtype=torch.uint8, generator=generator)


def equation_1(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Zhang et al. 2018, eq. 1, in float64, on the library's own calibration."""
    import lpips

    shift, scale = (
        torch.tensor(numbers).double()[:, None, None]
        for numbers in ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450))
    )
    heads = Path(lpips.__file__).parent / "weights/v0.1/vgg.pth"
    calibration = torch.load(heads, map_location="cpu", weights_only=True)
    state, total = vgg(), torch.zeros(len(a)).double()
    a, b = (((image.double() / 127.5 - 1) - shift) / scale for image in (a, b))
    for number in range(30):
        if number in CONVOLUTIONS:
            weight, bias = (
                state[f"features.{number}.{key}"].double() for key in ("weight", "bias")
            )
            a, b = (functional.conv2d(each, weight, bias, padding=1) for each in (a, b))
        elif number in POOLS:
            a, b = (functional.max_pool2d(each, 2) for each in (a, b))
        else:
            a, b = a.relu(), b.relu()
        if number in TAPS:
            near = [each / each.square().sum(1, keepdim=True).sqrt() for each in (a, b)]
            weight = calibration[f"lin{TAPS.index(number)}.model.1.weight"].double().flatten()
            apart = (near[0] - near[1]).square().mean((2, 3))
            total += apart @ weight
    return total


def test_lpips_is_equation_1_on_the_published_trunk(published, images):
    distance = perceptual.lpips(CPU)
    others = images.roll(1, 0)
    torch.testing.assert_close(
        distance(images, others).double(), equation_1(images, others), rtol=1e-4, atol=1e-6
    )
    assert torch.equal(distance(images, images), torch.zeros(3))


def test_images_are_scored_one_by_one(published, images, monkeypatch):
    distance, features = perceptual.lpips(CPU), perceptual.inception(CPU)
    whole = distance(images, images.flip(0)), features(images)
    monkeypatch.setattr(parts, "AT_ONCE", 2)
    torch.testing.assert_close(distance(images, images.flip(0)), whole[0])
    torch.testing.assert_close(features(images), whole[1])


def test_features_are_those_of_images_resized_as_in_pytorch_fid(published, images):
    library = library_inception()
    with mock.patch.object(library, "load_state_dict_from_url", return_value=inception()):
        network = library.InceptionV3(resize_input=False, normalize_input=False).eval()
    large = functional.interpolate(images.float() / 127.5 - 1, (299, 299), mode="bilinear")
    with torch.inference_mode():
        expected = network(large)[0][:, :, 0, 0]
    features = perceptual.inception(CPU)(images)
    assert features.shape == (3, 2048)
    assert features.std() > 0
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)


def test_the_fid_compares_all_frames_at_once(images):
    def colours(frames):
        return frames.float().mean((2, 3))

    clips = images[None].expand(5, -1, -1, -1, -1) // torch.arange(1, 6)[:, None, None, None, None]
    truth = clips.flip(3) // 2
    metrics = frame_metrics.FrameMetrics({}, colours)
    seen = {"model": metrics.features(clips), "perfect": metrics.features(truth)}
    distances = frame_metrics.fids(seen, metrics.features(truth))
    expected = frechet(colours(clips.flatten(0, 1)), colours(truth.flatten(0, 1)))
    assert distances["model"] == pytest.approx(float(expected))
    assert distances["perfect"] == pytest.approx(0, abs=1e-4)


def test_what_is_not_requested_is_not_computed(images):
    metrics = frame_metrics.build((), CPU)
    clips = images[None]
    assert list(metrics.scores(clips, clips)) == ["psnr", "ssim"]
    assert frame_metrics.fids({"model": metrics.features(clips)}, metrics.features(clips)) == {}


def test_without_a_network_the_error_says_which_file_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = "https://nowhere.invalid/vgg16-397923af.pth"
    monkeypatch.setitem(perceptual.WEIGHTS, "lpips", url)
    where = tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth"
    with pytest.raises(DataError) as caught:
        perceptual.lpips(CPU)
    message = str(caught.value)
    assert message.startswith(f"evaluate.perceptual: {url} cannot be downloaded (")
    assert message.endswith(f"put it at {where}")
    assert not where.exists()


def test_other_weights_under_the_published_name_are_refused(published):
    file = next(published.rglob("vgg16-*.pth"))
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-1])
        with pytest.raises(DataError, match=r"its SHA-256 begins with [0-9a-f]{8}, not with"):
            perceptual.prepare(["lpips"])
    finally:
        file.write_bytes(content)


class Attack:
    def __reduce__(self):
        return os.system, ("touch attacked",)


def test_weights_are_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save({"features.0.weight": Attack()}, folder / "file")
    digest = hashlib.sha256((folder / "file").read_bytes()).hexdigest()
    file = (folder / "file").rename(folder / f"vgg16-{digest[:8]}.pth")
    monkeypatch.setitem(perceptual.WEIGHTS, "lpips", f"https://nowhere.invalid/{file.name}")
    with pytest.raises(DataError, match="contains more than tensors"):
        perceptual.lpips(CPU)
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(("name", "package"), [("lpips", "lpips"), ("fid", "pytorch_fid")])
def test_a_missing_library_is_named(name, package, monkeypatch):
    monkeypatch.setattr(perceptual, "find_spec", lambda _: None)
    with pytest.raises(ParamsError, match=f"{name} needs {package}, .*'.\\[perceptual\\]'"):
        frame_metrics.build((name,), CPU)
