"""Export of a study to MLflow, during its run or afterwards, and import from there.

run_content   content of a trial's MLflow run: names, numbers, tags; no call to MLflow
run_search    searches for runs
notes, views  descriptions and saved views; no call to MLflow
metric_log    metrics, logged in batches and never twice
experiment    the experiment of a study: its note and its views
run_count     number of runs: one for each trial, or one for the whole study
study_run     the run of a study: its bundle, its tables, its notes
recording     interface of the two ways to record the trials, which follow
mlflow_runs   the runs of the trials of a study
one_run       the progress of a large study in the study's own run
bundle        the file with the records of all trials of a study, for a fast download
system_metrics  use of this machine during a study's run, if the user wants it
tracker       the background thread that records a study during its run, and `sync`, which records it afterwards
download      reads a study's results from a tracking server
run_files     reads artifacts of runs, trusting nothing that a server says
run_faults    runs in MLflow that are not what the ledger says, and their mending
generator_model   a trained generator as a model of MLflow, with its code and its requirements
logged_generator  logs such models to the runs of their trials, and registers them
attachment    uploads a file as an artifact of the study's run
sqlite_store  SQLite stores: created whole, recognised in mid-migration
connection    time limits and errors of requests to MLflow
"""
