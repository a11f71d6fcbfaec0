// Survey: where a network sends many images, and whether that depends on their content.
//
// Images are grouped by what the backbone sees in them: k-means on the input of the deepest mixture (which no mixture
// has changed), averaged over pixels.  Routing depends on content if the group of an image predicts its experts: the
// mutual information is compared with that of randomly permuted groups (a permutation test).
// Tiles and pixels are grouped separately, by their layer's input.
//
// Whether the gate was trained is asked of the gate that the run began with: how many images would it send elsewhere?
#pragma once

#include "moe/listener.h"
#include "nn/state_dict.h"

namespace camo::moe {

/// The share of each image that each expert processed.
struct Survey {
  struct Layer {
    std::string where;
    std::vector<std::string> experts;
    int64_t chosen;
    Tensor share;        // (n, E) f64: share of an image's choices that went to an expert; rows sum to 1
    Tensor weight = {};  // (n, E) f64: share of an image's weights that an expert got; rows sum to 1
    Tensor ranked = {};  // (n, K) f64: an image's weights from the largest to the smallest, averaged over its rows
    Tensor moved = {};   // (n) f64: share of its rows that the first gate sends to other experts; undefined if unknown
    // For tiles and pixels, the same for a sample from each image, with the layer's input; else undefined.
    Tensor part_share = {}, part_features = {};
  };
  std::vector<Layer> layers;
  Tensor features;      // (n, C) f64
  bool trained = true;  // false: the network is fresh, so what the survey finds is told but not judged

  int64_t images() const { return features.defined() ? features.dim(0) : 0; }
};

/// While one exists, every image that passes through the network is recorded.
class Surveyor : public Listener {
 public:
  /// first: what gates() gave before the training; then Survey::Layer::moved is known.
  explicit Surveyor(nn::Module& network, nn::NamedTensors first = {});
  ~Surveyor() override;
  void passed(const Moe& layer, const Var& x, const MoeOut& out) override;
  Survey result() const;

 private:
  struct Record {
    std::vector<double> share, weight, ranked, moved, part_share, part_features;  // as in Survey::Layer
    std::unique_ptr<Router> first;
  };
  void note_parts(const Moe& layer, Record& record, const Var& x, const std::vector<int64_t>& expert);
  void note_moves(const Moe& layer, Record& record, const Var& x, const Route& route);

  std::vector<Record> records_;  // one per layer of layers()
  nn::NamedTensors first_;
  std::vector<double> features_;
  int64_t images_ = 0;
};

/// Copies of the tensors of all routers in a network, under their names there.
nn::NamedTensors gates(nn::Module& network);

/// The group of each row of points (n, C), in [0, groups).  Lloyd 1982, the best of ten k-means++ starts (Arthur,
/// Vassilvitskii 2007).  Columns are first scaled to unit variance.  Deterministic.
std::vector<int64_t> k_means(const Tensor& points, int64_t groups);
/// Groups the images of a survey, or other points; their number gives about sixteen images each, 2 to 8 groups.
std::vector<int64_t> groups_of(const Tensor& features);

/// (groups, E) f64: the mean share of each expert over the images of a group.
Tensor share_by_group(const Tensor& share, const std::vector<int64_t>& group);
/// Mutual information in nats between an image's group and the expert that its rows go to.
double mutual_information(const Tensor& share, const std::vector<int64_t>& group);
struct PermutationTest {
  double information, by_chance,
      p;  // nats; mean over the shuffles; (1 + shuffles at least as good) / (1 + shuffles)
};
PermutationTest permutation_test(const Tensor& share, std::vector<int64_t> group, int64_t shuffles = 999);

}  // namespace camo::moe
