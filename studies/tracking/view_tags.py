"""Names of the tags in which MLflow keeps saved views (filter, order, columns, charts) of an experiment's pages."""

VIEW = "gan-studies"
"""Key in the address of the view that `gan-study ui` opens; keys of the other views are this and an ending."""
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
VIEWS_TAG = "mlflow.gan_studies.views"
"""Tag of an experiment: hash of each saved view as written here. A view with another hash was changed by a user."""
