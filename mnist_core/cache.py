"""The folder in which compiled code and unpacked images are kept from one call to the next."""

import os
from pathlib import Path

from space.errors import InputError


def cache_folder() -> Path:
    """Return ``SEARCH_CACHE_DIR`` if set, else one in the user's cache. Raises `InputError` if there is neither."""
    if chosen := os.environ.get("SEARCH_CACHE_DIR"):
        # A relative file name of a library would be searched for among the system's.
        return Path(chosen).absolute()
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return Path(cache) / "small-model-search"
    try:
        return Path.home() / ".cache/small-model-search"
    except RuntimeError:  # neither HOME nor a user entry, as in a container with an arbitrary user
        raise InputError("there is no home folder to keep it in: name a folder with SEARCH_CACHE_DIR") from None
