"""Tensors in files: checkpoints of train.py and safetensors, without any package but PyTorch."""
import json
import pathlib

import numpy as np
import torch


def read_safetensors(path):
    """name -> tensor (float32 only, as the shipped models have them)."""
    raw = pathlib.Path(path).read_bytes()
    n = int.from_bytes(raw[:8], "little")
    out = {}
    for name, entry in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__":
            if entry["dtype"] != "F32":
                raise ValueError(f"{path}: {name} is {entry['dtype']}, F32 expected")
            a, b = entry["data_offsets"]
            out[name] = torch.from_numpy(np.frombuffer(raw[8 + n + a:8 + n + b], "<f4").reshape(entry["shape"]).copy())
    return out


def write_safetensors(path, tensors, meta):
    """Sorted by name: the same weights are the same bytes."""
    head, blobs, at = {"__metadata__": {k: str(v) for k, v in meta.items()}}, [], 0
    for name in sorted(tensors):
        blob = np.ascontiguousarray(tensors[name].detach().cpu().float().numpy().astype("<f4")).tobytes()
        head[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + b"".join(blobs))


def inference_state(state):
    """What a model folder holds: without the counters of batch norms."""
    return {k: v for k, v in state.items() if v.dtype.is_floating_point}


def load(net, path):
    """Into net: averaged weights of a checkpoint (.pt), a .safetensors, or a model folder. Gives the checkpoint's step, or None."""
    path = pathlib.Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    step = None
    if path.suffix == ".safetensors":
        state = read_safetensors(path)
    else:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        state, step = checkpoint["ema"], checkpoint["step"]
    missing, unknown = net.load_state_dict(state, strict=False)
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    if missing or unknown:
        raise ValueError(f"{path}: does not fit the network: missing {missing[:3]}, unknown {list(unknown)[:3]}")
    return step
