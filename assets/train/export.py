"""Makes a model directory (decisions 17 and 20 of the design) of trained weights.

  python3 export.py --from build/t7out/w --run build/t7out/run.json --out model-bf16 --int8 model-int8 \\
      [--figures engine.json] [--measured TEXT] [--ablations table.md] [--names PACKED/names.json] [--tokenizer tokenizer.json] [--credits FOLDER]

--from: pieces, a safetensors file or a model directory.  Both directories hold config.json, model.safetensors,
tokenizer.json, tokenizer_config.json, preprocessor_config.json, MODEL.md and the credits; the int8 weights are byte for byte
what `mlmamba quantize` makes of the bf16 ones.
"""
import argparse
import glob
import json
import os
import shutil
import string
import textwrap

import figures
import weights
from tokenizer import ASSISTANT, DEFAULT, END, USER
from world import COLOURS, SHAPES

HERE = os.path.dirname(os.path.abspath(__file__))
SHIPPED = os.path.join(HERE, "..", "models", "mlmamba-tiny")
QUANTIZATION = {"weights": "int8", "scheme": "symmetric", "granularity": "row"}
DESCRIPTION = ("Answers questions about drawn objects, shapes, short words on signs and simple photographs: what they are, colours, counts, "
               "positions, relations, short descriptions%s. Weak on photographs, long texts and full lists of many things.")


def shape_of(tensors):
    """The architecture, read off the tensors."""
    def layers(prefix):
        return 1 + max(int(n[len(prefix):].split(".")[0]) for n in tensors if n.startswith(prefix))

    vocab, width = tensors["language_model.backbone.embeddings.weight"].shape
    vision, _, patch, _ = tensors["vision_tower.patch_embed.proj.weight"].shape
    patches = tensors["vision_tower.pos_embed"].shape[1]
    mixer = "language_model.backbone.layers.0.mixer."
    inner = tensors[mixer + "norm.weight"].shape[0]
    return dict(vocab=vocab, width=width, vision_width=vision, patch=patch, patches=patches, image=patch * round(patches ** 0.5),
                vision_depth=layers("vision_tower.blocks."), vision_mlp=tensors["vision_tower.blocks.0.mlp.fc1.weight"].shape[0],
                layers=layers("language_model.backbone.layers."), heads=tensors[mixer + "A_log"].shape[0],
                state=(tensors[mixer + "conv1d.weight"].shape[0] - inner) // 2,
                connector_state=(tensors["connector.scan.conv1d.weight"].shape[1] - inner) // 2,
                connector_mlp=tensors["connector.swiglu.w1.weight"].shape[0],
                orders=tensors["connector.scan.A_log"].shape[0])


def description(tables):
    """One line, with the share of the held-out questions that it answers; the desktop's welcome screen has room for 320 characters"""
    return DESCRIPTION % ("; right on %.0f %% of questions about held-out scenes of that kind, far less on other pictures" % figures.summary({
        f: [v[0], v[2]] for f, v in tables["test"].items()})[1] if "test" in tables else "")


