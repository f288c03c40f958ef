"""The rules: what a document that reads well may still not do. A rule a file, named by its code and meaning.

A rule is a function from a `Context` to diagnostics; it sees the whole document and changes nothing.
"""
