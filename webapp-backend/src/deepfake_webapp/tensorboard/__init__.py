"""TensorBoard beside the server: one process, watched, reached through ``/tensorboard/`` alone."""
