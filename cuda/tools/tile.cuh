// Tensor cores and asynchronous copies: the only place for PTX.  Empty: products run through cuBLASLt, convolution and
// attention on ordinary units; their tensor-core forms come with a later version.
#pragma once
