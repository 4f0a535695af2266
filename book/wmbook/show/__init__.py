"""Tables, figures and intervals from records. Nothing here imports TensorFlow."""
