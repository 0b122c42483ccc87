"""A client of the Agent Client Protocol: drives an agent's own program and tells PanCode what it does.

Of the protocol's messages only what is needed is read, as plain JSON: a field, a kind of update or a value
that a newer agent knows and this client doesn't is counted and passed over, and never ends a run. The tests
hold the client against an agent that is written with the protocol's own library.
"""
