"""The pages of docs/ agree with the code."""

import re
import runpy
import shlex
import tomllib
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from small_gans import SMALL_CRITICS, evaluate, preset_training

from gan_core.constraints import Constraint, Unconstrained, WeightClipping
from gan_core.data import Data, Digits, Dirac, Ring
from gan_core.evaluation import EvaluationSettings
from gan_core.features import ClassifierFeatures
from gan_core.metrics import AVERAGE, METRICS
from gan_core.networks import AutoencoderCritic, DiracPair, MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import BoundaryEquilibrium, EnergyMargin, Objective, Wasserstein
from gan_core.outcomes import OUTCOMES, MemberOutcomes
from gan_core.presets import PRESETS
from gan_core.training import Trainer, Training
from studies.errors import InputError
from studies.file.condition import Setting
from studies.file.distribution_tables import is_distribution, parse
from studies.file.refusal import Refusal
from studies.file.study import Study
from studies.file.validation import build
from studies.reporting.page.page_text import TABLES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATE = runpy.run_path(str(DOCS / "generate.py"))
PAGES = GENERATE["pages"]()


# -- pages that are made from the code ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_committed_page_equals_the_generated_one(name):
    assert (DOCS / name).read_text() == PAGES[name], f"docs/{name} is out of date: run `make docs` and commit it"


def test_every_kind_has_its_section():
    for page, union in {"objectives.md": Objective, "constraints.md": Constraint, "metrics.md": Data}.items():
        headings = [line.lstrip("# ") for line in PAGES[page].splitlines() if line.startswith("##")]
        for kind in get_args(union):
            assert f"`{kind.kind}`" in headings


def test_every_preset_and_every_outcome_is_on_its_page():
    assert all(f"| `{name}` |" in PAGES["objectives.md"] for name in PRESETS)
    assert all(f"`{outcome}`" in PAGES["metrics.md"] for outcome in OUTCOMES)


def test_every_table_of_the_report_is_documented():
    assert all(f"### `{name}`" in PAGES["tables.md"] for name in TABLES)


# -- metrics ------------------------------------------------------------------------------------------------------


def metrics_of(data, objective, networks, features=None, **training):
    dataset = data.load()
    trainer = Trainer(
        objective=objective,
        constraint=Unconstrained(),
        networks=networks,
        training=Training(batch=4, **training),
        data=dataset,
        seeds=[0],
    )
    settings = EvaluationSettings(samples=50, directions=4, cells=4, exact_points=16, resolution=4)
    settings = replace(settings, features=features or settings.features)
    return set(evaluate(trainer, dataset, settings=settings))


def networks_for(objective):
    return NetworkPair(generator=MLPGenerator(width=8, depth=1, latent=4), critic=SMALL_CRITICS[objective.critic_form])


TRAININGS = {
    "digits": lambda: metrics_of(Digits(held_out=50), BoundaryEquilibrium(), networks_for(BoundaryEquilibrium)),
    "classes": lambda: metrics_of(
        Digits(held_out=50), Wasserstein(), networks_for(Wasserstein), features=ClassifierFeatures(steps=1)
    ),
    "ring": lambda: metrics_of(Ring(train=50, held_out=50), Wasserstein(), networks_for(Wasserstein)),
    "averaged": lambda: metrics_of(
        Ring(train=50, held_out=50), Wasserstein(), networks_for(Wasserstein), generator_average=0.9
    ),
    "labels": lambda: metrics_of(
        Digits(held_out=50),
        Wasserstein(),
        replace(networks_for(Wasserstein), classes=10),
        features=ClassifierFeatures(steps=1),
    ),
    "modes": lambda: metrics_of(
        Ring(train=80, held_out=50), Wasserstein(), replace(networks_for(Wasserstein), classes=8)
    ),
    "dirac": lambda: metrics_of(Dirac(), Wasserstein(), DiracPair()),
}


@pytest.fixture(scope="module")
def metrics():
    """Names of the metrics of each training."""
    return {name: train() for name, train in TRAININGS.items()}


