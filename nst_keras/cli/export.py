"""Makes a SavedModel of a trained model and pushes it where a model server looks.

  nst-export --model=stylizer --serving_dir=saved_models
  nst-export --model=stylizer --stylizer=runs/stylizer/stylizer.npz --name=mine --image_format=jpeg
  nst-export --stylizer=stylizer.npz --format=onnx --output_dir=onnx   for other runtimes, phones and browsers
  nst-export --stylizer=any_painting.npz --name=any     takes any painting with each request
  nst-export --model=runs/vgg19-pictures           a classifier of nst-train or nst-finetune
  nst-export --model=style_transfer --steps=100    the optimiser itself, minutes a picture

It needs nothing of this package to be served. Prints the new version's folder.
"""

from nst_keras.cli import common, field_flags
from nst_keras.console.console import say
from nst_keras.export.plan import ExportPlan

FLAGS = field_flags.flags_of(ExportPlan)


@common.command(__doc__, FLAGS, first=["model", "stylizer", "name", "serving_dir"])
def main() -> None:
    """Entry point of `nst-export`."""
    plan = field_flags.parsed(ExportPlan, FLAGS)
    common.import_tensorflow_quietly()
    from nst_keras.export.job import export

    print(export(plan, say))


if __name__ == "__main__":
    main()
