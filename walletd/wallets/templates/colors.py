"""Colours of a template: the one documented form, and how well two can be told apart."""

from __future__ import annotations

import re

from walletd.domain.errors import TemplateInvalid

Rgb = tuple[int, int, int]

_FORM = re.compile(r"rgb\((\d{1,3}), (\d{1,3}), (\d{1,3})\)", re.ASCII)

LEAST_CONTRAST = 3.0
"""The contrast that WCAG 2 asks of large text and of what must be seen to be used."""


def parse_color(text: str, path: str) -> Rgb:
    """Return the channels, 0..255, of `rgb(r, g, b)`; raises TemplateInvalid for any other form (A1.4)."""
    match = _FORM.fullmatch(text)
    channels = [int(channel) for channel in match.groups()] if match else [256]
    if max(channels) > 255:
        raise TemplateInvalid(
            f'"{text}" must have the form rgb(r, g, b), each number from 0 to 255: other forms fail on some phones.',
            path=path,
        )
    red, green, blue = channels
    return red, green, blue


def contrast(first: Rgb, second: Rgb) -> float:
    """Return the contrast ratio of two colours by WCAG 2: 1 (the same) to 21 (black on white)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def check_contrast(foreground: Rgb, background: Rgb, path: str) -> None:
    """Refuse text that cannot be read on its background."""
    ratio = contrast(foreground, background)
    if ratio < LEAST_CONTRAST:
        raise TemplateInvalid(
            f"The contrast to the background is {ratio:.1f}:1 and must be at least {LEAST_CONTRAST:.0f}:1; "
            "choose a lighter or darker colour.",
            path=path,
        )


def _luminance(color: Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
