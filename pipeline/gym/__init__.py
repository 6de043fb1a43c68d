"""The worlds as Gymnasium environments; importing this package registers their ids."""

from pipeline.gym.registration import register

register()
