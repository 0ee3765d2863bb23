"""Tell deepfaked faces from photographs.

Three layers, each importing only those before it:

- ``image``: safe decoding, resizing, the model card (NumPy, Pillow).
- ``inference``: ONNX sessions, scores, verdicts (adds ONNX Runtime).
- ``training``: data, networks, training, evaluation, export (adds TensorFlow).
"""
