"""The ledger projected into MLflow, live and after the fact, and read back from there.

projection  what a trial and a study look like in MLflow: names, numbers, texts; knows no MLflow
store       MLflow's runs of one study: found before they are made
tracker     the background thread that keeps MLflow up with a running study
reading     a ledger made again from what a tracking server holds
"""
