"""Times the op cases of `camo bench ops` in PyTorch: same shapes and types, forward alone and forward with backward.

Reads the file that `camo bench ops --out` wrote and times every listed op that PyTorch has, in the same way as Camo:
samples of many calls, waiting for the device around each sample, median of the samples.  f32 means f32 (no TF32).
Images are timed in both memory formats and the faster one counts.  In bf16, PyTorch needs bf16 weights; Camo keeps f32.

    python tests/peers/ops_torch.py --ops ops.json --out torch.json [--device cuda]

Writes {"torch": version, "ops": {"case|dtype": {"forward_ms": ..., "both_ms": ...}}}.  Exit status 3: nothing to do here.
"""

import argparse
import json
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    print("no PyTorch")
    sys.exit(3)

SAMPLE, ROUNDS, MOST_CALLS = 2e-3, 9, 100  # as tests/op_bench.cpp


def nchw(x):
    """(B, H, W, C) seen as PyTorch's (B, C, H, W) in channels-last memory: no copy."""
    return x.permute(0, 3, 1, 2)


def conv(**spec):
    return lambda x, w, b=None: F.conv2d(x, w, b, **spec)


def attention(heads, scale=None):
    def run(q, k, v):
        split = lambda x: x.unflatten(-1, (heads, -1)).transpose(1, 2)
        return F.scaled_dot_product_attention(split(q), split(k), split(v), scale=scale)
    return run


def reduction(f, axes):
    return lambda x: f(x, axes)


def pick(x):
    """Case gather_rows: gathers 2 n + 1 rows from n rows."""
    generator = torch.Generator().manual_seed(5)
    index = torch.randint(x.shape[0], (2 * x.shape[0] + 1,), generator=generator).to(x.device)
    return lambda x: x.index_select(0, index)


def targets(x):
    t = (0.25 * (torch.arange(x.numel(), device=x.device) % 5)).to(x.dtype).reshape(x.shape)
    return lambda x: F.binary_cross_entropy_with_logits(x, t, reduction="none")


def labels(x):
    t = torch.arange(x.shape[0], device=x.device) * 7 % x.shape[1]
    return lambda x: F.cross_entropy(x, t)


def mask(x, y):
    m = (torch.arange(x.numel(), device=x.device) % 3 != 0).reshape(x.shape)
    return lambda x, y: torch.where(m, x, y)


def running(x, gain, bias):
    mean, variance = torch.full_like(gain, 0.25), torch.full_like(gain, 1.5)
    return lambda x, gain, bias: F.batch_norm(x.reshape(-1, x.shape[-1]), mean, variance, gain, bias, False, 0, 1e-5)


def adamw(p, g, m, v):
    step = torch.full((), 2.0, device=p.device)
    def run(*_):
        torch._fused_adamw_([p], [g], [m], [v], [], [step], lr=0.1, beta1=0.9, beta2=0.999, weight_decay=0.05, eps=1e-8,
                            amsgrad=False, maximize=False)
    return run


AXES = {"all": (0, 1, 2), "last": (-1,), "leading": (0, 1), "middle": (1,), "outer": (0, 2), "first": (0,), "trailing": (1, 2)}
REDUCE = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin,
          "variance": lambda x, axes: torch.var(x, axes, correction=0)}
T = lambda x: x.transpose(-1, -2)

