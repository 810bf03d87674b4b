"""Studies of which GAN objectives train stably, and over which ranges of their hyperparameters.

    import studies

    study = studies.Study.load("first-study")
    studies.plan(study)
    studies.run(study)
    studies.results("first-study").ranking
    studies.compare("first-study").volumes

Names are imported on first use; `__init__.pyi` lists them. Without the packages of the extra [studies], the import of
this package is refused with a `ModuleNotFoundError` that says so.
"""

import lazy_loader

from studies.requirements import check_requirements

check_requirements()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
