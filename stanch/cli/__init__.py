"""The command `stanch`: a module a command, heavy imports inside the commands.

`main` is the group and the way out; `exits` says how a command ends, `console` where its words go, `engine`
reaches Temporal. `render_*` are pure: values in, text out.
"""
