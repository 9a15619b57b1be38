"""The model servers that stand in for a group's members: the Open Inference Protocol over REST and gRPC.

`process.ModelServer` is the handle a parent holds; everything that serves runs in its child process.
"""
