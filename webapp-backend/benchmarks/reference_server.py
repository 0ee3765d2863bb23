"""A server in the reference system's manner, to measure ours against.

    python webapp-backend/benchmarks/reference_server.py NAME.keras PORT

Flask's own server, TensorFlow, ``model.predict`` for each request, Pillow's plain decoding, and no
limit on anything. Kinder than the original: no debugger, and the upload is not echoed.
"""

import sys

import keras
import numpy as np
from flask import Flask, request
from PIL import Image

app = Flask(__name__)
network = keras.models.load_model(sys.argv[1], compile=False)


@app.get("/readyz")
def readyz() -> dict[str, str]:
    """Answer once the network is loaded."""
    return {"status": "ready"}


@app.post("/predict")
def predict() -> dict[str, float]:
    """Judge one image."""
    image = Image.open(request.files["file"].stream).resize((256, 256))
    pixels = np.asarray(image, np.float32)[np.newaxis] / 255
    return {"prediction": float(network.predict(pixels, verbose=0)[0, 0])}


if __name__ == "__main__":
    app.run(port=int(sys.argv[2]), threaded=True)