PLAIN = {  # case -> function of the inputs
    **{name: getattr(torch, name) for name in
       ("neg", "abs", "exp", "log", "sqrt", "rsqrt", "reciprocal", "sigmoid", "tanh", "relu", "square", "add", "sub", "mul",
        "div", "maximum", "minimum", "pow")},
    "gelu": F.gelu, "silu": F.silu, "softplus": F.softplus, "softplus: large arguments": F.softplus,
    "clamp": lambda x: x.clamp(-0.8, 0.9), "scale": lambda x: x * -1.5 + 0.25,
    "maximum: ties": torch.maximum, "minimum: ties": torch.minimum,
    "add: bias": torch.add, "mul: bias": torch.mul, "mul: number per row": torch.mul, "mul: row per image": torch.mul,
    "attention": attention(2), "attention: one head, many queries": attention(1, 0.3),
    "attention: several tiles of keys": attention(1),
    "dropout": lambda x: F.dropout(x, 0.3),
    "permute: runs (B, N, heads, D) to (B, heads, N, D)": lambda x: x.permute(0, 2, 1, 3).contiguous(),
    "permute: channels first to channels last": lambda x: x.permute(0, 2, 3, 1).contiguous(),
    "concat: along the channels": lambda *x: torch.cat(x, -1),
    "matmul": torch.matmul, "matmul: a b^T": lambda a, b: a @ T(b), "matmul: a^T b": lambda a, b: T(a) @ b,
    "matmul: a^T b^T": lambda a, b: T(a) @ T(b), "matmul: many": torch.matmul, "matmul: many a^T b": lambda a, b: T(a) @ b,
    "matmul: one b for many a": torch.matmul,
    "linear": F.linear, "linear: no bias": F.linear, "linear: relu": lambda *x: F.relu(F.linear(*x)),
    "linear: gelu": lambda *x: F.gelu(F.linear(*x)),
    "layer_norm": lambda x, g, b: F.layer_norm(x, g.shape, g, b, 1e-5),
    "layer_norm: wide rows": lambda x, g, b: F.layer_norm(x, g.shape, g, b, 1e-6),
    "batch_norm": lambda x, g, b: F.batch_norm(x.reshape(-1, x.shape[-1]), None, None, g, b, True, 0, 1e-5),
    "softmax": lambda x: x.softmax(-1), "softmax: one large and many small logits": lambda x: x.softmax(-1),
    "log_softmax": lambda x: x.log_softmax(-1), "logsumexp": lambda x: x.logsumexp(-1),
    **{f"{name}: {which}": reduction(f, axes) for name, f in REDUCE.items() for which, axes in AXES.items()},
}
SETUP = {  # case -> maker of that function from the inputs
    "gather_rows": pick, "bce_with_logits": targets, "cross_entropy": labels, "where": mask, "batch_norm_eval": running,
    "adamw": adamw,
}
IMAGE = {  # case -> function of x (B, C, H, W) and weights (O, I, kh, kw)
    "conv2d": conv(padding=1), "conv2d: stride 2": conv(stride=2, padding=1),
    "conv2d: dilated": conv(padding=2, dilation=2), "conv2d: 1 x 1": conv(), "conv2d: patches": conv(stride=2),
    "conv2d: 7 x 7 stem": conv(stride=4, padding=3), "conv2d: groups": conv(padding=1, groups=3),
    "conv2d: depthwise": conv(padding=1, groups=5),
    "avg_pool": lambda x: F.avg_pool2d(x, 2, 2), "avg_pool: overlapping, padded": lambda x: F.avg_pool2d(x, 3, 1, 1),
    "max_pool": lambda x: F.max_pool2d(x, 2, 2), "max_pool: overlapping, padded": lambda x: F.max_pool2d(x, 3, 2, 1),
    "adaptive_avg_pool": lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
    "resize_bilinear": lambda x: F.interpolate(x, (7, 9), mode="bilinear"),
    "resize_bilinear: twice the size": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "resize_bilinear: one channel, four times": lambda x: F.interpolate(x, scale_factor=4, mode="bilinear"),
    "resize_nearest": lambda x: F.interpolate(x, (7, 3), mode="nearest-exact"),
}
POSITIVE = ("log", "sqrt", "rsqrt", "pow", "adamw")


class Clock:
    def __init__(self, device):
        self.cuda = device.startswith("cuda")

    def sample(self, f, calls):
        """Seconds of one call."""
        if self.cuda:
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            torch.cuda.synchronize()
            start.record()
            for _ in range(calls):
                f()
            end.record()
            torch.cuda.synchronize()
            return start.elapsed_time(end) / 1e3 / calls
        start = time.perf_counter()
        for _ in range(calls):
            f()
        return (time.perf_counter() - start) / calls

    def median_ms(self, f):
        f()
        f()
        calls = max(1, min(MOST_CALLS, int(SAMPLE / self.sample(f, 1))))
        return 1e3 * statistics.median(self.sample(f, calls) for _ in range(ROUNDS))


def measure(clock, function, inputs):
    leaves = [x.detach().requires_grad_() for x in inputs]

    def forward():
        with torch.no_grad():
            return function(*inputs)

    out = {"forward_ms": clock.median_ms(forward)}
    y = function(*leaves) if forward() is not None else None
    if y is not None and y.requires_grad:
        dy = torch.randn_like(y)
        out["both_ms"] = clock.median_ms(lambda: torch.autograd.grad(function(*leaves), leaves, dy))
    return out


def run(row, device, clock):
    name, dtype = row["case"], torch.bfloat16 if row["dtype"] == "bf16" else torch.float32
    shapes = [[int(n) for n in shape.split("x")] for shape in row["inputs"].split()]
    inputs = [torch.randn(shape, device=device) for shape in shapes]
    if name in POSITIVE:
        inputs = [0.3 + x.abs() for x in inputs]
    inputs = [x.to(dtype) for x in inputs]
    if name in IMAGE:
        last = [nchw(x) if x.dim() == 4 else x for x in inputs]
        first = [x.contiguous() for x in last]
        both = [measure(clock, IMAGE[name], form) for form in (first, last)]
        return {key: min(m[key] for m in both) for key in both[0]}
    function = PLAIN.get(name) or SETUP[name](*inputs)
    return measure(clock, function, inputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("PyTorch", torch.__version__, "sees no GPU")
        sys.exit(3)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True

    clock, found, absent = Clock(options.device), {}, []
    with open(options.ops) as file:
        rows = json.load(file)["ops"]
    for row in rows:
        if row["case"] not in PLAIN and row["case"] not in SETUP and row["case"] not in IMAGE:
            absent.append(row["case"])
            continue
        try:
            found[f"{row['case']}|{row['dtype']}"] = run(row, options.device, clock)
        except Exception as error:  # an op that PyTorch refuses must not stop the others
            print(f"{row['case']} {row['dtype']}: {error}")
        with open(options.out, "w") as file:  # write after every row, in case time runs out
            json.dump({"torch": torch.__version__, "ops": found}, file)
    print(f"PyTorch {torch.__version__}: {len(found)} of {len(rows)} rows; not in PyTorch: {', '.join(sorted(set(absent)))}")


if __name__ == "__main__":
    main()
