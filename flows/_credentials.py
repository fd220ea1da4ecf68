"""Tokens of services, from Prefect's blocks to whoever connects; never into a parameter, a log or an artifact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.blocks.system import Secret

from qfin.errors import ConfigError
from qfin.quantum.backends import using_credentials
from qfin.stages.config import RunConfig


@contextmanager
def credentials_of(config: RunConfig) -> Iterator[None]:
    """While the context lasts, backends connect with what the configured Secret block holds; without one, with what the
    environment says.

    The block holds the token, or a mapping with `token` and what else the environment does not say: `instance`,
    `channel`, `url`.

    Raises
    ------
    ConfigError
        if there is no such block, or it holds neither.
    """
    if config.credentials is None:
        yield
        return
    with using_credentials(_held(config.credentials)):
        yield


def _held(name: str) -> dict[str, str]:
    try:
        value: Any = Secret.load(name).get()  # type: ignore[union-attr]
    except ValueError:
        raise ConfigError(
            f"there is no Prefect block of type Secret called {name!r}; make it in Prefect's UI, or leave "
            "'credentials' out and set them in the environment"
        ) from None
    held = {"token": value} if isinstance(value, str) else value
    if not isinstance(held, dict) or not all(isinstance(part, str) for part in held.values()):
        raise ConfigError(
            f"the Prefect block {name!r} holds neither a token nor a mapping of texts with 'token', 'instance', "
            "'channel', 'url'"
        )
    return held
