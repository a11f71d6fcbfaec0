// Survey: where a network sends many images, and whether what they show has to do with it.
//
// Images are grouped by what the backbone sees in them: k-means on the deepest mixture's input, which no
// mixture has touched, averaged over pixels. Content decides if the group of an image tells something of its
// experts: mutual information, against the same with the groups dealt out at random (a permutation test).
// Tiles and pixels are grouped by themselves, each by what its layer sees in it.
#pragma once

#include "moe/listener.h"

namespace camo::moe {

/// Which expert saw how much of which image.
struct Survey {
  struct Layer {
    std::string where;
    std::vector<std::string> experts;
    int64_t chosen;
    Tensor share;  // (n, E) f64: part of an image's rows times choices that went to an expert; rows sum to 1
    // Where tiles or pixels are routed, some of each image, with what the layer sees in them; else undefined.
    Tensor part_share = {}, part_features = {};
  };
  std::vector<Layer> layers;
  Tensor features;  // (n, C) f64

  int64_t images() const { return features.defined() ? features.dim(0) : 0; }
};

/// While alive, every image that passes is entered.
class Surveyor : public Listener {
 public:
  explicit Surveyor(nn::Module& network) : Listener(network), records_(layers().size()) {}
  void passed(const Moe& layer, const Var& x, const MoeOut& out) override;
  Survey result() const;

 private:
  struct Record {
    std::vector<double> share, part_share, part_features;  // as in Survey::Layer
  };
  std::vector<Record> records_;  // of layers(), in their order
  std::vector<double> features_;
  int64_t images_ = 0;
};

/// Group of each row of points (n, C), in [0, groups): Lloyd 1982, the best of ten starts drawn as k-means++
/// does (Arthur, Vassilvitskii 2007); columns are scaled to unit variance first.  A function of its arguments
/// alone.
std::vector<int64_t> k_means(const Tensor& points, int64_t groups);
/// The groups of a survey's images, or of other points: as many as give sixteen images each, 2 to 8.
std::vector<int64_t> groups_of(const Tensor& features);

/// (groups, E) f64: mean share of each expert over the images of a group.
Tensor share_by_group(const Tensor& share, const std::vector<int64_t>& group);
/// In nats, between an image's group and where its rows go.
double mutual_information(const Tensor& share, const std::vector<int64_t>& group);
struct PermutationTest {
  double information, by_chance,
      p;  // nats; mean over the shuffles; (1 + shuffles at least as good) / (1 + shuffles)
};
PermutationTest permutation_test(const Tensor& share, std::vector<int64_t> group, int64_t shuffles = 999);

}  // namespace camo::moe
