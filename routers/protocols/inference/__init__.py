"""The Open Inference Protocol's gRPC messages, generated from the `.proto` beside this file by `make proto`.

They live in a descriptor pool of their own: other packages bring messages of the same names, and one pool cannot hold
both.
"""
