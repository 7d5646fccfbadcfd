"""Settings of the studio; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import FROM_ONE, POSITIVE, Bounds, Settings, number, setting


@dataclass(frozen=True)
class StudioSettings(Settings):
    """Where the page is, what is kept, and within which limits."""

    port: int = number(8600, "Port of the page; 0: any free one.", Bounds(0, 65536))
    folder: str = setting("studio", "Folder that keeps photos, jobs and pictures from one start to the next.")
    open: bool = setting(True, "Open the page in a browser, where a person sits at a screen.")
    queue: int = number(8, "Optimisations that may wait; those past it are refused.", FROM_ONE)
    max_upload_mb: int = number(64, "Largest file of a picture in MiB.", FROM_ONE)
    keep_days: float = number(
        30,
        "Days after which photos and paintings go that nothing here is made of and no page shows.",
        POSITIVE,
    )
    keep_mb: int = number(
        2048, "Size of all photos and paintings in MiB above which the longest unused of these go earlier."
    )
    max_megapixels: int = number(50, "Largest width times height of a picture, in millions.", FROM_ONE)
    idle_minutes: float = number(
        5,
        "Minutes without painting after which the network's process ends and gives its memory back.",
        POSITIVE,
    )

    @property
    def max_bytes(self) -> int:
        """The largest file in bytes."""
        return self.max_upload_mb << 20

    @property
    def max_pixels(self) -> int:
        """The largest width times height."""
        return self.max_megapixels * 1_000_000
