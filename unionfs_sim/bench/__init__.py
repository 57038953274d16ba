"""
The measuring instrument: what lookups cost at depth, in time and in probes.

Times are CPU times stated as ratios to a `dict.get` beside them; probes are counted
exactly, in runs of their own.  `lookup_depth` puts both together for any stack.
"""
