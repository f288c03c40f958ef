"""The runbook language: text in, `Plan` or diagnostics out. Pure; read it in the order of the pipeline.

    compile                the whole of it: a library of runbooks, `link`ed by who calls whom
    source, read           bytes to a tree with places (`tree`, `scalar`, `yaml_error`)
    parse                  the tree to a `document`, each part fitted to its JSON Schema
                           (`shapes`, `accept`, `structure`, `refusal`, `misfit`, `parts`, `words`)
    annotate               every expression gets its `scope`, its `references` and its type
                           (`judge`, `typecheck`, `cel_error`, `types`, `chains`, `fits`, `guards`, `place`)
    check/                 the rules, a rule a file; `check/children/` over a whole library
    allow                  comments that silence advice
    lower                  the document to a `plan`
    diagnostics, render/   what is said, and how it is shown

`cel/` evaluates expressions, `format/` is the house form.
`inputs` checks what a run is given. `evaluate`, `template`, `duration` and `encode` serve running Plans too.
"""
