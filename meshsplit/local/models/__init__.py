"""The model servers that stand in for a group's members: the Open Inference Protocol over REST and gRPC.

`process.ModelServer` is the handle; it runs a template process (`parent`, `template`), whose copies (`child`,
`server`) each answer for one InferenceService, or for the ModelMesh service of a namespace.
"""
