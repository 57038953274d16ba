"""The names at the front door are there, and say that they live there."""

from __future__ import annotations

import inspect
import pkgutil

import pytest

import unionfs_sim


def test_all_names_nothing_twice() -> None:
    """`__all__` names nothing twice."""
    assert len(set(unionfs_sim.__all__)) == len(unionfs_sim.__all__)


@pytest.mark.parametrize("name", unionfs_sim.__all__)
def test_public_name_exists(name: str) -> None:
    """Every name in `__all__` can be imported, and classes and functions have docs."""
    value = getattr(unionfs_sim, name)

    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__, f"{name} has no docstring"
        assert value.__module__.split(".")[0] == "unionfs_sim"


def test_no_public_name_is_left_out() -> None:
    """What the package's front door holds is either in `__all__` or a submodule."""
    modules = {module.name for module in pkgutil.iter_modules(unionfs_sim.__path__)}
    held = {name for name in vars(unionfs_sim) if not name.startswith("_")}

    assert held - modules - {"annotations"} <= set(unionfs_sim.__all__)
