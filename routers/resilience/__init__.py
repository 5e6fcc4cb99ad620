"""How the router holds out: state machines without I/O, one a file.

The clock (seconds that never go back) and chance come as arguments, so that each law can be tested in virtual time.
Where nothing is wrong a call costs less than a microsecond. Policies are `control_plane.spec.resilience`'s.
"""
