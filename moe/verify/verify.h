// Does the sparse layer do what its name says?  Checks that can fail, for a network as it is: fresh or trained.
//
//   weights   sum to 1, none negative; choices distinct and in range
//   gate      its gradient is that of finite differences (f64), and the output's gradient reaches it
//   batch     a result does not depend, beyond rounding, on who else is in the batch
//   spatial   tiles and pixels of one picture are routed each by itself
//   dispatch  the layer equals a plain loop over rows, forward and backward (f64)
//   balance   the bias changes who is chosen and not what a chosen one counts; it moves to even load, once a step
//   flash     attention at the network's own sizes equals the plain formula, in memory O(N)
//   usage     experts are used, about evenly            } of a trained network over many images:
//   content   what an image shows decides who sees it   } survey.h
//
// Each looks for one defect alone, so that a planted one turns exactly its own check red.  Where a check stands on
// another that has failed, it is skipped and says so.  Read next: verify.cpp; the cheap ones in training: Guard.
#pragma once

#include "autograd/debug.h"
#include "moe/listener.h"

namespace camo::moe {

struct Survey;

enum class Verdict { passed, failed, skipped };

struct Check {
  std::string name, where;  // of the list above; the layer's path, the sizes of an attention, or "network"
  Verdict verdict = Verdict::passed;
  double measured = 0, limit = 0;
  std::string sentence;  // what was measured, or why not
};

struct Subject {
  nn::Module& network;
  std::function<Var(const Var& images)> forward;  // a network's logits
  Tensor images;                                  // (B, H, W, 3) as forward takes them, B >= 2, f32
};

/// Every check, in the order above; without a survey the last two are skipped.  Evaluation mode; the network
/// is left as it was, without gradients.
std::vector<Check> verify(const Subject& subject, const Survey* survey = nullptr);

/// The checks of one layer on x (B, H, W, C), B >= 2: weights to balance.
std::vector<Check> verify_layer(Moe& layer, const Tensor& x);
/// usage and content, for each layer of the survey.
std::vector<Check> verify_survey(const Survey& survey);
/// flash, in one type, on made-up numbers.
Check verify_attention(const debug::AttentionSizes& sizes, DType dtype, Device device = {});

/// The names of the failed checks, each once.
std::vector<std::string> failed(const std::vector<Check>& checks);

/// A check failed where it runs along with something else; exit code 7, as of `camo verify`.
struct VerifyError : ErrorOf<7> {
  using ErrorOf::ErrorOf;
};

/// While alive, each forward pass of each mixture below `network` is looked at on its way.  Weights that do
/// not sum to 1 and choices that are not distinct or out of range raise VerifyError with check, layer and
/// image; what is not finite is noted, for whoever decides about the step.
class Guard : public Listener {
 public:
  explicit Guard(nn::Module& network) : Listener(network) {}
  void passed(const Moe& layer, const Var& x, const MoeOut& out) override;
  /// The first: "finite: LAYER, image B of the batch ..."; empty: none.
  const std::string& not_finite() const { return not_finite_; }

 private:
  std::string not_finite_;
};

}  // namespace camo::moe
