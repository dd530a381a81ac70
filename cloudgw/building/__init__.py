"""What the builds of several clouds do alike: pure pieces between routing and a cloud's own elements.

`build*` of providers use it. Nothing here may know a cloud: what differs between them is a value that they pass, and
where the logic differs too, each keeps its own.
"""
