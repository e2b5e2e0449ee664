import argparse
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
