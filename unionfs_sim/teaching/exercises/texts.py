"""What is said to students: texts are data, in files by language, and no code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

#: The languages there are; the first one stands in for what another lacks.
LANGUAGES: Final = ("en", "zh")


@cache
def catalog(lang: str) -> Mapping[str, str]:
    """Give the texts of a language, by key."""
    file = files("unionfs_sim.teaching") / "texts" / f"{lang}.toml"
    texts: Mapping[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))
    return texts


def say(lang: str, key: str, **values: object) -> str:
    """
    Give a text in a language, with its values put in.

    >>> say("en", "score.killed", killed=3, total=5)
    'rejected 3 of 5 planted bugs'
    """
    return catalog(lang)[key].format(**values)


def pick(texts: str | Mapping[str, Any], lang: str) -> Any:  # noqa: ANN401 - as given
    """
    Pick a language's text from what an exercise gives; English stands in.

    >>> pick({"en": "one", "zh": "一"}, "zh"), pick({"en": "one"}, "zh"), pick("x", "en")
    ('一', 'one', 'x')
    """
    if isinstance(texts, str):
        return texts
    return texts.get(lang, texts["en"])
