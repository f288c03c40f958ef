"""Evaluation of CEL. Google's library parses and type-checks (`typecheck`); values are made here.

    syntax      the library's parse tree as nodes of ours
    program     nodes to a function of a frame (`names`, `calls`, and `macros`, which loop)
    frame       what one evaluation reads, and what it may still spend
    values      kinds of values; `equality` and order
    operators, text, formatting, numbers, lists, times, sizes, conversions
                what operators and functions do, by the kinds of what they are given
    pattern     RE2, the one thing for which the library evaluates
    library     all functions, for the checker and for evaluation alike

The library's own evaluator is not used: it bounds neither time nor memory (`list.map` over 10,000 items takes
1.6 GB), ends text at a NUL, takes the whole process down after some hundred results with `null` in them
(Python 3.11), and its order of a map's keys and of equal sort keys depends on the build.
"""
