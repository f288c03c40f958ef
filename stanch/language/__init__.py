"""The runbook language: text in, `Plan` or diagnostics out. Pure; read it in the order of the pipeline.

`source` -> `read` (YAML to a tree with places) -> `parse` (tree to a document) -> `check/` (a rule a file)
-> `compile` (document to `plan.Plan`); `expressions` and `types` serve the last three.
"""
