#!/usr/bin/env python3
"""A checkpoint of train.py as a model folder: config.json and model.safetensors, as `glint run --model FOLDER` takes it.

    export.py run/last.pt --out model            # then: parity.py model --glint build/glint

The averaged weights (EMA), float32, batch norms as they are (folded when they are loaded).
"""
import argparse
import json
import pathlib
import shutil

import torch

import network_config
import weights
from model import Net


def export(checkpoint, config, folder, name=None):
    """config: path of a config.json."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    net = Net(network_config.read(config))
    step = weights.load(net, checkpoint)
    state = weights.inference_state(net.state_dict())
    if not all(torch.isfinite(v).all() for v in state.values()):
        raise ValueError(f"{checkpoint}: weights that are no numbers")
    weights.write_safetensors(folder / "model.safetensors", state, {"format": "pt"})
    if pathlib.Path(config).resolve() != (folder / "config.json").resolve():
        shutil.copyfile(config, folder / "config.json")
    if name and json.loads((folder / "config.json").read_text())["name"] != name:
        text = (folder / "config.json").read_text()
        old = json.loads(text)["name"]
        (folder / "config.json").write_text(text.replace(f'"name": "{old}"', f'"name": "{name}"', 1))
    return step, sum(p.numel() for p in net.parameters())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint")
    p.add_argument("--out", required=True, help="model folder")
    p.add_argument("--config", default=network_config.TINY, help="default: glint-tiny's")
    p.add_argument("--name", help="the model's name (default: the configuration's)")
    args = p.parse_args()
    step, parameters = export(args.checkpoint, args.config, args.out, args.name)
    print(f"{args.out}: {parameters} parameters, after {step} steps")


if __name__ == "__main__":
    main()
