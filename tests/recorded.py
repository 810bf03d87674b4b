"""A study of seconds, and a run of it in this process: what Ray does for a real one, without Ray."""

import os
import subprocess
import sys
from pathlib import Path

from studies.design import Design, Surroundings
from studies.ledger import Ledger
from studies.progress import Progress
from studies.runner import _register, _surroundings
from studies.study import Study, load_study
from studies.tracking.projection import Measurement
from studies.trial import TrialRun

ROOT = Path(__file__).parents[1]
QUESTION = "Does a tiny study leave its traces?"
TINY = f"""# {QUESTION}
name = "tiny"
seeds = 3
budget = {{steps = 8, measurements = 4}}
search = {{explore = 2, exploit = 1, confirm = {{best = 1, seeds = 4}}}}
data = {{kind = "digits", reference = 200}}
measures = {{samples = 200, directions = 8, cells = 4}}
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
    return load_study(write_tiny(folder), overrides=[root, *overrides])


def play(study: Study, *listeners, trials: int | None = None, orphan: bool = False) -> Progress:
    """Run the pending trials, or that many of them and the first half of the next.

    An orphan's listeners are never told its end: their process was killed.
    """
    ledger, surroundings = Ledger(study.ledger.root), _surroundings(study)
    _register(study, ledger, surroundings, QUESTION)
    progress = Progress(Design(study, Surroundings(**surroundings.table())), ledger)
    for listener in listeners:
        listener.opened(progress)
    played = 0
    while pending := progress.pending():
        progress.write_plan()
        planned = pending[0]
        entry = ledger.entry(planned.address)
        run = TrialRun(planned.identity, entry)
        while not run.done:
            run.play(0.0005)
            _tell(listeners, planned, run)
            if trials is not None and played >= trials and len(run._measured) > 2:
                run.save_checkpoint()
                return progress if orphan else _close(listeners, progress)
        run.commit()
        played += 1
        for listener in listeners:
            listener.ended(planned, entry)
    return _close(listeners, progress)


def _tell(listeners, planned, run):
    import json

    measured = [Measurement(*one) for one in json.loads(run.report())]
    for listener in listeners:
        listener.measured(planned, measured)


def _close(listeners, progress):
    for listener in listeners:
        listener.closed(progress, bool(progress.pending()))
    return progress


def command(*arguments: str) -> list[str]:
    """gan-study as a process of its own, from this source tree."""
    return [sys.executable, "-c", "from services.cli import main; main()", *arguments]


def surroundings(**more: str) -> dict[str, str]:
    """The environment of such a process: this source tree on workers too, and no server of this machine's user."""
    held = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "GAN_STUDY"))}
    return {**held, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", **more}


def call(*arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, env=surroundings(**more), capture_output=True, text=True, timeout=280
    )
