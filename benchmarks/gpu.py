"""The image study that ships and the benchmark of the trainer on a machine's GPUs: card, versions, GANs per hour.

    python benchmarks/gpu.py [--processors] [STUDY]

First time per member of the trainer on one GPU against a plain PyTorch loop there (`benchmarks/images.py`), then a
whole study (default: images-mnist) whose trials share the GPUs, into a ledger of its own that is removed at the end.
`--processors` does both without a GPU, to compare with.
"""

import argparse
import platform
import sys
import tempfile
from time import perf_counter

import images
import torch

import studies
from studies.execution.driver_process import run
from studies.execution.environment import hardware


def main() -> None:
    """Print the machine, the benchmark of the trainer and the study's GANs per hour."""
    parser = argparse.ArgumentParser(description="Benchmark of the trainer and a study that ships, on GPUs.")
    parser.add_argument("study", nargs="?", default="images-mnist", help="name of a study that ships")
    parser.add_argument("--processors", action="store_true", help="measure the processors instead")
    chosen = parser.parse_args()
    if not chosen.processors and not torch.cuda.is_available():
        sys.exit("gpu.py: PyTorch finds no GPU on this machine; --processors measures the processors")
    machine = hardware()
    cards = ", ".join(machine["gpus"]) or "none"
    print(f"GPUs {cards}; {machine['cores']} cores {machine['cpu']}; {machine['memory_gib']} GiB")
    print(f"Python {platform.python_version()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    images.main("cpu" if chosen.processors else "cuda")
    with tempfile.TemporaryDirectory() as ledger:
        share = "0" if chosen.processors else "auto"
        study = studies.Study.load(chosen.study, overrides=[f"ledger.root={ledger}", f"resources.gpu={share}"])
        started = perf_counter()
        run(study)
        seconds = perf_counter() - started
        members = studies.results(study.name, root=ledger).members
    print(f"{study.name}: {len(members)} GANs in {seconds:.0f} s, {3600 * len(members) / seconds:.0f} GANs per hour")


if __name__ == "__main__":
    main()
