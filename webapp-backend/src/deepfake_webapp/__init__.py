"""The HTTP side: API, page and TensorBoard behind one gunicorn."""
