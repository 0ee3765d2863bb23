"""From a folder of labelled images to a network and its card (TensorFlow lives here only)."""
