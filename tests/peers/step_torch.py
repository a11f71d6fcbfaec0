"""One training step of a timm backbone, or of a network that `camo export --to pytorch` wrote, in PyTorch: the counterpart of
examples/camo/bench/step.cpp.  bf16 is autocast.

Reads commands from standard input: "step" -> "ms 123.4", "memory" -> "mib 567.8" (peak resident memory during the step
minus resident memory before it; meaningful only as the first command).
"""

import argparse
import sys
import time

import timm
import torch


def status_mib(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(key + ":"))


def backbone(name, size):
    """A function from an image to its maps, and the module."""
    how = {"drop_path_rate": 0}  # as in Camo
    if name.startswith("swin"):  # Swin's windows depend on the size that it is built for
        name, how = name + "_patch4_window7_224", {**how, "img_size": size}
    if name.startswith("efficientnet_lite"):  # as Camo, without a map at stride 2
        name, how = "tf_" + name, {**how, "out_indices": (1, 2, 3, 4)}
    model = timm.create_model(name, pretrained=False, features_only=True, **how)
    return model, model


def exported(folder):
    """The same for the network of FOLDER/model.py."""
    sys.path.insert(0, folder)
    import model as module
    network = module.load()
    for part in network.modules():  # no drop path, as in Camo's benchmark
        if hasattr(part, "drop_path"):
            part.drop_path = torch.nn.Identity()

    def maps(image):
        out = network(image)
        single = (out[key] for key in ("logits", "search", "reverse") if key in out)
        return [*out["deep"], *out.get("steps", ()), *single]

    return maps, network


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", default="pvt_v2_b0")
    parser.add_argument("--network", help="folder of a network, in place of a backbone")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=352)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    forward, model = exported(options.network) if options.network else backbone(options.backbone, options.size)
    model.train()
    image = torch.randn(options.batch, 3, options.size, options.size)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)
        image = image.to(memory_format=torch.channels_last)

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            loss = sum(y.square().mean() for y in forward(image))
        loss.backward()
        model.zero_grad(set_to_none=True)

    for line in sys.stdin:
        command = line.strip()
        if command == "step":
            start = time.perf_counter()
            step()
            print(f"ms {1000 * (time.perf_counter() - start):.3f}", flush=True)
        elif command == "memory":
            before = status_mib("VmRSS")
            step()
            print(f"mib {status_mib('VmHWM') - before:.1f}", flush=True)
        else:
            sys.exit(f"commands are step and memory, got {command}")


if __name__ == "__main__":
    main()
