// Reserved for tensor cores and asynchronous copies, the only place for PTX.  Still empty: products run through
// cuBLASLt, convolution and attention on the ordinary units.
#pragma once
