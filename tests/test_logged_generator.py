"""Trained generators as models of MLflow: logged, registered, and sampled where gan-studies is not installed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import pytest
import torch
from command_line import Call, assert_refused
from mlflow_contents import client_of, contents, runs_of, times_of
from recorded import process_environment
from servers import Owner, mlflow_server
from test_exporting import OWN, SHORT
from tiny import run_without_ray, study_in

from gan_core.data import Classes
from gan_core.generator_files import SavedGenerator
from gan_core.networks import ConditionalGenerator, MLPGenerator, parameter_shapes
from gan_core.shapes import SampleShape
from studies.api import export_model
from studies.errors import InputError, TrackingError
from studies.exporting.exported_generator import ExportedGenerator, exported_generator
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.tracking.generator_model import save_model
from studies.tracking.logged_generator import log_generator
from studies.tracking.tracker import sync

pytestmark = pytest.mark.slow
call = command_line.call

SAMPLED = """
import json, sys
import mlflow, numpy
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
numpy.save("samples.npy", model.predict({"count": 7}, params={"seed": 5}))
import gan_core
print(json.dumps({"gan_core": gan_core.__file__, "studies": "studies" in sys.modules}))
"""


def in_a_fresh_process(uri: str, model: str, folder: Path, python: str = sys.executable, **environment: str) -> dict:
    """Seven samples of a model in `samples.npy` of a folder, and where the process found its code."""
    folder.mkdir()
    kept = {name: value for name, value in process_environment().items() if name != "PYTHONPATH"}
    threads = str(torch.get_num_threads())  # the last place of a sample depends on their number
    environment = {**kept, "HOME": str(folder), "OMP_NUM_THREADS": threads, **environment}
    command = [python, "-c", SAMPLED, uri, model]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def store(finished_study: Study, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a database, in the working folder, with the finished study."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where MLflow keeps the files of a database
        sync(Ledger(finished_study.ledger.root), "tiny", uri)
    return uri


def test_a_registered_generator_samples_the_same_bits_in_a_process_without_gan_studies(
    store: str, finished_study: Study, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, root = times_of(store), finished_study.ledger.root
    arguments = ("export", "tiny", "wgan", "--root", root, "--to", "mlflow", "--register", "small digits")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    answer = call(*arguments)
    assert (answer.code, answer.err) == (0, "")
    model = "models:/small digits/1"
    assert answer.out.splitlines() == [
        f"MLflow at {store} has the generator that tiny trained for wgan as {model}, of the run wgan-confirm-0; "
        "in Python:",
        f'  mlflow.set_tracking_uri("{store}")',
        f'  mlflow.pyfunc.load_model("{model}").predict({{"count": 16}}, params={{"seed": 0}})',
    ]
    found = in_a_fresh_process(store, model, tmp_path / "elsewhere")
    assert not found["studies"]
    assert Path(found["gan_core"]).parts[-3:] == ("code", "gan_core", "__init__.py")
    read = results("tiny", root=root)
    (seed,) = exported_generator(read, "wgan").generator.seeds
    best = read.best("wgan")
    expected = best.generator(best.seeds.index(seed))(7, seed=5)
    np.testing.assert_array_equal(np.load(tmp_path / "elsewhere" / "samples.npy"), expected)
    assert times_of(store) == before, "the run of the trial keeps its times"
    version = client_of(store).get_model_version("small digits", "1")
    assert version.tags == {
        "study": "tiny",
        "condition": "wgan",
        "trial": "wgan-confirm-0",
        "seeds": str(seed),
        "which": "last",
    }
    said = "The generator that the study `tiny` trained for `wgan` (trial `wgan-confirm-0`, weights of the last step)."
    assert version.description.startswith(f"{said}\n\n")
    assert f"| {seed} | " in version.description
    again = json.loads(call(*arguments, "--json").out)
    assert (again["model"], again["new"], again["seeds"]) == (model, False, [seed])


def test_a_model_is_logged_once_and_describes_its_generators(
    store: str, finished_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    root, client = finished_study.ledger.root, client_of(store)
    tables = contents(store)
    uris = [export_model(results("tiny", root=root), "gan", seeds="all", tracking_uri=store) for _ in range(2)]
    assert uris[0] == uris[1]
    model = client.get_logged_model(uris[0].removeprefix("models:/"))
    run = next(run for run in runs_of(store)[1] if run.info.run_name == "gan-confirm-0")
    assert (model.name, str(model.status), model.source_run_id) == ("generator", "READY", run.info.run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    read = results("tiny", root=root).best("gan")
    assert model.params == {path: str(value) for path, value in read.configuration.items()}
    assert model.tags["seeds"] == ", ".join(map(str, read.seeds))
    assert contents(store) == tables, "metrics, params, tags and files of the runs stay as they are"
    loaded = sys.modules["mlflow.pyfunc"].load_model(model.model_uri)
    for member in range(3):
        given: dict[str, Any] = {"seed": 2, "member": member}
        np.testing.assert_array_equal(loaded.predict({"count": 4}, params=given), read.generator(member)(4, seed=2))
    levels = loaded.predict({"count": 4}, params={"in_units": True})
    assert (levels.dtype, levels.shape) == (np.uint8, (4, 8, 8))
    with pytest.raises(ValueError, match="count: must be one number, but 2 rows were given"):
        loaded.predict({"count": [1, 2]})


def test_a_conditional_generator_takes_the_name_of_a_class(tmp_path: Path) -> None:
    network = ConditionalGenerator(network=MLPGenerator(latent=4, width=8, depth=1), classes=3)
    shape = SampleShape(shape=(2,), bounded=False)
    parameters = {
        name: torch.randn(1, *sizes, generator=torch.Generator().manual_seed(0))
        for name, sizes in parameter_shapes(network, shape).items()
    }
    generator = SavedGenerator(
        network=network,
        parameters=parameters,
        shape=shape,
        seeds=(0,),
        classes=Classes(names=("left", "middle", "right"), shares=(0.25, 0.5, 0.25)),
        about={"study": "arms", "condition": "gan"},
    )
    save_model(tmp_path / "model", ExportedGenerator(generator=generator, script="", own=None, notes=()), None, None)
    model = sys.modules["mlflow.pyfunc"].load_model(str(tmp_path / "model"))
    of_shares = model.predict({"count": 8}, params={"seed": 1})
    np.testing.assert_array_equal(of_shares, generator.sample(8, seed=1))
    of_right = model.predict({"count": 8}, params={"seed": 1, "labels": "right"})
    np.testing.assert_array_equal(of_right, generator.sample(8, seed=1, labels="right"))
    assert (of_right != of_shares).any()
    with pytest.raises(ValueError, match="labels: must be classes, left, middle, right, but one is up"):
        model.predict({"count": 8}, params={"labels": "up"})


@pytest.mark.soak
@pytest.mark.usefixtures("fresh_imports")
def test_a_model_of_a_study_with_one_run_carries_the_module_of_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_layers.py").write_text("import pandas, my_sizes\n" + OWN)
    Path("my_sizes.py").write_text("import json\n")
    own = ("networks.generator={kind='my_layers:Layers',width=6}", "tracking.runs='study'")
    study = study_in(tmp_path, *SHORT, *own)
    run_without_ray(study)
    uri, read = f"sqlite:///{tmp_path}/mlflow.db", results("tiny", root=study.ledger.root)
    sync(Ledger(study.ledger.root), "tiny", uri)
    exported = exported_generator(read, "gan", folder=tmp_path)
    logged = log_generator(read, exported, uri=uri, folder=tmp_path)
    assert (logged.run, logged.new) == ("tiny", True)
    in_a_fresh_process(uri, logged.uri, tmp_path / "elsewhere")
    samples = np.load(tmp_path / "elsewhere" / "samples.npy")
    np.testing.assert_array_equal(samples, exported.generator.sample(7, seed=5))
    save_model(tmp_path / "model", exported, None, tmp_path)
    *others, loader = sorted(path.name for path in (tmp_path / "model" / "code").iterdir())
    assert others == ["gan_core", "my_layers.py", "my_sizes.py"]
    assert re.fullmatch(r"sampled_generator_\w{8}\.py", loader)
    required = {line.partition("==")[0] for line in (tmp_path / "model" / "requirements.txt").read_text().split()}
    assert required == {
        "annotated-types", "jaxtyping", "lazy-loader", "mlflow", "numpy", "pandas", "safetensors", "torch",
    }  # fmt: skip


def test_what_mlflow_does_not_have_or_take_is_refused(
    store: str, finished_study: Study, call: Call, tmp_path: Path
) -> None:
    read = results("tiny", root=finished_study.ledger.root)
    of_study = ("export", "tiny", "wgan", "--root", finished_study.ledger.root)
    assert_refused(call(*of_study, "--register", "x"), "--register: must be given with --to mlflow alone")
    assert_refused(call(*of_study, "--to", "mlflow", "--output", "x"), "--output: must be left out with --to mlflow")
    with pytest.raises(InputError, match=r'^register: must be a name without slashes.*, but is "a/b"$'):
        export_model(read, "wgan", register="a/b", tracking_uri=store)
    empty = f"sqlite:///{tmp_path}/empty.db"
    with pytest.raises(TrackingError, match="has no run of wgan-confirm-0 of tiny; gan-study sync tiny records it"):
        export_model(read, "wgan", tracking_uri=empty)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_an_environment_of_the_models_own_requirements_samples_it(
    finished_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip installs what the model requires into a new environment; the server requires a password."""
    owner, python = Owner("owner", "planted-password-of-the-owner"), tmp_path / "new" / "bin" / "python"
    for name, value in owner.environment().items():
        monkeypatch.setenv(name, value)
    with mlflow_server(tmp_path / "server", owner=owner) as uri:
        sync(Ledger(finished_study.ledger.root), "tiny", uri)
        read = results("tiny", root=finished_study.ledger.root)
        model = export_model(read, "wgan", register="digits", tracking_uri=uri)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        requirements = sys.modules["mlflow.pyfunc"].get_model_dependencies(model)
        subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "new")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        listed = subprocess.run([str(python), "-m", "pip", "list"], check=True, capture_output=True, text=True).stdout
        assert "gan-studies" not in listed
        assert "ray " not in listed
        in_a_fresh_process(uri, model, tmp_path / "home", str(python), **owner.environment())
    best, (seed,) = read.best("wgan"), exported_generator(read, "wgan").generator.seeds
    expected = best.generator(best.seeds.index(seed))(7, seed=5)
    np.testing.assert_array_equal(np.load(tmp_path / "home" / "samples.npy"), expected)
