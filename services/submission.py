"""Submitting a study from Python."""

import warnings

from services.cluster import Attempt, Cluster
from services.credentials import cluster_token, cluster_url, sends_token_in_clear
from services.jobs import JobsServer
from studies.errors import InputError
from studies.file.study import Study
from studies.locate import require_study


def submit(study: Study, *, cluster: str | None = None, send_data: bool = False, processors: int = 0) -> Attempt:
    """Send a study to a Ray cluster as a new attempt, and return that attempt without waiting for its end.

    `gan-study status`, `logs` and `stop` follow it; `studies.results` reads its results.

    study      as `Study.load` returns it: the modules beside its file are sent too
    cluster    address of the cluster's dashboard; None: GAN_STUDY_CLUSTER
    send_data  True: the samples are sent with it, at most 100 MiB; False: they are at `data.path` on every node
    processors number of processor cores that the cluster must have before the study starts

    Errors: `InputError` for a study that was not loaded from a file or the catalog, if no cluster answers at the
    address, and if the study cannot run there.
    """
    require_study(study)
    if study.source is None:
        raise InputError(f"{study.name}: must be loaded with Study.load to be submitted; its overrides change fields")
    connected, warning = cluster_at(cluster)
    if warning:
        warnings.warn(warning, stacklevel=2)
    return connected.submit(study, study.source, send_data=send_data, processors=processors)


def cluster_at(address: str | None) -> tuple[Cluster, str]:
    """The cluster at an address, by default GAN_STUDY_CLUSTER, and a warning if the token is sent unencrypted.

    Errors: `InputError` for an address or a token that cannot be used.
    """
    url = cluster_url(address)
    token = cluster_token(url)
    in_clear = f"the token is sent to {url} unencrypted; use https, or a tunnel (ssh -L), to protect it"
    return Cluster(JobsServer(url, token)), in_clear if sends_token_in_clear(url, token) else ""
