"""The worlds as they really run: one process a deployment, HTTP on loopback, spans from the OpenTelemetry SDK.

``fluo_lab.worlds.live.run.run_live`` runs one; ``service`` and ``client`` are what the code of a world is written with.
Importing this package loads none of it, so that simulations need neither the servers nor the instrumentation.
"""