def config_json(s, vision_heads, special, about):
    if s["orders"] != 4:
        raise ValueError("a connector with %d scan orders has no name in the format: only the four of cross-scan" % s["orders"])
    return {
        "model_type": "ml_mamba", "description": about, "describe_prompt": "Describe the image.",
        "architectures": ["MLMambaForConditionalGeneration"], "torch_dtype": "bfloat16", "eos_token_id": special[END],
        "user_token_id": special[USER], "assistant_token_id": special[ASSISTANT], "image_position": "first",
        "num_image_tokens": s["patches"], "prompt_template": "<|user|>\n{question}<|endoftext|>\n<|assistant|>\n",
        "turn_separator": "\n",
        "vision": {"type": "vit", "image_size": s["image"], "patch_size": s["patch"], "hidden_size": s["vision_width"],
                   "num_layers": s["vision_depth"], "num_heads": vision_heads, "mlp_dim": s["vision_mlp"], "layer_norm_eps": 1e-6,
                   "activation": "gelu_tanh", "class_token": False, "final_norm": True, "feature_layer": "final"},
        "connector": {"type": "mamba2_cross_scan_2d", "input_size": s["vision_width"], "hidden_size": s["width"],
                      "state_size": s["connector_state"], "expand": 2, "head_dim": 64, "num_heads": s["heads"], "conv_kernel": 4,
                      "scan_orders": ["row", "row_reversed", "column", "column_reversed"], "swiglu_dim": s["connector_mlp"],
                      "rms_norm_eps": 1e-5, "activation": "gelu_tanh", "norm_before_gate": False},
        "text": {"model_type": "mamba2", "vocab_size": s["vocab"], "hidden_size": s["width"], "num_hidden_layers": s["layers"],
                 "expand": 2, "head_dim": 64, "num_heads": s["heads"], "state_size": s["state"], "n_groups": 1, "conv_kernel": 4,
                 "use_conv_bias": True, "use_bias": False, "rms_norm": True, "norm_before_gate": False,
                 "layer_norm_epsilon": 1e-5, "residual_in_fp32": True, "tie_word_embeddings": True, "hidden_act": "silu",
                 "time_step_limit": [0.0, 1e9]}}


