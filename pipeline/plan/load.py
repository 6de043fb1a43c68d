"""Load all that controllers are built of."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import encoders
from pipeline.compute import device
from pipeline.diffusion.sampling import build_sampling
from pipeline.dynamics.load import load_for
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.params import Settings, read
from pipeline.plan import Options
from pipeline.plan.build import Parts
from pipeline.planners import PLANNERS
from pipeline.probe import probe as probes
from pipeline.probe.support import plannable
from pipeline.worlds import WORLDS, World


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Folders that earlier stages made."""

    codec: Path
    world_model: Path
    probe: Path


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a process needs to load the parts itself."""

    params: Path
    latents: Path
    artefacts: Artefacts

    def parts(self) -> Parts | str:
        """Load them; see `load`."""
        settings, cache = read(self.params), open_cache(self.latents)
        simulator = settings.optional(WORLDS)
        world = plannable(simulator.build() if simulator else None, cache.spec)
        return load(settings, world, cache, self.artefacts)


def load(
    settings: Settings, world: World | str, cache: LatentCache, artefacts: Artefacts
) -> Parts | str:
    """The parts that params.yaml describes, or the reason why nothing can be planned.

    In place of a world that can be planned in, there may be the reason why it cannot.

    Raises:
        DataError: an artefact is missing, damaged or of other latents than the cache's.
        ParamsError: the model cannot do the sampling that is asked for.
    """
    if isinstance(world, str):
        return world
    where = device.of_process()
    options = settings.section("plan", Options)
    model = load_for(artefacts.world_model, where, cache)
    if model.context is not None:
        options = options.model_copy(update={"context": model.context})
    if model.spec.camera_scale is not None:
        return (
            "where the camera goes under an action is not known, but the world model is "
            "conditioned by cameras (denoisers.nanowm.camera)"
        )
    encoder = encoders.load_for(model.spec, artefacts.codec).to(where)
    return Parts(
        world,
        cache,
        model,
        encoder,
        probes.load(artefacts.probe, model.spec, model.config.interval),
        settings.variant(PLANNERS).build(),
        model.own(build_sampling(settings, options.sampling), "plan.sampling"),
        options,
    )
