"""The JSON Schema of study files accepts every valid file and refuses misspelt keys, as another program reads it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from studies.file.condition import Setting
from studies.file.json_schema import field_meanings, json_schema
from studies.file.source import catalog
from studies.file.study import Study
from studies.file.validation import descriptions, field_types

CATALOG = Path(__file__).parent.parent / "studies" / "catalog"
VALID = """
name = "valid"
budget = {unit = "generator_steps", steps = 10}
evaluation.measurements = 3
search.start = [{constraint.clip_value = 0.01}]
training.critic_optimizer = {kind = "adam", lr = "search", betas = [{uniform = [0.0, 0.9]}, 0.9]}

[[conditions]]
name = "partial"
preset = "wgan"
constraint.clip_value = {log_uniform = [0.001, 1.0]}

[[conditions]]
name = "own"
objective = {kind = "my_module:MyObjective", sharpness = {uniform = [0, 1]}}
constraint = {kind = "gradient_penalty", target = 0, gp_weight = {choice = [1.0, 10.0]}}

[[conditions]]
name = "conditional"
preset = "gan-r1"
training.batch = {int_log_uniform = [4, 64]}
training.n_critic = {int_uniform = [1, 5], step = 2}
training.generator_optimizer = {kind = "adam", betas = {choice = [[0.0, 0.9], [0.5, 0.9]]}}
constraint.gp_weight = {uniform = [0.1, 1.0], step = 0.1, when = {training.n_critic = [3, 5]}, otherwise = 0.01}
"""


@pytest.fixture(scope="module")
def schema_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "study.schema.json"
    path.write_text(json.dumps(json_schema()))
    return path


def check(schema_file, *files):
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema_file), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def study_file(folder, text):
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_every_study_that_ships_is_accepted(schema_file):
    result = check(schema_file, *sorted(CATALOG.glob("*.toml")))
    assert result.returncode == 0, result.stdout


def test_every_study_that_ships_names_the_schema_beside_it():
    for name, file in catalog().items():
        assert file.read_text().splitlines()[0] == "#:schema ./study.schema.json", name
    assert json.loads((CATALOG / "study.schema.json").read_text()) == json_schema(), "run make docs"


def test_partial_tables_distributions_and_user_kinds_are_accepted(schema_file, tmp_path):
    result = check(schema_file, study_file(tmp_path, VALID))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("budget =", "budgte ="),
        ("steps = 10", "step = 10"),
        ("constraint.clip_value = {", "constraint.clip_valu = {"),
        ('preset = "wgan"', 'preset = "wgna"'),
        ("{log_uniform", "{log_unifrom"),
        ('kind = "gradient_penalty"', 'kind = "gradient_penality"'),
        ("target = 0", "target = 2"),
        ("gp_weight = {choice = [1.0, 10.0]}", "gp_weight = -1.0"),
        ('name = "valid"', 'name = "not valid"'),
        ("step = 0.1", "step = 0.0"),
        ("[1, 5], step = 2", "[1, 5], step = 0.5"),
        ("{int_log_uniform = [4, 64]}", "{int_log_uniform = [4, 64], step = 2}"),
        ("when = {training.n_critic = [3, 5]}", "when = 3"),
        ("[[0.0, 0.9], [0.5, 0.9]]", "[[0.0, [0.9]], [0.5, 0.9]]"),
        ("betas = [{uniform = [0.0, 0.9]}, 0.9]", "betas = [0.9]"),
        (
            'budget = {unit = "generator_steps", steps = 10}',
            'budget = {unit = "generator_steps", steps = {uniform = [1, 2]}}',
        ),
    ],
)
def test_a_wrong_key_or_value_is_refused(right, wrong, schema_file, tmp_path):
    assert VALID.count(right) == 1
    result = check(schema_file, study_file(tmp_path, VALID.replace(right, wrong)))
    assert result.returncode == 1, result.stdout


def described_classes():
    """Every dataclass that stands in a study file."""
    waiting, known = [Study], []
    for annotation in field_types(Setting).values():
        waiting += descriptions(annotation)
    while waiting:
        description = waiting.pop()
        if description in known:
            continue
        known.append(description)
        for annotation in field_types(description).values():
            waiting += descriptions(annotation)
    return known


@pytest.mark.parametrize("description", described_classes(), ids=lambda description: description.__name__)
def test_every_field_of_a_study_file_has_a_meaning(description):
    fields = set(field_types(description)) - {"kind"}
    if description is Study:
        fields -= {"conditions"}
    without = sorted(name for name in fields if not field_meanings(description).get(name))
    assert not without, f"the docstring of {description.__name__} has no line for {', '.join(without)}"
