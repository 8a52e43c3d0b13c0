"""Finding plug-ins: the value that each module of a package defines under one name."""

import importlib
import pkgutil
from typing import TypeVar

T = TypeVar("T")


def values_in(package: str, name: str, kind: type[T]) -> tuple[T, ...]:
    """
    Return the plug-ins of a package: the value called ``name`` of each of its modules.

    Parameters
    ----------
    package : str
        Dotted name of the package. Its modules whose names start with an underscore are
        parts of plug-ins, not plug-ins, and are passed over.
    name : str
        What the value is called in every module, such as ``FORMAT``.
    kind : type
        What the value must be.

    Returns
    -------
    tuple
        In the order of the modules' names.

    Raises
    ------
    TypeError
        If a module defines no such value, or one of another kind; says what to do.
    """
    folders = importlib.import_module(package).__path__
    modules = sorted(
        module.name for module in pkgutil.iter_modules(folders) if not module.name.startswith("_")
    )
    return tuple(_value_of(f"{package}.{module}", name, kind) for module in modules)


def _value_of(module: str, name: str, kind: type[T]) -> T:
    value = getattr(importlib.import_module(module), name, None)
    if not isinstance(value, kind):
        raise TypeError(
            f"expected {name}, a {kind.__name__}, in {module}, got {type(value).__name__}; "
            "define it, or begin the module's name with an underscore if it is no plug-in"
        )
    return value
