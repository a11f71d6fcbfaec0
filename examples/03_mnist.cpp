// Handwritten digits and a network of two layers.
//
// The idea is the training loop: take a batch of images, compute the loss, run backward, step.  To know how good the
// network is, test it on images that training never saw.  With CAMO_DATA=FOLDER the digits come from FOLDER/mnist (the
// four .gz files of LeCun, Cortes, Burges); without it, a substitute is drawn: seven-segment digits, shifted and noisy.
// Before: 02_gradient.cpp.  Next: 04_convolution.cpp.
#include <zlib.h>

#include <cstdio>
#include <cstdlib>

#include "nn/layers.h"
#include "nn/optim.h"
#include "nn/schedule.h"

using namespace camo;

namespace {

struct Digits {
  Tensor image, label;
};  // (N, 784) f32 in [0, 1], (N) i64

/// The payload of an IDX file, which has a header of 4 + 4 * rank bytes and then the numbers.  Empty if
/// the file is absent.
std::vector<uint8_t> read_idx(const std::string& path, size_t header) {
  std::vector<uint8_t> bytes;
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) return bytes;
  std::vector<uint8_t> piece(1 << 20);
  for (int n; (n = gzread(file, piece.data(), unsigned(piece.size()))) > 0;)
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + n);
  gzclose(file);
  return bytes.size() < header ? std::vector<uint8_t>{}
                               : std::vector<uint8_t>(bytes.begin() + int64_t(header), bytes.end());
}

Digits read_mnist(const std::string& folder, const std::string& part) {
  std::vector<uint8_t> pixels = read_idx(folder + "/" + part + "-images-idx3-ubyte.gz", 16);
  std::vector<uint8_t> labels = read_idx(folder + "/" + part + "-labels-idx1-ubyte.gz", 8);
  const int64_t n = int64_t(labels.size());
  if (n == 0 || int64_t(pixels.size()) != n * 784) return {};
  return {cast(from<uint8_t>(pixels, {n, 784}), DType::f32) * (1 / 255.0),
          cast(from<uint8_t>(labels, {n}), DType::i64)};
}

Digits draw(int64_t n, uint64_t seed) {
  // The segments of a digit: top, upper left, upper right, middle, lower left, lower right, bottom.
  const char* lit[] = {"1110111", "0010010", "1011101", "1011011", "0111010",
                       "1101011", "1101111", "1010010", "1111111", "1111011"};
  const int box[7][4] = {{0, 0, 2, 10}, {0, 0, 10, 2},  {0, 8, 10, 10}, {8, 0, 10, 10},
                         {8, 0, 18, 2}, {8, 8, 18, 10}, {16, 0, 18, 10}};
  Digits out{rand({n, 784}, seed) * 0.7, empty({n}, DType::i64)};
  Random random({.seed = seed, .domain = Domain::synth});
  for (int64_t i = 0; i < n; ++i) {
    const int64_t digit = random.below(10), top = 2 + random.below(5), left = 6 + random.below(5);
    out.label.write<int64_t>()[i] = digit;
    float* pixel = out.image.write<float>() + i * 784;
    for (int s = 0; s < 7; ++s)
      for (int64_t h = box[s][0]; h < box[s][2] && lit[digit][s] == '1'; ++h)
        for (int64_t w = box[s][1]; w < box[s][3]; ++w) pixel[(top + h) * 28 + left + w] += 0.5f;
  }
  return out;
}

struct Net : nn::Module {
  nn::Linear hidden, out;
  Net(nn::Scope s) : Module(std::move(s)), hidden(sub("hidden"), 784, 128), out(sub("out"), 128, 10) {}
  // (N, 784) -> (N, 10) logits
  Var forward(const Tensor& x) { return out.forward(relu(hidden.forward(Var(x)))); }
};

double accuracy(Net& net, const Digits& digits) {
  NoGrad no_grad;
  std::vector<int64_t> guess = to_vector<int64_t>(argmax(net.forward(digits.image).value(), -1));
  std::vector<int64_t> label = to_vector<int64_t>(digits.label);
  int64_t right = 0;
  for (size_t i = 0; i < label.size(); ++i) right += guess[i] == label[i];
  return double(right) / double(label.size());
}

}  // namespace

int main() {
  const char* data = std::getenv("CAMO_DATA");
  const std::string folder = std::string(data ? data : "") + "/mnist";
  Digits train = read_mnist(folder, "train"), test = read_mnist(folder, "t10k");
  if (!train.image.defined() || !test.image.defined()) {
    std::printf("no MNIST in %s [set CAMO_DATA]: drawing a synthetic stand-in\n", folder.c_str());
    train = draw(20000, 1), test = draw(2000, 2);
  }
  const int64_t N = train.image.dim(0), batch = 100, epochs = 3, steps = epochs * (N / batch);
  std::printf("%lld digits to learn from, %lld to be tested on\n", (long long)N, (long long)test.image.dim(0));

  Net net(nn::Scope{.seed = 1});
  nn::AdamW optimizer(net);
  for (int64_t step = 0; step < steps; ++step) {
    Tensor order = rand({batch}, RandomKey{.seed = 3, .domain = Domain::shuffle, .step = uint32_t(step)}, 0, double(N));
    Tensor choice = cast(order, DType::i64);  // a random batch of a hundred
    Var loss = cross_entropy(net.forward(gather_rows(train.image, choice)), gather_rows(train.label, choice));
    backward(loss);
    optimizer.step(nn::cosine_with_warmup(step, steps, 20, 2e-3));
    if (step % (steps / 6) == 0)
      std::printf("step %4lld  loss %.4f  test accuracy %.4f\n", (long long)step, item(loss.value()),
                  accuracy(net, test));
  }
  const double reached = accuracy(net, test), promised = 0.95;
  std::printf("test accuracy %.4f, promised %.2f\n", reached, promised);
  return reached >= promised ? 0 : 1;
}
