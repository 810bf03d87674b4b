"""The page study-file.md: every table and field of a study file."""

from collections.abc import Iterable, Iterator, Mapping
from inspect import cleandoc
from typing import get_args

from gan_core import outcomes
from gan_core.constraints import Constraint
from gan_core.data import Data
from gan_core.evaluation import EvaluationSettings
from gan_core.features import Features
from gan_core.networks import Critic, Generator, Networks
from gan_core.objectives import Objective
from gan_core.training import Optimizer, Schedule, Training
from pages_from_code.field_tables import fields_table
from pages_from_code.markdown import table
from studies.file.budget import Budget
from studies.file.condition import Condition
from studies.file.json_schema import field_meanings
from studies.file.map_settings import MapSettings
from studies.file.run_settings import CheckpointSettings, LedgerSettings, Limits, ResourceSettings, TrackingSettings
from studies.file.search import Confirm, Exploit, Search
from studies.file.study import Study


def study_file_page() -> Iterable[str]:
    """Paragraphs of the page."""
    yield "# The study file"
    yield (
        "A study is a TOML file. This page lists every table and field with type, default, range and meaning. Every "
        "field that is left out has the default given here; `gan-study validate FILE --json` prints the study with all "
        "defaults filled in. `gan-study schema --output study.schema.json` writes the JSON Schema of study files: with "
        "`#:schema ./study.schema.json` as the first line of a file, editors complete and check it. "
        "The comment in which a file begins, on its very first line, is the study's question: report, MLflow and "
        "exported generators repeat it. "
        "`gan-study new --data folder:photos --budget 30m` writes a study for your data and your time. "
        "[Images of your own](your-own-images.md) has the smallest study of a folder of images."
    )
    yield (
        "In `objective`, `constraint`, `networks` and `training` any number or choice may be a **distribution**: the "
        "value is then searched."
    )
    yield table(
        ("distribution", "values"),
        [
            ["`{uniform = [a, b]}`", "any number between a and b"],
            ["`{log_uniform = [a, b]}`", "any number between a > 0 and b, each order of magnitude equally likely"],
            ["`{int_uniform = [a, b]}`", "any integer from a to b"],
            ["`{int_log_uniform = [a, b]}`", "any integer from a >= 1 to b, each order of magnitude equally likely"],
            ["`{uniform = [a, b], step = s}`", "a, a + s, ..., b; beside `int_uniform` too"],
            ["`{choice = [...]}`", "one of the listed values: numbers, text, booleans or lists of these"],
            ["`{grid = [...]}`", "explore takes each listed value in turn"],
            ['`"search"`', "the range of the condition's preset, see `gan-study objectives NAME`"],
        ],
    )
    yield (
        "Equal ends `[a, a]` are the constant a. `search.stratified` says how explore draws from a distribution; an "
        "Optuna distribution corresponds to each, and a list is suggested by its position. In tables and in MLflow a "
        "list is text, `[0.5, 0.9]`."
    )
    yield (
        "A hyperparameter with `when` is searched only at some values of other searched hyperparameters of the same "
        "condition, which must be choices, grids or ranges of integers:"
    )
    yield (
        "```toml\n"
        "[[conditions]]\n"
        'name = "wgan"\n'
        'preset = "wgan"\n'
        "training.n_critic = {choice = [1, 5]}\n"
        'constraint.clip_value = {log_uniform = [1e-3, 1.0], when = {"training.n_critic" = 5}, otherwise = 0.01}\n'
        "\n[[conditions]]\n"
        'name = "wgan-gp"\n'
        'preset = "wgan-gp"\n'
        'constraint.location = {choice = ["real", "around_real"]}\n'
        'constraint.noise_scale = {uniform = [0.1, 1.0], when = {"constraint.location" = ["around_real"]}}\n'
        "```"
    )
    yield (
        "A value of `when` is one value or a list of values; all its keys must fit. At other values the hyperparameter "
        "is `otherwise`, by default the value that the key has without this entry: of the tables below, of the preset "
        "or of the class. A parent may itself have `when`. A configuration, its row in the tables and its MLflow run "
        "hold the hyperparameters that are searched in it; the others have an empty cell, and their value is in the "
        "trial's resolved setting. Widths and maps of a hyperparameter count the configurations in which it is "
        "searched. TPE fits trials with and without it in groups; Gaussian processes refuse it."
    )
    yield (
        "Precedence: defaults, then the preset, then the top-level tables, then the condition; the last one wins. A "
        "table with its own `kind` replaces the table below it, one without merges into it."
    )
    yield "## Top level"
    yield fields_table(Study, skip=("conditions",))
    yield (
        "The tables `objective`, `constraint`, `networks` and `training` may stand at the top level too: all "
        "conditions share them. `trainer` may too, see below. `[[conditions]]` lists what is compared."
    )
    yield "## `[[conditions]]`"
    yield table(("field", "type", "meaning"), _condition_rows())
    yield (
        'With `trainer = {kind = "my_module:MyTraining", lr = 1e-3}` a condition is [a training loop of your '
        "own](your-own-loop.md): it then has neither a preset nor the tables `objective`, `constraint`, `networks`, "
        "`training` and `authors`, and the budget counts generator steps. At the top level it is the loop of all "
        "conditions with none of these. Any value of it may be a distribution, with the path `trainer.lr`."
    )
    tables: Mapping[str, tuple[type, ...]] = {
        "[budget]": (Budget,),
        "[search]": (Search,),
        "[search] exploit": (Exploit,),
        "[search] confirm": (Confirm,),
        "[search] explore.map": (MapSettings,),
        "[training]": (Training,),
        "[training] critic_optimizer, generator_optimizer": get_args(Optimizer),
        "[training] schedule of an optimizer": get_args(Schedule),
        "[networks] generator": get_args(Generator),
        "[networks] critic": get_args(Critic),
        "[networks]": get_args(Networks),
        "objective": get_args(Objective),
        "constraint": get_args(Constraint),
        "[data]": get_args(Data),
        "[evaluation]": (EvaluationSettings,),
        "[evaluation] features": get_args(Features),
        "[outcomes]": (outcomes.OutcomeRules,),
        "[resources]": (ResourceSettings,),
        "[limits]": (Limits,),
        "[checkpoint]": (CheckpointSettings,),
        "[ledger]": (LedgerSettings,),
        "[tracking]": (TrackingSettings,),
    }
    for title, kinds in tables.items():
        for kind in kinds:
            name = getattr(kind, "kind", None)
            yield f"## `{title}`" + (f", kind `{name}`" if name else "")
            yield cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")
            yield fields_table(kind)


def _condition_rows() -> Iterator[list[str]]:
    meanings = field_meanings(Condition)
    types = {
        "name": "text",
        "preset": "name of a preset",
        "objective": "table",
        "constraint": "table",
        "networks": "table",
        "training": "table",
        "trainer": "table",
        "map": "table",
        "authors": "table",
        "replicate": "integer, 0 to 99",
    }
    for name, kind in types.items():
        meaning = (
            meanings.get(name, "").replace("None:", "left out:") or f"this condition's own table, see `{name}` below"
        )
        yield [f"`{name}`", kind, meaning]
