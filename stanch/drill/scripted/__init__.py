"""The scripted outside world: what an action gives, and when, as its script says.

`given` is what was written; `script` says which of it comes next; `outside` makes an action's end of it, with
`watch` where something is asked until it holds and `knowing` where an action looks by itself; `results` and
the modules for single actions fill in what was left out.
"""
