"""Paints a photo in the style of one or more paintings.

  nst-stylize --fast --content=photo.jpg --style=starry_night --output=picture.png
  nst-stylize --fast --content=photo.jpg --style=painting.jpg --output=picture.png
  nst-stylize --fast --content=clip.mp4 --style=starry_night --output=painted.mp4    (or .mov .mkv .gif)
  nst-stylize --content=photo.jpg --style=painting.jpg --output=picture.png    (a video, too: minutes a frame)
  nst-stylize --content=sample:china --style=sample:strokes --preset=preview
  nst-stylize --content=photo.jpg --style=a.jpg,b.jpg --style_weights=3,1
  nst-stylize --content=photos/ --style=paintings/ --each_style --output=gallery/
  nst-stylize --from=picture.png --size=1024

With --fast a trained network paints in one pass, in a style that one knows by name or after any painting,
for which a network is fetched at first use (2.9 MB). Without, the picture is optimised after any painting.

Ctrl-C leaves the picture so far and a checkpoint; the same command with --resume goes on.
Flags about how the picture is made have their default from --preset; [in brackets] is that of the
preset default.
"""

from nst_keras.cli import common
from nst_keras.cli.stylizing.flags import FLAGS, is_fast


@common.command(
    __doc__,
    FLAGS,
    first=[
        "content",
        "style",
        "output",
        "fast",
        "preset",
        "size",
        "style_weight",
        "preserve_color",
        "from",
        "resume",
    ],
)
def main() -> int:
    """Entry point of `nst-stylize`."""
    from nst_keras.cli.stylizing.repeated import record_to_repeat

    record = record_to_repeat()
    if is_fast(record):
        from nst_keras.cli.stylizing.fast import paint

        return paint(record)
    from nst_keras.cli.stylizing.optimized import optimize

    return optimize(record)


if __name__ == "__main__":
    main()
