#include "examples/camo/options/other_flags.h"

#include <algorithm>
#include <cctype>

namespace camo::program {

const std::vector<OtherFlag>& other_flags() {
  static const std::vector<OtherFlag> table = {
      {{"dataset-path", "dataset", "data-path", "data-dir", "data-root", "dataset-dir", "train-path", "train-root"},
       "--data DIR"},
      {{"checkpoint-dir", "output-dir", "output", "save-dir", "save-path", "log-dir", "work-dir"}, "--out DIR"},
      {{"checkpoint", "ckpt", "pretrained", "pretrained-path", "load-from", "model-path"}, "--weights FILE"},
      {{"resume-from", "resume-path"}, "--resume RUN"},
      {{"img-size", "image-size", "input-size", "resolution", "trainsize", "testsize", "imgsz"}, "--size N"},
      {{"bs", "train-batch-size"}, "--batch-size N"},
      {{"accumulation-steps", "gradient-accumulation-steps", "grad-accum", "accum", "grad-accum-steps"},
       "--accumulate N"},
      {{"num-epochs", "max-epochs", "n-epochs"}, "--epochs N"},
      {{"learning-rate", "base-lr", "max-lr"}, "--lr X"},
      {{"warmup-epochs"}, "--warmup EPOCHS"},
      {{"grad-clip", "clip-grad", "max-grad-norm", "clip-grad-norm", "gradient-clip"}, "--clip X"},
      {{"scheduler", "lr-schedule", "lr-scheduler"}, "--schedule cosine, restarts, polynomial, step or constant"},
      {{"t-mult", "t-0"}, "--schedule restarts,cycle=EPOCHS,growth=X"},
      {{"progressive-unfreeze", "gradual-unfreeze"}, "--thaw every=EPOCHS, or --stage2-thaw every=EPOCHS"},
      {{"gradient-checkpointing", "grad-checkpointing", "checkpointing", "use-checkpoint"}, "--recompute all"},
      {{"early-stopping", "early-stop-patience"}, "--patience EPOCHS"},
      {{"metric-for-best-model", "best-metric"}, "--monitor S"},
      {{"backbone-lr", "backbone-lr-mult", "lr-mult"}, "--backbone-rate X: a factor of --lr"},
      {{"layerwise-lr-decay", "llrd", "layer-wise-decay"}, "--layer-decay X"},
      {{"max-hours", "time-limit", "max-time"}, "--hours X"},
      {{"dry-run", "estimate"}, "--plan"},
      {{"use-ema", "ema", "model-ema"}, "--ema-decay X: the averaged weights are on unless X is 0"},
      {{"no-ema"}, "--ema-decay 0"},
      {{"num-experts", "moe-num-experts", "n-experts"}, "--experts N"},
      {{"moe-top-k", "top-k", "topk", "moe-topk", "num-experts-per-tok"}, "--chosen K"},
      {{"use-sparse-moe", "sparse-moe", "use-moe", "moe"}, "--model camoxpert-sparse"},
      {{"use-cod-specialized", "cod-specialized"}, "--model camoxpert-cod"},
      {{"aux-loss-weight", "load-balance-weight", "load-balance-coef", "moe-aux-loss", "aux-loss-coef"},
       "--router balancing=auxiliary,auxiliary=X"},
      {{"router-z-loss", "z-loss", "router-z-loss-coef"}, "--router z-loss=X"},
      {{"deep-supervision", "use-deep-supervision"}, "--loss TERM=WEIGHT,...: the term deep is on by default"},
      {{"arch", "encoder", "backbone-name"}, "--backbone NAME"},
      {{"freeze-backbone", "freeze-encoder"}, "--freeze backbone"},
      {{"drop-path-rate"}, "--drop-path X"},
      {{"no-augment", "no-augmentation", "no-aug"}, "--augment off"},
      {{"multi-scale", "multiscale", "size-rates"}, "--augment on,scales=0.75:1:1.25"},
      {{"random-erasing", "cutout"}, "--augment on,cutout=P"},
      {{"cache-images", "cache-data"}, "--cache memory"},
      {{"val-split", "val-fraction", "validation-split"}, "--hold-out SHARE"},
      {{"amp", "use-amp", "mixed-precision", "fp16", "bf16", "half"}, "--precision bf16"},
      {{"no-amp", "fp32"}, "--precision fp32"},
      {{"num-workers", "n-workers"}, "--workers N"},
      {{"num-threads", "n-threads"}, "--threads N"},
      {{"gpus", "gpu", "use-gpu", "cuda"}, "--device cuda"},
      {{"no-cuda", "cpu"}, "--device cpu"},
      {{"use-ddp", "ddp", "local-rank", "master-port", "master-addr", "nproc-per-node", "world-size"},
       "a run is one process"},
      {{"deterministic", "cudnn-deterministic"}, "every run is: the same seed gives the same bits"},
      {{"save-every", "save-freq", "save-interval"}, "every epoch is saved"},
  };
  return table;
}

std::string other_flag(const std::string& flag, const std::vector<std::string>& options) {
  std::string name;
  for (unsigned char c : flag) name += c == '_' ? '-' : char(std::tolower(c));
  for (const OtherFlag& row : other_flags()) {
    if (std::find(row.names.begin(), row.names.end(), name) == row.names.end()) continue;
    if (!row.advice.starts_with("--")) return row.advice;
    const std::string own = row.advice.substr(2, row.advice.find_first_of(" :") - 2);
    if (std::find(options.begin(), options.end(), own) != options.end()) return row.advice;
  }
  return "";
}

}  // namespace camo::program
