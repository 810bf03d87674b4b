"""Tags of an experiment that hold the saved views of its pages in MLflow."""

VIEW = "gan-studies"
"""Key of the view that is opened first; the keys of the others begin with it."""
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
VIEWS_TAG = "mlflow.gan_studies.views"
"""Tag of an experiment: hash of each saved view as written here. A view with another hash was changed by a user."""
