"""`stanch fmt`: a runbook in the house form, with the same data and the same comments. Pure.

house              the whole of it, in one function; it reads what it wrote before it hands it out
scan, walk         text and tree together become `pieces`: values with anchors, comments and blank lines
order              which word follows which, and where bare CEL stands
quoting, layout    one scalar, and then all of it, as text
"""
