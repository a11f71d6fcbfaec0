// Does the sparse layer work as it should?  Checks that can fail, for a fresh or trained network.
//
//   weights     are not negative and sum to 1; choices are distinct and in range; every logit is finite
//   output      is finite, is not zero, and is not extreme against the input
//   gate        its gradient equals finite differences (f64), and the gradient of the output reaches it
//   batch       a result does not depend, beyond rounding, on the rest of the batch
//   spatial     tiles and pixels of a picture are routed independently
//   dispatch    the layer equals a plain loop over rows, forward and backward (f64)
//   balance     the bias affects the choice but not the weights; it moves toward even load once a step
//   flash       attention at the network's own sizes equals the plain formula, with O(N) memory
//   trained     the gate sends images to other experts than before training  }
//   usage       no expert is left out                                        } for many images: survey.h
//   domination  no expert has nearly all images or weights                   }
//   content     routing depends on the image's content                       }
//   task        the loss rises when images take each other's routes; else a warning: routes do not matter
//
// Each check looks for one defect, so a planted defect makes exactly one check fail.  If a check depends on another
// that has failed, it is skipped and says so.  Read next: verify.cpp.  Guard runs the cheap checks during training.
#pragma once

#include "autograd/debug.h"
#include "moe/listener.h"

namespace camo::moe {

struct Survey;

enum class Verdict { passed, failed, skipped, warned };

struct Check {
  std::string name, where;  // a name of the list above; the layer's path, the sizes of an attention, or "network"
  Verdict verdict = Verdict::passed;
  double measured = 0, limit = 0;
  std::string sentence;   // what was measured, or why it was not
  bool at_least = false;  // measured must reach the limit, and not stay below it
};

struct Subject {
  nn::Module& network;
  std::function<Var(const Var& images)> forward;  // returns a network's logits
  Tensor images;                                  // (B, H, W, 3), B >= 2, f32, as forward takes them
};

/// Images with their truth.
struct HeldOut {
  int64_t count = 0;
  std::function<std::vector<double>(int64_t begin, int64_t end)> losses;  // of each image, passed as one batch
};

/// Runs every check in the order above; without a survey, and without held-out images, the last ones are skipped.  Uses
/// evaluation mode; afterwards the network is as before, but without gradients.
std::vector<Check> verify(const Subject& subject, const Survey* survey = nullptr, const HeldOut* held_out = nullptr);

/// The checks of one layer on x (B, H, W, C), B >= 2: weights to balance.
std::vector<Check> verify_layer(Moe& layer, const Tensor& x);
/// trained, usage, domination and content, for each layer of the survey.
std::vector<Check> verify_survey(const Survey& survey);
/// task, for each layer: the images of a batch of 8 take the next one's route.  p is that of a sign-flip permutation
/// test over images.
std::vector<Check> verify_task(nn::Module& network, const HeldOut& images);
/// flash, in one dtype, on random numbers.
Check verify_attention(const debug::AttentionSizes& sizes, DType dtype, Device device = {});

/// The names of the failed checks, each once.
std::vector<std::string> failed(const std::vector<Check>& checks);

/// A check failed while something else ran; exit code 7, as for `camo verify`.
struct VerifyError : ErrorOf<7> {
  using ErrorOf::ErrorOf;
};

/// While one exists, checks every forward pass of each mixture in `network`.  Weights that do not sum to 1, and choices
/// that are repeated or out of range, raise VerifyError with check, layer and image.  Non-finite numbers are only
/// recorded, for whoever decides about the step.
class Guard : public Listener {
 public:
  explicit Guard(nn::Module& network) : Listener(network) {}
  void passed(const Moe& layer, const Var& x, const MoeOut& out) override;
  /// The first non-finite number: "finite: LAYER, image B of the batch ..."; empty if there was none.
  const std::string& not_finite() const { return not_finite_; }

 private:
  std::string not_finite_;
};

}  // namespace camo::moe
