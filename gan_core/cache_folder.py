"""Folder of everything that is cached on this machine: reference values and decoded images."""

import os
from pathlib import Path

FOLDER_VARIABLE = "GAN_STUDY_CACHE"
"""Environment variable that names the folder of the cache."""


def cache_folder() -> Path:
    """The folder of the cache: that of GAN_STUDY_CACHE, else `gan-studies` in the user's cache folder."""
    from platformdirs import user_cache_path

    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else user_cache_path("gan-studies", appauthor=False)
