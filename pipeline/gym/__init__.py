"""The worlds as Gymnasium environments; importing this package registers their ids."""

# First: Gymnasium 0.29 imports its plugins, and older versions of this package were one.
import gymnasium  # noqa: F401

from pipeline.gym.registration import register

register()
