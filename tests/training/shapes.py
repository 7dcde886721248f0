"""The shapes of ResNet50's maps, for tests that make up some."""

from training.models.encoder_spec import RESNET50

CELLS, FEATURES = RESNET50.maps_shape
TRUNK_CELLS, TRUNK_FEATURES = RESNET50.trunk_shape
