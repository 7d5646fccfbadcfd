"""Makes a SavedModel the newest version of a served model, or goes back to an older one.

  nst-push --saved_model=out/saved_model --serving_dir=saved_models --name=flowers
  nst-push --rollback --serving_dir=saved_models --name=flowers          the version before the current one
  nst-push --rollback --to=3 --serving_dir=saved_models --name=flowers

Model servers serve the highest number that they find, so going back pushes a copy of the older version under
a new number. A version appears whole or not at all; its folder is printed.
"""

from absl import flags

from nst_keras.cli import common
from nst_keras.served.push import DEFAULT_KEEP, push, rollback

FLAGS = flags.FlagValues()
flags.DEFINE_string("saved_model", "", "The folder with saved_model.pb.", flag_values=FLAGS)
flags.DEFINE_string("serving_dir", "saved_models", "Where model servers look.", flag_values=FLAGS)
flags.DEFINE_string("name", "", "The model's name.", flag_values=FLAGS)
flags.DEFINE_integer("keep", DEFAULT_KEEP, "Newest versions to leave; 0: all.", 0, flag_values=FLAGS)
flags.DEFINE_integer(
    "version", 0, "Number of the new version, above all others; 0: the next.", 0, flag_values=FLAGS
)
flags.DEFINE_bool("rollback", False, "Go back to an older version.", flag_values=FLAGS)
flags.DEFINE_integer("to", 0, "The version to go back to; 0: the one before.", 0, flag_values=FLAGS)


@common.command(__doc__, FLAGS)
def main() -> None:
    """Entry point of `nst-push`."""
    if not FLAGS.name:
        raise flags.Error("--name is missing: the model's name")
    if FLAGS.rollback:
        if FLAGS.saved_model or FLAGS.version:
            raise flags.Error("--rollback takes neither --saved_model nor --version")
        print(rollback(FLAGS.serving_dir, FLAGS.name, to=FLAGS.to, keep=FLAGS.keep))
        return
    if FLAGS.to:
        raise flags.Error("--to needs --rollback")
    if not FLAGS.saved_model:
        raise flags.Error("--saved_model is missing: a folder with saved_model.pb")
    print(push(FLAGS.saved_model, FLAGS.serving_dir, FLAGS.name, keep=FLAGS.keep, version=FLAGS.version))


if __name__ == "__main__":
    main()