def preprocessor_json(s):
    return {"image_processor_type": "MLMambaImageProcessor", "do_convert_rgb": True, "do_resize": True, "resize_mode": "letterbox",
            "size": {"height": s["image"], "width": s["image"]}, "resample": 2, "pad_value": 0.5, "do_rescale": True,
            "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def tokenizer_json():
    return {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "bos_token": None, "unk_token": None, "pad_token": END,
            "clean_up_tokenization_spaces": False, "model_max_length": 1048576,
            "chat_template": "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|endoftext|>\n{% endfor %}"
                             "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"}


def read(path, otherwise):
    if not path:
        return otherwise
    with open(path, encoding="utf-8") as f:
        return f.read().strip()


def provenance(runs, mix=None):
    if not runs:
        return "Trained by this recipe."
    stages = []
    for run in runs:                # a run.json with "mix": its result was averaged with the weights before, so much of them
        s, a = run["state"], run["arguments"]
        start = "from scratch" if not a.get("start") else "from those weights" if stages else "from the weights of an earlier piece"
        stages.append("%s%s, %.1f minutes of one GPU, %d steps of %d pictures, seed %d" % (
            start, " with the shares of the second stage" if a.get("second") else "", s["seconds"] / 60, s["step"], a["batch"], a["seed"]))
        share = float(mix[1]) if mix and run is runs[-1] else run.get("mix")
        if share:
            stages[-1] += "; the weights are %.0f %% those and %.0f %% the ones before" % (100 - 100 * share, 100 * share)
    return "Trained by this recipe: " + "; then ".join(stages) + "."


def known_names(path):
    """What the pictures show, by category: Markdown; of names.json without the names that no drawing and no photograph beside it has."""
    import numpy
    with open(path, encoding="utf-8") as f:
        entries = json.load(f)

    def of(pattern):
        files = glob.glob(os.path.join(os.path.dirname(path), pattern))
        return {int(i) for f in files for i in numpy.load(f)["name"]}

    drawn, photos, groups = of("sprites*.npz"), of("photos_*.npz"), {}
    if not drawn:
        raise ValueError("%s: no drawings (sprites.npz) beside it" % path)
    for i in sorted(drawn | photos, key=lambda i: entries[i]["name"]):
        mark = "**" if i not in drawn else "*" if i in photos else ""
        groups.setdefault(entries[i]["category"], []).append(entries[i]["name"] + mark.replace("*", "\\*"))
    lines = ["%d names: %d as drawings; \\* as photographs too, \\*\\* as photographs only." % (len(drawn | photos), len(drawn)), "",
             "- **shape**: " + ", ".join(SHAPES), "- **colour**: " + ", ".join(COLOURS)]
    return "\n".join(lines + [textwrap.fill("- **%s**: %s" % (g, ", ".join(groups[g])), 150, subsequent_indent="  ") for g in sorted(groups)])


def model_md(name, s, tensors, args, vision_heads):
    count = sum(t.numel() for n, t in tensors.items())
    size = sum(t.numel() * t.element_size() for t in weights.to_int8(tensors).values())
    tables = json.loads(read(args.figures, "{}"))
    runs = [json.loads(read(r, "{}")) for r in args.run or []]
    values = dict(s, name=name, vision_heads=vision_heads, parameters="%.2f" % (count / 1e6), megabytes="%.1f" % (size / 1e6),
                  figures="\n".join(figures.markdown(tables)) if tables else "Not measured.", measured=args.measured, spread=figures.spread(tables),
                  ablations=read(args.ablations, "Not run."), ablation_note="ablate.py", provenance=provenance(runs, args.mix),
                  names=known_names(args.names) if args.names else "Not listed.")
    with open(os.path.join(HERE, "MODEL.template.md"), encoding="utf-8") as f:
        return string.Template(f.read()).substitute(values)


def write_json(value, *path):
    with open(os.path.join(*path), "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def write_directory(folder, tensors, config, s, args, text):
    os.makedirs(folder, exist_ok=True)
    weights.save_safetensors(tensors, os.path.join(folder, "model.safetensors"))
    write_json(config, folder, "config.json")
    write_json(preprocessor_json(s), folder, "preprocessor_config.json")
    write_json(tokenizer_json(), folder, "tokenizer_config.json")
    shutil.copyfile(args.tokenizer, os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "MODEL.md"), "w", encoding="utf-8") as f:
        f.write(text)
    for name in sorted(os.listdir(args.credits)):
        if name.startswith("CREDITS"):
            shutil.copyfile(os.path.join(args.credits, name), os.path.join(folder, name))


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--from", dest="start", required=True)
    p.add_argument("--mix", nargs=2, metavar=("PLACE", "SHARE"), help="mean with other weights of the same run, SHARE of them (an earlier stage)")
    p.add_argument("--out", required=True, help="the bf16 directory")
    p.add_argument("--int8", help="the int8 directory")
    p.add_argument("--name", default="mlmamba-tiny")
    p.add_argument("--vision-heads", type=int, default=4)
    p.add_argument("--run", nargs="+", help="run.json of the training; of each stage, the first one first")
    p.add_argument("--figures", help="JSON of evaluate_engine.py")
    p.add_argument("--measured", default="Measured by this program (`mlmamba vqa`) on the int8 weights; in brackets with an empty grey "
                                         "picture.")
    p.add_argument("--ablations", help="Markdown table of ablate.py")
    p.add_argument("--names", help="names.json of pack.py, its drawings and photographs beside it: the names are listed in MODEL.md")
    p.add_argument("--tokenizer", default=DEFAULT)
    p.add_argument("--credits", default=SHIPPED)
    args = p.parse_args(argv)
    tensors = {n: t for n, t in weights.load_fp32(args.start).items() if not n.startswith("aux_")}
    if args.mix:
        place, share = args.mix[0], float(args.mix[1])
        others = weights.load_fp32(place)
        tensors = {n: (1 - share) * t + share * others[n] for n, t in tensors.items()}
    tensors = weights.to_bf16(tensors)
    with open(args.tokenizer, encoding="utf-8") as f:
        special = {t["content"]: t["id"] for t in json.load(f)["added_tokens"]}
    s = shape_of(tensors)
    config = config_json(s, args.vision_heads, special, description(json.loads(read(args.figures, "{}"))))
    text = model_md(args.name, s, tensors, args, args.vision_heads)
    write_directory(args.out, tensors, config, s, args, text)
    if args.int8:
        write_directory(args.int8, weights.to_int8(tensors), dict(config, quantization=QUANTIZATION), s, args, text)


if __name__ == "__main__":
    main()
