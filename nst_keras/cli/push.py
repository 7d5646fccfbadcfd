"""Makes a SavedModel the newest version of a served model, or goes back to an older one.

  nst-push --saved_model=out/saved_model --serving_dir=saved_models --name=flowers
  nst-push --rollback --serving_dir=saved_models --name=flowers          the version before the current one
  nst-push --rollback --to=3 --serving_dir=saved_models --name=flowers

Model servers serve the highest number that they find, so going back pushes a copy of the older version under
a new number. A version appears whole or not at all; its folder is printed.
"""

from dataclasses import dataclass

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.fields import Settings, number, setting
from nst_keras.served.push import DEFAULT_KEEP, push, rollback


@dataclass(frozen=True)
class PushSettings(Settings):
    """What is pushed, and where to."""

    saved_model: str = setting("", "The folder with saved_model.pb.")
    serving_dir: str = setting("saved_models", "Where model servers look.")
    name: str = setting("", "The model's name.")
    keep: int = number(DEFAULT_KEEP, "Newest versions to leave; 0: all.")
    version: int = number(0, "Number of the new version, above all others; 0: the next.")
    rollback: bool = setting(False, "Go back to an older version.")
    to: int = number(0, "The version to go back to; 0: the one before.")


FLAGS = field_flags.flags_of(PushSettings)


@common.command(__doc__, FLAGS)
def main() -> None:
    """Entry point of `nst-push`."""
    settings = field_flags.parsed(PushSettings, FLAGS)
    if not settings.name:
        raise flags.Error("--name is missing: the model's name")
    if settings.rollback:
        if settings.saved_model or settings.version:
            raise flags.Error("--rollback takes neither --saved_model nor --version")
        print(rollback(settings.serving_dir, settings.name, to=settings.to, keep=settings.keep))
        return
    if settings.to:
        raise flags.Error("--to needs --rollback")
    if not settings.saved_model:
        raise flags.Error("--saved_model is missing: a folder with saved_model.pb")
    print(
        push(
            settings.saved_model,
            settings.serving_dir,
            settings.name,
            keep=settings.keep,
            version=settings.version,
        )
    )


if __name__ == "__main__":
    main()
