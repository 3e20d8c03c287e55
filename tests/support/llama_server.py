"""llama.cpp's own server with a small model, as a process: run by the Python that has xllamacpp.

PYTHON tests/support/llama_server.py MODEL.gguf KEY      prints its address when it is ready
"""

import sys
import threading

import xllamacpp

CONTEXT_TOKENS = 8_192  # What the model was trained with.
SLOTS = 1  # So that a test sees whether the only one is free.


def main(model: str, key: str) -> None:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {"smollm2"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = SLOTS
    # Two threads wait for each other by spinning: on a busy machine that is six times slower.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.use_jinja = True
    parameters.endpoint_slots = True
    parameters.sampling.seed = 1
    parameters.sampling.temp = 0
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