@pytest.mark.parametrize("training", TRAININGS)
def test_every_metric_that_is_measured_is_explained(metrics, training):
    for metric in metrics[training]:
        name = metric.removesuffix(AVERAGE)
        assert name in METRICS, f"{metric}: declare it in one place, see CONTRIBUTING, then `make docs`"
        assert f"| `{name}` |" in PAGES["metrics.md"]


def test_every_metric_that_is_explained_is_measured(metrics):
    assert set(METRICS) <= set().union(*metrics.values())


def test_only_an_average_is_measured_under_its_ending(metrics):
    assert any(name.endswith(AVERAGE) for name in metrics["averaged"])
    assert not any(name.endswith(AVERAGE) for name in metrics["ring"] | metrics["digits"] | metrics["dirac"])


# -- the page that is written by hand -----------------------------------------------------------------------------

GUIDE = (DOCS / "how-to-choose.md").read_text()
STUDIES = re.findall(r"```toml\n(.*?)```", GUIDE, flags=re.DOTALL)
PROSE = re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)
SPANS = sorted(set(re.findall(r"`([^`\n]+)`", PROSE)))
COMMANDS = re.findall(r"^ {4}(gan-study .*)$", PROSE, flags=re.MULTILINE)
COMMANDS += [span for span in SPANS if span.startswith("gan-study ")]
CATALOG = {file.stem for file in (ROOT / "studies" / "catalog").glob("*.toml")}


def classes_in(hint: Any) -> set[type]:
    """The dataclasses that a field may hold."""
    if isinstance(hint, type) and is_dataclass(hint):
        return {hint}
    return {found for part in get_args(hint) for found in classes_in(part)}


def everything_below(tops: set[type]) -> set[type]:
    found, new = set(tops), set(tops)
    while new:
        new = {below for one in new for hint in get_type_hints(one).values() for below in classes_in(hint)} - found
        found |= new
    return found


DESCRIPTIONS = everything_below({Study, Setting, MemberOutcomes})


def hints_at(path: str) -> list[Any]:
    """Annotations at a dotted path of a study file, or of every field with that name."""
    first, *rest = path.split(".")
    owners, hints = ({Study, Setting} if rest else DESCRIPTIONS), []
    for name in (first, *rest):
        known = [one for one in owners if name in {field.name for field in fields(one)}]
        hints = [get_type_hints(one, include_extras=True)[name] for one in known]
        owners = {below for hint in hints for below in classes_in(hint)}
    return hints


def can_hold(hint: Any, value: Any) -> bool:
    try:
        build(hint, value, ("docs",))
    except (InputError, Refusal):
        return False
    return True


def exists(span: str) -> bool:
    """True if a piece of inline code names something that exists."""
    if span.startswith("gan-study "):
        return True  # a test of its own
    if span.startswith("found."):
        from studies.tables.results import Results

        return hasattr(Results, span.removeprefix("found."))
    if span.startswith(("{", '"')):
        law = tomllib.loads(f"law = {span}")["law"]
        return is_distribution(law) and (law == "search" or parse(law, "docs") is not None)
    if " = " in span:
        key, _, value = span.partition(" = ")
        return any(can_hold(hint, tomllib.loads(f"value = {value}")["value"]) for hint in hints_at(key))
    kinds = {getattr(one, "kind", None) for one in DESCRIPTIONS}
    return span in {*PRESETS, *kinds, *METRICS, *OUTCOMES, *CATALOG} or bool(hints_at(span))


@pytest.mark.parametrize("span", SPANS)
def test_everything_that_the_guide_names_exists(span):
    assert exists(span), f"docs/how-to-choose.md names `{span}`, which does not exist"


@pytest.mark.parametrize(
    "span", ["wgan-pg", "critic_slop", "target = 2", "training.gp_weight", "found.trial", 'location = "beside"']
)
def test_a_name_that_does_not_exist_is_found(span):
    assert not exists(span)


