"""From question to answer: study files, their trials, the ledger, and the results as DataFrames.

import studies
studies.results("first-study").ranking
"""

from studies.errors import GanStudyError, InputError, StudyFailed
from studies.results import Results, results
from studies.study import Study, load_study

__all__ = ["GanStudyError", "InputError", "Results", "Study", "StudyFailed", "load_study", "results"]
