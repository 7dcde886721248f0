"""Photo bytes to captions: images, batching and the model. It knows nothing of HTTP."""
