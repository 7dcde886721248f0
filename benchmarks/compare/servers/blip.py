"""BLIP-base of `transformers`, of the right shapes, with random weights: none are fetched.

Ten words are forced, as ours have, since random weights would end anywhere; it takes the time of
trained ones.
"""

import io

import torch
from PIL import Image
from transformers import BlipConfig, BlipForConditionalGeneration, BlipImageProcessor

from benchmarks.compare.servers.http import serve

BEAM_SIZE, WORDS = 3, 10


class Blip:
    def __init__(self) -> None:
        # The defaults of BlipConfig are BLIP-base's text model and ViT-B; it takes 384x384 pixels.
        config = BlipConfig(vision_config={"image_size": 384})
        self.model = BlipForConditionalGeneration(config).eval()
        self.processor = BlipImageProcessor(size={"height": 384, "width": 384})

    def caption(self, data: bytes) -> str:
        with Image.open(io.BytesIO(data)) as image:
            inputs = self.processor(image.convert("RGB"), return_tensors="pt")
        with torch.inference_mode():
            tokens = self.model.generate(
                pixel_values=inputs["pixel_values"],
                num_beams=BEAM_SIZE,
                min_new_tokens=WORDS,
                max_new_tokens=WORDS,
            )
        return " ".join(map(str, tokens[0].tolist()))


if __name__ == "__main__":
    serve(Blip().caption)