def test_every_objective_and_every_constraint_is_in_the_guide():
    named = {PRESETS[span].table["objective"]["kind"] for span in SPANS if span in PRESETS} | set(SPANS)
    kinds = {kind.kind for kind in (*get_args(Objective), *get_args(Constraint))}
    assert kinds <= named, "docs/how-to-choose.md needs a sentence with each of these kinds, or a preset, in backticks"


def test_ranges_of_the_guide_are_the_presets_own():
    rows = re.findall(r"^\| `([\w.]+)` \| `(\{.*\})` \|", GUIDE, flags=re.MULTILINE)
    assert len(rows) >= 9
    ranges = [(path, dict(law)) for preset in PRESETS.values() for path, law in preset.ranges.items()]
    for path, law in rows:
        assert (path, tomllib.loads(f"law = {law}")["law"]) in ranges


@pytest.mark.parametrize("text", STUDIES, ids=lambda text: tomllib.loads(text)["name"])
def test_every_study_of_the_guide_is_valid(text, tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(text)
    assert Study.load(file).conditions


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_guide_is_understood(line):
    from typer.main import get_command

    from services.cli.app import app

    name, *arguments = shlex.split(line)[1:]
    vars(get_command(app))["commands"][name].make_context(name, list(arguments))
    files = {f"{tomllib.loads(text)['name']}.toml" for text in STUDIES}
    assert {argument for argument in arguments if argument.endswith(".toml")} <= files


def health_of_digits(objective, constraint, critic, seeds, *, training=None, iterations=0):
    """Health metrics on digits with the default generator."""
    trainer = Trainer(
        objective=objective,
        constraint=constraint,
        networks=NetworkPair(generator=MLPGenerator(), critic=critic),
        training=training or Training(),
        data=Digits().load(),
        seeds=seeds,
    )
    trainer.advance(iterations)
    return trainer.health()


def test_energy_of_real_digits_before_training_is_the_one_in_the_guide():
    health = health_of_digits(EnergyMargin(), Unconstrained(), AutoencoderCritic(), seeds=[0, 1, 2])
    assert "real digits start between 1.0 and 1.3" in GUIDE
    assert ((health["critic_on_real"] > 1.0) & (health["critic_on_real"] < 1.3)).all()


@pytest.mark.parametrize(("clip_value", "low", "high"), [(1e-3, 0, 1e-7), (1e-2, 1e-7, 1e-3), (1e-1, 0.1, 10)])
def test_a_clip_leaves_as_little_slope_as_the_guide_states(clip_value, low, high):
    clipping, training = WeightClipping(clip_value=clip_value), preset_training("wgan")
    health = health_of_digits(Wasserstein(), clipping, MLPCritic(), seeds=[0, 1], training=training, iterations=1)
    assert ((health["critic_slope"] > low) & (health["critic_slope"] < high)).all()


def test_papers_of_the_guide_are_those_of_the_code():
    code = "".join(file.read_text() for file in (ROOT / "gan_core").rglob("*.py"))
    numbers = re.findall(r"arxiv\.org/abs/(\d{4}\.\d{5})", GUIDE)
    assert len(numbers) >= 10
    assert all(number in code for number in numbers)


@pytest.mark.parametrize("name", sorted(file.name for file in DOCS.glob("*.md") if "\n|" in file.read_text()))
def test_rows_of_a_table_have_as_many_cells_as_its_head(name):
    tables = re.findall(r"(?:^\|.*\n)+", (DOCS / name).read_text(), flags=re.MULTILINE)
    assert tables
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{file.name}" for file in sorted(DOCS.glob("*.md")))])
def test_links_lead_to_files_that_exist(name):
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text())
    assert all((ROOT / name).parent.joinpath(link).exists() for link in links)


def test_the_first_page_links_every_other_page():
    index = (DOCS / "index.md").read_text()
    assert [file.name for file in DOCS.glob("*.md") if f"({file.name})" not in index] == ["index.md"]
