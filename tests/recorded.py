"""A study of a few seconds, and a run of it in this process without Ray."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gan_core.cache_folder import FOLDER_VARIABLE
from studies.design import Design, TrialSpec, payload
from studies.execution.pack_training import PackTraining
from studies.execution.runner import _provenance, _register
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.progress.events import Listener
from studies.progress.pending import StudyProgress
from studies.progress.summaries import EvaluationSummary

ROOT = Path(__file__).parents[1]
QUESTION = "Does a tiny study leave its traces?"
TINY = f"""# {QUESTION}
name = "tiny"
seeds = 3
budget = {{unit = "generator_steps", steps = 8}}
search = {{seed = 3, explore = 2, packs = false, exploit = {{trials = 1}}, confirm = {{best = 1, seeds = 4}}}}
data = {{kind = "digits", held_out = 200}}
evaluation = {{measurements = 4, samples = 200, directions = 8, cells = 4}}
networks.generator = {{kind = "mlp", width = 8, depth = 2, latent = 4}}
networks.critic = {{kind = "mlp", width = 8, depth = 2}}
training.batch = 8

[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = "search"

[[conditions]]
name = "gan"
preset = "gan"
training.critic_optimizer = {{kind = "sgd", lr = {{log_uniform = [1e-4, 1e30]}}}}
training.n_critic = {{choice = [1, 2]}}
"""


def write_tiny(folder: Path, text: str = TINY) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.toml"
    path.write_text(text)
    return path


def load_tiny(folder: Path, *overrides: str) -> Study:
    root = f'ledger.root="{folder / "gan-studies"}"'
    return Study.load(write_tiny(folder), overrides=[root, *overrides])


def run_pending(study: Study, *listeners: Listener, trials: int | None = None, killed: bool = False) -> StudyProgress:
    """Run the pending trials, or only `trials` of them and the first half of the next.

    `killed`: the listeners never receive `closed`, as after SIGKILL.
    """
    ledger, provenance = Ledger(study.ledger.root), _provenance(study)
    with ledger.writing(study.name) as lease:
        _register(study, ledger, provenance, QUESTION)
        progress = StudyProgress(Design(study, provenance), ledger, lease)
        for listener in listeners:
            listener.opened(progress.standing(), progress.needed)
        ended = 0
        while pending := progress.pending():
            progress.write_plan()
            spec, unfinished = pending[0], ledger.unfinished(pending[0].key)
            unfinished.mark_started("here")
            training = PackTraining(json.loads(payload([spec])), unfinished)
            while not training.done:
                training.advance(0.0005)
                _report(listeners, spec, training)
                if trials is not None and ended >= trials and len(training._measured_seconds) > 2:
                    training.save_checkpoint()
                    return progress if killed else _close(listeners, progress)
            ledger.commit(training.rows())
            ended += 1
            update = progress.update([spec])
            for listener in listeners:
                listener.ended(update.ended[0])
                if update.found:
                    listener.found(update.found)
                listener.planned(progress.needed)
        return _close(listeners, progress)


def _report(listeners: Sequence[Listener], spec: TrialSpec, training: PackTraining) -> None:
    summaries = [EvaluationSummary(**summary) for summary in json.loads(training.report())[spec.key]]
    for listener in listeners:
        listener.measured(spec, summaries)


def _close(listeners: Sequence[Listener], progress: StudyProgress) -> StudyProgress:
    standing = progress.standing()
    for listener in listeners:
        listener.closed(standing, standing.pending > 0)
    return progress


def command(*arguments: str) -> list[str]:
    """`gan-study` as a process of its own, from this source tree."""
    return [sys.executable, "-c", "from services.cli.app import main; main()", *arguments]


def process_environment(**changes: str) -> dict[str, str]:
    """Environment variables of such a process: this source tree, also on workers, and no tracking server."""
    dropped = ("MLFLOW_", "GAN_STUDY")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(dropped) or name == FOLDER_VARIABLE
    }
    return {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", **changes}


def call(*arguments: str, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, env=process_environment(**changes), capture_output=True, text=True, timeout=280
    )
