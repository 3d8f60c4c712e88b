"""How fast decisions are gated and recorded, beside the bare insert, two peers and, if asked, another build.

Everything takes turns in one run on one database server, for a fixed time each, so that a busy machine is busy for all.
"""
