"""Weights on disk: safetensors in and out, the types a file of ours holds, int8, pieces of a file.

The writer's bytes are those of `mlmamba quantize`: names sorted, the header padded with blanks to a multiple of 8.
"""
import glob
import json
import os
import re
import struct

import torch

DTYPES = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16, "I64": torch.int64,
          "I32": torch.int32, "I8": torch.int8, "U8": torch.uint8}
NAMES = {v: k for k, v in DTYPES.items()}


def load_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, info in json.loads(data[8:8 + n]).items():
        if name != "__metadata__":
            begin, end = info["data_offsets"]
            raw = bytearray(data[8 + n + begin:8 + n + end])
            tensors[name] = torch.frombuffer(raw, dtype=DTYPES[info["dtype"]]).reshape(info["shape"])
    return tensors


def save_safetensors(tensors, path):
    """The file appears whole: written beside its place, then renamed."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        t = tensors[name]
        size = t.numel() * t.element_size()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".partial", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            t = tensors[name].detach().cpu().contiguous()
            f.write(t.reshape(-1).view(torch.uint8).numpy().tobytes())
    os.replace(path + ".partial", path)


def is_fp32(name):
    """What stays fp32 in a bf16 file: norms, positions and the scan's own parameters."""
    return "norm" in name or name.endswith(("A_log", "dt_bias", ".D", "pos_embed"))


def to_bf16(tensors):
    return {k: v.detach().float().cpu() if is_fp32(k) else v.detach().to(torch.bfloat16).cpu() for k, v in tensors.items()}


def to_int8(tensors):
    """Weight-only, symmetric, one scale a row of every 2-D *.weight (decision 17); everything else as it is."""
    out = {}
    for name, t in tensors.items():
        if name.endswith(".weight") and t.dim() == 2:
            w = t.float()
            scale = w.abs().amax(1) / 127
            q = torch.round(w / scale[:, None]).clamp(-127, 127)
            out[name] = torch.where(scale[:, None] > 0, q, torch.zeros_like(q)).to(torch.int8)
            out[name + "_scale"] = scale
        else:
            out[name] = t
    return out


def to_fp32(tensors):
    return {k: v.float() * tensors[k + "_scale"][:, None] if v.dtype == torch.int8 else v.float()
            for k, v in tensors.items() if not k.endswith("_scale")}


def load_fp32(place):
    """Weights of a model directory, of a safetensors file, or of the pieces PREFIX0.bin, PREFIX1.bin, ..."""
    if os.path.isdir(place):
        place = os.path.join(place, "model.safetensors")
    if os.path.exists(place):
        return to_fp32(load_safetensors(place))
    return to_fp32(join_pieces(place))


def save_pieces(tensors, prefix, limit=15 << 20):
    """PREFIX0.bin, PREFIX1.bin, ... of at most `limit` bytes: some machines hand back small files only."""
    whole = prefix + ".whole"
    save_safetensors(tensors, whole)
    with open(whole, "rb") as f:
        for i in range(-(-os.path.getsize(whole) // limit)):
            with open("%s%d.bin.partial" % (prefix, i), "wb") as piece:
                piece.write(f.read(limit))
            os.replace("%s%d.bin.partial" % (prefix, i), "%s%d.bin" % (prefix, i))
    os.remove(whole)


def join_pieces(prefix):
    paths = [p for p in glob.glob(glob.escape(prefix) + "*.bin") if re.fullmatch(r"\d+", p[len(prefix):-4])]
    if not paths:
        raise FileNotFoundError("%s: neither a model directory, nor a file, nor pieces %s0.bin, ..." % (prefix, prefix))
    whole = prefix + ".joined"
    with open(whole, "wb") as f:
        for p in sorted(paths, key=lambda p: int(p[len(prefix):-4])):
            with open(p, "rb") as piece:
                f.write(piece.read())
    tensors = load_safetensors(whole)
    os.remove(whole)
    return tensors
