"""Draws predictions onto photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from featurex.prediction.face_predictions import FacePrediction
from featurex.tasks import AGE

BOX, PAPER, INK = (255, 196, 0), (20, 20, 20), (255, 255, 255)
# Small photos are enlarged, so that the text is legible; but not a strip of one pixel by thousands.
MIN_SIDE, MAX_SIDE = 480, 4096


def draw_predictions(photo: Image.Image, faces: Sequence[FacePrediction], path: Path) -> None:
    """Draw boxes and labels onto a photo and write it as PNG or JPEG.

    Parameters
    ----------
    photo : PIL.Image.Image
        Upright; it stays as it is.
    faces : sequence of FacePrediction
    path : Path
        Its suffix decides the format.

    Raises
    ------
    OSError
        The picture can't be written.
    """
    scale = max(1.0, min(MIN_SIDE / min(photo.size), MAX_SIDE / max(photo.size)))
    image = photo.resize((round(photo.width * scale), round(photo.height * scale)))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(14, min(image.size) // 30))
    for face in faces:
        box = [value * scale for value in face.box]
        draw.rectangle(box, outline=BOX, width=max(2, min(image.size) // 200))
        _write(draw, box, "\n".join(describe_face(face)), font, image.size)
    image.save(path)


def name_with_chance(name: str, chances: Mapping[str, float], *, declined: bool = False) -> str:
    """Say a class with its probability, and where none was answered the most probable one.

    Examples
    --------
    >>> name_with_chance("undefined", {"female": 0.4, "male": 0.6}, declined=True)
    'undefined (male 60 %)'
    """
    if name in chances and not declined:  # "undefined" is a class of gender-3 as well
        return f"{name} ({100 * chances[name]:.0f} %)"
    best = max(chances, key=chances.__getitem__)
    return f"{name} ({best} {100 * chances[best]:.0f} %)"


def age_with_bounds(age: float, error: float | None, low: float | None, high: float | None) -> str:
    """Write an age with its interval, or where that is unknown with its mean error.

    Examples
    --------
    >>> age_with_bounds(30.4, 5.1, 24.2, 39.0)
    '30 (24 to 39)'
    >>> age_with_bounds(30.4, 5.1, None, None)
    '30 ± 5'
    """
    if low is not None and high is not None:
        return f"{age:.0f} ({low:.0f} to {high:.0f})"
    return f"{age:.0f}" if error is None else f"{age:.0f} ± {error:.0f}"


def describe_task(face: FacePrediction, task: str) -> str:
    """Say the answer of one task, with its probability, interval or error; "" without one."""
    if task == AGE.name:
        bounds = face.age_error, face.age_low, face.age_high
        return "" if face.age is None else age_with_bounds(face.age, *bounds)
    if task not in face.answers:
        return ""
    chances, declined = face.probabilities[task], task in face.undefined
    return name_with_chance(face.answers[task], chances, declined=declined)


def describe_face(face: FacePrediction) -> list[str]:
    """Say what a prediction says, each with its probability, interval or error.

    Examples
    --------
    >>> describe_face(FacePrediction((0, 0, 9, 9), 1.0, "25-32", 30.4, age_low=24.2, age_high=39.0,
    ...     probabilities={"age-group": {"25-32": 0.7}}))
    ['25-32 (70 %)', '30 (24 to 39) years']
    """
    lines = [describe_task(face, task) for task in face.answers]
    age = describe_task(face, AGE.name)
    return [*lines, f"{age} years"] if age else lines


def _write(
    draw: ImageDraw.ImageDraw,
    box: Sequence[float],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
) -> None:
    """Write below the box where there is room, else above, else inside its lower edge."""
    left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=font)
    width, height = right - left + 10, bottom - top + 10
    x = min(max(0, box[0]), max(0, size[0] - width))
    below, above = box[3] + 2, box[1] - height - 2
    y = below if below + height <= size[1] else above if above >= 0 else size[1] - height
    draw.rectangle((x, y, x + width, y + height), fill=PAPER)
    draw.multiline_text((x + 5 - left, y + 5 - top), text, fill=INK, font=font)
