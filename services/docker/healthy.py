"""python -m services.docker.healthy: exit 0 if this container's Ray takes jobs."""

import sys

from services.jobs import JobsServer
from services.settings import cluster_token
from studies.errors import GanStudyError

if __name__ == "__main__":
    try:
        JobsServer("http://127.0.0.1:8265", cluster_token()).check_version()
    except GanStudyError as error:
        sys.exit(str(error))
