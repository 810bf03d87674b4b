"""Export of a study to MLflow, during its run or afterwards, and import from there.

run_content   a trial as an MLflow run: names, numbers, tags; no call to MLflow
notes, views  descriptions and saved views; no call to MLflow
metric_log    metrics, logged in batches and never twice
experiment    the experiment of a study: its note and its views
mlflow_runs   the run of a study and the runs of its trials
bundle        one file with the records of all trials
tracker       the background thread that records a study during its run, and `sync`
download      a study's results from a tracking server
attachment    a file as an artifact of the study's run
connection    settings and errors of requests to MLflow
"""
