"""The names at the front door are there, and say that they live there."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from importlib import import_module

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
    # pytest puts names with an @ into the modules of packages that bring a plugin.
    held = {name for name in vars(unionfs_sim) if not name.startswith(("_", "@"))}

    assert held - modules - {"annotations", "TYPE_CHECKING"} <= set(unionfs_sim.__all__)


def test_names_for_checkers_and_at_run_time_are_the_same() -> None:
    """What type checkers see of the front door is what a running program gets."""
    tree = ast.parse(inspect.getsource(unionfs_sim))
    seen = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }

    assert set(unionfs_sim.__all__) == set(seen)
    for name, module in seen.items():
        assert getattr(import_module(str(module)), name) is getattr(unionfs_sim, name)


def test_unknown_name_is_an_attribute_error() -> None:
    """Asking for what is not there fails as for any module."""
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = unionfs_sim.Nonsense


def test_dir_lists_all_names() -> None:
    """Completion offers names that were not loaded yet."""
    assert set(unionfs_sim.__all__) <= set(dir(unionfs_sim))
