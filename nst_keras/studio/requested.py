"""What the page asks for: one JSON object, from which the same job is planned as from a command line."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import Settings, change_settings, choice, parse_settings, recorded_settings, setting
from nst_keras.pictures.plan import StylizeJob, blend_weights, plan_jobs
from nst_keras.pictures.settings import REGION_COLORS
from nst_keras.studio.pictures import LARGEST_SIDE
from nst_keras.stylizers.by_name import architecture_of, known_styles, stylizer_for
from nst_keras.stylizers.settings import FastSettings
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import INITS, StyleTransferSettings

WAYS = FAST, OPTIMIZE = ("fast", "optimize")
_DEFAULT = "default"
_LONGEST_STEM = 100  # bytes of a picture's name, which is made of those of all that go in

Resolve = Callable[[str, str], str]  # of a picture's name on the page, and its role, to its path


@dataclass(frozen=True)
class Wish(Settings):
    """A picture that is wanted; names are those of samples, of styles, or what the server gave."""

    way: str = choice(FAST, "By a trained stylizer in one pass, or by the optimiser", WAYS)
    content: str = setting("", "Photo.")
    styles: tuple[str, ...] = setting((), "Paintings, or styles that a stylizer knows.")
    style_weights: tuple[float, ...] = setting((), "A weight for each; none for equal ones.")
    content_mask: str = setting("", "Picture of the photo's regions.")
    style_masks: tuple[str, ...] = setting((), "For each style a colour, or a picture of its own regions.")
    preset: str = choice(_DEFAULT, "Settings of the optimiser to start from", tuple(PRESETS))


@dataclass(frozen=True)
class Planned:
    """A job with its settings, checked as far as that needs no network.

    Attributes:
        wish: What was wanted.
        changes: Settings that differ from the preset, or from a stylizer's defaults, as they were given.
        job: What is painted, with paths.
        settings: All of them, with paths.
        stylizer: What paints in one pass.
    """

    wish: Wish
    changes: Mapping[str, Any]
    job: StylizeJob
    settings: FastSettings | StyleTransferSettings
    stylizer: str = ""

    def request(self) -> dict[str, Any]:
        """The JSON object that asks for it."""
        return {**asdict(self.wish), "settings": dict(self.changes)}


def plan(request: Mapping[str, Any], resolve: Resolve, where: str) -> Planned:
    """Plans what a request asks for, to be written to a file or folder/.

    Raises:
        InputError: If it can't be made.
    """
    rest = {name: value for name, value in request.items() if name not in ("settings", "side")}
    changes = request.get("settings", {})
    if not isinstance(changes, Mapping):
        raise InputError("settings must be an object of names and values")
    wish = parse_settings(Wish, rest)
    if not wish.content or not wish.styles:
        raise InputError("choose a photo and a style")
    fast = wish.way == FAST
    base = FastSettings() if fast else PRESETS[wish.preset]
    settings = change_settings(base, changes)
    if (settings.size or 0) > LARGEST_SIDE:
        raise InputError(f"size must be at most {LARGEST_SIDE} here. Received: size={settings.size}")
    if isinstance(settings, StyleTransferSettings) and settings.init not in INITS:
        settings = replace(settings, init=resolve(settings.init, "init"))
    styles = [_style(name, resolve, fast) for name in wish.styles]
    stylizer = stylizer_for(styles) if fast else ""
    (job,) = plan_jobs(
        [resolve(wish.content, "content")],
        styles,
        wish.style_weights,
        where,
        each_style=False,
        named_styles=fast and architecture_of(stylizer).named_styles,
        content_mask=wish.content_mask and resolve(wish.content_mask, "content_mask"),
        style_masks=[
            name if name in REGION_COLORS else resolve(name, "style_mask") for name in wish.style_masks
        ],
    )
    stem = os.fsencode(job.output.stem)[:_LONGEST_STEM].decode(errors="ignore")
    if settings.to_dict().get("init", INITS[0]) not in INITS:
        stem += f"_{settings.size}"  # or its name might be that of the picture it begins with
    output = job.output.with_stem(stem)
    return Planned(wish, dict(changes), replace(job, output=output), settings, stylizer)


def request_of(record: Mapping[str, Any], find: Callable[[str], str]) -> tuple[dict[str, Any] | None, str]:
    """The request that asks for what a picture's record tells; and what keeps it from being one, or "".

    `find` gives what the page calls a picture whose file has a name; "" if it isn't there.
    """
    try:
        missing: list[str] = []

        def named(name: str) -> str:
            if name in known_styles() or name in REGION_COLORS or name.startswith("sample:"):
                return name
            if name and not (known := find(name)):
                missing.append(name)
                return name
            return known if name else ""

        way = FAST if "stylizer" in record else OPTIMIZE
        kind = FastSettings if way == FAST else StyleTransferSettings
        settings = recorded_settings(kind, record["settings"])
        preset, changes = _least_changes(settings)
        if (init := changes.get("init", INITS[0])) not in INITS:
            changes["init"] = named(init)
        wish = Wish(
            way,
            named(record["content"]),
            tuple(map(named, record["styles"])),
            blend_weights(record["style_weights"], len(record["styles"])),
            named(record.get("content_mask", "")),
            tuple(map(named, record.get("style_masks", ()))),
            preset,
        )
    except (InputError, KeyError, TypeError, AttributeError, ValueError) as error:
        return None, f"its recipe is of another version, or damaged: {error}"
    problem = ""
    if missing:
        problem = f"it was made with {', '.join(missing)}: bring that, too, and then this picture again"
    elif Path(str(record.get("stylizer", ""))).suffix or Path(str(record.get("vgg", ""))).suffix:
        problem = "it was made by a network of somebody's own, which the studio doesn't have"
    return {**asdict(wish), "settings": changes}, problem


def as_today(request: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A kept request, which asks for what made its picture whatever defaults there are today."""
    fast = request["way"] == FAST
    try:
        kept = recorded_settings(FastSettings if fast else StyleTransferSettings, settings)
    except InputError:  # of a later version
        return dict(request)
    preset = request.get("preset", _DEFAULT)
    if fast or preset in PRESETS:
        changes = changed(kept, FastSettings() if fast else PRESETS[preset])
    else:
        preset, changes = _least_changes(kept)
    names = {name: value for name, value in request["settings"].items() if name == "init"}  # instead of paths
    return {**request, "preset": preset, "settings": {**changes, **names}}


def _least_changes(settings: Settings) -> tuple[str, dict[str, Any]]:
    """The preset that is nearest, and what differs from it."""
    presets = PRESETS if isinstance(settings, StyleTransferSettings) else {_DEFAULT: FastSettings()}
    differing = {name: changed(settings, preset) for name, preset in presets.items()}
    nearest = min(differing, key=lambda name: len(differing[name]))
    return nearest, differing[nearest]


def changed(settings: Settings, base: Settings) -> dict[str, Any]:
    """Fields in which settings differ from others."""
    before = base.to_dict()
    return {name: value for name, value in settings.to_dict().items() if value != before[name]}


def _style(name: str, resolve: Resolve, fast: bool) -> str:
    if name not in known_styles():
        return resolve(name, "style")
    if not fast:
        raise InputError(f"style: {name} is known to a stylizer only: choose the way {FAST}, or a painting")
    return name
