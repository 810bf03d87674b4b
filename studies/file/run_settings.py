"""Settings of a run: resources, limits, checkpoints, ledger, tracking."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MinLen

from gan_core.fields import Count, NonNegative, Positive, Whole


@dataclass(frozen=True, kw_only=True)
class ResourceSettings:
    """Processor cores and GPUs of each process; a process trains one pack of trials at a time.

    cpu                processor cores of a process; may be a fraction
    gpu                GPUs of a process: a fraction of one, or a whole number; "auto": 0 on a machine without GPU,
                       otherwise the number of GPUs divided by the number of processes that fit on the processor cores,
                       at most 1
    packs_per_process  largest number of packs that a process is given at once, to train one after the other; it changes
                       no number. "auto": as many as train in about two seconds, by the packs that ended before
    """

    cpu: Positive = 1.0
    gpu: NonNegative | Literal["auto"] = 0.0
    packs_per_process: Count | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        if self.gpu != "auto" and self.gpu > 1 and self.gpu % 1:
            raise ValueError(f"gpu: must be a whole number if it is above 1, but is {self.gpu}")  # a rule of Ray


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a run.

    trial_seconds       longest time of a trial's training, in seconds; a pack may take it for each of its places. A
                        trial that takes longer has ended as `timed_out`, also if its code never returns
    step_seconds        longest time of a single iteration or evaluation of a trial or pack, in seconds: a process that
                        takes longer hangs and is killed, and its trial has ended as `timed_out`
    code_seconds        longest time of a single call of your own code before a study or a trial starts, in seconds: the
                        import of a module, a constructor, the loading of samples, a first call; code that takes longer
                        hangs: it is ended and named, and the study does not start
    study_seconds       longest time of one run of the study, in seconds; then the trials write checkpoints and the run
                        ends. The next run continues them
    trial_memory_gb     largest resident memory of the process that trains a trial or a pack, in GB (10^9 bytes), about
                        0.5 GB of libraries included; a trial that takes more has ended as `out_of_memory`
    condition_failures  number of trials of a condition that may end in a row as `out_of_memory`, `timed_out` or
                        `error`; after that many no further trial of the condition is started in this run
    disk_free_gb        space that a run leaves free on the disk of the ledger, in GB; when less is free, the trials
                        write checkpoints and the run ends
    trial_retries       number of times that a trial is started again after its worker died; at the next death it is
                        lost until the study is run again. Losses of a whole node do not count
    """

    trial_seconds: Positive | None = None
    step_seconds: Positive = 3600.0
    code_seconds: Positive = 300.0
    study_seconds: Positive | None = None
    trial_memory_gb: Positive | None = None
    condition_failures: Count | None = 20
    disk_free_gb: NonNegative = 0.5
    trial_retries: Whole = 3


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """Checkpoints of running trials, and the generators that finished trials keep.

    every_seconds  seconds between two checkpoints of a trial, about the training time that an interruption may lose
    snapshots      evaluations at which each member's generator is kept, from which other evaluations can be made:
                   `late`: step 0 and the last fifth of the evaluations; `all`; `last`: the last one
    """

    every_seconds: Positive = 20.0
    snapshots: Literal["late", "all", "last"] = "late"


@dataclass(frozen=True, kw_only=True)
class LedgerSettings:
    """The ledger, which holds all results.

    root  folder of the ledger; a relative path is relative to the working folder. On several machines it must be on
          storage that all of them share
    """

    root: Annotated[str, MinLen(1)] = "gan-studies"


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """The study's runs in MLflow.

    runs  `trials`: one run for each trial, beside the study's own; `study`: the study's own run alone, which has the
          tables of all trials and, while the study runs, three metrics of each condition; `auto`: `trials` for a study
          of up to 300 trials, else `study`
    """

    runs: Literal["auto", "trials", "study"] = "auto"
